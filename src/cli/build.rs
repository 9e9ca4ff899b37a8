// SPDX-License-Identifier: MIT

//! Links the unwinder of GCC's runtime library statically.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is_set_to = |name, value| env::var(name).is_ok_and(|set| set == value);
    if is_set_to("CARGO_CFG_TARGET_OS", "linux") && is_set_to("CARGO_CFG_TARGET_ENV", "gnu") {
        // The standard library would have it loaded from libgcc_s.so at every
        // start, to be used only while a panic tells where it came from.
        println!("cargo::rustc-link-lib=static:-bundle=gcc_eh");
    }
}

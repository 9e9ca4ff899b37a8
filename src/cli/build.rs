// SPDX-License-Identifier: MIT

//! Two things that the linker does for a quick start.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=first.ld");
    let is_set_to = |name, value| env::var(name).is_ok_and(|set| set == value);
    if !is_set_to("CARGO_CFG_TARGET_OS", "linux") || !is_set_to("CARGO_CFG_TARGET_ENV", "gnu") {
        return;
    }
    // The unwinder of GCC's runtime library. The standard library would have it
    // loaded from libgcc_s.so at every start, to be used only while a panic
    // tells where it came from.
    println!("cargo::rustc-link-lib=static:-bundle=gcc_eh");

    // GNU ld and LLVM's lld, one of which links by default, read such a script
    // in addition to their own. Others do not.
    let own_linker = env::var_os("RUSTC_LINKER").is_some()
        || env::var("CARGO_ENCODED_RUSTFLAGS").is_ok_and(|flags| flags.contains("link"));
    if is_set_to("PROFILE", "release")
        && !own_linker
        && let Ok(directory) = env::var("CARGO_MANIFEST_DIR")
    {
        println!("cargo::rustc-link-arg-bins=-T{directory}/first.ld");
    }
}

// SPDX-License-Identifier: MIT

//! Compiles the library that User Mode Linux needs on some processors, so that the
//! lab's program has it inside and needs nothing of this tree when it runs.
//!
//! Cargo has no stable way to depend on a library that is loaded by another
//! program. A crate of its own would have to be built by whoever runs the lab, who
//! need not have cargo or this tree.

use std::env;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::Command;

const SOURCE: &str = "lab/kernels/registers.rs";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={SOURCE}");
    let library = Path::new(&env::var("OUT_DIR")?).join("registers.so");
    if env::var("CARGO_CFG_TARGET_ARCH")? != "x86_64" {
        // There is no User Mode Linux for it.
        return Ok(fs::write(library, [])?);
    }
    let status = Command::new(env::var("RUSTC")?)
        .args(["--edition", "2024", "--crate-type", "cdylib"])
        .args(["--target", &env::var("TARGET")?])
        .args([
            "-C",
            "opt-level=2",
            "-C",
            "panic=abort",
            "-C",
            "strip=symbols",
        ])
        .arg("-o")
        .arg(library)
        .arg(SOURCE)
        .status()?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("rustc cannot compile {SOURCE}").into()),
    }
}

// SPDX-License-Identifier: MIT

//! `cargo lab`: a kernel with IPVS for a shell, a demonstration and the tests.

use std::process::ExitCode;

fn main() -> ExitCode {
    ipvs_lab::cli::main()
}

// SPDX-License-Identifier: MIT

//! `ipvs-lab`, in this tree `cargo lab`: a kernel with IPVS for any command, a
//! demonstration and the tests.

use std::process::ExitCode;

fn main() -> ExitCode {
    ipvs_lab::cli::main()
}

// SPDX-License-Identifier: MIT

//! The packages: installed, used as their systems would, and removed again.

mod container;
mod deb;
mod debian;
mod debian_13;
mod metrics;
mod red_hat;
mod rpm;
mod sbom;
mod system;
mod tar;

// SPDX-License-Identifier: MIT

//! The programs under test: building this tree's, running it and the original,
//! and counting where the two agree; and what helps cargo to build.

pub(crate) mod answer;
pub(crate) mod build;
pub(crate) mod cargo_tool;
pub mod comparison;
pub mod program;

// SPDX-License-Identifier: MIT

//! The programs under test: building this tree's, running it and the original,
//! and counting where the two agree.

pub(crate) mod answer;
pub(crate) mod build;
pub mod comparison;
pub mod program;

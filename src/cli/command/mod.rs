// SPDX-License-Identifier: MIT

pub(crate) mod place;
pub(crate) mod range;

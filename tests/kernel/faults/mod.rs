// SPDX-License-Identifier: MIT

//! What befalls the program while it is at work: signals, outputs and inputs that fail,
//! limits, a machine with parts missing, a clock that is set.

mod kills;
mod outputs;
mod traced;

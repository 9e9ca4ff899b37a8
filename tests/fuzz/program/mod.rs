// SPDX-License-Identifier: MIT

// The modules of src/cli/main.rs, for a target that includes this file: a program cannot
// be linked to, and its modules expect to stand at the root.

#[path = "../../../src/cli/args/mod.rs"]
mod args;
#[path = "../../../src/cli/command/mod.rs"]
mod command;
#[path = "../../../src/cli/comparison.rs"]
mod comparison;
#[path = "../../../src/cli/doctor/mod.rs"]
mod doctor;
#[path = "../../../src/cli/escape.rs"]
mod escape;
#[path = "../../../src/cli/failure/mod.rs"]
mod failure;
#[path = "../../../src/cli/json/mod.rs"]
mod json;
#[path = "../program/names.rs"]
mod names;
#[path = "../../../src/cli/output/mod.rs"]
mod output;
#[path = "../../../src/cli/redact/mod.rs"]
mod redact;
#[path = "../../../src/cli/run/mod.rs"]
mod run;
#[path = "../../../src/cli/scheduler_flags.rs"]
mod scheduler_flags;
#[path = "../../../src/cli/sigpipe.rs"]
mod sigpipe;
#[path = "../../../src/cli/synchronization.rs"]
mod synchronization;
#[path = "../../../src/cli/system/mod.rs"]
mod system;
#[path = "../../../src/cli/table/mod.rs"]
mod table;
#[path = "../../../src/cli/time.rs"]
mod time;
#[path = "../../../src/cli/watch/mod.rs"]
mod watch;

// SPDX-License-Identifier: MIT

//! Signs of life on standard error for what takes longer than a second; nothing
//! where that is no terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// Turns until it is dropped.
pub(crate) struct Spinner(ProgressBar);

impl Spinner {
    pub(crate) fn new(words: &'static str) -> Self {
        let spinner = ProgressBar::new_spinner().with_message(words);
        spinner.enable_steady_tick(Duration::from_millis(100));
        Self(spinner)
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Counts up to `length`.
pub(crate) fn bar(length: usize, unit: &str) -> ProgressBar {
    let bar = ProgressBar::new(length as u64);
    match ProgressStyle::with_template(&format!("    {{bar:40}} {{pos}}/{{len}} {unit}")) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

// SPDX-License-Identifier: MIT

//! One command, as it is to be started inside a kernel.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// A program, its arguments, its environment and its directory.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) program: OsString,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) environment: Vec<(OsString, OsString)>,
    pub(crate) directory: PathBuf,
    /// The longest time without a word from it, where it gets no terminal. After that an
    /// embedded kernel is ended.
    pub(crate) silence: Option<Duration>,
}

impl Task {
    /// `program` without arguments, in this process's directory and environment.
    ///
    /// # Errors
    /// When the current directory is gone.
    pub(crate) fn new(program: impl Into<OsString>) -> Result<Self> {
        Ok(Self {
            program: program.into(),
            arguments: Vec::new(),
            environment: env::vars_os().collect(),
            directory: env::current_dir().context("cannot tell the current directory")?,
            silence: None,
        })
    }

    /// Adds arguments.
    #[must_use]
    pub(crate) fn args(mut self, arguments: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Sets the longest time without a word from it.
    #[must_use]
    pub(crate) fn silence(mut self, longest: Duration) -> Self {
        self.silence = Some(longest);
        self
    }

    /// Sets one variable of the environment.
    #[must_use]
    pub(crate) fn env(mut self, name: impl AsRef<OsStr>, value: impl Into<OsString>) -> Self {
        self.environment.retain(|(other, _)| other != name.as_ref());
        self.environment
            .push((name.as_ref().to_owned(), value.into()));
        self
    }

    /// Puts directories before those of PATH, and the ones that hold system
    /// programs after them, where an ordinary user's PATH lacks those.
    #[must_use]
    pub(crate) fn path(self, first: &[&Path]) -> Self {
        let old = self
            .environment
            .iter()
            .find(|(name, _)| name == "PATH")
            .map(|(_, value)| value.clone())
            .unwrap_or_default();
        let mut directories: Vec<PathBuf> = first.iter().map(PathBuf::from).collect();
        directories.extend(env::split_paths(&old));
        for system in ["/usr/local/sbin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"] {
            if !directories.iter().any(|there| there == Path::new(system)) {
                directories.push(system.into());
            }
        }
        match env::join_paths(directories) {
            Ok(path) => self.env("PATH", path),
            // A directory with a colon in its name cannot be in PATH.
            Err(_) => self,
        }
    }

    /// Returns what a shell says and returns when the command cannot be started.
    pub(crate) fn cannot_start(&self, error: &io::Error) -> (String, u8) {
        let words = format!("ipvs-lab: cannot run {}: {error}\n", self.program.display());
        match error.kind() {
            io::ErrorKind::NotFound => (words, 127),
            _ => (words, 126),
        }
    }

    /// The task as something to start in the running kernel.
    #[must_use]
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.directory);
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variable(task: &Task, name: &str) -> String {
        let found = task.environment.iter().filter(|(other, _)| other == name);
        let values: Vec<_> = found.map(|(_, value)| value.to_str().unwrap()).collect();
        assert_eq!(values.len(), 1, "{name} stands once in the environment");
        values[0].to_owned()
    }

    #[test]
    fn path_gets_ours_first_and_the_system_directories_once() {
        let task = Task::new("true")
            .unwrap()
            .env("PATH", "/usr/bin:/bin")
            .path(&[Path::new("/a b/bin")]);
        assert_eq!(
            variable(&task, "PATH"),
            "/a b/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
        );
    }

    #[test]
    fn a_variable_set_twice_has_the_last_value() {
        let task = Task::new("true").unwrap().env("X", "1").env("X", "2");
        assert_eq!(variable(&task, "X"), "2");
    }
}

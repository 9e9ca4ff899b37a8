// SPDX-License-Identifier: MIT

//! The original, as a reader of any number of command lines.

use std::collections::BTreeSet;
use std::io::BufReader;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use ipvs_lab::program;

use crate::list::{read_list, write_list};

/// A process of the original that answers as `lib.rs` says.
pub(crate) struct Original {
    process: Child,
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    /// Its table of options, a row for each name and letter.
    pub(crate) table: Vec<String>,
}

impl Original {
    pub(crate) fn start() -> Self {
        let original = program::find_original().expect(
            "the original is not here: `cargo lab test` unpacks it, or install the package ipvsadm",
        );
        let mut command = Command::new(&original.program);
        original.add_libraries(&mut command);
        let mut process = command
            // Without a word it would list the table and read none.
            .arg("-L")
            .env("LD_PRELOAD", program::popt().unwrap())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // It complains of the version of an IPVS that it was not told.
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut original = Self {
            questions: process.stdin.take(),
            answers: BufReader::new(process.stdout.take().unwrap()),
            process,
            table: Vec::new(),
        };
        original.table = original.read();
        original
    }

    /// The names of its options.
    pub(crate) fn names(&self) -> BTreeSet<String> {
        let name = |row: &String| row.split(' ').next().unwrap().to_owned();
        self.table.iter().map(name).collect()
    }

    /// Has it read a command line.
    pub(crate) fn ask(&mut self, words: &[Vec<u8>]) -> Vec<String> {
        write_list(self.questions.as_mut().unwrap(), words).unwrap();
        self.read()
    }

    fn read(&mut self) -> Vec<String> {
        let answer = read_list(&mut self.answers).unwrap();
        let answer = answer.expect("the original has ended");
        let text = |word: &Vec<u8>| String::from_utf8_lossy(word).into_owned();
        answer.iter().map(text).collect()
    }
}

impl Drop for Original {
    fn drop(&mut self) {
        drop(self.questions.take());
        let _ = self.process.wait();
    }
}

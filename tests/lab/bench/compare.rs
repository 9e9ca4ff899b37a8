// SPDX-License-Identifier: MIT

//! Commands that compare a whole table with a file.
//!
//! Beside them, in the place of the floor, stands what they cannot do without. For a
//! file that says what is there already that is to read the table and to read the
//! file: `-S -n` and `-R --check`, one after the other. For a file with changes it is
//! the same command with a file without.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};
use tempfile::NamedTempFile;

use super::cases::{Case, Compare, Contestant, Figure, File, SAVE};
use super::program::Program;

/// One command with its files, on a table that is full.
#[derive(Debug)]
pub(crate) struct Comparison<'a> {
    ours: &'a Path,
    figure: Figure,
    command: Compare,
    file: File,
    /// The file that says what is in the table.
    same: Described,
    /// The file with changes.
    changed: Described,
}

#[derive(Debug)]
struct Described {
    text: String,
    file: NamedTempFile,
}

impl Described {
    fn new(text: String) -> Result<Self> {
        let file = NamedTempFile::new()?;
        fs::write(file.path(), &text)?;
        Ok(Self { text, file })
    }
}

/// `-R --check` of a file.
pub(crate) fn check<'a>(ours: &'a Path, file: &'a Path) -> Program<'a> {
    Program::new(ours, ["-R".as_ref(), "--check".as_ref(), file.as_os_str()])
}

impl<'a> Comparison<'a> {
    pub(crate) fn new(ours: &'a Path, case: &Case, command: Compare, file: File) -> Result<Self> {
        Ok(Self {
            ours,
            figure: case.figure,
            command,
            file,
            same: Described::new(case.table.text())?,
            changed: Described::new(case.table.changed_text())?,
        })
    }

    /// Measures a contestant, in the director's namespace, and checks what it did.
    pub(crate) fn measure(&mut self, contestant: Contestant) -> Result<u64> {
        match (contestant, self.file) {
            (Contestant::Floor, File::Same) => {
                let save = Program::new(self.ours, SAVE.iter().copied());
                let check = check(self.ours, self.same.file.path());
                Ok(save.measure(self.figure)? + check.measure(self.figure)?)
            }
            (Contestant::Floor, File::Changed) | (_, File::Same) => {
                self.program(&self.same, 0).measure(self.figure)
            }
            (_, File::Changed) => self.measure_changes(),
        }
    }

    /// Every run has changes to make: the two files take turns.
    fn measure_changes(&mut self) -> Result<u64> {
        let differ = 1;
        let status = match self.command {
            Compare::Apply => 0,
            Compare::Diff => differ,
        };
        let figure = self.program(&self.changed, status).measure(self.figure)?;
        if self.command == Compare::Apply {
            let table = Program::new(self.ours, SAVE.iter().copied()).output()?;
            ensure!(
                table == self.changed.text.as_bytes(),
                "the table is not what the file says"
            );
            std::mem::swap(&mut self.same, &mut self.changed);
        }
        Ok(figure)
    }

    fn program<'b>(&'b self, described: &'b Described, status: i32) -> Program<'b> {
        let words = [
            self.command.option().as_ref(),
            described.file.path().as_os_str(),
        ];
        Program::new(self.ours, words).ending_with(status)
    }
}

// SPDX-License-Identifier: MIT

//! `ipvsadm-save` and `ipvsadm-restore`: scripts beside the original, here the
//! same program under other names.

use std::{
    ffi::OsStr,
    io::{Read, Write},
};

use ipvs_client::Change;

use crate::{
    command::{Command, Format},
    failure::{Input, Messages},
    restore,
    run::{self, Session},
};

/// The exit status of the help text, of an option that is not known too.
const STATUS_HELP: u8 = 1;

const SAVE_HELP: &str = "\
Usage: ipvsadm-save [-n] > RULES

Write the table of IP Virtual Server as rules that ipvsadm-restore reads.

  -n  Addresses and ports as numbers, without looking up names
  -h  Show this help
";

const RESTORE_HELP: &str = "\
Usage: ipvsadm-restore < RULES

Clear the table of IP Virtual Server, then carry out the rules that
ipvsadm-save wrote. Lines that begin with # are comments.

  -h  Show this help
";

/// What the program is called as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    Ipvsadm,
    Save,
    Restore,
}

impl Program {
    /// By the first word of a whole command line, with or without a folder.
    pub(crate) fn named(word: &OsStr) -> Self {
        match word.as_encoded_bytes().rsplit(|byte| *byte == b'/').next() {
            Some(b"ipvsadm-save") => Self::Save,
            Some(b"ipvsadm-restore") => Self::Restore,
            _ => Self::Ipvsadm,
        }
    }
}

/// What `ipvsadm-save` is to do; `None` is to show its help. It does not mind
/// words that are no options.
fn save_command(words: &[&str]) -> Option<Command> {
    let mut numeric = false;
    for word in words {
        match *word {
            "-n" => numeric = true,
            word if word.starts_with('-') => return None,
            _ => {}
        }
    }
    Some(Command::Save {
        numeric,
        format: Format::Classic,
    })
}

/// `ipvsadm-save`: returns the exit status.
pub(crate) fn save(
    words: &[&str],
    out: &mut impl Write,
    messages: &mut Messages<'_>,
) -> anyhow::Result<u8> {
    match save_command(words) {
        Some(command) => {
            run::execute(&command, &mut Session::default(), out)?;
            Ok(0)
        }
        None => {
            messages.show(SAVE_HELP);
            Ok(STATUS_HELP)
        }
    }
}

/// `ipvsadm-restore`: returns the exit status.
///
/// The original ignores every word. It would clear the table when asked for
/// help; this one shows it.
pub(crate) fn restore(
    words: &[&str],
    mut rules: impl Read,
    out: &mut impl Write,
    messages: &mut Messages<'_>,
) -> anyhow::Result<u8> {
    if words.iter().any(|word| ["-h", "--help"].contains(word)) {
        messages.show(RESTORE_HELP);
        return Ok(STATUS_HELP);
    }
    // All of it before the table is touched: the rules may be what
    // ipvsadm-save is still reading from that table.
    let mut text = Vec::new();
    rules.read_to_end(&mut text).map_err(Input)?;
    let mut session = Session::default();
    // The original tries its luck with the rules all the same.
    if let Err(error) = run::execute(&Command::Change(Change::Flush), &mut session, out) {
        messages.report(&error);
    }
    restore::run(&text[..], false, &mut session, out, messages)
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn the_program_is_what_its_file_is_called() {
        for (word, program) in [
            ("ipvsadm", Program::Ipvsadm),
            ("/sbin/ipvsadm", Program::Ipvsadm),
            ("ipvsadm-save", Program::Save),
            ("/sbin/ipvsadm-save", Program::Save),
            ("./ipvsadm-restore", Program::Restore),
            ("ipvsadm-restore/ipvsadm", Program::Ipvsadm),
            ("ipvsadm-saved", Program::Ipvsadm),
            ("", Program::Ipvsadm),
        ] {
            assert_eq!(Program::named(OsStr::new(word)), program, "{word:?}");
        }
    }

    #[test]
    fn saving_takes_one_option_and_does_not_mind_other_words() {
        for (words, numeric) in [
            (&[][..], false),
            (&["-n"], true),
            (&["foo", "-n", "-n"], true),
            (&["", "n"], false),
        ] {
            assert_eq!(
                save_command(words),
                Some(Command::Save {
                    numeric,
                    format: Format::Classic,
                }),
                "{words:?}"
            );
        }
    }

    #[test]
    fn help_and_unknown_options_show_help_with_status_1_and_save_nothing() {
        for words in [
            &["-h"][..],
            &["--help"],
            &["-n", "-h"],
            &["foo", "-Q"],
            &["-nn"],
            &["--"],
            &["-"],
            &["-n x"],
        ] {
            let mut shown = Vec::new();
            let mut out = Vec::new();
            let status = save(words, &mut out, &mut Messages::new(&mut shown, || false));
            assert_eq!(status.unwrap(), 1, "{words:?}");
            assert_eq!(shown, SAVE_HELP.as_bytes(), "{words:?}");
            assert!(out.is_empty(), "{words:?}");
        }
    }

    #[test]
    fn asked_for_help_restoring_reads_nothing() {
        for words in [&["-h"][..], &["foo", "--help"]] {
            let mut shown = Vec::new();
            let rules = io::Error::other("was read");
            let status = restore(
                words,
                Broken(Some(rules)),
                &mut io::sink(),
                &mut Messages::new(&mut shown, || false),
            );
            assert_eq!(status.unwrap(), 1, "{words:?}");
            assert_eq!(shown, RESTORE_HELP.as_bytes(), "{words:?}");
        }
    }

    #[test]
    fn the_table_is_not_touched_when_the_rules_cannot_be_read() {
        let mut shown = Vec::new();
        let error = restore(
            &[],
            Broken(Some(io::Error::other("broken"))),
            &mut io::sink(),
            &mut Messages::new(&mut shown, || false),
        )
        .unwrap_err();
        assert!(error.is::<Input>(), "{error}");
        assert!(shown.is_empty(), "the kernel would have been complained of");
    }

    /// A reader that fails.
    struct Broken(Option<io::Error>);

    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(self.0.take().unwrap())
        }
    }
}

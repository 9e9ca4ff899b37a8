// SPDX-License-Identifier: MIT

//! `ipvsadm-save` and `ipvsadm-restore`: scripts beside the original, here the
//! same program under other names.

use std::{
    ffi::OsStr,
    io::{Read, Write},
};

use crate::{
    args::scripts::{TablePlace, take_place},
    command::{Command, Save, spelling::Elsewhere},
    failure::Messages,
    run::{
        self,
        restore::replace::{Replace, replace_table},
        session::Session,
    },
};

/// The exit status of the help text, of an option that is not known too.
const STATUS_HELP: u8 = 1;

/// The first line names the program and its purpose: scripts look for it.
const SAVE_HELP: &str = "\
ipvsadm-save: save the IPVS table to stdout, as rules for ipvsadm-restore
Usage: ipvsadm-save [-n] [--json] [--netns NAMESPACE] [--interface NAME] > RULES

  -n                 Addresses and ports as numbers, without looking up names
  --json             As one JSON document; errors too
  --netns NAMESPACE  The table of this network namespace: a name in /run/netns,
                     a path, or the number of a process
  --interface NAME   Reach IPVS through this interface of the kernel only:
                     netlink or sockopt
  -h                 Show this help
";

const RESTORE_HELP: &str = "\
ipvsadm-restore: replace the IPVS table by rules from stdin
Usage: ipvsadm-restore [OPTIONS] < RULES

The rules are what ipvsadm-save wrote. All of them are checked, then what
differs from the table is changed. If they do more than describe a table, it is
cleared first. Lines that begin with # are comments.

  --strict           Number the lines that fail, exit with the status of the first
  --check            Read and check the rules, change nothing
  --exist            Edit what is added and there, do not mind what is gone
  --keep-weights     Leave the weights of real servers that are there as they are
  --json             Errors as one JSON object a line
  --netns NAMESPACE  The table of this network namespace: a name in /run/netns,
                     a path, or the number of a process
  --interface NAME   Reach IPVS through this interface of the kernel only:
                     netlink or sockopt
  -h                 Show this help
";

/// The name that the program is called by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    Ipvsadm,
    Save,
    Restore,
}

impl Program {
    /// Finds the name by the first word of a whole command line, with or without a folder.
    pub(crate) fn named(word: &OsStr) -> Self {
        match word.as_encoded_bytes().rsplit(|byte| *byte == b'/').next() {
            Some(b"ipvsadm-save") => Self::Save,
            Some(b"ipvsadm-restore") => Self::Restore,
            _ => Self::Ipvsadm,
        }
    }
}

/// Reads the words of `ipvsadm-save`: the command, and the words that it does not
/// know and does not mind; `None` is to show its help.
fn parse_save<'a>(words: &[&'a str]) -> Option<(Command, Vec<&'a str>)> {
    let mut numeric = false;
    let mut json = false;
    let mut unknown = Vec::new();
    for &word in words {
        match word {
            "-n" => numeric = true,
            "--json" => json = true,
            word if word.starts_with('-') => return None,
            word => unknown.push(word),
        }
    }
    let save = if json {
        Save::Json
    } else {
        Save::Rules { numeric }
    };
    Some((Command::Save(save), unknown))
}

/// Reads the words of `ipvsadm-restore`: its options, and the words that it does
/// not know; `None` is to show its help.
fn parse_restore<'a>(words: &[&'a str]) -> Option<(Replace, Vec<&'a str>)> {
    let mut options = Replace::default();
    let mut unknown = Vec::new();
    for &word in words {
        match word {
            "-h" | "--help" => return None,
            "--strict" => options.restore.strict = true,
            "--check" => options.restore.check = true,
            "--exist" => options.restore.exist = true,
            "--keep-weights" => options.keep_weights = true,
            // How messages are written is known by now.
            "--json" => {}
            word => unknown.push(word),
        }
    }
    Some((options, unknown))
}

/// The original takes any word and says nothing, so that a script may have some.
fn warn_about(unknown: &[&str], program: &str, messages: &mut Messages<'_>) {
    if !unknown.is_empty() {
        let words = unknown.join(" ");
        messages.note_to_terminal(&format!("{program}: warning: ignoring {words}"));
    }
}

/// Goes where the table is.
///
/// # Errors
/// When the network namespace cannot be entered.
fn open_session(place: TablePlace) -> anyhow::Result<Session> {
    if let Some(namespace) = &place.namespace {
        namespace.enter()?;
    }
    Ok(Session::using(place.interface, Elsewhere(place.namespace)))
}

/// `ipvsadm-save`: returns the exit status.
pub(crate) fn run_save(
    words: &[&str],
    out: &mut impl Write,
    messages: &mut Messages<'_>,
) -> anyhow::Result<u8> {
    let (place, words) = take_place(words)?;
    match parse_save(&words) {
        Some((command, unknown)) => {
            let mut session = open_session(place)?;
            warn_about(&unknown, "ipvsadm-save", messages);
            run::execute(&command, &mut session, out)?;
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
/// The original would clear the table when asked for help; this one shows it.
pub(crate) fn run_restore(
    words: &[&str],
    rules: impl Read,
    out: &mut impl Write,
    messages: &mut Messages<'_>,
) -> anyhow::Result<u8> {
    let (place, words) = take_place(words)?;
    match parse_restore(&words) {
        Some((options, unknown)) => {
            let mut session = open_session(place)?;
            warn_about(&unknown, "ipvsadm-restore", messages);
            replace_table(&options, rules, &mut session, out, messages)
        }
        None => {
            messages.show(RESTORE_HELP);
            Ok(STATUS_HELP)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::{command::Restore, failure::InputError};

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
    fn saving_takes_two_options_and_does_not_mind_other_words() {
        for (words, save, unknown) in [
            (&[][..], Save::Rules { numeric: false }, &[][..]),
            (&["-n"], Save::Rules { numeric: true }, &[]),
            (&["--json"], Save::Json, &[]),
            (
                &["foo", "-n", "-n"],
                Save::Rules { numeric: true },
                &["foo"],
            ),
            (&["", "n"], Save::Rules { numeric: false }, &["", "n"]),
        ] {
            assert_eq!(
                parse_save(words),
                Some((Command::Save(save), unknown.to_vec())),
                "{words:?}"
            );
        }
    }

    #[test]
    fn restoring_takes_what_r_takes_and_only_a_terminal_hears_of_other_words() {
        for (words, wanted, unknown) in [
            (&[][..], [false; 4], &[][..]),
            (&["--strict"], [true, false, false, false], &[]),
            (&["--check", "--json"], [false, true, false, false], &[]),
            (&["--exist"], [false, false, true, false], &[]),
            (&["--keep-weights"], [false, false, false, true], &[]),
            (&["-Q", "foo"], [false; 4], &["-Q", "foo"]),
        ] {
            let (given, ignored) = parse_restore(words).unwrap();
            let Restore {
                strict,
                check,
                exist,
                file,
            } = given.restore;
            let options = [strict, check, exist, given.keep_weights];
            assert_eq!((options, file), (wanted, None), "{words:?}");
            assert_eq!(ignored, unknown, "{words:?}");
        }
        for (is_terminal, wanted) in [
            (
                (|| true) as fn() -> bool,
                "ipvsadm-restore: warning: ignoring foo\n1 rule, nothing wrong\n",
            ),
            (|| false, ""),
        ] {
            let mut shown = Vec::new();
            let status = run_restore(
                &["foo", "--check"],
                &b"-C\n"[..],
                &mut io::sink(),
                &mut Messages::new(&mut shown, is_terminal),
            );
            assert_eq!(status.unwrap(), 0);
            assert_eq!(String::from_utf8(shown).unwrap(), wanted);
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
            let status = run_save(words, &mut out, &mut Messages::new(&mut shown, || false));
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
            let status = run_restore(
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
        let error = run_restore(
            &[],
            Broken(Some(io::Error::other("broken"))),
            &mut io::sink(),
            &mut Messages::new(&mut shown, || false),
        )
        .unwrap_err();
        assert!(error.is::<InputError>(), "{error}");
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

// SPDX-License-Identifier: MIT

//! Messages of the measuring inside a kernel to the outside: lines of words that
//! tabs separate.

use std::fmt;

use anyhow::{Context as _, Error, Result, bail};

use super::cases::{Case, Contestant, matching};

#[derive(Debug)]
pub(crate) enum Message {
    /// Something about the kernel or the measuring.
    Fact { name: String, text: String },
    /// One run of a contestant; the unit is that of the case's figure.
    Run {
        case: &'static Case,
        contestant: Contestant,
        figure: u64,
    },
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fact { name, text } => writeln!(f, "fact\t{name}\t{text}"),
            Self::Run {
                case,
                contestant,
                figure,
            } => writeln!(f, "run\t{}\t{}\t{figure}", case.name, contestant.name()),
        }
    }
}

impl std::str::FromStr for Message {
    type Err = Error;

    fn from_str(line: &str) -> Result<Self> {
        let words: Vec<_> = line.trim_end_matches('\n').split('\t').collect();
        match *words.as_slice() {
            ["fact", name, text] => Ok(Self::Fact {
                name: name.to_owned(),
                text: text.to_owned(),
            }),
            ["run", name, contestant, figure] => {
                let case = matching(name).find(|case| case.name == name);
                let case = case.with_context(|| format!("no case {name}"))?;
                let known = case.contestants().iter();
                let contestant = known.copied().find(|it| it.name() == contestant);
                Ok(Self::Run {
                    case,
                    contestant: contestant.with_context(|| format!("unknown: {line}"))?,
                    figure: figure
                        .parse()
                        .with_context(|| format!("no number: {line}"))?,
                })
            }
            _ => bail!("the measuring says what nobody understands: {line}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_is_read_as_it_was_written() {
        let lines = [
            "fact\tkernel\tLinux 6.1.0\n",
            "run\tlist-one\tours\t1234\n",
            "run\tlist-20000x1-peak\toriginal\t1\n",
        ];
        for line in lines {
            let message: Message = line.parse().unwrap();
            assert_eq!(message.to_string(), line);
        }
    }

    #[test]
    fn what_is_no_message_is_an_error() {
        for line in [
            "",
            "Killed",
            "run\tlist\tours\t1",
            "run\tlist-20000x1-peak\tfloor\t1",
            "run\tlist-one\tours\t1 ms",
        ] {
            assert!(line.parse::<Message>().is_err(), "{line}");
        }
    }
}

// SPDX-License-Identifier: MIT

//! Makes the text of a screen: a table with the changes since the last one marked,
//! cut to the window. Nothing here knows a terminal.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
};

use crate::output::{Line, Style, Subject, paint};

/// The window, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) columns: usize,
    pub(super) rows: usize,
}

/// A line of the table, with the marks of what differs from the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MarkedLine {
    line: Line,
    /// Words that have changed, in bytes of the text.
    changed: Vec<Range<usize>>,
    /// It is in the table no longer.
    gone: bool,
}

impl MarkedLine {
    fn style_at(&self, at: usize) -> Style {
        Style {
            reverse: self.changed.iter().any(|range| range.contains(&at)),
            faint: self.gone,
            ..self.line.style_at(at)
        }
    }
}

/// The lines of a table, with the words marked that differ from the table
/// before, what is new, and at their old places the lines of what is gone.
pub(super) fn compare(before: Option<&[Line]>, now: &[Line]) -> Vec<MarkedLine> {
    let Some(before) = before else {
        return now.iter().map(|line| unchanged(line.clone())).collect();
    };
    let old: HashMap<Subject, &Line> = before.iter().map(|line| (line.subject, line)).collect();
    let present: HashSet<Subject> = now.iter().map(|line| line.subject).collect();
    // By what each of them stood below.
    let mut gone: HashMap<Subject, Vec<&Line>> = HashMap::new();
    let mut above = Subject::Heading;
    for line in before {
        if line.subject == Subject::Heading || present.contains(&line.subject) {
            above = line.subject;
        } else {
            gone.entry(above).or_default().push(line);
        }
    }
    let headings = now
        .iter()
        .take_while(|line| line.subject == Subject::Heading)
        .count();
    let mut rows = Vec::new();
    for (number, line) in now.iter().enumerate() {
        rows.push(match (line.subject, old.get(&line.subject)) {
            (Subject::Heading, _) => unchanged(line.clone()),
            (_, Some(old)) => MarkedLine {
                changed: changed_words(&old.text, &line.text),
                ..unchanged(line.clone())
            },
            (_, None) => MarkedLine {
                changed: std::iter::once(0..line.text.len()).collect(),
                ..unchanged(noted(line, "(new)"))
            },
        });
        // Below the last heading stands what had nothing else above it.
        if line.subject != Subject::Heading || number + 1 == headings {
            for line in gone.remove(&line.subject).unwrap_or_default() {
                rows.push(MarkedLine {
                    gone: true,
                    ..unchanged(noted(line, "(gone)"))
                });
            }
        }
    }
    rows
}

fn unchanged(line: Line) -> MarkedLine {
    MarkedLine {
        line,
        changed: Vec::new(),
        gone: false,
    }
}

fn noted(line: &Line, note: &str) -> Line {
    Line {
        text: format!("{} {note}", line.text.trim_end()),
        ..line.clone()
    }
}

/// The words of `now` that are not at the same place among those of `before`.
/// Columns may have moved.
fn changed_words(before: &str, now: &str) -> Vec<Range<usize>> {
    let mut before = before.split_ascii_whitespace();
    now.split_ascii_whitespace()
        .filter(|word| before.next() != Some(word))
        .map(|word| {
            let start = word.as_ptr().addr() - now.as_ptr().addr();
            start..start + word.len()
        })
        .collect()
}

/// The screen as text without line ends: a line for `status`, then as much of
/// the table as there is room for, and how much there is none for.
pub(super) fn cut(status: &str, rows: &[MarkedLine], size: Size, colour: bool) -> Vec<String> {
    let mut screen = vec![cut_text(status, size.columns).to_owned()];
    let room = size.rows.saturating_sub(1);
    let shown = if rows.len() > room {
        room.saturating_sub(1)
    } else {
        rows.len()
    };
    for row in rows.iter().take(shown) {
        let text = row.line.text.as_str();
        let kept = cut_text(text, size.columns);
        let mut buffer = String::new();
        if kept.len() == text.len() {
            paint(&mut buffer, text, colour, |at| row.style_at(at));
        } else {
            // The last column says that there is more.
            let kept = cut_text(text, size.columns.saturating_sub(1));
            paint(&mut buffer, kept, colour, |at| row.style_at(at));
            buffer.push('>');
        }
        screen.push(buffer);
    }
    if shown < rows.len() {
        let more = format!("({} more lines)", rows.len() - shown);
        screen.push(cut_text(&more, size.columns).to_owned());
    }
    screen.truncate(size.rows);
    screen
}

/// The first characters of a text. Each takes one column: addresses, numbers
/// and names of hosts and services have no others.
fn cut_text(text: &str, columns: usize) -> &str {
    match text.char_indices().nth(columns) {
        Some((end, _)) => text.get(..end).unwrap_or(text),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use ipvs_client::{AddressFamily, ServiceId};

    use super::*;

    const WINDOW: Size = Size {
        columns: 80,
        rows: 24,
    };

    fn service(mark: u32, text: &str) -> Line {
        let mark = NonZeroU32::new(mark).unwrap();
        let family = AddressFamily::Ipv4;
        Line::plain(Subject::Service(ServiceId::Fwmark { mark, family }), text)
    }

    fn heading(text: &str) -> Line {
        Line::plain(Subject::Heading, text)
    }

    /// The table with changed words in brackets.
    fn marked(before: &[Line], now: &[Line]) -> Vec<String> {
        let rows = compare(Some(before), now);
        cut("", &rows, WINDOW, true)[1..]
            .iter()
            .map(|line| {
                line.replace("\x1b[0;7m", "[")
                    .replace("\x1b[0;2m", "{")
                    .replace("\x1b[0m", "]")
            })
            .collect()
    }

    #[test]
    fn changed_words_are_marked_even_when_columns_move() {
        assert_eq!(
            marked(
                &[heading("a"), service(1, "one 5 8"), service(2, "two 5 8")],
                &[
                    heading("b"),
                    service(1, "one  5 10"),
                    service(2, "two  5  8")
                ],
            ),
            ["b", "one  5 [10]", "two  5  8"]
        );
        assert_eq!(
            marked(&[service(1, "one 5")], &[service(1, "one 5 quiesced")]),
            ["one 5 [quiesced]"]
        );
    }

    #[test]
    fn what_is_new_and_what_is_gone_is_said() {
        assert_eq!(
            marked(
                &[
                    heading("a"),
                    heading("b"),
                    service(1, "one"),
                    service(2, "two"),
                    service(3, "three"),
                    service(4, "four"),
                ],
                &[
                    heading("a"),
                    heading("b"),
                    service(2, "two"),
                    service(5, "five"),
                ],
            ),
            [
                "a",
                "b",
                "{one (gone)]",
                "two",
                "{three (gone)]",
                "{four (gone)]",
                "[five] (new)"
            ]
        );
    }

    #[test]
    fn the_first_table_has_no_changes() {
        let rows = compare(None, &[heading("a"), service(1, "one")]);
        assert_eq!(cut("now", &rows, WINDOW, true), ["now", "a", "one"]);
    }

    #[test]
    fn what_does_not_fit_the_window_is_left_out_and_counted() {
        let rows = compare(
            None,
            &[
                heading("0123456789"),
                heading("0123456789a"),
                heading("x"),
                heading("y"),
            ],
        );
        let screen = |columns, rows_| {
            let size = Size {
                columns,
                rows: rows_,
            };
            cut("the time", &rows, size, true)
        };
        assert_eq!(
            screen(10, 5),
            ["the time", "0123456789", "012345678>", "x", "y"]
        );
        assert_eq!(
            screen(12, 4)[1..],
            ["0123456789", "0123456789a", "(2 more line"]
        );
        assert_eq!(screen(3, 2), ["the", "(4 "]);
        assert_eq!(screen(80, 1), ["the time"]);
        assert_eq!(screen(0, 0), [""; 0]);
    }
}

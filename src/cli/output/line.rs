// SPDX-License-Identifier: MIT

//! Lines of a table, each with its subject, and painting them.

use std::{
    io::{self, IsTerminal as _},
    ops::Range,
};

use ipvs_client::{DestinationId, ServiceId};

use crate::{
    command::choice::Colour,
    escape::{expect_colours, push_shown},
};

/// The subject of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    Heading,
    Service(ServiceId),
    Destination(ServiceId, DestinationId),
    /// Something of which there may be a great many, by a hash of its name.
    Named(u64),
}

impl Subject {
    /// Returns whether it is worth a line that it is gone.
    pub(crate) fn is_missed(&self) -> bool {
        !matches!(self, Self::Named(_))
    }

    /// Returns whether the line belongs to the service above it.
    pub(crate) fn is_destination(&self) -> bool {
        matches!(self, Self::Destination(..))
    }
}

/// One line of a table, without its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) subject: Subject,
    pub(crate) text: String,
    /// Words that want attention, in bytes of the text.
    pub(crate) notice: Option<(Range<usize>, Tone)>,
}

impl Line {
    pub(crate) fn plain(subject: Subject, text: impl Into<String>) -> Self {
        Self {
            subject,
            text: text.into(),
            notice: None,
        }
    }

    /// Returns the style of the character at a byte of the text.
    pub(crate) fn style_at(&self, at: usize) -> Style {
        let tone = self
            .notice
            .as_ref()
            .filter(|(words, _)| words.contains(&at))
            .map(|&(_, tone)| tone);
        Style {
            tone,
            ..Style::default()
        }
    }
}

/// The reason why words want attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Weight 0: new connections are not wanted.
    Quiesced,
    /// The upper threshold is reached: it takes no new connections.
    Full,
}

/// The look of a character on a terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Style {
    pub(crate) reverse: bool,
    pub(crate) underline: bool,
    pub(crate) faint: bool,
    pub(crate) tone: Option<Tone>,
}

/// Appends a text with escape sequences where its style changes, and without
/// colours where there is to be none. It has no others: its control characters are shown.
pub(crate) fn paint(
    buffer: &mut String,
    text: &str,
    colour: bool,
    style_at: impl Fn(usize) -> Style,
) {
    let mut current = Style::default();
    for (at, character) in text.char_indices() {
        let mut style = style_at(at);
        if !colour {
            style.tone = None;
        }
        if style != current {
            switch(buffer, style);
            current = style;
        }
        push_shown(buffer, character);
    }
    if current != Style::default() {
        switch(buffer, Style::default());
    }
}

/// Select Graphic Rendition (ECMA-48, 8.3.117), which starts afresh each time.
fn switch(buffer: &mut String, style: Style) {
    buffer.push_str("\x1b[0");
    if style.faint {
        buffer.push_str(";2");
    }
    if style.underline {
        buffer.push_str(";4");
    }
    if style.reverse {
        buffer.push_str(";7");
    }
    match style.tone {
        Some(Tone::Quiesced) => buffer.push_str(";33"),
        Some(Tone::Full) => buffer.push_str(";31"),
        None => {}
    }
    buffer.push('m');
}

/// Tells whether standard output is to have colours. If nothing else is wished, that is
/// when it is a terminal that has them, and the variable NO_COLOR is not set
/// (no-color.org).
pub(crate) fn has_colour(wish: Colour) -> bool {
    let has_colour = match wish {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto => {
            let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
            io::stdout().is_terminal()
                && set("NO_COLOR").is_none()
                && set("TERM").is_some_and(|term| term != "dumb")
        }
    };
    if has_colour {
        expect_colours();
    }
    has_colour
}

/// Joins lines to a text, painted if there is to be colour.
pub(crate) fn lines_to_text(lines: &[Line], colour: bool) -> String {
    let mut buffer = String::new();
    for line in lines {
        if colour {
            paint(&mut buffer, &line.text, true, |at| line.style_at(at));
        } else {
            buffer.push_str(&line.text);
        }
        buffer.push('\n');
    }
    buffer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_words_that_want_attention_are_painted() {
        let line = Line {
            notice: Some((4..12, Tone::Quiesced)),
            ..Line::plain(Subject::Heading, "abc quiesced")
        };
        let lines = [line, Line::plain(Subject::Heading, "plain")];
        assert_eq!(
            lines_to_text(&lines, true),
            "abc \x1b[0;33mquiesced\x1b[0m\nplain\n"
        );
        assert_eq!(lines_to_text(&lines, false), "abc quiesced\nplain\n");
    }

    #[test]
    fn without_colour_other_styles_stay() {
        let mut buffer = String::new();
        paint(&mut buffer, "ab", false, |at| Style {
            reverse: at == 1,
            tone: Some(Tone::Full),
            ..Style::default()
        });
        assert_eq!(buffer, "a\x1b[0;7mb\x1b[0m");
    }

    #[test]
    fn services_and_destinations_are_missed_and_what_there_are_many_of_is_not() {
        let service = "TCP 10.0.0.1:80".parse().unwrap();
        let destination = Subject::Destination(service, "10.0.0.2:80".parse().unwrap());
        assert!(Subject::Service(service).is_missed());
        assert!(destination.is_missed());
        assert!(!Subject::Named(1).is_missed());
    }
}

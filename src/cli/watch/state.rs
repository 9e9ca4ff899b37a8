// SPDX-License-Identifier: MIT

//! The state of the screen that keys change: the part that is shown, its order, a filter.

use super::keys::Key;

/// The keys and what they do, for the help on the screen.
pub(super) const KEYS: [(&str, &str); 9] = [
    ("Up, Down", "scroll by a line"),
    ("PgUp, PgDn", "scroll by a screen"),
    ("Home, End", "go to the first or last line"),
    ("Left, Right", "scroll to other columns"),
    ("s, S", "sort by the next or the previous column"),
    (
        "/",
        "show only what has a text: Return keeps it, Esc drops it",
    ),
    ("Space", "pause, or go on"),
    ("?", "show these keys, or hide them"),
    ("q, Ctrl-C", "end"),
];

/// The choices made by keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    /// Rows above the first that is shown.
    pub(super) top: usize,
    /// Steps to the right.
    pub(super) skipped: usize,
    /// The column that is sorted by; else the listing's own order.
    pub(super) sort: Option<usize>,
    /// The filter that was typed last and kept.
    pub(super) kept_filter: String,
    /// A filter that is being typed.
    pub(super) typed: Option<String>,
    pub(super) is_paused: bool,
    pub(super) shows_help: bool,
}

/// The extent of what a screen shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Extent {
    /// Rows of the listing, as far as the filter lets them through.
    pub(super) rows: usize,
    /// Rows that there is room for.
    pub(super) room: usize,
    /// Steps to the right until the end is seen.
    pub(super) steps: usize,
}

/// The consequence of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reaction {
    /// The screen is another one.
    Draw,
    /// The rows come in another order.
    Sort,
    /// The listing is to be read again at once.
    Read,
    Quit,
}

impl State {
    /// Returns the text that rows must have to be shown.
    pub(super) fn filter(&self) -> &str {
        self.typed.as_deref().unwrap_or(&self.kept_filter)
    }

    /// Does what a key is for, on a screen of this extent with so many columns to sort
    /// by.
    pub(super) fn press(&mut self, key: Key, extent: &Extent, sortable: usize) -> Reaction {
        if self.typed.is_some() {
            self.type_filter(key);
            return Reaction::Draw;
        }
        match key {
            Key::Character('q' | 'Q') => return Reaction::Quit,
            _ if self.shows_help => self.shows_help = false,
            Key::Up => self.top = self.top.saturating_sub(1),
            Key::Down => self.top = self.top.saturating_add(1),
            Key::PageUp => self.top = self.top.saturating_sub(extent.room.max(1)),
            Key::PageDown => self.top = self.top.saturating_add(extent.room.max(1)),
            Key::Home => self.top = 0,
            Key::End => self.top = usize::MAX,
            Key::Left => self.skipped = self.skipped.saturating_sub(1),
            Key::Right => self.skipped = self.skipped.saturating_add(1),
            Key::Character('s') => {
                self.sort = match self.sort {
                    None => (sortable > 0).then_some(0),
                    Some(column) => Some(column + 1).filter(|next| *next < sortable),
                };
                return Reaction::Sort;
            }
            Key::Character('S') => {
                self.sort = match self.sort {
                    None => sortable.checked_sub(1),
                    Some(column) => column.checked_sub(1),
                };
                return Reaction::Sort;
            }
            Key::Character('/') => self.typed = Some(std::mem::take(&mut self.kept_filter)),
            Key::Escape => self.kept_filter.clear(),
            Key::Character(' ') => {
                self.is_paused = !self.is_paused;
                if !self.is_paused {
                    return Reaction::Read;
                }
            }
            Key::Character('?') => self.shows_help = true,
            Key::Enter | Key::Backspace | Key::Character(_) => {}
        }
        self.keep_within(extent);
        Reaction::Draw
    }

    fn type_filter(&mut self, key: Key) {
        let Some(typed) = &mut self.typed else {
            return;
        };
        match key {
            Key::Enter => self.kept_filter = self.typed.take().unwrap_or_default(),
            Key::Escape => self.typed = None,
            Key::Backspace => drop(typed.pop()),
            Key::Character(character) => typed.push(character),
            _ => {}
        }
    }

    /// Scrolls back to where there is something, after the listing or the window has
    /// changed.
    pub(super) fn keep_within(&mut self, extent: &Extent) {
        self.top = self.top.min(extent.rows.saturating_sub(extent.room));
        self.skipped = self.skipped.min(extent.steps);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXTENT: Extent = Extent {
        rows: 100,
        room: 20,
        steps: 2,
    };

    fn pressed(keys: &[Key]) -> State {
        let mut state = State::default();
        for key in keys {
            state.press(*key, &EXTENT, 3);
        }
        state
    }

    fn typed(text: &str) -> Vec<Key> {
        text.chars().map(Key::Character).collect()
    }

    #[test]
    fn scrolling_ends_at_the_first_and_the_last_row() {
        for (keys, top) in [
            (&[Key::Down][..], 1),
            (&[Key::Down, Key::Up, Key::Up], 0),
            (&[Key::PageDown, Key::PageDown], 40),
            (&[Key::PageDown, Key::PageDown, Key::PageUp], 20),
            (&[Key::End], 80),
            (&[Key::End, Key::Down, Key::Up], 79),
            (&[Key::End, Key::Home], 0),
            (&[Key::PageDown; 9], 80),
        ] {
            assert_eq!(pressed(keys).top, top, "{keys:?}");
        }
        for (keys, skipped) in [
            (&[Key::Right][..], 1),
            (&[Key::Right; 5], 2),
            (&[Key::Right, Key::Left, Key::Left], 0),
        ] {
            assert_eq!(pressed(keys).skipped, skipped, "{keys:?}");
        }
    }

    #[test]
    fn sorting_goes_through_all_columns_and_back_to_none() {
        for (keys, sort) in [
            ("s", Some(0)),
            ("ss", Some(1)),
            ("sss", Some(2)),
            ("ssss", None),
            ("S", Some(2)),
            ("SSS", Some(0)),
            ("SSSS", None),
            ("sS", None),
        ] {
            assert_eq!(pressed(&typed(keys)).sort, sort, "{keys}");
        }
        let mut state = State::default();
        for key in typed("sS") {
            assert_eq!(state.press(key, &EXTENT, 0), Reaction::Sort);
            assert_eq!(state.sort, None);
        }
    }

    #[test]
    fn a_filter_is_typed_kept_and_dropped() {
        let mut state = pressed(&typed("/10.q"));
        // What is typed counts at once, and q is a letter of it.
        assert_eq!(state.filter(), "10.q");
        state.press(Key::Backspace, &EXTENT, 0);
        state.press(Key::Enter, &EXTENT, 0);
        assert_eq!((state.filter(), &state.typed), ("10.", &None));
        state.press(Key::Character('/'), &EXTENT, 0);
        state.press(Key::Character('1'), &EXTENT, 0);
        assert_eq!(state.filter(), "10.1");
        state.press(Key::Escape, &EXTENT, 0);
        assert_eq!((state.filter(), &state.typed), ("", &None));
    }

    #[test]
    fn a_filter_that_is_kept_is_dropped_by_escape() {
        let mut state = pressed(&typed("/80"));
        state.press(Key::Enter, &EXTENT, 0);
        state.press(Key::Down, &EXTENT, 0);
        assert_eq!(state.filter(), "80");
        state.press(Key::Escape, &EXTENT, 0);
        assert_eq!(state.filter(), "");
    }

    #[test]
    fn space_pauses_and_reads_again_when_it_goes_on() {
        let mut state = State::default();
        let space = Key::Character(' ');
        assert_eq!(state.press(space, &EXTENT, 0), Reaction::Draw);
        assert!(state.is_paused);
        assert_eq!(state.press(space, &EXTENT, 0), Reaction::Read);
        assert!(!state.is_paused);
    }

    #[test]
    fn help_is_shown_until_any_key_and_q_ends_all_the_same() {
        let mut state = pressed(&typed("?"));
        assert!(state.shows_help);
        assert_eq!(state.press(Key::Character('q'), &EXTENT, 0), Reaction::Quit);
        state.press(Key::Character('s'), &EXTENT, 3);
        assert_eq!(state, State::default());
    }
}

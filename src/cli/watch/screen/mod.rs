// SPDX-License-Identifier: MIT

//! Makes the text of a screen: the part of a listing that there is room for, with the
//! changes since the last one marked. Nothing here knows a terminal.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    ops::Range,
};

use super::state::{Extent, KEYS, State};
use crate::output::{Grid, GridColumn, GridRow, Style, Subject, paint};

/// Blanks between two columns.
const GAP: usize = 2;
/// The least characters of a name that is shortened.
const LEAST_NAME: usize = 16;
/// The characters that a step to the right goes in lines that have no columns.
const STEP: usize = 8;

/// The window, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) columns: usize,
    pub(super) rows: usize,
}

/// A row of a listing, with what it is compared to the one before.
#[derive(Clone, Copy, Debug)]
pub(super) struct MarkedRow<'a> {
    row: &'a GridRow,
    mark: Mark<'a>,
}

/// A row compared to the listing before.
#[derive(Clone, Copy, Debug)]
enum Mark<'a> {
    /// There was none before.
    First,
    /// It was like this before.
    Known(&'a GridRow),
    New,
    Gone,
}

/// Compares a listing to the one before. What is gone stands at its old place.
pub(super) fn compare<'a>(before: Option<&'a Grid>, now: &'a Grid) -> Vec<MarkedRow<'a>> {
    let marked = |mark| move |row| MarkedRow { row, mark };
    let Some(before) = before else {
        return now.rows.iter().map(marked(Mark::First)).collect();
    };
    let old: HashMap<Subject, &GridRow> =
        before.rows.iter().map(|row| (row.subject, row)).collect();
    let present: HashSet<Subject> = now.rows.iter().map(|row| row.subject).collect();
    // By what each of them stood below; those at the beginning below nothing.
    let mut gone: HashMap<Option<Subject>, Vec<&GridRow>> = HashMap::new();
    let mut above = None;
    for row in &before.rows {
        if present.contains(&row.subject) {
            above = Some(row.subject);
        } else if row.subject.is_missed() {
            gone.entry(above).or_default().push(row);
        }
    }
    let mut rows = Vec::with_capacity(now.rows.len());
    let mut add_gone = |rows: &mut Vec<MarkedRow<'a>>, above| {
        let gone = gone.remove(&above).unwrap_or_default();
        rows.extend(gone.into_iter().map(marked(Mark::Gone)));
    };
    add_gone(&mut rows, None);
    for row in &now.rows {
        let mark = old
            .get(&row.subject)
            .map_or(Mark::New, |old| Mark::Known(old));
        rows.push(MarkedRow { row, mark });
        add_gone(&mut rows, Some(row.subject));
    }
    rows
}

impl MarkedRow<'_> {
    /// Returns the cell of a column. What is new or gone is said among the words about
    /// the state, or at the end.
    fn cell(&self, index: usize, column: &GridColumn, is_noted: bool) -> Cow<'_, str> {
        let text = self.row.cells.get(index).map_or("", String::as_str);
        let note = match self.mark {
            Mark::New => "(new)",
            Mark::Gone => "(gone)",
            Mark::First | Mark::Known(_) => return text.into(),
        };
        match text.trim_end() {
            _ if !column.is_state && !is_noted => text.into(),
            "" => note.into(),
            text => format!("{text} {note}").into(),
        }
    }

    fn contains(&self, text: &str) -> bool {
        let cells = &self.row.cells;
        cells.iter().any(|cell| cell.to_lowercase().contains(text))
    }
}

/// Returns the rows that have a text, and with each service all of its destinations, and
/// with each destination its service.
fn filter<'r, 'a>(rows: &'r [MarkedRow<'a>], text: &str) -> Cow<'r, [MarkedRow<'a>]> {
    if text.is_empty() {
        return Cow::Borrowed(rows);
    }
    let text = text.to_lowercase();
    let mut kept: Vec<MarkedRow<'a>> = Vec::new();
    let mut service = None;
    for row in rows {
        let found = row.contains(&text);
        if !row.row.subject.is_destination() {
            service = Some((row, found));
            if found {
                kept.push(*row);
            }
            continue;
        }
        match service {
            Some((_, true)) => kept.push(*row),
            Some((above, false)) if found => {
                kept.extend([*above, *row]);
                // From here on only those that have the text themselves.
                service = None;
            }
            _ if found => kept.push(*row),
            _ => {}
        }
    }
    Cow::Owned(kept)
}

/// The text of a screen.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Screen {
    /// The lines, without line ends.
    pub(super) lines: Vec<String>,
    pub(super) extent: Extent,
}

/// Fits a listing to a window: a line for `status`, the headings, as many rows as there
/// is room for, and a last line if there is more, or if keys have chosen something.
pub(super) fn compose(
    grid: &Grid,
    rows: &[MarkedRow<'_>],
    state: &State,
    status: &str,
    size: Size,
    colour: bool,
) -> Screen {
    let rows = filter(rows, state.filter());
    let arrangement = Arrangement::new(grid, &rows, size.columns, state.skipped);
    let mut lines = vec![cut_text(status, size.columns).to_owned()];
    for text in &grid.title {
        lines.push(arrangement.draw_text(text, size.columns, colour, |_| Style::default()));
    }
    lines.extend(draw_headings(grid, &arrangement, size.columns, colour));
    // The last line is more than the last heading.
    lines.truncate(size.rows.saturating_sub(1).max(1));

    let free = size.rows.saturating_sub(lines.len());
    let chosen = describe_choice(grid, state);
    let has_last_line = rows.len() > free || !chosen.is_empty();
    let room = free.saturating_sub(usize::from(has_last_line));
    let top = state.top.min(rows.len().saturating_sub(room));
    let shown = rows.iter().skip(top).take(room);
    if state.shows_help {
        let help = KEYS
            .iter()
            .map(|(key, effect)| format!("{key:<13}{effect}"));
        let help = help.map(|line| cut_text(&line, size.columns).to_owned());
        lines.extend(help.take(room));
    } else {
        lines.extend(shown.map(|row| draw_row(grid, &arrangement, row, size.columns, colour)));
    }
    if has_last_line {
        let below = rows.len().saturating_sub(top + room);
        let noun = |count: usize| if count == 1 { "line" } else { "lines" };
        let place = match (top, below) {
            (0, 0) => None,
            (0, below) => Some(format!("({below} more {})", noun(below))),
            (top, 0) => Some(format!("({top} {} above)", noun(top))),
            (top, below) => Some(format!(
                "({top} {} above, {below} more {})",
                noun(top),
                noun(below)
            )),
        };
        let last: Vec<String> = place.into_iter().chain(chosen).collect();
        let last = last.join("  ");
        lines.push(cut_text(&last, size.columns).to_owned());
    }
    lines.truncate(size.rows);
    Screen {
        lines,
        extent: Extent {
            rows: rows.len(),
            room,
            steps: arrangement.steps,
        },
    }
}

/// Tells what keys have chosen.
fn describe_choice(grid: &Grid, state: &State) -> Vec<String> {
    let mut parts = Vec::new();
    if state.is_paused {
        parts.push("paused".to_owned());
    }
    if let Some(column) = grid.sorted_by.as_deref() {
        parts.push(format!("sorted by {column}"));
    }
    match &state.typed {
        Some(text) => parts.push(format!("/{text}_")),
        None if state.filter().is_empty() => {}
        None => parts.push(format!("/{}  (Esc: all)", state.filter())),
    }
    parts
}

/// The columns that a window has room for.
struct Arrangement {
    /// The columns that are shown, with the width of each.
    columns: Vec<(usize, usize)>,
    /// Characters that are left out at the beginning of a line.
    shift: usize,
    steps: usize,
}

impl Arrangement {
    fn new(grid: &Grid, rows: &[MarkedRow<'_>], window: usize, skipped: usize) -> Self {
        let last = grid.columns.len().saturating_sub(1);
        let has_state = grid.columns.iter().any(|column| column.is_state);
        let mut widths: Vec<usize> = grid
            .columns
            .iter()
            .enumerate()
            .map(|(index, column)| {
                let is_noted = !has_state && index == last;
                let cells = rows
                    .iter()
                    .map(|row| count_characters(&row.cell(index, column, is_noted)));
                let headings = column.heading.lines().map(count_characters);
                cells.chain(headings).max().unwrap_or(0)
            })
            .collect();
        shorten_columns(&grid.columns, &mut widths, window);
        if widths.len() <= 1 {
            let titles = grid.title.iter().map(|line| count_characters(line));
            let widest = titles.chain(widths.iter().copied()).max().unwrap_or(0);
            let steps = widest.saturating_sub(window).div_ceil(STEP);
            return Self {
                columns: widths.into_iter().enumerate().collect(),
                shift: skipped.min(steps) * STEP,
                steps,
            };
        }
        // The names stay, and the others go until the last is there.
        let (name, others) = widths.split_first().map_or((0, &[][..]), |(n, o)| (*n, o));
        let rest = |skipped: usize| -> usize {
            let shown = others.iter().skip(skipped);
            name + shown.map(|width| GAP + width).sum::<usize>()
        };
        let steps = (0..others.len())
            .find(|skipped| rest(*skipped) <= window)
            .unwrap_or(others.len().saturating_sub(1));
        let skipped = skipped.min(steps);
        let columns = widths.iter().copied().enumerate();
        Self {
            columns: columns
                .filter(|(index, _)| *index == 0 || *index > skipped)
                .collect(),
            shift: 0,
            steps,
        }
    }

    /// Draws a line of cells, each in its column.
    fn draw_cells<'c>(
        &self,
        columns: &'c [GridColumn],
        window: usize,
        colour: bool,
        cell: impl Fn(usize, &'c GridColumn) -> Cow<'c, str>,
        style: impl Fn(Option<(usize, usize)>) -> Style,
    ) -> String {
        let mut text = String::new();
        let mut places: Vec<(usize, Range<usize>)> = Vec::new();
        for (number, (index, width)) in self.columns.iter().enumerate() {
            let Some(column) = columns.get(*index) else {
                continue;
            };
            if number > 0 {
                text.push_str(&" ".repeat(GAP));
            }
            let cell = cell(*index, column);
            let cell = match column.can_shrink {
                true => shorten(&cell, *width),
                false => cell,
            };
            let blanks = " ".repeat(width.saturating_sub(count_characters(&cell)));
            if column.is_right {
                text.push_str(&blanks);
            }
            places.push((*index, text.len()..text.len() + cell.len()));
            text.push_str(&cell);
            if !column.is_right {
                text.push_str(&blanks);
            }
        }
        self.draw_text(text.trim_end(), window, colour, |at| {
            let place = places.iter().find(|(_, range)| range.contains(&at));
            style(place.map(|(index, range)| (*index, at - range.start)))
        })
    }

    /// Draws a line, as far as the window shows it.
    fn draw_text(
        &self,
        text: &str,
        window: usize,
        colour: bool,
        style: impl Fn(usize) -> Style,
    ) -> String {
        let (start, _) = text
            .char_indices()
            .nth(self.shift)
            .unwrap_or((text.len(), ' '));
        let rest = text.get(start..).unwrap_or("");
        let mut kept = cut_text(rest, window);
        let is_cut = kept.len() < rest.len();
        if is_cut {
            // The last column says that there is more.
            kept = cut_text(rest, window.saturating_sub(1));
        }
        let mut buffer = String::new();
        paint(&mut buffer, kept, colour, |at| style(at + start));
        if is_cut && window > 0 {
            buffer.push('>');
        }
        buffer
    }
}

/// Draws the headings of the columns, with the one that is sorted by underlined.
fn draw_headings(
    grid: &Grid,
    arrangement: &Arrangement,
    window: usize,
    colour: bool,
) -> Vec<String> {
    let heights = grid
        .columns
        .iter()
        .map(|column| column.heading.lines().count());
    let height = heights.max().unwrap_or(0);
    let draw = |line: usize| {
        arrangement.draw_cells(
            &grid.columns,
            window,
            colour,
            |_, column| column.heading.lines().nth(line).unwrap_or("").into(),
            |place| Style {
                underline: place
                    .and_then(|(index, _)| grid.columns.get(index))
                    .is_some_and(|column| column.is_sorted && line + 1 == height),
                ..Style::default()
            },
        )
    };
    (0..height).map(draw).collect()
}

fn draw_row(
    grid: &Grid,
    arrangement: &Arrangement,
    row: &MarkedRow<'_>,
    window: usize,
    colour: bool,
) -> String {
    let last = grid.columns.len().saturating_sub(1);
    let has_state = grid.columns.iter().any(|column| column.is_state);
    let text_of = |index: usize| row.row.cells.get(index).map_or("", String::as_str);
    // The words of each column that have changed.
    let changed: Vec<(usize, Vec<Range<usize>>)> = match row.mark {
        Mark::Known(old) => arrangement
            .columns
            .iter()
            .filter_map(|(index, _)| {
                let column = grid.columns.get(*index)?;
                let before = old.cells.get(*index)?;
                let is_compared = !column.is_restless && !column.can_shrink;
                is_compared.then(|| (*index, changed_words(before, text_of(*index))))
            })
            .collect(),
        _ => Vec::new(),
    };
    let is_changed = |index: usize, at: usize| {
        let ranges = changed.iter().find(|(column, _)| *column == index);
        ranges.is_some_and(|(_, ranges)| ranges.iter().any(|range| range.contains(&at)))
    };
    arrangement.draw_cells(
        &grid.columns,
        window,
        colour,
        |index, column| row.cell(index, column, !has_state && index == last),
        |place| {
            let mut style = Style {
                reverse: matches!(row.mark, Mark::New),
                faint: matches!(row.mark, Mark::Gone),
                ..Style::default()
            };
            if let Some((index, at)) = place {
                style.reverse |= is_changed(index, at);
                let is_state = grid
                    .columns
                    .get(index)
                    .is_some_and(|column| column.is_state);
                if is_state && at < text_of(index).len() {
                    style.tone = row.row.tone;
                }
            }
            style
        },
    )
}

/// Makes columns narrower that can be shortened, the widest first, until those that have
/// to be seen fit the window.
fn shorten_columns(columns: &[GridColumn], widths: &mut [usize], window: usize) {
    let essential = |widths: &[usize]| -> usize {
        let shown = columns.iter().zip(widths);
        let shown = shown.filter(|(column, _)| column.is_essential);
        shown
            .map(|(_, width)| GAP + width)
            .sum::<usize>()
            .saturating_sub(GAP)
    };
    // Where something follows, the last column of the window says so.
    let follows = columns.iter().any(|column| !column.is_essential);
    let room = window.saturating_sub(usize::from(follows));
    while essential(widths) > room {
        let widest = columns
            .iter()
            .zip(widths.iter_mut())
            .filter(|(column, width)| column.can_shrink && **width > LEAST_NAME)
            .map(|(_, width)| width)
            .max();
        let Some(width) = widest else {
            return;
        };
        *width -= 1;
    }
}

/// Shortens a text in its middle: an address and its port are told apart by both ends.
fn shorten(text: &str, width: usize) -> Cow<'_, str> {
    const DOTS: &str = "..";
    let length = count_characters(text);
    if length <= width {
        return text.into();
    }
    let kept = width.saturating_sub(DOTS.len());
    let end = kept.div_ceil(2);
    let start = cut_text(text, kept - end);
    let tail = text.char_indices().nth(length - end);
    let tail = tail.and_then(|(at, _)| text.get(at..)).unwrap_or("");
    format!("{start}{DOTS}{tail}").into()
}

/// Returns the words of `now` that are not at the same place among those of `before`.
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

/// Returns the first characters of a text. Each takes one column: addresses, numbers,
/// graphs and names of hosts and services have no others.
fn cut_text(text: &str, columns: usize) -> &str {
    match text.char_indices().nth(columns) {
        Some((end, _)) => text.get(..end).unwrap_or(text),
        None => text,
    }
}

fn count_characters(text: &str) -> usize {
    match text.is_ascii() {
        true => text.len(),
        false => text.chars().count(),
    }
}

#[cfg(test)]
mod tests;

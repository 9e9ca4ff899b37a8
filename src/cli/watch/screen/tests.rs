// SPDX-License-Identifier: MIT

//! Screens without a terminal.

use std::num::NonZeroU32;

use ipvs_client::{AddressFamily, DestinationId, ServiceId};

use super::*;
use crate::{
    output::Tone,
    watch::{keys::Key, state::Reaction},
};

const WINDOW: Size = Size {
    columns: 80,
    rows: 24,
};

fn service(mark: u32) -> ServiceId {
    let mark = NonZeroU32::new(mark).unwrap();
    let family = AddressFamily::Ipv4;
    ServiceId::Fwmark { mark, family }
}

fn row(subject: Subject, cells: &[&str]) -> GridRow {
    GridRow {
        subject,
        cells: cells.iter().map(|cell| (*cell).to_owned()).collect(),
        tone: None,
    }
}

fn service_row(mark: u32, cells: &[&str]) -> GridRow {
    row(Subject::Service(service(mark)), cells)
}

fn server_row(mark: u32, last: u8, cells: &[&str]) -> GridRow {
    let id = DestinationId::new([10, 0, 0, last], 80);
    row(Subject::Destination(service(mark), id), cells)
}

/// A listing without columns, as the original's.
fn lines(title: &[&str], rows: &[(u32, &str)]) -> Grid {
    Grid {
        title: title.iter().map(|line| (*line).to_owned()).collect(),
        columns: vec![GridColumn {
            is_essential: true,
            ..GridColumn::default()
        }],
        rows: rows
            .iter()
            .map(|(mark, text)| service_row(*mark, &[text]))
            .collect(),
        sorted_by: None,
    }
}

fn column(heading: &str) -> GridColumn {
    GridColumn {
        heading: heading.to_owned(),
        ..GridColumn::default()
    }
}

/// A listing with columns: names, a number that has to be seen, the state, and a method.
fn table(rows: Vec<GridRow>) -> Grid {
    Grid {
        columns: vec![
            GridColumn {
                is_essential: true,
                can_shrink: true,
                ..column("Service\n  Server")
            },
            GridColumn {
                is_essential: true,
                is_right: true,
                ..column("\nActive")
            },
            GridColumn {
                is_essential: true,
                is_state: true,
                ..column("\nState")
            },
            column("Scheduler\nForwarding"),
        ],
        rows,
        ..Grid::default()
    }
}

fn screen(grid: &Grid, state: &State, columns: usize, rows: usize) -> Screen {
    let size = Size { columns, rows };
    compose(grid, &compare(None, grid), state, "the time", size, true)
}

fn shown(grid: &Grid, columns: usize, rows: usize) -> Vec<String> {
    screen(grid, &State::default(), columns, rows).lines
}

/// The lines below the status, with changed words in brackets, and what is gone in
/// braces.
fn marked(before: &Grid, now: &Grid) -> Vec<String> {
    let rows = compare(Some(before), now);
    let screen = compose(now, &rows, &State::default(), "", WINDOW, true);
    screen.lines[1..]
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
            &lines(&["a"], &[(1, "one 5 8"), (2, "two 5 8")]),
            &lines(&["b"], &[(1, "one  5 10"), (2, "two  5  8")]),
        ),
        ["b", "one  5 [10]", "two  5  8"]
    );
    assert_eq!(
        marked(
            &lines(&[], &[(1, "one 5")]),
            &lines(&[], &[(1, "one 5 quiesced")])
        ),
        ["one 5 [quiesced]"]
    );
    assert_eq!(
        marked(
            &table(vec![service_row(1, &["a", "9", "", "x y"])]),
            &table(vec![service_row(1, &["a", "1000", "", "x z"])]),
        )[2..],
        ["a           [1000]         x [z]"]
    );
}

#[test]
fn what_is_new_and_what_is_gone_is_said() {
    assert_eq!(
        marked(
            &lines(
                &["a", "b"],
                &[(1, "one"), (2, "two"), (3, "three"), (4, "four")]
            ),
            &lines(&["a", "b"], &[(2, "two"), (5, "five")]),
        ),
        [
            "a",
            "b",
            "{one (gone)]",
            "two",
            "{three (gone)]",
            "{four (gone)]",
            "[five (new)]"
        ]
    );
    assert_eq!(
        marked(
            &table(vec![server_row(1, 1, &["a", "1", "", "x"])]),
            &table(vec![server_row(1, 2, &["b", "2", "full", "x"])]),
        )[2..],
        [
            "{a              1  (gone)      x]",
            "[b              2  full (new)  x]",
        ]
    );
}

#[test]
fn the_first_table_has_no_changes() {
    let grid = lines(&["a"], &[(1, "one")]);
    assert_eq!(shown(&grid, 80, 24), ["the time", "a", "one"]);
}

#[test]
fn what_does_not_fit_the_window_is_left_out_and_counted() {
    let grid = lines(
        &[],
        &[(1, "0123456789"), (2, "0123456789a"), (3, "x"), (4, "y")],
    );
    assert_eq!(
        shown(&grid, 10, 5),
        ["the time", "0123456789", "012345678>", "x", "y"]
    );
    assert_eq!(
        shown(&grid, 12, 4)[1..],
        ["0123456789", "0123456789a", "(2 more line"]
    );
    assert_eq!(shown(&grid, 3, 2), ["the", "(4 "]);
    assert_eq!(shown(&grid, 80, 1), ["the time"]);
    assert_eq!(shown(&grid, 0, 0), [""; 0]);
}

#[test]
fn headings_stay_while_rows_scroll_and_both_ends_are_counted() {
    let rows: Vec<(u32, String)> = (1..=9).map(|mark| (mark, format!("row {mark}"))).collect();
    let rows: Vec<(u32, &str)> = rows
        .iter()
        .map(|(mark, row)| (*mark, row.as_str()))
        .collect();
    let grid = lines(&["heading"], &rows);
    let at = |top| {
        let state = State {
            top,
            ..State::default()
        };
        screen(&grid, &state, 60, 6)
    };
    assert_eq!(
        at(2).lines,
        [
            "the time",
            "heading",
            "row 3",
            "row 4",
            "row 5",
            "(2 lines above, 4 more lines)"
        ]
    );
    assert_eq!(
        at(usize::MAX).lines[2..],
        ["row 7", "row 8", "row 9", "(6 lines above)"]
    );
    assert_eq!(
        at(0).extent,
        Extent {
            rows: 9,
            room: 3,
            steps: 0
        }
    );
}

#[test]
fn a_long_line_without_columns_scrolls_by_characters() {
    let grid = lines(&["0123456789abcdef"], &[(1, "ABCDEFGHIJKLMNOP")]);
    let at = |skipped| {
        let state = State {
            skipped,
            ..State::default()
        };
        screen(&grid, &state, 10, 4)
    };
    assert_eq!(at(0).lines[1..], ["012345678>", "ABCDEFGHI>"]);
    assert_eq!(at(1).lines[1..], ["89abcdef", "IJKLMNOP"]);
    assert_eq!(at(9), at(1));
    assert_eq!(at(0).extent.steps, 1);
}

#[test]
fn the_names_stay_while_columns_scroll() {
    let grid = table(vec![server_row(
        1,
        1,
        &["  10.0.0.1:80", "7", "full", "tunneling"],
    )]);
    let at = |skipped| {
        let state = State {
            skipped,
            ..State::default()
        };
        screen(&grid, &state, 32, 6)
    };
    assert_eq!(
        at(0).lines[1..],
        [
            "Service                       S>",
            "  Server       Active  State  F>",
            "  10.0.0.1:80       7  full   t>",
        ]
    );
    assert_eq!(
        at(1).lines[1..],
        [
            "Service               Scheduler",
            "  Server       State  Forwarding",
            "  10.0.0.1:80  full   tunneling",
        ]
    );
    assert_eq!(at(0).extent.steps, 1);
}

#[test]
fn names_are_shortened_in_their_middle_only_when_what_matters_has_no_room() {
    let long = "  [2001:db8:1111:2222:3333:4444:5555:6666]:8080";
    let grid = table(vec![server_row(
        1,
        1,
        &[long, "7", "quiesced", "tunneling"],
    )]);
    // The method falls off first.
    assert_eq!(shown(&grid, 66, 6)[3], format!("{long}       7  quiesced>"));
    assert_eq!(
        shown(&grid, 65, 6)[3],
        "  [2001:db8:1111:2222:..3:4444:5555:6666]:8080       7  quiesced>"
    );
    assert_eq!(
        shown(&grid, 51, 6)[3],
        "  [2001:db8:111..5555:6666]:8080       7  quiesced>"
    );
    // There is an end to it.
    assert_eq!(shown(&grid, 20, 6)[3], "  [2001..6]:8080   >");
}

#[test]
fn the_words_about_the_state_have_the_colour_of_their_reason() {
    let mut row = server_row(1, 1, &["a", "1", "quiesced", "x"]);
    row.tone = Some(Tone::Quiesced);
    let line = shown(&table(vec![row]), 80, 6).pop().unwrap();
    assert_eq!(
        line,
        "a              1  \x1b[0;33mquiesced\x1b[0m  x".to_owned()
    );
}

#[test]
fn the_heading_that_is_sorted_by_is_underlined_and_named() {
    let mut grid = table(vec![service_row(1, &["a", "1", "", "x"])]);
    grid.columns[1].is_sorted = true;
    grid.sorted_by = Some("Active".to_owned());
    let lines = shown(&grid, 80, 6);
    assert!(lines[2].contains("\x1b[0;4mActive\x1b[0m"), "{lines:?}");
    assert_eq!(lines.last().unwrap(), "sorted by Active");
}

#[test]
fn a_filter_keeps_servers_with_their_service_and_services_with_their_servers() {
    let grid = table(vec![
        service_row(1, &["FWM 1", "", "", "rr"]),
        server_row(1, 1, &["  10.0.0.1:80", "", "", ""]),
        server_row(1, 2, &["  10.0.0.2:80", "", "Quiesced", ""]),
        server_row(1, 3, &["  10.0.0.3:80", "", "", ""]),
        service_row(2, &["FWM 2", "", "", "wrr"]),
        server_row(2, 2, &["  10.0.0.2:80", "", "", ""]),
    ]);
    let names = |filter: &str| {
        let mut state = State::default();
        let extent = Extent::default();
        for key in format!("/{filter}").chars() {
            assert_eq!(state.press(Key::Character(key), &extent, 0), Reaction::Draw);
        }
        state.press(Key::Enter, &extent, 0);
        let screen = screen(&grid, &state, 80, 24);
        let lines = &screen.lines[3..];
        assert_eq!(
            lines.last().unwrap(),
            &format!("/{filter}  (Esc: all)"),
            "{filter}"
        );
        lines[..lines.len() - 1]
            .iter()
            .map(|line| line.split("  ").find(|cell| !cell.is_empty()).unwrap())
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        names("0.2:80"),
        ["FWM 1", "10.0.0.2:80", "FWM 2", "10.0.0.2:80"]
    );
    assert_eq!(names("quiesced"), ["FWM 1", "10.0.0.2:80"]);
    assert_eq!(names("fwm 2"), ["FWM 2", "10.0.0.2:80"]);
    assert_eq!(names("10.0.0.3"), ["FWM 1", "10.0.0.3:80"]);
    assert_eq!(names("nothing"), [""; 0]);
}

#[test]
fn what_is_being_typed_stands_on_the_last_line() {
    let grid = lines(&[], &[(1, "one"), (2, "two")]);
    let state = State {
        typed: Some("tw".to_owned()),
        is_paused: true,
        ..State::default()
    };
    assert_eq!(
        screen(&grid, &state, 80, 24).lines,
        ["the time", "two", "paused  /tw_"]
    );
}

#[test]
fn help_has_a_line_for_every_key() {
    let grid = lines(&["heading"], &[(1, "one")]);
    let state = State {
        shows_help: true,
        ..State::default()
    };
    let lines = screen(&grid, &state, 80, 24).lines;
    assert_eq!(lines[..2], ["the time", "heading"]);
    assert_eq!(lines.len(), 2 + KEYS.len());
    for ((key, effect), line) in KEYS.iter().zip(&lines[2..]) {
        assert!(line.starts_with(key) && line.ends_with(effect), "{line}");
        assert!(line.len() <= 80, "{line}");
    }
}

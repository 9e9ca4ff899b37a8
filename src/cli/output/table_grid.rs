// SPDX-License-Identifier: MIT

//! The table as cells for a screen, and sorting it by a column.

use comfy_table::CellAlignment;
use ipvs_client::{Interface, Stats};

use super::{
    columns::{CONNECTION_RATE, WideColumn, columns_of},
    graph::draw_graph,
    grid::{Grid, GridColumn, GridRow},
    line::Subject,
    wide::make_rows,
};
use crate::{
    command::{ListTable, View},
    names::Names,
    table::Entry,
};

/// Returns the rates of a service or destination in the last minute, the oldest first,
/// from its counters as they are now.
pub(crate) type RecentRates<'a> = dyn Fn(&Subject, &Stats) -> Vec<Stats> + 'a;

/// Returns the columns that a listing of this view can be sorted by.
pub(crate) fn sort_columns(view: View, interface: Interface) -> Vec<&'static WideColumn> {
    let (first, others): (Vec<_>, Vec<_>) = columns_of(view, interface)
        .iter()
        .partition(|column| column.is_essential);
    first.into_iter().chain(others).collect()
}

/// Sorts services, and the destinations of each, by a column. Those that are equal stay
/// in their order.
pub(crate) fn sort_entries(entries: &mut [Entry], column: &WideColumn) {
    for (_, destinations) in entries.iter_mut() {
        destinations.sort_by_cached_key(|destination| column.destination_key(destination));
    }
    entries.sort_by_cached_key(|(service, destinations)| column.service_key(service, destinations));
}

/// A column of the table on a screen.
enum ScreenColumn {
    Name,
    /// One of the view, with its place among the cells of a row.
    Value(usize, &'static WideColumn),
    /// The reason why a destination gets no new connections.
    State,
    /// The last minute of a rate.
    Graph(&'static WideColumn),
}

/// Makes the table for a screen: what has to be seen comes first. Rates have graphs
/// where the rates of the last minute are given.
///
/// The rows are sorted by a column of [`sort_columns`], or not by any.
pub(crate) fn make_table_grid(
    entries: &[Entry],
    listing: &ListTable,
    interface: Interface,
    names: &mut Names,
    sorted_by: Option<usize>,
    recent: Option<&RecentRates<'_>>,
) -> Grid {
    if entries.is_empty() {
        return Grid {
            title: vec!["There are no virtual services.".to_owned()],
            ..Grid::default()
        };
    }
    let columns = sort_columns(listing.view, interface);
    let has_rates = columns.iter().any(|column| column.rate().is_some());
    let mut layout = vec![ScreenColumn::Name];
    let mut others = Vec::new();
    for (index, column) in (1..).zip(columns.iter().copied()) {
        let list = match column.is_essential {
            true => &mut layout,
            false => &mut others,
        };
        list.push(ScreenColumn::Value(index, column));
        if recent.is_some() && column.rate().is_some() {
            list.push(ScreenColumn::Graph(column));
        }
    }
    layout.push(ScreenColumn::State);
    if recent.is_some() && !has_rates {
        layout.push(ScreenColumn::Graph(&CONNECTION_RATE));
    }
    layout.append(&mut others);

    let mut rows = Vec::new();
    for (service, destinations) in entries {
        let stats = std::iter::once(service.stats.as_ref())
            .chain(destinations.iter().map(|one| one.stats.as_ref()));
        let made = make_rows(&columns, listing.exact, names, service, destinations);
        for (mut row, stats) in made.into_iter().zip(stats) {
            let rates = match (recent, stats) {
                (Some(recent), Some(stats)) => recent(&row.subject, stats),
                _ => Vec::new(),
            };
            let mut take = |index: usize| row.cells.get_mut(index).map(std::mem::take);
            let cells = layout.iter().map(|column| match column {
                ScreenColumn::Name => take(0).unwrap_or_default(),
                ScreenColumn::Value(index, _) => take(*index).unwrap_or_default(),
                ScreenColumn::State => {
                    let notice = row.notice.as_ref();
                    notice.map_or("", |notice| notice.short).to_owned()
                }
                ScreenColumn::Graph(column) => match column.rate() {
                    Some(rate) => draw_graph(rates.iter().map(rate)),
                    None => String::new(),
                },
            });
            rows.push(GridRow {
                cells: cells.collect(),
                subject: row.subject,
                tone: row.notice.as_ref().map(|notice| notice.tone),
            });
        }
    }
    let columns = layout.iter().map(|column| match column {
        ScreenColumn::Name => GridColumn {
            heading: "Service\n  Server".to_owned(),
            is_essential: true,
            can_shrink: true,
            ..GridColumn::default()
        },
        ScreenColumn::Value(index, column) => GridColumn {
            heading: column.heading.to_owned(),
            is_right: column.alignment == CellAlignment::Right,
            is_essential: column.is_essential,
            is_sorted: sorted_by.is_some_and(|sorted| sorted + 1 == *index),
            ..GridColumn::default()
        },
        ScreenColumn::State => GridColumn {
            heading: "\nState".to_owned(),
            is_essential: true,
            is_state: true,
            ..GridColumn::default()
        },
        ScreenColumn::Graph(column) => GridColumn {
            heading: match has_rates {
                true => "\nlast min".to_owned(),
                false => format!("{}\nlast min", column.name()),
            },
            is_right: true,
            is_essential: column.is_essential && has_rates,
            is_restless: true,
            ..GridColumn::default()
        },
    });
    Grid {
        title: Vec::new(),
        columns: columns.collect(),
        rows,
        sorted_by: sorted_by
            .and_then(|index| sort_columns(listing.view, interface).get(index).copied())
            .map(WideColumn::name),
    }
}

/// Appends to the rows of a table a graph of each rate.
pub(crate) fn append_graphs(grid: &mut Grid, entries: &[Entry], recent: &RecentRates<'_>) {
    let rates: Vec<_> = columns_of(View::Rate, Interface::Netlink)
        .iter()
        .filter_map(|column| Some((column, column.rate()?)))
        .collect();
    grid.columns
        .extend(rates.iter().map(|(column, _)| GridColumn {
            heading: format!("{}\nlast min", column.name()),
            is_right: true,
            is_restless: true,
            ..GridColumn::default()
        }));
    let stats = entries.iter().flat_map(|(service, destinations)| {
        let of_destinations = destinations.iter().map(|one| one.stats.as_ref());
        std::iter::once(service.stats.as_ref()).chain(of_destinations)
    });
    for (row, stats) in grid.rows.iter_mut().zip(stats) {
        let rates_of_row = stats.map_or_else(Vec::new, |stats| recent(&row.subject, stats));
        row.cells.extend(
            rates
                .iter()
                .map(|(_, rate)| draw_graph(rates_of_row.iter().map(*rate))),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::{
        Tone,
        sample::{self, listing},
    };

    fn column(view: View, name: &str) -> usize {
        let names: Vec<String> = sort_columns(view, Interface::Netlink)
            .iter()
            .map(|column| column.name())
            .collect();
        names
            .iter()
            .position(|found| found == name)
            .unwrap_or_else(|| panic!("{names:?}"))
    }

    fn grid(line: &str, sorted_by: Option<usize>, recent: Option<&RecentRates<'_>>) -> Grid {
        let entries = sample::entries();
        let mut names = Names::new(true);
        let listing = listing(line);
        make_table_grid(
            &entries,
            &listing,
            Interface::Netlink,
            &mut names,
            sorted_by,
            recent,
        )
    }

    /// Each column as its heading in one line and what else it is.
    fn describe_columns(grid: &Grid) -> Vec<String> {
        let describe = |column: &GridColumn| {
            let mut words = vec![format!("{:?}", column.heading)];
            for (is_so, word) in [
                (column.is_right, "right"),
                (column.is_essential, "essential"),
                (column.can_shrink, "shrinks"),
                (column.is_restless, "restless"),
                (column.is_sorted, "sorted"),
                (column.is_state, "state"),
            ] {
                words.extend(is_so.then(|| word.to_owned()));
            }
            words.join(" ")
        };
        grid.columns.iter().map(describe).collect()
    }

    /// In the last minute there was nothing, and then what there is now.
    const RECENT: &RecentRates<'static> = &|_, stats| vec![sample::counters(0, 0), *stats];

    #[test]
    fn what_has_to_be_seen_comes_first_then_the_state_then_the_rest() {
        let inactive = column(View::Plain, "Inactive");
        let grid = grid("-L", Some(inactive), None);
        assert_eq!(grid.title, [""; 0]);
        assert_eq!(grid.sorted_by.as_deref(), Some("Inactive"));
        assert_eq!(
            describe_columns(&grid),
            [
                r#""Service\n  Server" essential shrinks"#,
                r#""\nActive" right essential"#,
                r#""\nInactive" right essential sorted"#,
                r#""\n%" right essential"#,
                r#""\nState" essential state"#,
                r#""Scheduler\nForwarding""#,
                r#""\nWeight" right"#,
                r#""\n%" right"#,
                r#""\nDetails""#,
            ]
        );
        let rows: Vec<_> = grid.rows.iter().map(|row| row.cells.join(" | ")).collect();
        assert_eq!(
            rows,
            [
                "TCP 10.0.0.1:80 | 8 | 16 | - |  | wrr | 4 | - | persistent 60 s",
                "  10.0.0.2:8080 | 6 | 10 | 66.7 |  | masquerading | 3 | 75.0 | ",
                "  10.0.0.3:80 | 2 | 6 | 33.3 | full | direct routing | 1 | 25.0 | ",
                "  10.0.0.4:80 | 0 | 0 | 0.0 | quiesced | tunneling | 0 | 0.0 | gue port 6080, no checksum",
                "FWM 5 | 0 | 0 | - |  | rr | 0 | - | no servers",
            ]
        );
        let tones: Vec<_> = grid.rows.iter().map(|row| row.tone).collect();
        assert_eq!(
            tones,
            [None, None, Some(Tone::Full), Some(Tone::Quiesced), None]
        );
    }

    #[test]
    fn each_rate_has_its_graph_beside_it() {
        let grid = grid("-L --rate", None, Some(RECENT));
        assert_eq!(grid.sorted_by, None);
        assert_eq!(
            describe_columns(&grid),
            [
                r#""Service\n  Server" essential shrinks"#,
                r#""\nConns/s" right essential"#,
                r#""\nlast min" right essential restless"#,
                r#""\n%" right essential"#,
                r#""\nState" essential state"#,
                r#""In\npackets/s" right"#,
                r#""\nlast min" right restless"#,
                r#""Out\npackets/s" right"#,
                r#""\nlast min" right restless"#,
                r#""In\nbytes/s" right"#,
                r#""\nlast min" right restless"#,
                r#""Out\nbytes/s" right"#,
                r#""\nlast min" right restless"#,
                r#""\nDetails""#,
            ]
        );
        let cells = |row: usize| grid.rows[row].cells.join(" | ");
        assert_eq!(
            cells(1),
            "  10.0.0.2:8080 | 30 | ▁█ | 75.0 |  | 60 | ▁█ | 90 | ▁█ | 3.0k | ▁█ | 30.0k | ▁█ | "
        );
        assert_eq!(
            cells(3),
            "  10.0.0.4:80 | 0 | ▁▁ | 0.0 | quiesced | 0 | ▁▁ | 0 | ▁▁ | 0 | ▁▁ | 0 | ▁▁ | "
        );
    }

    #[test]
    fn a_view_without_rates_has_the_graph_of_new_connections() {
        let grid = grid("-L", None, Some(RECENT));
        let columns = describe_columns(&grid);
        assert_eq!(columns[4], r#""\nState" essential state"#);
        assert_eq!(columns[5], r#""Conns/s\nlast min" right restless"#);
        assert_eq!(columns[6], r#""Scheduler\nForwarding""#);
        let graphs: Vec<_> = grid.rows.iter().map(|row| row.cells[5].as_str()).collect();
        assert_eq!(graphs, ["▁█", "▁█", "▁█", "▁▁", "▁█"]);
    }

    #[test]
    fn without_counters_there_is_nothing_to_draw() {
        let mut entries = sample::entries();
        entries[1].0.stats = None;
        let mut names = Names::new(true);
        let interface = Interface::Netlink;
        let listing = listing("-L");
        let recent = Some(RECENT);
        let mut grid = make_table_grid(&entries, &listing, interface, &mut names, None, recent);
        assert_eq!(grid.rows[0].cells[5], "▁█");
        assert_eq!(grid.rows[4].cells[5], "");
        append_graphs(&mut grid, &entries, RECENT);
        assert_eq!(grid.rows[4].cells[10..], [""; 5]);
    }

    #[test]
    fn graphs_of_all_rates_can_be_appended() {
        let mut grid = grid("-L", None, None);
        append_graphs(
            &mut grid,
            &sample::entries(),
            &|subject, stats| match subject.is_destination() {
                true => vec![sample::counters(0, 0), *stats],
                false => Vec::new(),
            },
        );
        assert_eq!(
            describe_columns(&grid)[9..],
            [
                r#""Conns/s\nlast min" right restless"#,
                r#""In packets/s\nlast min" right restless"#,
                r#""Out packets/s\nlast min" right restless"#,
                r#""In bytes/s\nlast min" right restless"#,
                r#""Out bytes/s\nlast min" right restless"#,
            ]
        );
        assert_eq!(grid.rows[0].cells[9..], [""; 5]);
        assert_eq!(grid.rows[1].cells[9..], ["▁█"; 5]);
        assert_eq!(grid.rows[3].cells[9..], ["▁▁"; 5]);
    }

    #[test]
    fn an_empty_table_says_so() {
        let mut names = Names::new(true);
        let listing = listing("-L");
        let grid = make_table_grid(&[], &listing, Interface::Netlink, &mut names, None, None);
        assert_eq!(grid.title, ["There are no virtual services."]);
        assert!(grid.columns.is_empty() && grid.rows.is_empty());
    }

    /// Large numbers come first, and words in the order of the alphabet.
    #[test]
    fn services_and_their_destinations_are_sorted_by_a_column() {
        let web = "TCP 10.0.0.1:80";
        let mark = "fwmark 5";
        let [second, third, fourth] = ["10.0.0.2:8080", "10.0.0.3:80", "10.0.0.4:80"];
        for (view, name, expected) in [
            (View::Plain, "Inactive", [web, second, third, fourth, mark]),
            (View::Stats, "Conns", [mark, web, second, third, fourth]),
            (View::Rate, "Conns/s", [web, second, third, fourth, mark]),
            (
                View::Plain,
                "Scheduler Forwarding",
                [mark, web, third, second, fourth],
            ),
            (
                View::Thresholds,
                "Upper limit",
                [web, third, second, fourth, mark],
            ),
        ] {
            let columns = sort_columns(view, Interface::Netlink);
            let mut entries = sample::entries();
            sort_entries(&mut entries, columns[column(view, name)]);
            let mut order = Vec::new();
            for (service, destinations) in &entries {
                order.push(service.id.to_string());
                order.extend(destinations.iter().map(|one| one.id.to_string()));
            }
            assert_eq!(order, expected, "{name}");
        }
    }
}

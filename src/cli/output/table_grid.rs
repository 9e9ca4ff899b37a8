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

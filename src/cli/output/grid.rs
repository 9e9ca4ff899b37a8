// SPDX-License-Identifier: MIT

//! A listing as cells, before it is known how large the window is.

use super::line::{Subject, Tone};

/// A listing for a screen.
#[derive(Debug, Default)]
pub(crate) struct Grid {
    /// Lines above the headings of the columns.
    pub(crate) title: Vec<String>,
    /// The first has the names of the rows.
    pub(crate) columns: Vec<GridColumn>,
    pub(crate) rows: Vec<GridRow>,
    /// The name of the column that the rows are sorted by, if they are not in their own
    /// order.
    pub(crate) sorted_by: Option<String>,
}

/// A column of a grid.
#[derive(Clone, Debug, Default)]
pub(crate) struct GridColumn {
    /// One or two lines; empty if no column has a heading.
    pub(crate) heading: String,
    /// Numbers stand right, all else stands left.
    pub(crate) is_right: bool,
    /// It has to be seen in a small window too.
    pub(crate) is_essential: bool,
    /// Cells may be shortened in their middle.
    pub(crate) can_shrink: bool,
    /// It is other each time, which is no change to be marked.
    pub(crate) is_restless: bool,
    /// The rows are sorted by it.
    pub(crate) is_sorted: bool,
    /// Words about the state of the row stand here.
    pub(crate) is_state: bool,
}

/// A row of a grid.
#[derive(Clone, Debug)]
pub(crate) struct GridRow {
    pub(crate) subject: Subject,
    /// One for each column.
    pub(crate) cells: Vec<String>,
    /// The reason why the state wants attention, if it does.
    pub(crate) tone: Option<Tone>,
}

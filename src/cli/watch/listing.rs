// SPDX-License-Identifier: MIT

//! The things of which a listing is made that can be watched.

use super::schedule::Schedule;
use crate::output::{Grid, ListingError};

/// A listing that is read again and again.
pub(super) trait Listing {
    /// All of it at one time.
    type Reading;

    /// Returns the times at which it is read.
    fn schedule(&self) -> &Schedule;

    /// Reads it.
    fn read(&mut self) -> Result<Self::Reading, ListingError>;

    /// Returns the line above a reading.
    fn headline(&self, reading: &Self::Reading) -> String;

    /// Makes the text of a reading, all of it and nothing cut.
    fn make_text(&mut self, reading: &Self::Reading, colour: bool) -> Result<String, ListingError>;

    /// Makes the cells of a reading, for a screen; sorted by one of the columns that
    /// there are to sort by, if not as the listing is.
    fn make_grid(
        &mut self,
        reading: &Self::Reading,
        sort: Option<usize>,
    ) -> Result<Grid, ListingError>;

    /// Returns the number of columns that there are to sort by.
    fn count_sort_columns(&self, reading: &Self::Reading) -> usize;
}

// SPDX-License-Identifier: MIT

//! Times as text.

use std::time::SystemTime;

/// Writes a time in the form of ISO 8601 in UTC, which means the same wherever it
/// is read.
pub(crate) fn time_stamp(time: SystemTime) -> String {
    // Linux counts nanoseconds since 1970 in 64 bits: its clock ends long before
    // the last time stamp.
    let time = jiff::Timestamp::try_from(time).unwrap_or(jiff::Timestamp::MAX);
    time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn time_stamps_are_iso_8601_in_utc() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(951_782_400_250);
        assert_eq!(time_stamp(time), "2000-02-29T00:00:00.250Z");
    }
}

// SPDX-License-Identifier: MIT

//! Tells why a destination gets no new connections.

use ipvs_client::Destination;

use super::line::Tone;

/// The reasons why a destination gets no new connections, in words.
#[derive(Clone, Debug)]
pub(super) struct Notice {
    pub(super) words: String,
    /// The same, as short as can be.
    pub(super) short: &'static str,
    pub(super) tone: Tone,
}

impl Notice {
    /// Returns the notice of a destination, if there is a reason.
    pub(super) fn of(destination: &Destination) -> Option<Self> {
        let settings = &destination.settings;
        let quiesced = settings.weight == 0;
        let limit = settings.upper_threshold;
        let full = destination.is_full();
        let mut words = Vec::new();
        if quiesced {
            words.push("quiesced".to_owned());
        }
        if full {
            words.push(format!("upper threshold {limit} reached"));
        }
        let tone = if full { Tone::Full } else { Tone::Quiesced };
        let short = match (full, quiesced) {
            (true, true) => "full, quiesced",
            (true, false) => "full",
            (false, _) => "quiesced",
        };
        (!words.is_empty()).then(|| Self {
            words: words.join(", "),
            short,
            tone,
        })
    }
}

#[cfg(test)]
mod tests {
    use ipvs_client::{DestinationId, DestinationSettings};

    use super::*;

    #[test]
    fn all_that_keeps_new_connections_away_is_said() {
        for (weight, limit, active, inactive, words) in [
            (1, 0, 1000, 1000, None),
            (0, 0, 0, 0, Some("quiesced")),
            (1, 10, 4, 5, None),
            (1, 10, 5, 5, Some("upper threshold 10 reached")),
            (
                1,
                u32::MAX,
                u32::MAX,
                1,
                Some("upper threshold 4294967295 reached"),
            ),
            (0, 10, 11, 0, Some("quiesced, upper threshold 10 reached")),
        ] {
            let mut destination = Destination::new(
                DestinationId::new([10, 0, 0, 1], 80),
                DestinationSettings::masquerading()
                    .weight(weight)
                    .upper_threshold(limit),
            );
            destination.active_connections = active;
            destination.inactive_connections = inactive;
            let notice = Notice::of(&destination);
            assert_eq!(notice.as_ref().map(|notice| notice.words.as_str()), words);
            if let Some(notice) = notice {
                assert_eq!(notice.tone == Tone::Full, limit > 0);
            }
        }
    }
}

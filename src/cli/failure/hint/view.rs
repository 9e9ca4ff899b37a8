// SPDX-License-Identifier: MIT

//! The hint about a listing whose form has no place for all columns that were asked for.

use crate::{
    args::{Wording, name},
    command::{
        Command, Request, TableForm,
        watch::{Watch, Watched},
    },
};

/// Returns the hint for a listing that shows less than its options ask for.
pub(crate) fn explain_missing_columns(
    request: &Request,
    wording: &Wording,
) -> Option<&'static str> {
    let form = match request {
        Request::Run(Command::Table(_, form))
        | Request::Watch(Watch {
            watched: Watched::Table(_, form),
            ..
        }) => form,
        _ => return None,
    };
    let has_both = wording.given.contains(name::STATS) && wording.given.contains(name::RATE);
    (has_both && *form == TableForm::Classic)
        .then_some("hint: beside --stats there is no room for --rate; --output wide shows both")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args;

    #[test]
    fn only_the_classic_form_cannot_show_counters_and_rates() {
        let hint = |line: &str| {
            let words: Vec<_> = line.split(' ').collect();
            let typed = args::parse_typed(&words).unwrap();
            explain_missing_columns(&typed.request, &typed.wording)
        };
        let both = "hint: beside --stats there is no room for --rate; --output wide shows both";
        for (line, expected) in [
            ("-L --stats --rate", Some(both)),
            ("-L -n --rate --stats -t 10.0.0.1:80", Some(both)),
            ("-L --stats --rate --watch", Some(both)),
            ("-L --stats", None),
            ("-L --rate --thresholds", None),
            ("-L --stats --rate --output wide", None),
            ("-L --stats --rate --json", None),
            ("-L --stats --rate --output openmetrics", None),
        ] {
            assert_eq!(hint(line), expected, "{line}");
        }
    }
}

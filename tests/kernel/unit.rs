// SPDX-License-Identifier: MIT

//! Units of systemd, as text.

/// Returns what a unit says after this name, once.
pub(crate) fn setting<'a>(unit: &'a str, name: &str) -> &'a str {
    let lines = unit.lines().filter_map(|line| line.split_once('='));
    let mut values = lines.filter(|(of, _)| *of == name);
    let (_, value) = values.next().unwrap();
    assert_eq!(values.next(), None, "{name} in {unit}");
    value
}

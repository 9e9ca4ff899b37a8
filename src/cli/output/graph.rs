// SPDX-License-Identifier: MIT

//! Draws numbers as a small bar graph of one line.

/// Bars from none to the highest, one eighth apart: the lower blocks of Unicode.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Draws a bar for each number; the largest has the highest. Only 0 has the lowest.
pub(super) fn draw_graph(numbers: impl Iterator<Item = u64> + Clone) -> String {
    let largest = u128::from(numbers.clone().max().unwrap_or(0));
    numbers
        .filter_map(|number| {
            let height = (u128::from(number) * 7).checked_add(largest.saturating_sub(1))?;
            let height = height.checked_div(largest).unwrap_or(0);
            BARS.get(usize::try_from(height).ok()?)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(numbers: &[u64]) -> String {
        draw_graph(numbers.iter().copied())
    }

    #[test]
    fn the_largest_number_has_the_highest_bar_and_only_0_the_lowest() {
        assert_eq!(graph(&[0, 1, 2, 3, 4, 5, 6, 7]), "▁▂▃▄▅▆▇█");
        assert_eq!(graph(&[0, 1, 1000]), "▁▂█");
        assert_eq!(graph(&[5, 5]), "██");
        assert_eq!(graph(&[0, 0, 0]), "▁▁▁");
        assert_eq!(graph(&[u64::MAX, u64::MAX / 2, 0]), "█▅▁");
        assert_eq!(graph(&[]), "");
    }
}

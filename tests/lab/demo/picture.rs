// SPDX-License-Identifier: MIT

//! The words of the demonstration as a picture, which shows one step after the other.

use std::fmt::Write as _;

/// Pixels from one line to the next, and between the text and the border.
const LINE: usize = 18;
const MARGIN: usize = 16;
/// Width of the picture, in pixels: 80 letters of 13 pixels, and the margins.
const WIDTH: usize = 680;
/// Seconds that a step is shown.
const STEP: usize = 5;

/// Draws the text as SVG. A step begins with a line that is not indented, and a viewer
/// that does not move pictures shows the first.
pub(crate) fn draw(text: &str) -> String {
    let lines: Vec<&str> = text.trim_matches('\n').lines().collect();
    let is_heading = |line: &str| !line.is_empty() && !line.starts_with(' ');
    let starts: Vec<usize> = (0..lines.len())
        .filter(|number| lines.get(*number).is_some_and(|line| is_heading(line)))
        .collect();
    let ends = starts.iter().skip(1).copied().chain([lines.len()]);
    let longest = starts.iter().zip(ends).map(|(start, end)| end - start);
    let height = 2 * MARGIN + longest.max().unwrap_or_default() * LINE;
    let places: Vec<String> = starts
        .iter()
        .map(|start| format!("0 -{}", start * LINE))
        .collect();
    let mut picture = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\" font-family=\"DejaVu Sans Mono, Menlo, Consolas, \
         monospace\" font-size=\"13\" role=\"img\" aria-labelledby=\"title\">\n\
         <title id=\"title\">The output of cargo lab demo, step by step</title>\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" rx=\"8\" fill=\"#1f2933\"/>\n\
         <svg x=\"{MARGIN}\" y=\"{MARGIN}\" width=\"{}\" height=\"{}\">\n<g>\n\
         <animateTransform attributeName=\"transform\" type=\"translate\" calcMode=\"discrete\" \
         dur=\"{}s\" repeatCount=\"indefinite\" values=\"{}\"/>\n",
        WIDTH - 2 * MARGIN,
        height - 2 * MARGIN,
        STEP * starts.len(),
        places.join(";"),
    );
    for (number, line) in lines.iter().enumerate() {
        let colour = match line.trim_start().starts_with("$ ") {
            _ if is_heading(line) => "#ffd666\" font-weight=\"bold",
            true => "#8eedc7",
            false => "#e4e7eb",
        };
        let line = line.trim_end().replace('&', "&amp;").replace('<', "&lt;");
        if !line.is_empty() {
            let y = number * LINE + 13;
            let _ = writeln!(
                picture,
                "<text y=\"{y}\" xml:space=\"preserve\" fill=\"{colour}\">{line}</text>"
            );
        }
    }
    picture + "</g>\n</svg>\n</svg>\n"
}

#[cfg(test)]
mod tests {
    use super::draw;

    #[test]
    fn each_step_is_shown_at_the_top_in_its_turn() {
        let picture = draw("\nFirst\n    $ a <b>\n\nSecond\n    c\n    d\n    e\n");
        assert!(picture.contains("values=\"0 -0;0 -54\""), "{picture}");
        // Four lines of the second step, and the margins.
        assert!(picture.contains("height=\"104\""), "{picture}");
        assert!(picture.contains(">    $ a &lt;b></text>"), "{picture}");
    }
}

// SPDX-License-Identifier: MIT

//! Putting a report into a document, in the place of the one before.

/// Returns the document with `section` between the marks that bear `name`; both
/// come to the end where it has none.
pub(crate) fn put(document: &str, name: &str, section: &str) -> String {
    let begin = format!("<!-- cargo lab bench: {name} -->\n");
    let end = format!("<!-- end of cargo lab bench: {name} -->\n");
    let place = document.split_once(&begin).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(&end)?;
        Some((before, after))
    });
    let (before, after) = place.unwrap_or((document, ""));
    format!("{before}{begin}\n{section}\n{end}{after}")
}

#[cfg(test)]
mod tests {
    use super::put;

    #[test]
    fn a_section_takes_the_place_of_the_one_with_its_name() {
        let first = put("# Title\n", "uml", "one");
        let both = put(&first, "qemu", "two");
        let renewed = put(&both, "uml", "three\n");
        assert_eq!(renewed, both.replace("one\n", "three\n\n"));
        assert!(renewed.starts_with("# Title\n<!--") && renewed.contains("\ntwo\n"));
    }
}

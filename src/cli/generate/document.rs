// SPDX-License-Identifier: MIT

//! The manual pages of section 5, from the documents about the forms of output.
//!
//! The documents are written by hand, and tests hold the fields and metrics that they
//! list against the schema and against what is written. A page has the same words in
//! the macros of mdoc. A row of a table becomes an item of a list, because a terminal
//! is too narrow for columns of sentences.

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::Generated;

/// The place of the documents in a package.
const DOCUMENTS: &str = "/usr/share/doc/ipvsadm/docs/";
/// The longest line that the tools which check manual pages want.
const WIDTH: usize = 78;

pub(super) const JSON: &str = include_str!("json.md");
pub(super) const OPENMETRICS: &str = include_str!("openmetrics.md");

pub(super) fn list_pages() -> [Generated; 2] {
    let page = |path, part: &str, write| Generated {
        path,
        comment: ".\\\"",
        parts: vec![part.to_owned()],
        part: write,
    };
    [
        page("man/ipvsadm-json.5", "document json.md", |_| {
            Some(Page::write(JSON))
        }),
        page(
            "man/ipvsadm-openmetrics.5",
            "document openmetrics.md",
            |_| Some(Page::write(OPENMETRICS)),
        ),
    ]
}

/// A page that is being written.
#[derive(Default)]
struct Page {
    lines: String,
    /// The words of the heading, paragraph, item or cell so far, with their fonts.
    words: String,
    /// The address of the link that is open, and the place where its words begin.
    link: Option<(String, usize)>,
    headings: Vec<String>,
    cells: Vec<String>,
    is_literal: bool,
    /// A section's heading, which is in capital letters but for code.
    is_heading: bool,
    /// The next paragraph follows a heading or begins an item.
    is_first: bool,
}

impl Page {
    /// Writes a document without its title.
    fn write(document: &str) -> String {
        let (_, text) = document.split_once("\n\n").unwrap_or_default();
        let mut page = Self {
            is_first: true,
            ..Self::default()
        };
        for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
            page.take(event);
        }
        page.lines
    }

    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(&tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) if self.is_literal => self.lines.push_str(&escape_literal(&text)),
            Event::Text(text) if self.is_heading => {
                self.words.push_str(&escape(&text).to_uppercase());
            }
            Event::Text(text) => self.words.push_str(&escape(&text)),
            Event::Code(text) => {
                let text = escape(&text).replace('-', r"\-");
                self.words.push_str(&format!(r"\fB{text}\fR"));
            }
            Event::SoftBreak => self.words.push(' '),
            other => panic!("no form in a manual page for {other:?}"),
        }
    }

    fn start(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::Heading { level, .. } => self.is_heading = *level == HeadingLevel::H2,
            Tag::TableHead | Tag::TableRow | Tag::TableCell => {}
            Tag::Paragraph if self.is_first => self.is_first = false,
            Tag::Paragraph => self.lines.push_str(".Pp\n"),
            Tag::List(None) => self.open(".Bl -bullet"),
            Tag::Table(_) => self.open(".Bl -tag -width Ds"),
            Tag::Item => {
                self.lines.push_str(".It\n");
                self.is_first = true;
            }
            Tag::CodeBlock(_) => {
                self.open(".Bd -literal -offset indent");
                self.is_literal = true;
            }
            Tag::Strong => self.words.push_str(r"\fB"),
            Tag::Emphasis => self.words.push_str(r"\fI"),
            Tag::Link { dest_url, .. } => {
                self.link = Some((dest_url.to_string(), self.words.len()));
            }
            other => panic!("no form in a manual page for {other:?}"),
        }
    }

    /// Begins a list or display; what comes after it is a new paragraph.
    fn open(&mut self, line: &str) {
        self.lines.push_str(line);
        self.lines.push('\n');
        self.is_first = false;
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(level) => {
                let title = std::mem::take(&mut self.words);
                let section = match level {
                    HeadingLevel::H2 => ".Sh",
                    _ => ".Ss",
                };
                self.lines.push_str(&format!("{section} {title}\n"));
                self.is_heading = false;
                self.is_first = true;
            }
            TagEnd::Paragraph => self.flush(),
            // An item of one paragraph has no paragraph of its own.
            TagEnd::Item => self.flush(),
            TagEnd::List(_) | TagEnd::Table => self.lines.push_str(".El\n"),
            TagEnd::CodeBlock => {
                self.lines.push_str(".Ed\n");
                self.is_literal = false;
            }
            TagEnd::Strong | TagEnd::Emphasis => self.words.push_str(r"\fR"),
            TagEnd::Link => self.end_link(),
            TagEnd::TableCell => self.cells.push(std::mem::take(&mut self.words)),
            TagEnd::TableHead => self.headings = std::mem::take(&mut self.cells),
            TagEnd::TableRow => self.end_row(),
            other => panic!("no form in a manual page for {other:?}"),
        }
    }

    /// Writes the path of a document where its name was, or after other words.
    fn end_link(&mut self) {
        let Some((target, begin)) = self.link.take() else {
            return;
        };
        let path = format!("{DOCUMENTS}{}", target.replace('-', r"\-"));
        if self.words[begin..] == escape(&target) {
            self.words.truncate(begin);
            self.words.push_str(&path);
        } else {
            self.words.push_str(&format!(" ({path})"));
        }
    }

    /// Writes a row: the first cell above the others. What is not in the column of the
    /// meaning, or the only other one, has the heading of its column.
    fn end_row(&mut self) {
        let cells = std::mem::take(&mut self.cells);
        let headings = self.headings.clone();
        let mut row = headings.iter().zip(&cells);
        let Some((_, name)) = row.next() else {
            return;
        };
        self.lines.push_str(&format!(".It {}\n", quote(name)));
        let mut is_first = true;
        for (heading, cell) in row.filter(|(_, cell)| !cell.is_empty()) {
            if !is_first {
                self.lines.push_str(".br\n");
            }
            is_first = false;
            let is_plain = heading == "meaning" || cells.len() == 2;
            self.words = match is_plain {
                true => cell.clone(),
                false => format!("{heading}: {cell}"),
            };
            self.flush();
        }
    }

    /// Writes the words in lines that are short enough.
    fn flush(&mut self) {
        let words = std::mem::take(&mut self.words);
        if words.is_empty() {
            return;
        }
        let mut line = String::new();
        for word in words.split_ascii_whitespace() {
            if !line.is_empty() && line.len() + 1 + word.len() > WIDTH {
                self.lines.push_str(&protect(&line));
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        self.lines.push_str(&protect(&line));
    }
}

/// Takes text for what troff prints as it is. The mark of the documents is a bullet.
fn escape(text: &str) -> String {
    text.replace('\\', r"\e").replace('●', r"\(bu")
}

/// Takes lines of code.
fn escape_literal(text: &str) -> String {
    let lines = text.lines();
    lines
        .map(|line| protect(&escape(line).replace('-', r"\-")))
        .collect()
}

/// A line that is none of troff's, whatever its first character.
fn protect(line: &str) -> String {
    match line.starts_with(['.', '\'']) {
        true => format!("\\&{line}\n"),
        false => format!("{line}\n"),
    }
}

/// One argument of a macro.
fn quote(words: &str) -> String {
    format!("\"{}\"", words.replace('"', r"\(dq"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    const SCHEMA: &str = include_str!("ipvsadm.schema.json");

    /// The places of the schema that each table of fields is about, in the order of the
    /// document, with what stands there before the fields of a place.
    const FIELDS: [&[(&str, &str)]; 15] = [
        &[("", "/$defs/error")],
        &[("", "/oneOf/5")],
        &[("", "/$defs/service")],
        &[("", "/$defs/destination"), ("tunnel.", "/$defs/tunnel")],
        &[("", "/$defs/stats")],
        // What may be left out of rules.
        &[
            ("", "/$defs/rules/properties/services/items"),
            (
                "persistence.",
                "/$defs/rules/properties/services/items/properties/persistence",
            ),
            (
                "",
                "/$defs/rules/properties/services/items/properties/destinations/items",
            ),
        ],
        &[
            ("", "/$defs/connection"),
            ("client.", "/$defs/endpoint"),
            ("service.", "/$defs/endpoint"),
            ("destination.", "/$defs/endpoint"),
        ],
        &[("", "/$defs/summary")],
        &[("", "/$defs/comparison")],
        &[("", "/$defs/plan")],
        &[("", "/$defs/faults")],
        &[("", "/$defs/report")],
        &[("timeouts.", "/$defs/timeouts")],
        &[("", "/oneOf/13")],
        &[("", "/oneOf/12"), ("daemons[].", "/$defs/seen_daemon")],
    ];
    const RULES: usize = 5;

    #[test]
    fn a_page_has_the_forms_of_its_document() {
        let document = "# Title\n\nBegin `a-b`.\n\n## Some `c`\n\n'quoted' **strong** [x.md](x.md)\n\
             and [more](y-z.md).\n\n- one\n- two\n\n| name | type | meaning |\n|---|---|---|\n\
             | `n` ● | gauge | text \\\\ |\n| `m` | | more |\n\n    .code -x\n";
        assert_eq!(
            Page::write(document),
            "Begin \\fBa\\-b\\fR.\n\
             .Sh SOME \\fBc\\fR\n\
             \\&'quoted' \\fBstrong\\fR /usr/share/doc/ipvsadm/docs/x.md and more\n\
             (/usr/share/doc/ipvsadm/docs/y\\-z.md).\n\
             .Bl -bullet\n.It\none\n.It\ntwo\n.El\n\
             .Bl -tag -width Ds\n\
             .It \"\\fBn\\fR \\(bu\"\ntype: gauge\n.br\ntext \\e\n\
             .It \"\\fBm\\fR\"\nmore\n.El\n\
             .Bd -literal -offset indent\n\\&.code \\-x\n.Ed\n"
        );
    }

    fn read_schema() -> Value {
        serde_json::from_str(SCHEMA).unwrap()
    }

    /// The code in a piece of Markdown.
    fn list_code(text: &str) -> BTreeSet<String> {
        let code = text.split('`').skip(1).step_by(2);
        code.map(str::to_owned).collect()
    }

    /// The rows of the tables whose first column has this heading.
    fn list_tables(document: &'static str, heading: &str) -> Vec<Vec<&'static str>> {
        let begin = format!("\n| {heading} |");
        let tables = document.split(&begin).skip(1);
        tables
            .map(|text| {
                let (table, _) = text.split_once("\n\n").unwrap_or((text, ""));
                table.lines().skip(2).collect()
            })
            .collect()
    }

    /// The fields of an object, and of those that stand in the same place of the schema.
    fn find_fields(place: &Value, before: &str, is_rules: bool, found: &mut BTreeSet<String>) {
        for one in ["anyOf", "oneOf"] {
            for place in place[one].as_array().into_iter().flatten() {
                find_fields(place, before, is_rules, found);
            }
        }
        find_fields_of_items(place, before, is_rules, found);
        let required = place["required"].as_array().cloned().unwrap_or_default();
        let Some(properties) = place["properties"].as_object() else {
            // Numbers, all of one kind.
            if place["additionalProperties"].is_object() {
                let names = required.iter().filter_map(Value::as_str);
                found.extend(names.map(|name| format!("{before}{name}")));
            }
            return;
        };
        for (name, field) in properties {
            // Rules are about those that may be left out, and are read if they are there.
            let is_told = !is_rules || !required.contains(&name.as_str().into()) && field != true;
            if name != "schema_version" && is_told {
                found.insert(format!("{before}{name}"));
            }
            if !is_rules {
                find_fields(field, &format!("{before}{name}."), is_rules, found);
            }
        }
    }

    fn find_fields_of_items(
        place: &Value,
        before: &str,
        is_rules: bool,
        found: &mut BTreeSet<String>,
    ) {
        if let (true, Some(list)) = (place["items"].is_object(), before.strip_suffix('.')) {
            find_fields(&place["items"], &format!("{list}[]."), is_rules, found);
        }
    }

    #[test]
    fn the_document_has_every_field_of_the_schema_and_no_other() {
        let schema = read_schema();
        let tables = list_tables(JSON, "field");
        assert_eq!(tables.len(), FIELDS.len());
        for (index, (rows, places)) in tables.iter().zip(FIELDS).enumerate() {
            let mut told = BTreeSet::new();
            for row in rows {
                told.extend(list_code(row.split(" | ").next().unwrap()));
            }
            let mut found = BTreeSet::new();
            for (before, pointer) in places {
                let place = schema.pointer(pointer).unwrap();
                find_fields(place, before, index == RULES, &mut found);
            }
            if index == RULES {
                // A service has some of these: they say which it is.
                for identity in ["protocol", "address", "port", "fwmark"] {
                    assert!(found.remove(identity), "{identity}");
                }
            }
            let extra: Vec<_> = told.difference(&found).collect();
            assert!(extra.is_empty(), "{places:?} have no {extra:?}");
            // An object is told of by its own fields too.
            let is_told_of = |name: &&String| {
                let below = [format!("{name}."), format!("{name}[].")];
                told.iter()
                    .any(|told| told == *name || below.iter().any(|name| told.starts_with(name)))
            };
            let missing: Vec<_> = found.iter().filter(|name| !is_told_of(name)).collect();
            assert!(
                missing.is_empty(),
                "{places:?}: the document lacks {missing:?}"
            );
        }
    }

    #[test]
    fn the_document_has_every_event_with_its_fields_and_no_other() {
        let schema = read_schema();
        let tables = list_tables(JSON, "`event`");
        let places = [
            ("`-L --watch --changes --json`", "/$defs/change"),
            ("`--drain --json`", "/$defs/drain_event"),
        ];
        assert_eq!(tables.len(), places.len());
        for (rows, (heading, pointer)) in tables.iter().zip(places) {
            let place = schema.pointer(pointer).unwrap();
            let mut events = BTreeSet::new();
            let mut fields = BTreeSet::new();
            for row in rows {
                let cells: Vec<_> = row.split(" | ").collect();
                events.extend(list_code(cells[0]));
                fields.extend(list_code(cells[2]));
            }
            let wanted = place["properties"]["event"]["enum"].as_array().unwrap();
            let wanted: BTreeSet<String> = wanted
                .iter()
                .map(|event| event.as_str().unwrap().to_owned())
                .collect();
            assert_eq!(events, wanted, "{heading}");
            let mut found = BTreeSet::new();
            find_fields(place, "", false, &mut found);
            for field in fields {
                let is_option = field.starts_with('-');
                assert!(is_option || found.contains(&field), "{heading}: {field}");
            }
            let (_, section) = JSON.split_once(&format!(": {heading}\n")).unwrap();
            let (section, _) = section.split_once("\n## ").unwrap();
            let told = list_code(section);
            for field in found {
                let name = field.rsplit('.').next().unwrap();
                assert!(told.contains(name), "{heading} lacks {field}");
            }
        }
    }
}

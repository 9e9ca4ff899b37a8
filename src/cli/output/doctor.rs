// SPDX-License-Identifier: MIT

//! The findings of `--doctor`, as lines for people and as a JSON document.

use std::{
    borrow::Cow,
    io::{self, Write},
};

use ipvs_client::json::SCHEMA_VERSION;
use serde::Serialize;

use crate::{
    doctor::{Report, find_placeholders},
    escape::escape,
};

/// Writes each finding as a line, the reason and the commands below it, and then what
/// was not looked at.
pub(crate) fn write_report(out: &mut impl Write, report: &Report, colour: bool) -> io::Result<()> {
    let (red, bold, plain) = match colour {
        true => ("\x1b[31m", "\x1b[1m", "\x1b[0m"),
        false => ("", "", ""),
    };
    // With colours the terminal would obey some control characters.
    let show = |text| match colour {
        true => escape(text),
        false => Cow::Borrowed(text),
    };
    for found in &report.findings {
        let finding = &found.finding;
        let (object, message) = (show(&finding.object), show(&finding.message));
        writeln!(out, "{red}{}: {object} {message}{plain}", found.check)?;
        writeln!(out, "    {}", show(&finding.why))?;
        for command in &finding.commands {
            writeln!(out, "    {bold}{}{plain}", show(command))?;
        }
        writeln!(out)?;
    }
    for skipped in &report.skipped {
        writeln!(
            out,
            "not looked at: {} ({})",
            skipped.checks.join(", "),
            show(&skipped.reason)
        )?;
    }
    Ok(())
}

/// The document of `--json`, with its fields in this order.
#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    findings: Vec<Fault<'a>>,
    skipped: Vec<Unseen<'a>>,
}

/// A finding, for JSON.
#[derive(Serialize)]
pub(super) struct Fault<'a> {
    check: &'a str,
    object: &'a str,
    message: &'a str,
    why: &'a str,
    commands: &'a [String],
    placeholders: Vec<&'a str>,
}

/// A check that was not made, for JSON.
#[derive(Serialize)]
pub(super) struct Unseen<'a> {
    check: &'a str,
    reason: &'a str,
}

/// Writes the findings, and what was not looked at, as a JSON document.
pub(crate) fn write_report_json(mut out: impl Write, report: &Report) -> io::Result<()> {
    let document = Document {
        schema_version: SCHEMA_VERSION,
        findings: list_faults(report),
        skipped: list_unseen(report),
    };
    serde_json::to_writer(&mut out, &document)?;
    writeln!(out)
}

/// Lists the findings for a JSON document.
pub(super) fn list_faults(report: &Report) -> Vec<Fault<'_>> {
    let findings = report.findings.iter().map(|found| Fault {
        check: found.check,
        object: &found.finding.object,
        message: &found.finding.message,
        why: &found.finding.why,
        commands: &found.finding.commands,
        placeholders: find_placeholders(&found.finding.commands),
    });
    findings.collect()
}

/// Lists the checks that were not made for a JSON document.
pub(super) fn list_unseen(report: &Report) -> Vec<Unseen<'_>> {
    let skipped = report.skipped.iter().flat_map(|skipped| {
        let reason = &skipped.reason;
        let checks = skipped.checks.iter();
        checks.map(move |check| Unseen { check, reason })
    });
    skipped.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::doctor::{Finding, Found, Skipped};

    fn report() -> Report {
        Report {
            findings: vec![Found {
                check: "usable-server",
                finding: Finding {
                    object: "TCP 192.0.2.1:80".to_owned(),
                    message: "has no usable server".to_owned(),
                    why: "Clients are refused.".to_owned(),
                    commands: vec!["one".to_owned(), "two METHOD".to_owned()],
                },
            }],
            skipped: vec![Skipped {
                checks: vec!["this", "that"],
                reason: "it takes root".to_owned(),
            }],
            looked: 1,
        }
    }

    #[test]
    fn a_finding_is_a_line_and_below_it_stand_its_reason_and_its_commands() {
        let write = |colour| {
            let mut text = Vec::new();
            write_report(&mut text, &report(), colour).unwrap();
            String::from_utf8(text).unwrap()
        };
        assert_eq!(
            write(false),
            "usable-server: TCP 192.0.2.1:80 has no usable server\n\
             \x20   Clients are refused.\n    one\n    two METHOD\n\n\
             not looked at: this, that (it takes root)\n"
        );
        assert!(
            write(true).starts_with(
                "\x1b[31musable-server: TCP 192.0.2.1:80 has no usable server\x1b[0m\n"
            )
        );
    }

    #[test]
    fn the_document_names_each_check_that_was_skipped() {
        let mut text = Vec::new();
        write_report_json(&mut text, &report()).unwrap();
        let document: serde_json::Value = serde_json::from_slice(&text).unwrap();
        assert_eq!(
            document,
            json!({
                "schema_version": 1,
                "findings": [{
                    "check": "usable-server",
                    "object": "TCP 192.0.2.1:80",
                    "message": "has no usable server",
                    "why": "Clients are refused.",
                    "commands": ["one", "two METHOD"],
                    "placeholders": ["METHOD"],
                }],
                "skipped": [
                    {"check": "this", "reason": "it takes root"},
                    {"check": "that", "reason": "it takes root"},
                ],
            })
        );
    }
}

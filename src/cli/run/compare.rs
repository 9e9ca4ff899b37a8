// SPDX-License-Identifier: MIT

//! `--compare-connections`: reads the connections of this director and those of another
//! one, and tells which of them only one has.

use std::{
    io::{BufRead as _, BufReader, Write},
    path::{Path, PathBuf},
};

use super::{
    rule_file::{input_error, open},
    session::Session,
    unprivileged,
};
use crate::{
    command::{Compare, Form},
    comparison::{Comparison, MissingConnections},
    failure::{self, Messages, RuleAt, StdoutError},
    json::{ReadingError, read_connections},
    output::{write_missing, write_missing_json},
};

/// The exit statuses when a connection is missing, and when that cannot be told: whoever
/// asks may be a script.
const STATUS_MISSING: u8 = 1;
const STATUS_TROUBLE: u8 = 2;

/// Compares the connections; returns the exit status.
pub(super) fn run(
    compare: &Compare,
    session: &mut Session,
    out: &mut impl Write,
    messages: &mut Messages<'_>,
) -> anyhow::Result<u8> {
    let missing = match read_missing(compare.file.as_deref(), session) {
        Ok(missing) => missing,
        Err(error) => {
            messages.report(&error);
            return Ok(match failure::exit_status(&error) {
                STATUS_MISSING => STATUS_TROUBLE,
                status => status,
            });
        }
    };
    match compare.form {
        Form::Classic => write_missing(out, &missing),
        Form::Json => write_missing_json(&mut *out, &missing),
    }
    .map_err(StdoutError)?;
    messages.note_to_terminal(&format!(
        "{} connections here, {} there, {} the same ({} of them in another state)",
        missing.here, missing.there, missing.same, missing.other_state
    ));
    Ok(match missing.is_empty() {
        true => 0,
        false => STATUS_MISSING,
    })
}

/// Reads the connections of both directors: those of this one as soon as the first of the
/// other come in, so that they are of the same time.
fn read_missing(file: Option<&Path>, session: &mut Session) -> anyhow::Result<MissingConnections> {
    let mut there = BufReader::new(open(file)?);
    there
        .fill_buf()
        .map_err(|reason| input_error(file, reason))?;
    unprivileged::check_loaded(session)?;
    let mut here = session.client()?.connections()?;
    let mut comparison = Comparison::default();
    while let Some(connection) = here.next_connection()? {
        comparison.add_here(&connection);
    }
    match read_connections(there, |connection| comparison.add_there(connection)) {
        Ok(()) => Ok(comparison.finish()),
        Err(ReadingError::Input(reason)) => Err(input_error(file, reason).into()),
        Err(ReadingError::Wrong(error)) => Err(anyhow::Error::from(error).context(RuleAt {
            file: file.map(PathBuf::from),
            place: None,
            names_line: true,
        })),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use ipvs_client::testing::FakeKernel;

    use super::*;

    /// In the form of Linux 6.1.
    const HERE: &str = "\
Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData
TCP C0000209 9C40 C0000201 0050 0A000002 0050 ESTABLISHED     899
UDP C0000209 9C40 C0000201 0035 0A000003 0035 UDP             299
";
    const BEGINNING: &str = r#"{"schema_version":1,"connections":["#;
    const TCP: &str = r#"{"protocol":"TCP","state":"FIN_WAIT","expires":20,"client":{"address":"192.0.2.9","port":40000},"service":{"address":"192.0.2.1","port":80},"destination":{"address":"10.0.0.2","port":80}}"#;
    const UDP: &str = r#"{"protocol":"UDP","state":"UDP","expires":299,"client":{"address":"192.0.2.9","port":40000},"service":{"address":"192.0.2.1","port":53},"destination":{"address":"10.0.0.3","port":53}}"#;

    /// Returns what is written and told, and the exit status.
    fn answer(there: &str, form: Form) -> (String, String, u8) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("there");
        fs::write(&file, there).unwrap();
        let kernel = FakeKernel::new();
        kernel.set_file("ip_vs_conn", HERE);
        let mut session = Session::over(kernel.client().unwrap());
        let (mut out, mut errors) = (Vec::new(), Vec::new());
        let mut messages = Messages::new(&mut errors, || false);
        let compare = Compare {
            file: Some(file.clone()),
            form,
        };
        let status = run(&compare, &mut session, &mut out, &mut messages).unwrap();
        let errors = String::from_utf8(errors).unwrap();
        let errors = errors.replace(file.to_str().unwrap(), "FILE");
        (String::from_utf8(out).unwrap(), errors, status)
    }

    #[test]
    fn the_same_connections_are_no_difference() {
        let there = format!("{BEGINNING}{TCP},{UDP}]}}\n");
        let nothing = (String::new(), String::new(), 0);
        assert_eq!(answer(&there, Form::Classic), nothing);
        let (document, _, status) = answer(&there, Form::Json);
        assert_eq!(
            (document.as_str(), status),
            (
                "{\"schema_version\":1,\"here\":2,\"there\":2,\"same\":2,\"other_state\":1,\
                 \"missing_here\":[],\"missing_there\":[]}\n",
                0
            )
        );
    }

    #[test]
    fn a_connection_of_one_director_is_missing_at_the_other() {
        let other = TCP.replace("40000", "40001");
        let there = format!("{BEGINNING}{UDP},{other}]}}\n");
        assert_eq!(
            answer(&there, Form::Classic),
            (
                "missing here: TCP 192.0.2.9:40001 192.0.2.1:80 10.0.0.2:80 FIN_WAIT 00:20\n\
                 missing there: TCP 192.0.2.9:40000 192.0.2.1:80 10.0.0.2:80 ESTABLISHED 14:59\n"
                    .to_owned(),
                String::new(),
                1
            )
        );
        let (document, _, status) = answer(&there, Form::Json);
        let here = TCP
            .replace("FIN_WAIT", "ESTABLISHED")
            .replace(":20,", ":899,");
        let wanted = format!(
            "{{\"schema_version\":1,\"here\":2,\"there\":2,\"same\":1,\"other_state\":0,\
             \"missing_here\":[{other}],\"missing_there\":[{here}]}}\n"
        );
        assert_eq!((document, status), (wanted, 1));
    }

    #[test]
    fn a_file_that_is_no_list_of_connections_is_told_by_its_name_and_line() {
        let (out, errors, status) = answer("IPVS connection entries\n", Form::Classic);
        assert_eq!(
            (out.as_str(), errors.as_str(), status),
            ("", "FILE: line 1, column 1: this is no JSON\n", 2)
        );
    }
}

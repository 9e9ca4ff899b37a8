// SPDX-License-Identifier: MIT

//! Reads what a listing, or -S, is to show and hands it to the output.

use std::io::{self, Write};

use ipvs_client::{Client, Consistency, Counters, ServiceId};

use crate::{
    command::{ListTable, Metrics, TableForm, View},
    failure::{self, Incomplete, OutputFileError, StdoutError},
    json::Origin,
    names::Names,
    output::{
        ClassicWriter, JsonWriter, ListingError, SaveWriter, Unsaved, WholeTable, WideWriter, file,
        has_colour, lines_to_text, write_entries, write_openmetrics,
    },
    table::{ReadOptions, read_entries, read_plain_entries},
};

/// Tells an output that cannot be written from a table that cannot be read.
pub(super) fn explain(error: ListingError) -> anyhow::Error {
    match error {
        ListingError::Read(error) => error.into(),
        ListingError::Write(error) => StdoutError(error).into(),
    }
}

/// Lists the table in one of its forms.
pub(super) fn write_table(
    table: &ListTable,
    form: TableForm,
    client: &mut Client,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    match form {
        TableForm::Classic => write_classic(table, client, out).map_err(explain),
        TableForm::Wide => write_wide(table, client, out).map_err(explain),
        TableForm::Json => {
            let service = table.service.as_ref();
            write_json(service, Counters::Read, table.sorted, client, out)
        }
    }
}

/// Lists the table in the original's columns, each service as soon as it has been
/// read.
fn write_classic(
    table: &ListTable,
    client: &mut Client,
    out: &mut impl Write,
) -> Result<(), ListingError> {
    let info = match table.service {
        Some(_) => None,
        None => Some(client.info()?),
    };
    let mut names = Names::new(table.numeric);
    if table.service.is_none() && table.view == View::Plain {
        let entries = read_plain_entries(client, table.sorted)?;
        let writer = ClassicWriter::begin(out, &mut names, info.as_ref(), table)?;
        return write_entries(writer, entries);
    }
    let options = ReadOptions {
        counters: if table.view.has_counters() {
            Counters::Read
        } else {
            Counters::Skip
        },
        consistency: Consistency::Once,
        sorted: table.sorted,
    };
    let entries = read_entries(client, table.service.as_ref(), options)?;
    let writer = ClassicWriter::begin(out, &mut names, info.as_ref(), table)?;
    write_entries(writer, entries)
}

/// Lists the table in the columns for people.
fn write_wide(
    table: &ListTable,
    client: &mut Client,
    out: &mut impl Write,
) -> Result<(), ListingError> {
    let info = client.info()?;
    let options = ReadOptions {
        counters: Counters::Read,
        consistency: Consistency::Once,
        sorted: table.sorted,
    };
    let interface = client.interface();
    let entries = read_entries(client, table.service.as_ref(), options)?;
    let mut names = Names::new(table.numeric);
    let lines = write_entries(
        WideWriter::new(&info, table, &mut names, interface),
        entries,
    )?;
    let text = lines_to_text(&lines, has_colour(table.colour));
    Ok(out.write_all(text.as_bytes())?)
}

/// Writes one service or all as a JSON document: with counters, or without for
/// -S. All of it or, when it cannot be read, nothing.
pub(super) fn write_json(
    service: Option<&ServiceId>,
    counters: Counters,
    sorted: bool,
    client: &mut Client,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    write_whole(out, |text| {
        let info = client.info()?;
        let origin = Origin {
            ipvs: &info,
            interface: client.interface(),
        };
        let options = ReadOptions {
            counters,
            consistency: Consistency::Agreed,
            sorted,
        };
        let writer = JsonWriter::begin(text, origin, counters)?;
        let unsaved = write_entries(writer, read_entries(client, service, options)?)?;
        if counters == Counters::Skip {
            client.check_all_shown(|_| true)?;
        }
        Ok(unsaved)
    })
}

/// Writes the table as rules: all of it or, when it cannot be read, nothing.
pub(super) fn write_rules(
    numeric: bool,
    client: &mut Client,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    write_whole(out, |text| {
        let options = ReadOptions {
            counters: Counters::Skip,
            consistency: Consistency::Agreed,
            sorted: true,
        };
        let writer = SaveWriter::new(text, Names::new(numeric));
        let unsaved = write_entries(writer, read_entries(client, None, options)?)?;
        // What is not in it would be lost when it is restored.
        client.check_all_shown(|_| true)?;
        Ok(unsaved)
    })
}

/// Puts the table into a text, and writes that once there is all of it: half of a
/// table looks as good as a whole one. Makes an error of what was not saved, after
/// what was.
fn write_whole(
    out: &mut impl Write,
    write: impl FnOnce(&mut Vec<u8>) -> Result<Vec<Unsaved>, ListingError>,
) -> anyhow::Result<()> {
    let mut text = Vec::new();
    let unsaved = write(&mut text).map_err(explain)?;
    out.write_all(&text).map_err(StdoutError)?;
    failure::flush(out)?;
    if unsaved.is_empty() {
        Ok(())
    } else {
        Err(Incomplete(unsaved).into())
    }
}

/// Writes the table as OpenMetrics text, to standard output or into a file.
pub(super) fn write_metrics(
    metrics: &Metrics,
    client: &mut Client,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let whole = match metrics.service {
        Some(_) => None,
        None => Some(WholeTable {
            stats: client.total_stats()?,
            info: client.info()?,
            daemons: Some(client.daemons()?),
        }),
    };
    let options = ReadOptions {
        counters: Counters::Read,
        consistency: Consistency::Once,
        sorted: true,
    };
    let table = read_entries(client, metrics.service.as_ref(), options)?
        .collect::<ipvs_client::Result<Vec<_>>>()?;
    let interface = client.interface();
    write_metrics_text(metrics, out, |out| {
        write_openmetrics(out, whole.as_ref(), &table, metrics.destinations, interface)
    })
}

/// Writes the text to standard output or into a file.
pub(super) fn write_metrics_text(
    metrics: &Metrics,
    out: &mut impl Write,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> anyhow::Result<()> {
    match &metrics.file {
        None => write(out).map_err(StdoutError)?,
        Some(path) => file::replace(path, write).map_err(|reason| OutputFileError {
            path: path.clone(),
            reason,
        })?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use ipvs_client::{Change, testing::FakeKernel};

    use super::*;
    use crate::{args::parse_command, command::Command};

    /// Rules of a case for ipvsadm 1.31 (tests/kernel/compat/cases/listing.txt).
    const RULES: &[&str] = &[
        "-A -t 127.0.0.1:80 -s wrr",
        "-A -t 10.0.0.1:80 -s sh -b sh-port -p 100 -M 255.255.0.0",
        "-a -t 10.0.0.1:80 -r 10.0.0.3:8080 -m -w 0",
        "-a -t 10.0.0.1:80 -r 10.0.0.3:808 -m -w 2147483647",
        "-a -t 10.0.0.1:80 -r 9.0.0.9 -g -w 65535 -x 10 -y 5",
        "-a -t 10.0.0.1:80 -r 10.0.0.5 -i -x 2147483647",
        "-a -t 10.0.0.1:80 -r 10.0.0.6 -i --tun-type gue --tun-port 6080",
        "-a -t 10.0.0.1:80 -r 10.0.0.9 -i --tun-type gue --tun-port 1 --tun-remcsum",
        "-a -t 10.0.0.1:80 -r 10.0.0.7 -i --tun-type gre",
        "-a -t 10.0.0.1:80 -r 10.0.0.8 -i --tun-type gre --tun-csum",
        "-a -t 10.0.0.1:80 -r 127.0.0.1",
        "-a -t 10.0.0.1:80 -r 2001:db8::5 -i",
        "-A -u 1.1.1.1:5 -o -p",
        "-A --sctp-service 1.1.1.1:5",
        "-A -t [::1]:5",
        "-A -t [2001:db8:1111:2222:3333:4444:5555:6666]:65535",
        "-a -t [2001:db8:1111:2222:3333:4444:5555:6666]:65535 -r [2001:db8:1111:2222:3333:4444:5555:6667]:1 -m",
        "-a -t [2001:db8:1111:2222:3333:4444:5555:6666]:65535 -r [2001:db8::5]:1 -m",
        "-A -f 5",
        "-a -f 5 -r 10.0.0.1:99 -m",
        "-A -f 3 -6",
        "-A -f 4",
        "-A -f 4 -6 -p",
        "-a -f 4 -6 -r ::1 -m",
        "-A -f 2147483647 -s rr -b flag-2",
    ];

    fn kernel() -> FakeKernel {
        let kernel = FakeKernel::new();
        let changes: Vec<Change> = RULES
            .iter()
            .map(|rule| match parse_command(rule) {
                Command::Change(change) => change,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(kernel.client().unwrap().apply(&changes).unwrap().len(), 0);
        kernel
    }

    fn list(kernel: &FakeKernel, line: &str) -> Vec<String> {
        let Command::Table(table, TableForm::Classic) = parse_command(line) else {
            panic!("{line}");
        };
        let mut out = Vec::new();
        write_classic(&table, &mut kernel.client().unwrap(), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        text.split_terminator('\n').map(str::to_owned).collect()
    }

    /// The lines are those that ipvsadm 1.31 wrote for these rules
    /// (tests/kernel/compat/recorded/listing.txt).
    #[test]
    fn each_view_has_the_lines_of_the_original() {
        let kernel = kernel();
        for (line, expected) in [
            (
                "-L -n",
                &[
                    "IP Virtual Server version 1.2.1 (size=4096)",
                    "Prot LocalAddress:Port Scheduler Flags",
                    "  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn",
                    "TCP  10.0.0.1:80 sh (sh-port) persistent 100 mask 255.255.0.0",
                    "  -> 9.0.0.9:80                   Route   65535  0          0         ",
                    "  -> 10.0.0.3:808                 Masq    2147483647 0          0         ",
                    "  -> 10.0.0.3:8080                Masq    0      0          0         ",
                    "  -> 10.0.0.5:80                  Tunnel  1      0          0         ",
                    "  -> 10.0.0.6:80                  Tunnel  1      0          0         ",
                    "  -> 10.0.0.7:80                  Tunnel  1      0          0         ",
                    "  -> 10.0.0.8:80                  Tunnel  1      0          0         ",
                    "  -> 10.0.0.9:80                  Tunnel  1      0          0         ",
                    "  -> [2001:db8::5]:80             Tunnel  1      0          0         ",
                    "  -> 127.0.0.1:80                 Route   1      0          0         ",
                    "TCP  127.0.0.1:80 wrr",
                    "UDP  1.1.1.1:5 wlc persistent 360 ops",
                    "SCTP 1.1.1.1:5 wlc",
                    "TCP  [::1]:5 wlc",
                    "TCP  [2001:db8:1111:2222:3333:4444:5555:6666]:65535 wlc",
                    "  -> [2001:db8::5]:1              Masq    1      0          0         ",
                    "  -> [2001:db8:1111:2222:3333:4444:5555:6667]:1 Masq    1      0          0         ",
                    "FWM  3 IPv6 wlc",
                    "FWM  4 wlc",
                    "FWM  4 IPv6 wlc persistent 360",
                    "  -> [::1]:0                      Masq    1      0          0         ",
                    "FWM  5 wlc",
                    "  -> 10.0.0.1:99                  Masq    1      0          0         ",
                    "FWM  2147483647 rr (flag-2)",
                ][..],
            ),
            (
                "-L -n --thresholds -t 10.0.0.1:80",
                &[
                    "Prot LocalAddress:Port            Uthreshold Lthreshold ActiveConn InActConn ",
                    "  -> RemoteAddress:Port",
                    "TCP  10.0.0.1:80 sh (sh-port) persistent 100 mask 255.255.0.0",
                    "  -> 9.0.0.9:80                   10         5          0          0         ",
                    "  -> 10.0.0.3:808                 0          0          0          0         ",
                    "  -> 10.0.0.3:8080                0          0          0          0         ",
                    "  -> 10.0.0.5:80                  2147483647 0          0          0         ",
                    "  -> 10.0.0.6:80                  0          0          0          0         ",
                    "  -> 10.0.0.7:80                  0          0          0          0         ",
                    "  -> 10.0.0.8:80                  0          0          0          0         ",
                    "  -> 10.0.0.9:80                  0          0          0          0         ",
                    "  -> [2001:db8::5]:80             0          0          0          0         ",
                    "  -> 127.0.0.1:80                 0          0          0          0         ",
                ][..],
            ),
            (
                "-L -n --persistent-conn -t 10.0.0.1:80",
                &[
                    "Prot LocalAddress:Port            Weight    PersistConn ActiveConn InActConn ",
                    "  -> RemoteAddress:Port",
                    "TCP  10.0.0.1:80 sh (sh-port) persistent 100 mask 255.255.0.0",
                    "  -> 9.0.0.9:80                   65535     0           0          0         ",
                    "  -> 10.0.0.3:808                 2147483647 0           0          0         ",
                    "  -> 10.0.0.3:8080                0         0           0          0         ",
                    "  -> 10.0.0.5:80                  1         0           0          0         ",
                    "  -> 10.0.0.6:80                  1         0           0          0         ",
                    "  -> 10.0.0.7:80                  1         0           0          0         ",
                    "  -> 10.0.0.8:80                  1         0           0          0         ",
                    "  -> 10.0.0.9:80                  1         0           0          0         ",
                    "  -> [2001:db8::5]:80             1         0           0          0         ",
                    "  -> 127.0.0.1:80                 1         0           0          0         ",
                ][..],
            ),
            (
                "-L -n --tun-info -t 10.0.0.1:80",
                &[
                    "Prot LocalAddress:Port Scheduler Flags",
                    "  -> RemoteAddress:Port           Forward TunnelInfo    Weight ActiveConn InActConn",
                    "TCP  10.0.0.1:80 sh (sh-port) persistent 100 mask 255.255.0.0",
                    "  -> 9.0.0.9:80                   Route   n/a           65535  0          0         ",
                    "  -> 10.0.0.3:808                 Masq    n/a           2147483647 0          0         ",
                    "  -> 10.0.0.3:8080                Masq    n/a           0      0          0         ",
                    "  -> 10.0.0.5:80                  Tunnel  ipip          1      0          0         ",
                    "  -> 10.0.0.6:80                  Tunnel  gue:6080:-c   1      0          0         ",
                    "  -> 10.0.0.7:80                  Tunnel  gre:-c        1      0          0         ",
                    "  -> 10.0.0.8:80                  Tunnel  gre:+c        1      0          0         ",
                    "  -> 10.0.0.9:80                  Tunnel  gue:1:r+c     1      0          0         ",
                    "  -> [2001:db8::5]:80             Tunnel  ipip          1      0          0         ",
                    "  -> 127.0.0.1:80                 Route   n/a           1      0          0         ",
                ][..],
            ),
            (
                "-L -n --stats -t 10.0.0.1:80",
                &[
                    "Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes",
                    "  -> RemoteAddress:Port",
                    "TCP  10.0.0.1:80                         0        0        0        0        0",
                    "  -> 9.0.0.9:80                          0        0        0        0        0",
                    "  -> 10.0.0.3:808                        0        0        0        0        0",
                    "  -> 10.0.0.3:8080                       0        0        0        0        0",
                    "  -> 10.0.0.5:80                         0        0        0        0        0",
                    "  -> 10.0.0.6:80                         0        0        0        0        0",
                    "  -> 10.0.0.7:80                         0        0        0        0        0",
                    "  -> 10.0.0.8:80                         0        0        0        0        0",
                    "  -> 10.0.0.9:80                         0        0        0        0        0",
                    "  -> [2001:db8::5]:80                    0        0        0        0        0",
                    "  -> 127.0.0.1:80                        0        0        0        0        0",
                ][..],
            ),
        ] {
            assert_eq!(list(&kernel, line), expected, "{line}");
        }
    }
}

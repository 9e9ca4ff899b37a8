// SPDX-License-Identifier: MIT

//! Tells of the entries of a table that a listing does not have, because the interface
//! of the kernel that lets the caller in does not show them.

use std::io::ErrorKind;

use ipvs_client::{Error, ServiceId};

use super::session::Session;
use crate::{
    command::{Command, ListTable, Metrics},
    failure::{HiddenUnknown, NotShown},
};

/// Finds out, after a command, whether it has listed less than there is.
pub(super) fn find_after(command: &Command, session: &mut Session) -> Option<anyhow::Error> {
    match command {
        Command::Table(ListTable { service, .. }, _)
        | Command::Metrics(Metrics { service, .. }) => find(service.as_ref(), session),
        _ => None,
    }
}

/// Finds out whether a listing of one service or of all has less than there is; returns
/// what is to be told about that.
pub(super) fn find(service: Option<&ServiceId>, session: &mut Session) -> Option<anyhow::Error> {
    let client = session.client().ok()?;
    // The listing stands: what cannot be found out is told, and no failure of it.
    match client.count_hidden(|id| service.is_none_or(|service| service == id)) {
        Ok(hidden) if hidden.is_empty() => None,
        Ok(hidden) => Some(NotShown(hidden).into()),
        Err(Error::Io { reason, .. }) if reason.kind() == ErrorKind::NotFound => {
            Some(HiddenUnknown.into())
        }
        Err(error) => Some(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use ipvs_client::{Client, Interface, ServiceSettings, testing::FakeKernel};

    use super::*;
    use crate::{
        args,
        failure::{Messages, exit_status},
        run::run_request,
    };

    /// In the form of Linux 6.1.
    const FILE: &str = "\
IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  C0000201:0050 rr 
TCP  [2001:0db8:0000:0000:0000:0000:0000:0001]:0050 rr 
";

    /// Returns what a command line answers where netlink refuses: what it writes, what
    /// it tells, and its exit status.
    fn answer(line: &str) -> (String, String, u8) {
        let kernel = FakeKernel::new();
        kernel.set_file("ip_vs", FILE);
        answer_over(&kernel, line)
    }

    fn answer_over(kernel: &FakeKernel, line: &str) -> (String, String, u8) {
        kernel.deny(Interface::Netlink);
        let mut client: Client = kernel.client().unwrap();
        let web = ServiceId::tcp(([192, 0, 2, 1], 80));
        client
            .add_service(&web, &ServiceSettings::new("rr"))
            .unwrap();
        let words: Vec<&str> = line.split(' ').collect();
        let typed = args::parse_typed(&words).unwrap();
        let (mut out, mut errors) = (Vec::new(), Vec::new());
        let mut messages = Messages::new(&mut errors, || false);
        if words.contains(&"--json") {
            messages.become_json();
        }
        let mut session = Session::over(kernel.client().unwrap());
        let (request, wording) = (&typed.request, &typed.wording);
        let outcome = run_request(request, wording, &mut session, &mut out, &mut messages);
        let status = outcome.unwrap_or_else(|error| {
            messages.report(&error);
            exit_status(&error)
        });
        (
            String::from_utf8(out).unwrap(),
            String::from_utf8(errors).unwrap(),
            status,
        )
    }

    #[test]
    fn a_listing_tells_what_it_does_not_have() {
        let told = "not shown: 1 virtual service of IPv6, which only root in the first user \
                    namespace can see\n";
        for line in ["-L -n", "-L -n --output wide", "-Ln --watch --count 1"] {
            let (out, errors, status) = answer(line);
            assert!(out.contains("192.0.2.1:80"), "{line}: {out}");
            assert_eq!((errors.as_str(), status), (told, 0), "{line}");
        }
        let (out, errors, status) = answer("-L --json");
        assert!(
            out.contains(r#","interface":"sockopt","services":[{"#),
            "{out}"
        );
        assert!(
            errors.contains(r#""message":"not shown: 1 virtual"#),
            "{errors}"
        );
        assert_eq!(status, 0);
    }

    #[test]
    fn a_listing_of_one_service_has_all_of_it() {
        let (_, errors, status) = answer("-L -n -t 192.0.2.1:80");
        assert_eq!((errors.as_str(), status), ("", 0));
    }

    #[test]
    fn a_listing_among_rules_tells_it_too_with_its_line() {
        let rules = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&rules, "-L -n\n-L -n -t 192.0.2.1:80\n-Z\n").unwrap();
        let file = rules.path().display();
        let (out, errors, status) = answer(&format!("-R {file}"));
        assert_eq!(out.matches("192.0.2.1:80").count(), 2, "{out}");
        assert_eq!(
            (errors, status),
            (
                format!(
                    "{file}: line 1: not shown: 1 virtual service of IPv6, which only root in \
                     the first user namespace can see\n"
                ),
                0
            )
        );
    }

    #[test]
    fn without_the_file_a_listing_tells_that_it_may_not_have_all() {
        let told = "not known: whether there are entries of IPv6 too, as there is no \
                    /proc/net/ip_vs here\n";
        let (out, errors, status) = answer_over(&FakeKernel::new(), "-L -n");
        assert!(out.contains("192.0.2.1:80"), "{out}");
        assert_eq!((errors.as_str(), status), (told, 0));
    }

    #[test]
    fn without_the_file_a_table_that_is_saved_tells_which_one_it_is() {
        for line in ["-S -n", "-S --json"] {
            let (out, errors, status) = answer_over(&FakeKernel::new(), line);
            assert_eq!((out.as_str(), status), ("", 1), "{line}");
            let told = "cannot read the table from its file: /proc/thread-self/net/ip_vs: ";
            assert!(errors.contains(told), "{errors}");
        }
    }

    #[test]
    fn what_would_lose_it_fails_and_writes_nothing() {
        for line in ["-S -n", "-S --json"] {
            let (out, errors, status) = answer(line);
            assert_eq!((out.as_str(), status), ("", 2), "{line}");
            assert!(
                errors.contains("the table has 1 virtual service of IPv6"),
                "{errors}"
            );
        }
    }

    #[test]
    fn what_the_interface_does_not_know_is_refused_by_name() {
        assert_eq!(
            answer("-A -t [2001:db8::1]:80"),
            (
                String::new(),
                "cannot add TCP [2001:db8::1]:80: IPv6 needs the netlink interface of the \
                 kernel, which is for root in the first user namespace\n"
                    .to_owned(),
                2
            )
        );
    }
}

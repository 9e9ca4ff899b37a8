// SPDX-License-Identifier: MIT

//! Weight 0 and the upper threshold, with every scheduler.

use ipvs_lab::talk::Protocol;

use super::{REFUSED, Service, behind, respond};
use crate::traffic::PORT;

/// The outcome for a client whose server takes nobody any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// The other server takes it.
    Other,
    /// Nobody does.
    Nobody,
    /// The server takes it nevertheless.
    Same,
}

use Next::{Nobody, Other, Same};

impl Next {
    fn after(self, server: usize) -> usize {
        match self {
            Other => 3 - server,
            Nobody => REFUSED,
            Same => server,
        }
    }
}

/// Every scheduler: what happens at weight 0, and at the upper threshold.
const SCHEDULERS: [(&str, Next, Next); 15] = [
    ("rr", Other, Other),
    ("wrr", Other, Other),
    ("lc", Other, Other),
    ("wlc", Other, Other),
    ("sed", Other, Other),
    ("nq", Other, Other),
    ("fo", Other, Other),
    ("ovf", Other, Other),
    ("dh", Nobody, Nobody),
    ("sh", Nobody, Nobody),
    ("sh -b sh-fallback", Other, Other),
    ("mh", Nobody, Nobody),
    ("mh -b mh-fallback", Other, Other),
    // It looks at thresholds only when it has to choose a server anew.
    ("lblc", Other, Same),
    ("lblcr", Other, Other),
];

#[test]
fn a_server_of_weight_0_keeps_its_connections_and_gets_no_new_one() {
    let network = behind(2);
    let _responders = respond(&network, Protocol::Tcp, PORT);
    for (port, (scheduler, quiesced, _)) in (9000..).zip(SCHEDULERS) {
        let mut service = Service::tcp(&network, port, scheduler, &["", ""]);
        let server = service.hold_some(1)[0];
        service.edit(server, "-w 0");
        let wanted = quiesced.after(server);
        assert_eq!(service.hold_some(2), [wanted; 2], "{scheduler}");
        let reply = service.held[0].conversation.ask().unwrap();
        assert_eq!(reply.server, format!("server{server}"), "{scheduler}");
    }
}

#[test]
fn a_server_at_its_upper_threshold_gets_no_new_connection() {
    let network = behind(2);
    let _responders = respond(&network, Protocol::Tcp, PORT);
    for (port, (scheduler, _, full)) in (9000..).zip(SCHEDULERS) {
        let mut service = Service::tcp(&network, port, scheduler, &["-w 9 -x 1"; 2]);
        let first = service.hold_some(1)[0];
        assert_eq!(service.hold_some(1), [full.after(first)], "{scheduler}");
        // Now the other one is full as well.
        let both = match full {
            Same => first,
            Other | Nobody => REFUSED,
        };
        assert_eq!(service.hold_some(1), [both], "{scheduler}");
    }
}

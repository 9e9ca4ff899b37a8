// SPDX-License-Identifier: MIT

//! The example prints what is in the captures.

#![cfg(target_endian = "little")] // so is the machine of the captures
#![expect(clippy::unwrap_used, reason = "a panic fails the test, as it should")]

#[path = "../examples/decode.rs"]
#[expect(dead_code, reason = "the test gives the example its input itself")]
mod decode;

fn printed(input: &[u8]) -> String {
    let mut out = Vec::new();
    decode::print_capture(input, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

const REPLY: &str = "\
reply NewDest
  Destination
    Address([198, 51, 100, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    Port(53)
    ForwardingMethod(Tunneling)
    Weight(1)
    TunnelType(Gue)
    TunnelPort(6081)
    TunnelFlags(TunnelFlags(REMOTE_CHECKSUM))
    UpperThreshold(0)
    LowerThreshold(0)
    ActiveConnections(0)
    InactiveConnections(0)
    PersistentConnections(0)
    AddressFamily(2)
";

#[test]
fn a_datagram_in_digits_is_printed_attribute_by_attribute() {
    let text = printed(include_bytes!("captures/bytes/new_dest_gue_reply.hex"));
    let (reply, counters) = text.split_at(REPLY.len());
    assert_eq!(reply, REPLY);
    assert!(counters.starts_with("    Stats(["), "{counters}");
    assert_eq!(counters.lines().count(), 2, "{counters}");
}

/// Recorded by tcpdump 4.99.3 on an nlmon device of Linux 6.1.176 while ipvsadm
/// 1.31-1+b1 added a service and a server, and listed them: `-A -u 192.0.2.1:53
/// -s rr`, `-a -u 192.0.2.1:53 -r 198.51.100.5:53 -i --tun-type gue --tun-port
/// 6081 --tun-remcsum`, `-Ln -u 192.0.2.1:53`.
const PCAP: &[u8] = include_bytes!("captures/add_and_list.pcap");

#[test]
fn of_a_pcap_file_the_messages_of_ipvs_are_printed() {
    let text = printed(PCAP);
    let messages: Vec<_> = text.lines().filter(|line| !line.starts_with(' ')).collect();
    assert_eq!(
        messages,
        [
            "request GetInfo",
            "reply SetInfo",
            "request NewService",
            "request GetInfo",
            "reply SetInfo",
            "request NewDest",
            "request GetInfo",
            "reply SetInfo",
            "request GetService",
            "reply NewService",
            "request GetDest",
            "reply NewDest",
        ]
    );
    assert!(text.contains(REPLY), "{text}");
}

#[test]
fn a_pcap_file_that_breaks_off_is_an_error_after_what_it_has() {
    let (start, _) = PCAP.split_at(PCAP.len() - 1);
    let mut out = Vec::new();
    let error = decode::print_capture(start, &mut out).unwrap_err();
    assert_eq!(error.to_string(), "the file breaks off");
    let whole = printed(PCAP);
    assert!(whole.starts_with(&String::from_utf8(out).unwrap()));
}

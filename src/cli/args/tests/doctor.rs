// SPDX-License-Identifier: MIT

//! The command --doctor, which the original does not have.

use super::{request, wrong};
use crate::command::{
    Form, Request,
    choice::Colour,
    doctor::{Doctor, Role, VirtualAddress},
};

fn doctor(roles: &[Role]) -> Request {
    Request::Doctor(Doctor {
        roles: roles.to_vec(),
        form: Form::Classic,
        colour: Colour::Auto,
    })
}

#[test]
fn a_director_is_looked_at_whole_or_for_one_service() {
    for (line, service) in [
        ("--doctor", None),
        ("--doctor -t 10.0.0.1:80", Some("TCP 10.0.0.1:80")),
        ("--doctor -u [2001:db8::1]:53", Some("UDP [2001:db8::1]:53")),
        ("--doctor -f 5 -6", Some("fwmark 5 IPv6")),
    ] {
        let service = service.map(|service| service.parse().unwrap());
        let wanted = doctor(&[Role::Director { service }]);
        assert_eq!(request(line), Ok(wanted), "{line}");
    }
    let Ok(Request::Doctor(json)) = request("--doctor --json") else {
        panic!();
    };
    assert_eq!(json.form, Form::Json);
}

#[test]
fn a_real_server_is_looked_at_for_its_virtual_addresses() {
    let address = |address: &str, port| VirtualAddress {
        address: address.parse().unwrap(),
        port,
    };
    for line in [
        "--doctor --real-server 192.0.2.1,[2001:db8::1]:80,2001:db8::2,192.0.2.2:443",
        "--doctor -r 192.0.2.1,[2001:db8::1]:80,2001:db8::2,192.0.2.2:443",
    ] {
        let wanted = doctor(&[Role::RealServer(vec![
            address("192.0.2.1", None),
            address("2001:db8::1", Some(80)),
            address("2001:db8::2", None),
            address("192.0.2.2", Some(443)),
        ])]);
        assert_eq!(request(line), Ok(wanted), "{line}");
    }
}

#[test]
fn a_machine_can_be_looked_at_in_both_roles() {
    let director = Role::Director {
        service: Some("TCP 10.0.0.1:80".parse().unwrap()),
    };
    let server = Role::RealServer(vec![VirtualAddress {
        address: [10, 0, 0, 1].into(),
        port: None,
    }]);
    for line in [
        "--doctor -t 10.0.0.1:80 -r 10.0.0.1",
        "--doctor -r 10.0.0.1 -t 10.0.0.1:80",
    ] {
        assert_eq!(
            request(line),
            Ok(doctor(&[director.clone(), server.clone()]))
        );
    }
}

#[test]
fn mistakes_have_the_words_of_the_others() {
    for (line, words) in [
        (
            "--doctor --real-server 192.0.2.1,",
            "illegal virtual server address[:port] specified",
        ),
        (
            "--doctor --real-server 192.0.2.1:65536",
            "illegal virtual server address[:port] specified",
        ),
        (
            "--doctor -w 3",
            "Illegal 'weight' option with the 'doctor' command",
        ),
        ("--doctor word", "unexpected argument word"),
        ("-L --doctor", "invalid option `--doctor'"),
    ] {
        assert_eq!(wrong(line), (words.to_owned(), 2), "{line}");
    }
}

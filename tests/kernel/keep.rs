// SPDX-License-Identifier: MIT

//! Edits that leave what they do not name as it is (`--keep`), in a real table.

use std::thread;

use ipvs_lab::{Answer, Namespace};

use crate::{
    ipvsadm, namespace,
    program::{RULES, restore},
};

fn answer(director: &Namespace, arguments: &str) -> Answer {
    ipvs_lab::ipvsadm(director, arguments.split_ascii_whitespace()).unwrap()
}

/// Standard error and status of a command that must fail.
fn refused(director: &Namespace, arguments: &str) -> (String, u8) {
    let Answer { stderr, status, .. } = answer(director, arguments);
    assert_ne!(status, 0, "ipvsadm {arguments}");
    (stderr, status)
}

/// The part of a rule that names its service, and its server if it has one.
fn name_entry(rule: &str) -> String {
    let mut words: Vec<&str> = rule.split(' ').skip(1).collect();
    let place = |word: &str| words.iter().position(|known| *known == word);
    let mut end = place("-r").map_or(2, |place| place + 2);
    end += usize::from(words.get(end) == Some(&"-6"));
    words.truncate(end);
    words.join(" ")
}

#[test]
fn an_edit_that_names_nothing_leaves_every_entry_as_it_is() {
    let director = namespace("director");
    restore(&director, RULES);
    let edits: String = RULES
        .lines()
        .map(|rule| {
            let command = if rule.starts_with("-A") { "-E" } else { "-e" };
            format!("{command} {} --keep\n", name_entry(rule))
        })
        .collect();
    restore(&director, &edits);
    assert_eq!(ipvsadm(&director, "-S -n"), RULES);
}

#[test]
fn an_edit_changes_what_it_names_of_every_kind_of_server() {
    let director = namespace("director");
    restore(&director, RULES);
    let servers = RULES.lines().filter(|rule| rule.starts_with("-a"));
    let edits: String = servers
        .map(|rule| format!("-e {} --keep -w 77\n", name_entry(rule)))
        .collect();
    restore(&director, &edits);
    let wanted: String = RULES
        .lines()
        .map(|rule| {
            let words: Vec<&str> = rule.split(' ').collect();
            let mut words = words.into_iter();
            let mut line = Vec::new();
            while let Some(word) = words.next() {
                line.push(word);
                if word == "-w" {
                    line.push("77");
                    words.next();
                }
            }
            line.join(" ") + "\n"
        })
        .collect();
    assert_eq!(ipvsadm(&director, "-S -n"), wanted);
}

#[test]
fn each_setting_is_changed_by_itself_and_the_others_stay() {
    let director = namespace("director");
    for service in ["-u 10.0.0.1:53", "-u [2001:db8::1]:53", "-f 7", "-f 7 -6"] {
        let (mask, other) = match service {
            "-u 10.0.0.1:53" | "-f 7" => ("255.255.255.0", "255.255.0.0"),
            _ => ("64", "48"),
        };
        ipvsadm(
            &director,
            &format!("-A {service} -s sh -b sh-port -p 60 -M {mask} --pe sip"),
        );
        let begin = format!("-A {service}");
        for (edit, wanted) in [
            (
                "-p 90".to_owned(),
                format!("-s sh -p 90 -M {mask} --pe sip -b sh-port"),
            ),
            (
                format!("-M {other}"),
                format!("-s sh -p 90 -M {other} --pe sip -b sh-port"),
            ),
            (
                "-s mh".to_owned(),
                format!("-s mh -p 90 -M {other} --pe sip -b mh-port"),
            ),
            (
                "-b mh-fallback".to_owned(),
                format!("-s mh -p 90 -M {other} --pe sip -b mh-fallback"),
            ),
            (
                "-s rr".to_owned(),
                format!("-s rr -p 90 -M {other} --pe sip"),
            ),
            (
                "-o".to_owned(),
                format!("-s rr -p 90 -M {other} --pe sip -o"),
            ),
        ] {
            ipvsadm(&director, &format!("-E {service} --keep {edit}"));
            let saved = ipvsadm(&director, "-S -n");
            assert_eq!(saved, format!("{begin} {wanted}\n"), "{edit}");
        }
        let take_away = ["--pe=", "-b", ""];
        let words = ["-E", "--keep"].into_iter().chain(service.split(' '));
        let answer = ipvs_lab::ipvsadm(&director, words.chain(take_away)).unwrap();
        assert_eq!((answer.stderr.as_str(), answer.status), ("", 0));
        let saved = ipvsadm(&director, "-S -n");
        assert_eq!(saved, format!("{begin} -s rr -p 90 -M {other} -o\n"));
        ipvsadm(&director, "-C");
    }
}

#[test]
fn a_tunnel_is_changed_by_its_own_options_alone() {
    let director = namespace("director");
    ipvsadm(&director, "-A -t 10.0.0.1:80 -s rr");
    ipvsadm(
        &director,
        "-a -t 10.0.0.1:80 -r 2001:db8::2 -i --tun-type gue --tun-port 6080 --tun-csum -w 3 -x 9 -y 5",
    );
    for (edit, tunnel) in [
        ("--tun-port 7", "--tun-type gue --tun-port 7 --tun-csum"),
        ("--tun-remcsum", "--tun-type gue --tun-port 7 --tun-remcsum"),
        ("-i", "--tun-type gue --tun-port 7 --tun-remcsum"),
        ("--tun-nocsum", "--tun-type gue --tun-port 7 --tun-nocsum"),
        ("--tun-type gre", "--tun-type gre --tun-nocsum"),
        ("--tun-type ipip", "--tun-type ipip"),
    ] {
        let edit = format!("-e -t 10.0.0.1:80 -r 2001:db8::2 --keep {edit}");
        ipvsadm(&director, &edit);
        let saved = ipvsadm(&director, "-S -n");
        let server = format!("-a -t 10.0.0.1:80 -r [2001:db8::2]:80 -i -w 3 {tunnel} -x 9 -y 5");
        assert_eq!(saved.lines().nth(1), Some(server.as_str()), "{edit}");
    }
    // The families differ.
    assert_eq!(
        refused(&director, "-e -t 10.0.0.1:80 -r 2001:db8::2 --keep -m"),
        (
            "Different address family is allowed only for tunneling servers\n".to_owned(),
            2
        )
    );
}

#[test]
fn a_server_is_found_by_its_address_if_one_fits() {
    let director = namespace("director");
    ipvsadm(&director, "-A -t 10.0.0.1:80 -s rr");
    ipvsadm(&director, "-A -f 9 -s rr");
    for server in ["10.0.0.2:8080", "10.0.0.3:8080", "10.0.0.3:80"] {
        ipvsadm(&director, &format!("-a -t 10.0.0.1:80 -r {server} -m"));
    }
    for port in [8080, 8081] {
        ipvsadm(&director, &format!("-a -f 9 -r 10.0.0.2:{port} -m"));
    }
    ipvsadm(&director, "-e -t 10.0.0.1:80 -r 10.0.0.2 --keep -w 0");
    ipvsadm(&director, "-e -t 10.0.0.1:80 -r 10.0.0.3 --keep -w 0");
    assert_eq!(
        refused(&director, "-e -f 9 -r 10.0.0.2 --keep -w 0"),
        (
            "10.0.0.2 has several ports: 8080 and 8081; say which\n".to_owned(),
            2
        )
    );
    ipvsadm(&director, "-a -f 9 -r 10.0.0.2 -m");
    ipvsadm(&director, "-e -f 9 -r 10.0.0.2 --keep -w 0");
    assert_eq!(
        ipvsadm(&director, "-S -n"),
        "-A -t 10.0.0.1:80 -s rr\n\
         -a -t 10.0.0.1:80 -r 10.0.0.2:8080 -m -w 0\n\
         -a -t 10.0.0.1:80 -r 10.0.0.3:80 -m -w 0\n\
         -a -t 10.0.0.1:80 -r 10.0.0.3:8080 -m -w 1\n\
         -A -f 9 -s rr\n\
         -a -f 9 -r 10.0.0.2:0 -m -w 0\n\
         -a -f 9 -r 10.0.0.2:8080 -m -w 1\n\
         -a -f 9 -r 10.0.0.2:8081 -m -w 1\n"
    );
}

#[test]
fn what_the_kernel_refuses_is_told_as_of_any_other_edit() {
    let director = namespace("director");
    ipvsadm(&director, "-A -t 10.0.0.1:80 -s rr");
    ipvsadm(&director, "-a -t 10.0.0.1:80 -r 10.0.0.2 -m -x 9");
    for edit in [
        "-E -t 10.0.0.9:80",
        "-E -t 10.0.0.1:80 -s nosuch",
        "-E -t 10.0.0.1:80 -s rr --pe nosuch",
        "-e -t 10.0.0.9:80 -r 10.0.0.2",
        "-e -t 10.0.0.1:80 -r 10.0.0.9",
        "-e -t 10.0.0.1:80 -r 10.0.0.9:8080 -m",
        "-e -t 10.0.0.1:80 -r 10.0.0.2 -y 10",
    ] {
        for json in ["", " --json"] {
            let plain = refused(&director, &format!("{edit}{json}"));
            let keeping = refused(&director, &format!("{edit} --keep{json}"));
            assert_eq!(keeping, plain, "{edit}");
            assert_eq!(plain.1, 255);
        }
    }
    assert_eq!(
        ipvsadm(&director, "-S -n"),
        "-A -t 10.0.0.1:80 -s rr\n-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 1 -x 9 -y 0\n"
    );
}

#[test]
fn in_a_file_it_has_its_turn_and_its_line() {
    let director = namespace("director");
    let rules = "-A -t 10.0.0.1:80 -s rr\n\
                 -a -t 10.0.0.1:80 -r 10.0.0.2:8080 -m -w 3\n\
                 -e -t 10.0.0.1:80 -r 10.0.0.2 --keep -x 9\n\
                 -e -t 10.0.0.1:80 -r 10.0.0.2 --keep --tun-csum\n\
                 -E -t 10.0.0.9:80 --keep\n\
                 -e -t 10.0.0.1:80 -r 10.0.0.2:8080 -m -w 5\n\
                 -E -t 10.0.0.1:80 --keep -s wlc\n";
    let answer = ipvs_lab::ipvsadm_reading(&director, ["-R", "--strict"], rules).unwrap();
    assert_eq!(
        (answer.stderr.as_str(), answer.status),
        (
            "line 4: Tunnel options conflict with forward method\nline 5: No such service\n",
            2
        )
    );
    // The edit without --keep has reset the threshold.
    assert_eq!(
        ipvsadm(&director, "-S -n"),
        "-A -t 10.0.0.1:80 -s wlc\n-a -t 10.0.0.1:80 -r 10.0.0.2:8080 -m -w 5\n"
    );
}

#[test]
fn two_processes_that_edit_one_server_keep_what_the_other_sets() {
    const ROUNDS: u32 = 150;
    let director = namespace("director");
    ipvsadm(&director, "-A -t 10.0.0.1:80 -s rr");
    ipvsadm(
        &director,
        &format!("-a -t 10.0.0.1:80 -r 10.0.0.2:8080 -m -x {ROUNDS}"),
    );
    thread::scope(|scope| {
        for option in ["-w", "-y"] {
            let director = &director;
            scope.spawn(move || {
                for value in 1..=ROUNDS {
                    let edit = "-e -t 10.0.0.1:80 -r 10.0.0.2 --keep";
                    ipvsadm(director, &format!("{edit} {option} {value}"));
                }
            });
        }
    });
    let server =
        format!("-a -t 10.0.0.1:80 -r 10.0.0.2:8080 -m -w {ROUNDS} -x {ROUNDS} -y {ROUNDS}");
    assert_eq!(
        ipvsadm(&director, "-S -n"),
        format!("-A -t 10.0.0.1:80 -s rr\n{server}\n")
    );
}

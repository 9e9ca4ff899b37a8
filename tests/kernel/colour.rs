// SPDX-License-Identifier: MIT

//! Colours: what decides whether there are any, for everything that has some.

use std::fs;

use ipvs_lab::{Namespace, program};

use crate::{namespace, program::restore, watch::Terminal};

const RULES: &str = "\
-A -t 10.0.0.1:80 -s rr
-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 0
";

/// A command line of the program, for a shell.
fn spell(environment: &str, words: &str) -> String {
    let program = program::path().unwrap();
    format!("{environment} '{}' {words}; true", program.display())
}

fn on_terminal(director: &Namespace, environment: &str, words: &str) -> String {
    let text = Terminal::start(director, &spell(environment, words)).end();
    text.replace("\r\n", "\n")
}

fn through_pipe(director: &Namespace, environment: &str, words: &str) -> String {
    let output = director
        .command("sh")
        .args(["-c", &spell(environment, words)])
        .env("TERM", "xterm")
        .env_remove("NO_COLOR")
        .output()
        .unwrap();
    assert!(output.stderr.is_empty(), "{words}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Checks what has colours, and what not, in all of these cases. Lines that `is_kept`
/// refuses differ from time to time.
fn check(director: &Namespace, words: &str, parts: &[&str], is_kept: fn(&str) -> bool) {
    let keep = |text: String| -> String {
        let lines = text.split_inclusive('\n');
        lines.filter(|line| is_kept(line)).collect()
    };
    let plain = keep(through_pipe(director, "", words));
    assert!(!plain.contains('\x1b'), "{words}: {plain}");
    // ECMA-48 of the parts that are painted, and of no others.
    let painted = keep(through_pipe(
        director,
        "",
        &format!("{words} --color=always"),
    ));
    for part in parts {
        assert!(painted.contains(part), "{words}: {painted:?}");
    }
    let mut rest = painted.clone();
    for part in parts {
        let (_, text) = part.split_once('m').unwrap();
        rest = rest.replace(part, text.strip_suffix("\x1b[0m").unwrap());
    }
    assert_eq!(rest, plain, "{words}");

    for (environment, option, has_colour) in [
        ("", "", false),
        ("", "--color=auto", false),
        ("", "--color=never", false),
        ("", "--color", true),
        ("NO_COLOR=1", "--color=always", true),
        ("TERM=dumb", "--color=always", true),
    ] {
        let shown = through_pipe(director, environment, &format!("{words} {option}"));
        let expected = if has_colour { &painted } else { &plain };
        assert_eq!(
            &keep(shown),
            expected,
            "pipe: {environment} {words} {option}"
        );
    }
    for (environment, option, has_colour) in [
        ("", "", true),
        ("", "--color=auto", true),
        ("", "--color=never", false),
        ("NO_COLOR=1", "", false),
        ("NO_COLOR=1", "--color=auto", false),
        ("NO_COLOR=1", "--color=always", true),
        ("NO_COLOR=1", "--color", true),
        ("NO_COLOR=", "", true),
        ("TERM=dumb", "--color=auto", false),
        ("TERM=dumb", "--color=always", true),
    ] {
        let shown = on_terminal(director, environment, &format!("{words} {option}"));
        let expected = if has_colour { &painted } else { &plain };
        assert_eq!(
            &keep(shown),
            expected,
            "terminal: {environment} {words} {option}"
        );
    }
}

#[test]
fn the_option_decides_on_the_colours_of_the_wide_table() {
    let director = namespace("director");
    restore(&director, RULES);
    let quiesced = ["\x1b[0;33mquiesced\x1b[0m"];
    check(&director, "-L -n --output wide", &quiesced, |_| true);
    // The line above the table has the time.
    let is_kept = |line: &str| !line.starts_with("20");
    for words in [
        "-L -n --output wide --watch --count 1",
        "-L -n --output wide -t 10.0.0.1:80 --stats --watch --count 1",
    ] {
        check(&director, words, &quiesced, is_kept);
    }
}

#[test]
fn the_option_decides_on_the_colours_of_differences() {
    let director = namespace("director");
    restore(&director, RULES);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wanted");
    fs::write(&file, RULES.replace("-s rr", "-s wrr")).unwrap();
    let parts = [
        "\x1b[31m- -A -t 10.0.0.1:80 -s rr\x1b[0m",
        "\x1b[32m+ -A -t 10.0.0.1:80 -s wrr\x1b[0m",
    ];
    check(
        &director,
        &format!("--diff '{}'", file.display()),
        &parts,
        |_| true,
    );
    // The word of an option that has none behind it is the file.
    let shown = through_pipe(
        &director,
        "",
        &format!("--diff --color '{}'", file.display()),
    );
    assert_eq!(shown, format!("{}\n{}\n", parts[0], parts[1]));
}

#[test]
fn the_option_decides_on_the_colours_of_findings() {
    let director = namespace("director");
    restore(&director, RULES);
    let parts = [
        "\x1b[31mvirtual-address: virtual address 10.0.0.1 of TCP 10.0.0.1:80 is not on this \
         director\x1b[0m",
        "\x1b[31musable-server: TCP 10.0.0.1:80 has no real server with a weight above 0\x1b[0m",
        "\x1b[1mipvsadm -e --keep -t 10.0.0.1:80 -r 10.0.0.2:80 -w 1\x1b[0m",
        "\x1b[31mserver-route: server 10.0.0.2:80 of TCP 10.0.0.1:80 has no route\x1b[0m",
        "\x1b[1mip route replace 10.0.0.2/32 via ROUTER\x1b[0m",
    ];
    check(&director, "--doctor -t 10.0.0.1:80", &parts, |_| true);
}

#[test]
fn a_table_that_is_drawn_in_place_has_the_colours_that_are_wished_for() {
    let director = namespace("director");
    restore(&director, RULES);
    let quiesced = "\x1b[0;33mquiesced";
    for (environment, option, has_colour) in [
        ("", "", true),
        ("", "--color=never", false),
        ("NO_COLOR=1", "", false),
        ("NO_COLOR=1", "--color=always", true),
    ] {
        let words = format!("-L -n --output wide --watch 0.2 {option}");
        let mut terminal = Terminal::start(&director, &spell(environment, &words));
        let shown = terminal.await_text("quiesced");
        terminal.press("q");
        let rest = terminal.end();
        assert_eq!(
            shown.ends_with(quiesced),
            has_colour,
            "{environment} {words}: {shown:?}"
        );
        // Headings are underlined all the same, and changes reversed.
        assert!(
            has_colour || !(shown + &rest).contains("\x1b[0;3"),
            "{words}"
        );
    }
}

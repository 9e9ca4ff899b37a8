// SPDX-License-Identifier: MIT

//! Any words, most of them in the forms that popt's rules are about.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::args::options::TABLE;

/// A word, which can have any bytes but a NUL.
type Word = Vec<u8>;

/// Words of any kind. `table` is the original's, a row for each name and letter.
pub(crate) fn any_words(table: &[String]) -> impl Strategy<Value = Vec<Word>> + use<> {
    let (mut names, mut flags, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for row in table {
        let mut words = row.split(' ').map(str::to_owned);
        names.extend(words.next());
        match (words.next(), words.next().as_deref()) {
            (Some(letter), _) if letter == "-" => {}
            (Some(letter), Some("none")) => flags.push(letter),
            (letter, _) => others.extend(letter),
        }
    }
    let own = TABLE.iter().map(|spec| spec.long.to_owned()).collect();
    let word = prop_oneof![
        // What is wrong ends the reading, so that most words are right.
        8 => cluster(flags, others).prop_map(String::into_bytes),
        8 => long(names.clone(), tail()),
        1 => long(own, tail()),
        1 => abbreviation(names),
        6 => value(),
        1 => odd(),
    ];
    vec(word, 0..9)
}

/// Letters in one word, with something behind them or not.
fn cluster(flags: Vec<String>, others: Vec<String>) -> impl Strategy<Value = String> {
    let flags = vec(select(flags), 0..4).prop_map(|flags| flags.concat());
    let last = prop_oneof![3 => select(others), 1 => "[a-zA-Z0-9=-]?"];
    let tail = tail().prop_map(|tail| String::from_utf8_lossy(&tail).into_owned());
    let with_last =
        (flags.clone(), last, tail).prop_map(|(flags, last, tail)| flags + &last + &tail);
    prop_oneof![flags, with_last].prop_map(|letters| format!("-{letters}"))
}

/// A name in full, with something behind it or not.
fn long(names: Vec<String>, tail: impl Strategy<Value = Word>) -> impl Strategy<Value = Word> {
    (select(names), tail).prop_map(|(name, tail)| [b"--", name.as_bytes(), &tail].concat())
}

/// The beginning of a name, or one with a letter more or one dash less.
fn abbreviation(names: Vec<String>) -> impl Strategy<Value = Word> {
    let dashes = select(vec!["-", "--", "---"]);
    (dashes, select(names), 0_usize..12, "[a-z-]?", tail()).prop_map(
        |(dashes, name, length, more, tail)| {
            let name = name.get(..length).unwrap_or(&name);
            [dashes.as_bytes(), name.as_bytes(), more.as_bytes(), &tail].concat()
        },
    )
}

/// What follows a letter or a name in the same word.
fn tail() -> impl Strategy<Value = Word> {
    let equals = value().prop_map(|value| [b"=", value.as_slice()].concat());
    prop_oneof![6 => Just(Vec::new()), 3 => equals, 1 => value()]
}

/// A word that can be a value.
fn value() -> impl Strategy<Value = Word> {
    let plain = select(vec![
        "",
        "-",
        "--",
        "---",
        "=",
        "-=",
        "--=",
        "5",
        "-5",
        "0",
        "360",
        "rr",
        "10.0.0.1:80",
        "[::1]:80",
        "-n",
        "--numeric",
        "-r",
        "é",
        "-é",
        "--é",
        "a b",
        " ",
        "\n",
        "*",
        "a=b",
        "=a=b",
    ]);
    let plain = plain.prop_map(|text| text.as_bytes().to_vec());
    prop_oneof![6 => plain, 1 => odd()]
}

/// Bytes that mean something to popt, and others that do not, also such that are no UTF-8.
fn odd() -> impl Strategy<Value = Word> {
    let byte = prop_oneof![select(b"-=-=?+%,0123nLptwXr6 \t\"'\\".to_vec()), 1_u8..=255,];
    vec(byte, 0..7)
}

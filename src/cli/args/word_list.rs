// SPDX-License-Identifier: MIT

//! The fixed sets of words that values of options come from.

use crate::{
    command::choice::{
        self, COLOURS, CONNECTION_PROTOCOLS, CONNECTION_STATES, FORMS, INTERFACES, ROLES, TUNNELS,
        join,
    },
    scheduler_flags::SCHEDULERS,
};

/// A fixed set of words.
#[derive(Debug)]
pub(crate) struct WordList {
    /// The name that the completion scripts know it by.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "completions are made by the tests")
    )]
    pub(crate) name: &'static str,
    /// Returns each word with what explains it.
    pub(crate) words: fn() -> Vec<(&'static str, &'static str)>,
}

pub(crate) static SCHEDULER_WORDS: WordList = WordList {
    name: "schedulers",
    words: || SCHEDULERS.to_vec(),
};

pub(crate) static ENGINE_WORDS: WordList = WordList {
    name: "engines",
    words: || vec![("sip", "The Call-ID of SIP")],
};

pub(crate) static TUNNEL_WORDS: WordList = WordList {
    name: "tunnels",
    words: || choice::meanings(&TUNNELS),
};

pub(crate) static ROLE_WORDS: WordList = WordList {
    name: "roles",
    words: || choice::meanings(&ROLES),
};

pub(crate) static FORM_WORDS: WordList = WordList {
    name: "forms",
    words: || choice::meanings(&FORMS),
};

pub(crate) static INTERFACE_WORDS: WordList = WordList {
    name: "kernel_interfaces",
    words: || choice::meanings(&INTERFACES),
};

pub(crate) static COLOUR_WORDS: WordList = WordList {
    name: "colours",
    words: || choice::meanings(&COLOURS),
};

pub(crate) static STATE_WORDS: WordList = WordList {
    name: "states",
    words: || choice::meanings(&CONNECTION_STATES),
};

pub(crate) static PROTOCOL_WORDS: WordList = WordList {
    name: "protocols",
    words: || choice::meanings(&CONNECTION_PROTOCOLS),
};

impl WordList {
    /// Puts the words into a text: in the place of `{or}` as `a, b or c`, of
    /// `{,}` as `a, b, c`.
    pub(crate) fn fill_in(&self, text: &str) -> String {
        let words: Vec<&str> = (self.words)().iter().map(|(word, _)| *word).collect();
        text.replace("{or}", &join(&words, "or"))
            .replace("{,}", &words.join(", "))
    }
}

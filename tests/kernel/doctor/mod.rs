// SPDX-License-Identifier: MIT

//! `--doctor`: each test breaks one thing in a network that works, sees that it alone is
//! found, runs the commands that are printed, and sees that the network works again.

mod director;
mod limits;
mod real_server;
mod sync;

use ipvs_lab::{Answer, wait};
use serde_json::Value;

use crate::guides::Scene;
use crate::json::checked;

/// A director that masquerades to one server, as in docs/guides/nat.md.
const NAT_ONE: &str = "\
    director# sysctl -w net.ipv4.ip_forward=1
    director# ip address add 198.51.100.100/32 dev front
    director# ipvsadm -A -t 198.51.100.100:80 -s rr
    director# ipvsadm -a -t 198.51.100.100:80 -r 10.0.0.2:80 -m";

/// A network that works, and what shows that it does.
struct Patient {
    scene: Scene,
    /// The box that is looked at.
    place: &'static str,
    /// The words after `--doctor`.
    words: &'static str,
    /// A command of the client that ends with status 0 only if all is well.
    works: &'static str,
}

impl Patient {
    /// Sets a network up, with commands as guides write them, and sees that it works and
    /// that nothing is found at the director.
    fn new(places: &str, set_up: &str, works: &'static str) -> Self {
        Self::at("director", "", places, set_up, works)
    }

    /// Does the same where another box is looked at.
    fn at(
        place: &'static str,
        words: &'static str,
        places: &str,
        set_up: &str,
        works: &'static str,
    ) -> Self {
        let mut patient = Self {
            scene: Scene::new(&format!("<!-- network: {places} -->")),
            place,
            words,
            works,
        };
        patient.run(set_up);
        patient.expect_health();
        patient
    }

    /// Runs commands, a line each after the name of a box; none may fail.
    fn run(&mut self, commands: &str) {
        for line in commands.lines() {
            let (place, command) = line.trim().split_once("# ").unwrap();
            let answer = self.scene.run(place, command, "");
            assert_eq!(answer.status, 0, "{line}\n{}", answer.stdout);
        }
    }

    fn look(&mut self, form: &str) -> Answer {
        let command = format!("ipvsadm --doctor {} {form}", self.words);
        self.scene.run(self.place, &command, "")
    }

    /// Returns whether the client gets what it wants.
    fn is_working(&mut self) -> bool {
        self.scene.run("client", self.works, "").status == 0
    }

    #[track_caller]
    fn expect_health(&mut self) {
        // The kernel learns a moment later that an interface that was put up is connected.
        let healthy = (String::new(), 0);
        let seen = wait::for_value(&healthy, || {
            let answer = self.look("");
            (answer.stdout, answer.status)
        });
        assert_eq!(seen, healthy);
        // A scheduler that goes by connections first makes up for those that went astray.
        assert!(wait::for_value(&true, || self.is_working()));
    }

    /// Looks, and returns the only finding, which is of this check and about this.
    #[track_caller]
    fn find(&mut self, check: &str, sentence: &str) -> Value {
        let answer = self.look("--json");
        assert_eq!(answer.status, 1, "{}", answer.stdout);
        let report = checked(&answer.stdout);
        assert_eq!(report["skipped"], serde_json::json!([]));
        let findings = report["findings"].as_array().unwrap();
        let told: Vec<_> = findings
            .iter()
            .map(|finding| {
                let text = |name: &str| finding[name].as_str().unwrap().to_owned();
                (
                    text("check"),
                    format!("{} {}", text("object"), text("message")),
                )
            })
            .collect();
        assert_eq!(told, [(check.to_owned(), sentence.to_owned())]);
        // People see the same.
        let lines = self.look("").stdout;
        assert!(
            lines.starts_with(&format!("{check}: {sentence}\n")),
            "{lines}"
        );
        findings[0].clone()
    }

    /// Breaks the network, sees that it is found, mends it by what is printed and by
    /// nothing else, and sees that it works again.
    #[track_caller]
    fn break_and_mend(&mut self, breaking: &str, check: &str, sentence: &str) {
        self.run(breaking);
        assert!(!self.is_working(), "{breaking}: this breaks nothing");
        let finding = self.find(check, sentence);
        self.mend(&finding);
    }

    /// Runs the commands of a finding and sees that the network works again.
    #[track_caller]
    fn mend(&mut self, finding: &Value) {
        self.mend_with(finding, &[]);
    }

    /// Does the same where words are to be filled in.
    #[track_caller]
    fn mend_with(&mut self, finding: &Value, words: &[(&str, &str)]) {
        for command in fill_in(finding, words) {
            let answer = self.scene.run(self.place, &command, "");
            assert_eq!(answer.status, 0, "{command}: {}", answer.stdout);
        }
        self.expect_health();
    }
}

/// Returns the commands of a finding, with these words in the place of those that it says
/// are to be filled in.
#[track_caller]
fn fill_in(finding: &Value, words: &[(&str, &str)]) -> Vec<String> {
    let placeholders: Vec<_> = words.iter().map(|(placeholder, _)| *placeholder).collect();
    assert_eq!(finding["placeholders"], serde_json::json!(placeholders));
    let commands = finding["commands"].as_array().unwrap();
    assert!(!commands.is_empty(), "{finding}");
    let commands = commands.iter().map(|command| {
        let mut command = command.as_str().unwrap().to_owned();
        for (placeholder, word) in words {
            command = command.replace(placeholder, word);
        }
        command
    });
    commands.collect()
}

// SPDX-License-Identifier: MIT

//! The effects of rules of iptables and nftables that matter to IPVS: the marks that they give
//! to packets, translated senders, and states of connections that they look at.
//!
//! The rules are read with the programs that belong to them, and only where the kernel has
//! such rules already: asking for those of a module that is not there would load it.

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

use super::modules::{ModuleState, Modules};

/// The most bytes of rules that are read.
const LIMIT: u64 = 64 * 1024 * 1024;

/// The folders of system programs. What `PATH` says does not matter to a program that may
/// run as root.
const FOLDERS: [&str; 3] = ["/usr/sbin", "/sbin", "/usr/local/sbin"];

/// A rule that gives a mark to packets: what it had in the bits of the mask makes room for
/// the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct SetMark {
    value: u32,
    mask: u32,
}

/// The rules of a network namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Firewall {
    marks: Vec<SetMark>,
    /// A rule takes the mark from elsewhere: the connection, a map, ...
    any_mark: bool,
    /// A rule gives another sender to packets that IPVS has forwarded (`-m ipvs`).
    pub(crate) translates_balanced: bool,
    /// A rule for forwarded packets looks at the state of the connection that they are of.
    pub(crate) looks_at_states: bool,
}

impl Firewall {
    /// Returns true if a rule can give packets this mark.
    pub(crate) fn can_set_mark(&self, mark: u32) -> bool {
        let gives = |rule: &SetMark| rule.mask != 0 && (mark ^ rule.value) & rule.mask == 0;
        self.any_mark || self.marks.iter().any(gives)
    }

    /// Reads those of the network namespace of the calling thread.
    ///
    /// # Errors
    /// When there are rules that cannot be read: that takes root, and their programs.
    pub(crate) fn read(modules: &Modules) -> io::Result<Self> {
        let mut firewall = Self::default();
        for (tables, programs) in [
            ("ip_tables_names", ["iptables-legacy-save", "iptables-save"]),
            (
                "ip6_tables_names",
                ["ip6tables-legacy-save", "ip6tables-save"],
            ),
        ] {
            if has_tables(tables)? {
                firewall.add_iptables(&run(&programs, &[])?);
            }
        }
        let state = modules.state("nf_tables");
        if matches!(state, ModuleState::Loaded | ModuleState::BuiltIn) {
            let rules = run(&["nft"], &["-j", "list", "ruleset"])?;
            if firewall.add_nftables(&rules)? {
                firewall.add_iptables(&run(&["iptables-nft-save", "iptables-save"], &[])?);
                firewall.add_iptables(&run(&["ip6tables-nft-save", "ip6tables-save"], &[])?);
            }
        }
        Ok(firewall)
    }

    /// Adds what `iptables-save` prints.
    fn add_iptables(&mut self, rules: &str) {
        for rule in rules.lines().filter(|line| line.starts_with("-A ")) {
            let words: Vec<_> = rule.split(' ').collect();
            let has = |word| words.contains(&word);
            let looks = has("--ctstate") || has("--state");
            self.looks_at_states |= looks && words.starts_with(&["-A", "FORWARD"]);
            let is_balanced = words.windows(2).any(|pair| pair == ["-m", "ipvs"]);
            for pair in words.windows(2) {
                match *pair {
                    // All options of -j MARK are printed as this one.
                    ["--set-xmark" | "--tproxy-mark", mark] if !has("CONNMARK") => {
                        self.marks.extend(SetMark::decode(mark));
                    }
                    ["-j", "CONNMARK"] => self.any_mark |= has("--restore-mark"),
                    ["-j", "SET"] => self.any_mark |= has("--map-mark"),
                    ["-j", "SNAT" | "MASQUERADE" | "NETMAP"] => {
                        self.translates_balanced |= is_balanced;
                    }
                    _ => {}
                }
            }
        }
    }

    /// Adds what `nft -j list ruleset` prints; returns true if there are rules of iptables
    /// among them, of which it does not print everything.
    fn add_nftables(&mut self, rules: &str) -> io::Result<bool> {
        let rules: Value = serde_json::from_str(rules)?;
        let objects = rules
            .get("nftables")
            .and_then(Value::as_array)
            .map_or(&[][..], Vec::as_slice);
        let place =
            |of: &Value, chain: &str| [&of["family"], &of["table"], &of[chain]].map(Value::clone);
        let chains = objects.iter().map(|object| &object["chain"]);
        let forwarding: Vec<_> = chains
            .filter(|chain| chain["hook"] == "forward")
            .map(|chain| place(chain, "name"))
            .collect();
        let rules = objects.iter().map(|object| &object["rule"]);
        let expressions = rules.flat_map(|rule| {
            let is_forwarding = forwarding.contains(&place(rule, "chain"));
            let expressions = rule["expr"].as_array().into_iter().flatten();
            expressions.map(move |expression| (expression, is_forwarding))
        });
        let mut has_iptables = false;
        for (expression, is_forwarding) in expressions {
            let mangle = &expression["mangle"];
            if mangle
                .pointer("/key/meta/key")
                .is_some_and(|key| key == "mark")
            {
                match mangle["value"].as_u64().map(u32::try_from) {
                    Some(Ok(value)) => self.marks.push(SetMark {
                        value,
                        mask: u32::MAX,
                    }),
                    _ => self.any_mark = true,
                }
            }
            // Only rules of iptables can ask whether IPVS has forwarded a packet.
            self.looks_at_states |= is_forwarding && looks_at_state(expression);
            has_iptables |= expression.get("xt").is_some();
        }
        Ok(has_iptables)
    }
}

/// Returns true if the state of the connection is anywhere in an expression: compared, or
/// the key of a map.
fn looks_at_state(expression: &Value) -> bool {
    match expression {
        Value::Object(fields) => {
            let is_state = fields.get("ct").is_some_and(|ct| ct["key"] == "state");
            is_state || fields.values().any(looks_at_state)
        }
        Value::Array(items) => items.iter().any(looks_at_state),
        _ => false,
    }
}

impl SetMark {
    /// Reads `0x1/0xff`, or a value without a mask.
    fn decode(text: &str) -> Option<Self> {
        let number = |text: &str| match text.strip_prefix("0x") {
            Some(digits) => u32::from_str_radix(digits, 16).ok(),
            None => text.parse().ok(),
        };
        match text.split_once('/') {
            Some((value, mask)) => Some(Self {
                value: number(value)?,
                mask: number(mask)?,
            }),
            None => Some(Self {
                value: number(text)?,
                mask: u32::MAX,
            }),
        }
    }
}

/// Returns true if the network namespace has tables of the older iptables.
fn has_tables(file: &str) -> io::Result<bool> {
    match fs::read_to_string(Path::new("/proc/thread-self/net").join(file)) {
        Ok(names) => Ok(!names.trim().is_empty()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Runs the first of these programs that is installed; returns what it prints.
///
/// # Errors
/// That of [`read_output`], and when none is installed.
fn run(programs: &[&str], arguments: &[&str]) -> io::Result<String> {
    let path = programs.iter().find_map(|program| find(program));
    let path = path.ok_or_else(|| {
        let names = programs.join(" or ");
        io::Error::new(io::ErrorKind::NotFound, format!("{names} is not installed"))
    })?;
    read_output(&path, arguments)
}

/// Runs a program; returns what it prints. It has nothing of the caller's environment:
/// `XTABLES_LIBDIR`, for one, would name other code that it runs.
///
/// # Errors
/// When it fails. Its own words are not in the error: they can have addresses in them, and
/// reports that hide addresses show the error.
fn read_output(path: &Path, arguments: &[&str]) -> io::Result<String> {
    let mut child = Command::new(path)
        .args(arguments)
        .env_clear()
        .env("PATH", FOLDERS.join(":"))
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut text = String::new();
    let read = match child.stdout.take() {
        Some(stdout) => stdout.take(LIMIT).read_to_string(&mut text),
        None => Ok(0),
    };
    // One that has more to say ends here, because nobody reads it any more.
    let status = child.wait()?;
    read?;
    match status.success() {
        true => Ok(text),
        false => Err(io::Error::other(format!("{} failed", path.display()))),
    }
}

fn find(program: &str) -> Option<PathBuf> {
    let paths = FOLDERS.iter().map(|folder| Path::new(folder).join(program));
    paths.into_iter().find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_of_iptables_give_the_bits_of_their_masks() {
        // iptables-save 1.8.9 printed these for --set-mark 1, --set-mark 0x100/0xff00,
        // --or-mark 0x8, and -j CONNMARK --set-mark 5.
        let mut firewall = Firewall::default();
        firewall.add_iptables(
            "# Generated by iptables-save\n*mangle\n:PREROUTING ACCEPT [0:0]\n\
             -A PREROUTING -d 192.0.2.2/32 -p tcp -j MARK --set-xmark 0x1/0xffffffff\n\
             -A PREROUTING -p udp -j MARK --set-xmark 0x100/0xff00\n\
             -A PREROUTING -p sctp -j MARK --set-xmark 0x8/0x8\n\
             -A PREROUTING -j CONNMARK --set-xmark 0x5/0xffffffff\n\
             COMMIT\n",
        );
        for (mark, is_given) in [
            (1, true),
            (2, false),
            (0x100, true),
            (0x123, true),
            (0x200, false),
            (0x8, true),
            (5, false),
        ] {
            assert_eq!(firewall.can_set_mark(mark), is_given, "{mark:#x}");
        }
    }

    #[test]
    fn the_words_of_a_program_that_fails_are_not_in_the_error() {
        let shell = Path::new("/bin/sh");
        let failing = "echo 192.0.2.1; echo 192.0.2.2 >&2; exit 1";
        let error = read_output(shell, &["-c", failing]).unwrap_err();
        assert_eq!(error.to_string(), "/bin/sh failed");
        assert_eq!(
            read_output(shell, &["-c", "echo rules"]).unwrap(),
            "rules\n"
        );
    }

    #[test]
    fn a_mark_of_the_connection_can_be_any() {
        let mut firewall = Firewall::default();
        firewall.add_iptables(
            "-A PREROUTING -j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff\n",
        );
        assert!(firewall.can_set_mark(77));
    }

    #[test]
    fn rules_of_nftables_set_numbers_or_what_they_find_elsewhere() {
        // nft 1.0.6 printed these for `meta mark set 1`, `ct mark set 2` and
        // `meta mark set ct mark`.
        let rule = |expression: &str| {
            format!(
                r#"{{"nftables": [{{"metainfo": {{"version": "1.0.6"}}}},
                {{"chain": {{"family": "inet", "table": "lvs", "name": "prerouting"}}}},
                {{"rule": {{"family": "inet", "table": "lvs", "chain": "prerouting", "expr": [
                {{"match": {{"op": "==", "left": {{"meta": {{"key": "l4proto"}}}}, "right": "tcp"}}}},
                {expression}]}}}}]}}"#
            )
        };
        let read = |expression| {
            let mut firewall = Firewall::default();
            let has_iptables = firewall.add_nftables(&rule(expression)).unwrap();
            (
                firewall.can_set_mark(1),
                firewall.can_set_mark(2),
                has_iptables,
            )
        };
        let set = r#"{"mangle": {"key": {"meta": {"key": "mark"}}, "value": 1}}"#;
        assert_eq!(read(set), (true, false, false));
        let connection = r#"{"mangle": {"key": {"ct": {"key": "mark"}}, "value": 2}}"#;
        assert_eq!(read(connection), (false, false, false));
        let restored =
            r#"{"mangle": {"key": {"meta": {"key": "mark"}}, "value": {"ct": {"key": "mark"}}}}"#;
        assert_eq!(read(restored), (true, true, false));
        let iptables = r#"{"xt": {"type": "target", "name": "MARK"}}"#;
        assert_eq!(read(iptables), (false, false, true));
        assert!(Firewall::default().add_nftables("no JSON").is_err());
    }

    #[test]
    fn translated_senders_and_states_of_forwarded_connections_are_seen() {
        // iptables-save 1.8.9 printed rules such as these.
        let iptables = |rule: &str| {
            let mut firewall = Firewall::default();
            firewall.add_iptables(rule);
            (firewall.translates_balanced, firewall.looks_at_states)
        };
        for (rule, seen) in [
            (
                "-A POSTROUTING -m ipvs --vport 80 -j MASQUERADE",
                (true, false),
            ),
            ("-A POSTROUTING -o front -j MASQUERADE", (false, false)),
            (
                "-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
                (false, true),
            ),
            (
                "-A INPUT -m conntrack --ctstate INVALID -j DROP",
                (false, false),
            ),
            ("-A FORWARD -p tcp -j ACCEPT", (false, false)),
        ] {
            assert_eq!(iptables(&format!("{rule}\n")), seen, "{rule}");
        }
        // nft 1.0.6 prints states so; libnftables-json(5) describes chains.
        let nftables = |chain: &str, expression: &str| {
            let rules = format!(
                r#"{{"nftables": [
                {{"chain": {{"family": "ip", "table": "t", "name": "f", "hook": "forward"}}}},
                {{"chain": {{"family": "ip", "table": "t", "name": "i", "hook": "input"}}}},
                {{"rule": {{"family": "ip", "table": "t", "chain": "{chain}", "expr": [{expression}]}}}}]}}"#
            );
            let mut firewall = Firewall::default();
            firewall.add_nftables(&rules).unwrap();
            firewall.looks_at_states
        };
        let state = r#"{"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": "new"}}"#;
        let map = r#"{"vmap": {"key": {"ct": {"key": "state"}}, "data": {"set": [["new", {"drop": null}]]}}}"#;
        assert!(nftables("f", state));
        assert!(nftables("f", map));
        assert!(!nftables("i", state));
        assert!(!nftables("f", r#"{"accept": null}"#));
    }
}

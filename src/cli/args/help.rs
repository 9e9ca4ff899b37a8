// SPDX-License-Identifier: MIT

//! The help text, made from the table of commands and options.

use clap::{Arg, ArgAction};

use super::{options::TABLE, spec::Value};

/// Scripts look for "ipvsadm v1.31" to learn which options they may use.
pub(crate) const VERSION: &str = concat!(
    "ipvsadm v1.31 (compatible; ipvsadm in Rust ",
    env!("CARGO_PKG_VERSION"),
    ", IPVS v1.2.1)"
);

const USAGE: &str = "\
ipvsadm [-L [VIRTUAL-SERVICE] [LIST OPTIONS]]
       ipvsadm -A|-E VIRTUAL-SERVICE [SERVICE OPTIONS] [--exist|--keep]
       ipvsadm -D VIRTUAL-SERVICE [--exist]
       ipvsadm -a|-e VIRTUAL-SERVICE -r REAL-SERVER [SERVER OPTIONS] [--exist|--keep]
       ipvsadm -d VIRTUAL-SERVICE -r REAL-SERVER [--exist]
       ipvsadm -Z [VIRTUAL-SERVICE]
       ipvsadm -C
       ipvsadm -S [-n|--json] > RULES
       ipvsadm -R [--strict|--check] [--exist] [FILE]
       ipvsadm --set TCP TCPFIN UDP
       ipvsadm --apply|--diff [APPLY OPTIONS] [FILE]
       ipvsadm --drain [VIRTUAL-SERVICE] -r REAL-SERVER [DRAIN OPTIONS]
       ipvsadm --start-daemon master|backup [DAEMON OPTIONS]
       ipvsadm --stop-daemon master|backup
       ipvsadm -h|-v";

const EXAMPLES: &str = "\
Examples:
  Balance port 80 over two real servers by weight, with NAT:
    ipvsadm -A -t 192.0.2.1:80 -s wrr
    ipvsadm -a -t 192.0.2.1:80 -r 10.0.0.2:80 -m -w 3
    ipvsadm -a -t 192.0.2.1:80 -r 10.0.0.3:80 -m -w 1
  See what came of it:
    ipvsadm -Ln --stats
  Take a machine out gently, and bring it back:
    ipvsadm --drain -r 10.0.0.3 --wait
    ipvsadm --drain --undo
  Make the table what a file says, and see before what that changes:
    ipvsadm --diff wanted.rules
    ipvsadm --apply wanted.rules
";

/// Renders what `--help` shows.
pub(crate) fn render() -> String {
    describe().render_help().to_string()
}

/// Describes the command line for clap. The scanner parses: the grammar
/// depends on the order of words, which clap has no notion of.
fn describe() -> clap::Command {
    let args = TABLE.iter().map(|spec| {
        let mut arg = Arg::new(spec.long)
            .long(spec.long)
            .help(spec.sentence())
            .help_heading(spec.heading.text());
        if let [first, others @ ..] = spec.letters {
            arg = arg.short(*first).visible_short_aliases(others.to_vec());
        }
        match spec.value {
            Value::None => arg.action(ArgAction::SetTrue),
            Value::Required(name) => arg.value_name(name),
            Value::Optional(name) => arg.value_name(name).num_args(0..=1),
            Value::Attached(name) => arg.value_name(name).num_args(0..=1).require_equals(true),
        }
    });
    clap::Command::new("ipvsadm")
        .about("Administer the Linux IP Virtual Server, the kernel's layer-4 load balancer.")
        .override_usage(USAGE)
        .disable_help_flag(true)
        .disable_version_flag(true)
        .next_line_help(false)
        .args(args)
        .after_help(EXAMPLES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_and_option_is_in_the_help_text_with_its_description() {
        let help = render();
        let flat = help.split_whitespace().collect::<Vec<_>>().join(" ");
        for spec in TABLE {
            assert!(help.contains(&format!("--{}", spec.long)), "{}", spec.long);
            assert!(
                flat.contains(&spec.sentence()),
                "{}: {}",
                spec.long,
                spec.sentence()
            );
        }
        assert!(help.contains("\nOptions of -R:\n"), "{help}");
    }

    #[test]
    fn clap_finds_nothing_wrong_with_the_description() {
        describe().debug_assert();
    }
}

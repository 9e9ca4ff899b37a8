// SPDX-License-Identifier: MIT

//! The completions, each in its own shell.

use std::{
    collections::BTreeSet,
    fs,
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
};

use ipvs_lab::{Namespace, machine::Machine};
use tempfile::TempDir;

use crate::namespace;

/// /proc/net/ip_vs as Linux 6.1 writes it.
const TABLE: &str = "\
IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  0A000001:01BB sh  
SCTP  [0000:0000:0000:0000:0000:0000:0102:0304]:0009 mh 
UDP  [0000:0000:0000:0000:0000:ffff:0102:0304]:0000 rr persistent 36000 80000000
TCP  [2001:0db8:0000:0000:0000:0000:0000:0001]:0050 rr persistent 10000 40000000
  -> [2001:0db8:0000:0000:0001:0000:0000:0005]:0050      Masq    1      0          0         
UDP  0A000001:13C4 rr ops  persistent 6000 FFFFFFFF
  -> C0A80A02:13C4      Masq    1      0          0         
TCP  0A000001:0050 wrr  persistent 6000 FFFFFFFF
  -> [2001:0db8:0000:0000:0000:0000:0000:0005]:0050      Tunnel  1      0          0         
  -> 0A000002:0050      Masq    1      0          0         
FWM  B2D05E00 rr persistent 36000 80000000
  -> [fe80:0000:0000:0000:0000:0000:0000:0001]:0000      Route   1      0          0         
FWM  00000005 rr 
FWM  00000005 rr 
";

/// Modules of the kernel, beside those that it has anyway.
const MODULES: &str = "ip_vs_ftp\nip_vs_rr\nip_vs_pe_sip\nip_vs_pe_other\nip_vs_special\n";

const COMMANDS: &str = "-A --add-service -E --edit-service -D --delete-service -C --clear \
    -R --restore -S --save -a --add-server -e --edit-server -d --delete-server -L -l --list \
    -Z --zero --set --start-daemon --stop-daemon --drain --doctor --report --apply --diff --compare-connections -h --help -v --version";
const SERVICES: &str = "-t --tcp-service -u --udp-service --sctp-service -f --fwmark-service";
/// Options of every command.
const EVERY: &str = "--json --netns --interface";
const SETTINGS: &str = "-s --scheduler -b --sched-flags -p --persistent -M --netmask --pe";

/// Words as they are typed, and what the last one may become.
#[rustfmt::skip]
const CASES: &[(&str, &[&str])] = &[
    // The first word is the command.
    ("ipvsadm ", &[COMMANDS, "--netns"]),
    ("ipvsadm -", &[COMMANDS, "--netns"]),
    ("ipvsadm --s", &["--save --set --start-daemon --stop-daemon"]),
    ("ipvsadm -x", &[]),
    ("ipvsadm -n -", &[]),
    ("ipvsadm -A -Z", &[]),
    ("ipvsadm -A --nope -", &[]),
    ("ipvsadm -L -- -", &[]),
    ("ipvsadm -L word -", &[]),
    // Options that go with the command, and not twice.
    ("ipvsadm -A ", &[SERVICES, SETTINGS, "-o --ops --exist", EVERY]),
    ("ipvsadm -A -t 192.0.2.1:80 -", &[SETTINGS, "--exist", EVERY]),
    ("ipvsadm -A -u 192.0.2.1:80 -", &[SETTINGS, "-o --ops --exist", EVERY]),
    ("ipvsadm -A -o -", &["-u --udp-service -f --fwmark-service --exist", EVERY, SETTINGS]),
    ("ipvsadm -A -f 5 -", &["-6 --ipv6", SETTINGS, "-o --ops --exist", EVERY]),
    ("ipvsadm -A -f 5 -6 -", &[SETTINGS, "-o --ops --exist", EVERY]),
    ("ipvsadm -Af5 -6op60 -s rr -", &["-b --sched-flags -M --netmask --pe --exist", EVERY]),
    ("ipvsadm -D -t 10.0.0.1:80 -", &["--exist", EVERY]),
    ("ipvsadm -Z -", &[SERVICES, EVERY]),
    ("ipvsadm -C -", &[EVERY]),
    ("ipvsadm -R -", &["--strict --check --exist", EVERY]),
    ("ipvsadm -R saved.r", &["saved.rules"]),
    ("ipvsadm -R --strict saved.r", &["saved.rules"]),
    ("ipvsadm -R saved.rules --s", &["--strict"]),
    ("ipvsadm -R saved.rules saved.r", &[]),
    ("ipvsadm --compare-connections saved.r", &["saved.rules"]),
    ("ipvsadm --compare-connections -", &[EVERY]),
    ("ipvsadm -L saved.r", &[]),
    ("ipvsadm -S -", &["-n --numeric", EVERY]),
    ("ipvsadm -L --output ", &["classic wide json openmetrics"]),
    ("ipvsadm -h -", &[]),
    ("ipvsadm --set 1 2 -", &[]),
    ("ipvsadm -L --", &["--tcp-service --udp-service --sctp-service --fwmark-service --numeric",
        "--connection --timeout --daemon --stats --rate --thresholds --persistent-conn",
        "--tun-info --exact --nosort --sort --syncid --output --watch",
        "--real-server --client --state --protocol --summary --top --color", EVERY]),
    ("ipvsadm -Lnc --", &["--persistent-conn --tun-info --exact --nosort --sort --syncid --output --watch",
        "--tcp-service --udp-service --sctp-service --fwmark-service --real-server",
        "--client --state --protocol --summary --top --color", EVERY]),
    ("ipvsadm -Lc --protocol ", &["tcp udp sctp ip"]),
    ("ipvsadm -Lc --state FIN", &["FIN_WAIT"]),
    ("ipvsadm -L --stats --t", &["--tcp-service --thresholds --tun-info"]),
    ("ipvsadm -L --timeout --", &["--numeric --tun-info --exact --nosort --sort --syncid --color", EVERY]),
    ("ipvsadm --start-daemon master --m", &["--mcast-interface --mcast-group --mcast-port --mcast-ttl"]),
    ("ipvsadm --stop-daemon backup ", &["--syncid", EVERY]),
    ("ipvsadm --drain -", &[SERVICES, "-r --real-server --wait --idle --remove --undo", EVERY]),
    ("ipvsadm --drain --undo -", &[SERVICES, "-r --real-server", EVERY]),
    ("ipvsadm --doctor -", &[SERVICES, "-r --real-server --color", EVERY]),
    ("ipvsadm --doctor --color=", &["--color=auto --color=always --color=never"]),
    ("ipvsadm -L --output wide --color=n", &["--color=never"]),
    ("ipvsadm --diff --color saved.r", &["saved.rules"]),
    ("ipvsadm --diff --color saved.rules -", &[SERVICES, "--scope --keep-weights --add-only", EVERY]),
    ("ipvsadm --report -", &["--redact", EVERY]),
    ("ipvsadm --drain -r 10.0.0.2 --wait 5 -", &[SERVICES, "--idle --remove", EVERY]),
    ("ipvsadm -a -t 10.0.0.1:80 -r 10.0.0.9 -g -", &["-w --weight -x --u-threshold -y --l-threshold --exist", EVERY]),
    ("ipvsadm -a -t 10.0.0.1:80 -r 10.0.0.9 -w 1 -x 9 -y 5 -i --tun-", &[
        "--tun-type --tun-port --tun-nocsum --tun-csum --tun-remcsum"]),
    ("ipvsadm -a -t 10.0.0.1:80 -i --tun-type gre --tun-", &["--tun-nocsum --tun-csum"]),
    ("ipvsadm -a -t 10.0.0.1:80 -i --tun-type=gue --tun-", &[
        "--tun-port --tun-nocsum --tun-csum --tun-remcsum"]),
    ("ipvsadm -a -t 10.0.0.1:80 -i --tun-type ipip --tun-", &[]),
    ("ipvsadm -d -t 10.0.0.1:80 -r 10.0.0.2:80 -", &["--exist", EVERY]),
    // Only -p can do without its value.
    ("ipvsadm -A -t 192.0.2.1:80 -p --s", &["--scheduler --sched-flags"]),
    ("ipvsadm -A -t 192.0.2.1:80 -p 60 --s", &["--scheduler --sched-flags"]),
    ("ipvsadm -A -t 192.0.2.1:80 -p ", &["-s --scheduler -b --sched-flags -M --netmask --pe --exist", EVERY]),
    ("ipvsadm -A -t 192.0.2.1:80 -M -", &[]),
    // Values from a fixed set.
    ("ipvsadm -A -u 192.0.2.1:80 -s ", &["rr wrr lc wlc lblc lblcr dh sh sed nq fo ovf mh twos special"]),
    ("ipvsadm -A -u 192.0.2.1:80 --scheduler=w", &["--scheduler=wrr --scheduler=wlc"]),
    ("ipvsadm -A -u 192.0.2.1:80 --pe ", &["sip other"]),
    ("ipvsadm -A -t 192.0.2.1:80 -b s", &["sh-fallback sh-port"]),
    ("ipvsadm -A -t 192.0.2.1:80 -s sh -b ", &["sh-fallback sh-port flag-1 flag-2 flag-3"]),
    ("ipvsadm -A -t 192.0.2.1:80 -s sh -b sh-port,", &[
        "sh-port,sh-fallback sh-port,flag-1 sh-port,flag-2 sh-port,flag-3"]),
    ("ipvsadm -A -t 192.0.2.1:80 -smh -b m", &["mh-fallback mh-port"]),
    ("ipvsadm -A -t 192.0.2.1:80 -s rr -b ", &["flag-1 flag-2 flag-3"]),
    ("ipvsadm -a -t 10.0.0.1:80 -i --tun-type ", &["ipip gue gre"]),
    ("ipvsadm -a -t 10.0.0.1:80 -i --tun-port 6080 --tun-type ", &["gue"]),
    ("ipvsadm --start-daemon ", &["master backup"]),
    ("ipvsadm --stop-daemon=m", &["--stop-daemon=master"]),
    // Virtual services that exist, where the command is about one that does.
    ("ipvsadm -A -t ", &[]),
    ("ipvsadm -E -t ", &["10.0.0.1:443 10.0.0.1:80 [2001:db8::1]:80"]),
    ("ipvsadm -E -t 10.0.0.1:4", &["10.0.0.1:443"]),
    ("ipvsadm -Lnt ", &["10.0.0.1:443 10.0.0.1:80 [2001:db8::1]:80"]),
    ("ipvsadm -a --tcp-service=10.0.0.1:", &["--tcp-service=10.0.0.1:443 --tcp-service=10.0.0.1:80"]),
    ("ipvsadm -Z -u ", &["10.0.0.1:5060 [::ffff:102:304]:0"]),
    ("ipvsadm -D --sctp-service ", &["[::102:304]:9"]),
    ("ipvsadm -D -f ", &["3000000000 5"]),
    // Real servers of the service, likewise.
    ("ipvsadm -a -t 10.0.0.1:80 -r ", &[]),
    ("ipvsadm -e -t 10.0.0.1:80 -r ", &["10.0.0.2:80 [2001:db8::5]:80"]),
    ("ipvsadm -d -r ", &[]),
    ("ipvsadm -d -t 10.0.0.1:443 -r ", &[]),
    ("ipvsadm --drain -t 10.0.0.1:80 -r ", &["10.0.0.2:80 [2001:db8::5]:80"]),
    ("ipvsadm -du 10.0.0.1:5060 -r 192", &["192.168.10.2:5060"]),
    ("ipvsadm -d --tcp-service='[2001:DB8::1]:80' --real-server ", &["[2001:db8::1:0:0:5]:80"]),
    ("ipvsadm -d -f 3000000000 -6 -r ", &["[fe80::1]:0"]),
    // Network namespaces: by name, or by path.
    ("ipvsadm --netns ", &["blue red"]),
    ("ipvsadm --netns b", &["blue"]),
    ("ipvsadm --netns=r", &["--netns=red"]),
    ("ipvsadm --netns blue -", &[COMMANDS]),
    ("ipvsadm --netns blue -C -", &["--json --interface"]),
    ("ipvsadm --netns blue -n -", &[]),
    ("ipvsadm -L --interface ", &["netlink sockopt"]),
    // What is in another one is not what is in this one.
    ("ipvsadm --netns blue -E -t ", &[]),
    ("ipvsadm -e -t 10.0.0.1:80 --netns blue -r ", &[]),
    ("ipvsadm --netns blue --start-daemon master --mcast-interface ", &[]),
    // The scripts beside the program.
    ("ipvsadm-save -", &["-n --json --netns --interface -h"]),
    ("ipvsadm-restore -", &["--strict --check --exist --keep-weights --json --netns --interface -h"]),
    ("ipvsadm-save --netns b", &["blue"]),
    ("ipvsadm-restore --interface so", &["sockopt"]),
];

/// Prints what bash makes of each line, split into words as readline does it.
const BASH: &str = r#"
source /usr/share/bash-completion/bash_completion || exit
source "$COMPLETIONS/ipvsadm.bash" || exit
cd "$DIRECTORY" || exit
_ipvsadm_table() { printf %s "$TABLE"; }
[[ ! $MODULES ]] || _ipvsadm_modules() { printf %s "$MODULES"; }
while IFS= read -r COMP_LINE; do
    COMP_POINT=${#COMP_LINE} COMP_WORDS=() COMPREPLY=() word=
    for ((i = 0; i < COMP_POINT; i++)); do
        letter=${COMP_LINE:i:1}
        case $letter in
            ' ') [[ ! $word ]] || COMP_WORDS+=("$word"); word= ;;
            [:=]) [[ ! $word || ! ${word//[:=]/} ]] || { COMP_WORDS+=("$word"); word=; }; word+=$letter ;;
            *) [[ ! $word || ${word//[:=]/} ]] || { COMP_WORDS+=("$word"); word=; }; word+=$letter ;;
        esac
    done
    COMP_WORDS+=("$word") COMP_CWORD=${#COMP_WORDS[@]}-1
    # What readline leaves as it is.
    kept=${COMP_LINE##* }
    [[ ${word//[:=]/} ]] || word=
    kept=${kept%"$word"}
    specification=$(complete -p "${COMP_WORDS[0]}") || exit
    [[ $specification =~ -F\ ([^ ]+) ]] || exit
    "${BASH_REMATCH[1]}" "${COMP_WORDS[0]}" "$word" "${COMP_WORDS[COMP_CWORD-1]}"
    printf %s "$COMP_LINE"
    [[ ! ${COMPREPLY[*]} ]] || printf '\t%s' "${COMPREPLY[@]/#/"$kept"}"
    echo
done
"#;

/// Prints what fish makes of each line.
const FISH: &str = r#"
source $COMPLETIONS/ipvsadm.fish; or exit
cd $DIRECTORY; or exit
function __ipvsadm_table; printf %s $TABLE; end
if test -n "$MODULES"
    function __ipvsadm_modules; printf %s $MODULES; end
end
while read --local --delimiter \n line
    string join \t -- $line (complete -C "$line" | string split --fields 1 \t)
end
"#;

/// Types each line into a zsh on a terminal of its own, presses the tabulator
/// key, and prints what that zsh was about to offer. It must not show a list: before a
/// list that is longer than the screen zsh asks a question, and takes the next press of
/// the key for the answer.
const ZSH: &str = r#"
zmodload zsh/zpty || exit
cd "$DIRECTORY" || exit
zpty inner zsh -f -i
zpty -w inner 'PS1= PS2= RPS1=; setopt no_auto_list no_auto_menu; stty -echo; unset zle_bracketed_paste
    fpath=($COMPLETIONS $fpath); autoload -Uz compinit; compinit -u -D'
zpty -w inner '_ipvsadm_table() { printf %s "$TABLE" }
    [[ -z $MODULES ]] || _ipvsadm_modules() { printf %s "$MODULES" }'
zpty -w inner 'compadd() {
    if [[ -n ${@[(r)-[OAD]]} ]]; then builtin compadd "$@"; return; fi
    local -a offered
    builtin compadd -A offered "$@"
    print -rl -- $IPREFIX${(Q)^offered} >>$DIRECTORY/offered
    (( $#offered ))
}'
zpty -w inner 'complete-line() {
    BUFFER=$(<$DIRECTORY/line); CURSOR=$#BUFFER
    zle complete-word
    BUFFER=; print -rn -- $'\''\2'\''
}; zle -N complete-line; bindkey "^I" complete-line; print -n "\2"'
zpty -r -m inner seen $'*\2*' || exit
while IFS= read -r line; do
    print -rn -- "$line" >$DIRECTORY/line
    : >$DIRECTORY/offered
    zpty -w -n inner $'\t'
    zpty -r -m inner seen $'*\2*' || exit
    offered=(${(f)"$(<$DIRECTORY/offered)"})
    answer=("$line" $offered)
    print -r -- ${(pj:\t:)answer}
done
"#;

fn completions() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "../completions"]
        .iter()
        .collect()
}

/// A shell, in a network of its own.
struct Shell {
    package: &'static str,
    network: Namespace,
    command: Command,
    machine: Machine,
}

impl Shell {
    fn new(package: &'static str, program: &str, arguments: &[&str]) -> Self {
        let (network, machine) = (namespace("shell"), Machine::new().unwrap());
        let script = "mkdir -p /run/netns && mount -t tmpfs none /run/netns && \
                      touch /run/netns/blue /run/netns/red";
        let mut name_namespaces = machine.command(&network, "/bin/sh");
        let named = name_namespaces.args(["-c", script]).status().unwrap();
        assert!(named.success());
        let mut command = machine.command(&network, program);
        command.args(arguments);
        Self {
            package,
            network,
            command,
            machine,
        }
    }

    /// Runs it with these modules in the kernel, or without any with those that
    /// the machine has; returns what it prints.
    fn run(&mut self, modules: &str, input: &str) -> String {
        let directory = TempDir::new().unwrap();
        // What -R may read.
        fs::write(directory.path().join("saved.rules"), "").unwrap();
        let child = self
            .command
            .env("COMPLETIONS", completions())
            .env("TABLE", TABLE)
            .env("MODULES", modules)
            .env("DIRECTORY", directory.path())
            .env("HOME", directory.path())
            .env("TERM", "dumb")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child =
            child.unwrap_or_else(|error| panic!("the package {}: {error}", self.package));
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).unwrap();
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        assert!(
            output.status.success(),
            "{}: {}\n{}",
            self.package,
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }
}

/// Compares what a shell offers for every case with what it should.
fn check(mut shell: Shell) {
    let package = shell.package;
    // What /sys shows is the network namespace that mounted it.
    let interfaces: Vec<String> = fs::read_dir("/sys/class/net")
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    let interfaces = interfaces.join(" ");
    let with_interfaces = [&*interfaces];
    let cases = CASES.iter().copied().chain([(
        "ipvsadm --start-daemon master --mcast-interface ",
        &with_interfaces[..],
    )]);
    let lines: String = cases.clone().map(|(line, _)| format!("{line}\n")).collect();
    let output = shell.run(MODULES, &lines);
    let mut wrong = Vec::new();
    let mut answers = output.lines();
    for (line, expected) in cases {
        let answer = answers
            .next()
            .unwrap_or_else(|| panic!("{package} ended before {line:?}"));
        let mut answer = answer.split('\t');
        // Trailing blanks of the line count.
        assert_eq!(answer.next(), Some(line), "{package}");
        let offered: BTreeSet<&str> = answer.filter(|word| !word.is_empty()).collect();
        let expected: BTreeSet<&str> = expected
            .iter()
            .flat_map(|words| words.split_whitespace())
            .collect();
        if offered != expected {
            wrong.push(format!(
                "{line}\n  offered:  {offered:?}\n  expected: {expected:?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{package}:\n{}", wrong.join("\n"));
}

fn bash() -> Shell {
    let arguments = ["--norc", "--noprofile", "-c", BASH];
    Shell::new("bash-completion", "/bin/bash", &arguments)
}

fn zsh() -> Shell {
    Shell::new("zsh", "/usr/bin/zsh", &["-f", "-c", ZSH])
}

fn fish() -> Shell {
    Shell::new("fish", "/usr/bin/fish", &["--no-config", "-c", FISH])
}

#[test]
fn bash_offers_what_may_follow() {
    check(bash());
}

#[test]
fn zsh_offers_what_may_follow() {
    check(zsh());
}

#[test]
fn fish_offers_what_may_follow() {
    check(fish());
}

/// Bash took the pattern that matches no module for a pattern of file names.
#[test]
fn without_a_folder_of_modules_the_known_schedulers_are_offered_and_no_files() {
    for mut shell in [bash(), zsh(), fish()] {
        let line = "ipvsadm -A -t 192.0.2.1:80 -s ";
        let script = "[ ! -d /lib/modules ] || mount -t tmpfs none /lib/modules";
        let mut hide = shell.machine.command(&shell.network, "/bin/sh");
        assert!(hide.args(["-c", script]).status().unwrap().success());
        let output = shell.run("", &format!("{line}\n"));
        let offered: BTreeSet<&str> = output.trim_end().split('\t').skip(1).collect();
        let known = "rr wrr lc wlc lblc lblcr dh sh sed nq fo ovf mh twos";
        assert_eq!(offered, known.split(' ').collect(), "{}", shell.package);
    }
}

/// Through readline itself, which splits words at colons and equals signs.
#[test]
fn bash_completes_words_in_their_middle() {
    let input = "\
source /usr/share/bash-completion/bash_completion
source \"$COMPLETIONS/ipvsadm.bash\"
_ipvsadm_table() { printf %s \"$TABLE\"; }
ipvsadm() { printf '[%s]' \"$@\"; echo; }
ipvsadm -E -t 10.0.0.1:4\t -s wr\t
ipvsadm -E --tcp-service=10.0.0.1:4\t --scheduler=wr\t
ipvsadm -e -t [2001:db8::1]:80 -r [20\t --wei\t 5
ipvsadm -D -f 3\t -\t\t
cd \"$DIRECTORY\"
ipvsadm --netns ./sav\t -L
";
    let mut shell = Shell::new(
        "bash-completion",
        "/bin/bash",
        &["--norc", "--noprofile", "-i"],
    );
    shell.command.env("INPUTRC", "/dev/null").env("PS1", "");
    let output = shell.run("", input);
    assert_eq!(
        output,
        "[-E][-t][10.0.0.1:443][-s][wrr]\n\
         [-E][--tcp-service=10.0.0.1:443][--scheduler=wrr]\n\
         [-e][-t][[2001:db8::1]:80][-r][[2001:db8::1:0:0:5]:80][--weight][5]\n\
         [-D][-f][3000000000][-]\n\
         [--netns][./saved.rules][-L]\n"
    );
}

// SPDX-License-Identifier: MIT

//! Loading IPVS where the kernel does not do it by itself. The setting that
//! keeps it from that, and its modules, are the whole kernel's: so each of these
//! tests has a kernel of its own.

use std::ffi::OsString;
use std::process::Command;

use ipvs_lab::{Answer, program};

/// Puts a module loader at /sbin/modprobe that notes how it was called, and
/// unloads the module that the lab has loaded. A loader acts as what it is
/// called, and what is mounted at the usual one covers it.
const PREPARE: &str = "\
cp /bin/kmod /run/kmod
cat > /run/loader << 'END'
#!/bin/bash
echo \"$0 $*\" >> /run/asked
exec -a modprobe /run/kmod -d /run/ipvs-lab \"$@\"
END
chmod +x /run/loader
mount --bind /run/loader /sbin/modprobe
unload() { bash -c 'exec -a rmmod /run/kmod ip_vs'; }
unload
";

/// This tree's program, and the original where it can be had.
fn programs() -> Vec<OsString> {
    let mut programs = vec![program::path().unwrap().into()];
    programs.extend(program::find_original().map(|original| original.program.into()));
    programs
}

/// Runs a script in a fresh kernel, with the program as `$1`.
fn run(script: &str, program: &OsString) -> Answer {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ipvs-lab"));
    command
        .args(["shell", "--kernel", "uml", "--", "sh", "-c"])
        .arg(format!("{PREPARE}{script}"))
        .arg("sh")
        .arg(program);
    if let Some(original) = program::find_original() {
        original.add_libraries(&mut command);
    }
    Answer::of(command, "").unwrap()
}

#[test]
fn where_the_kernel_asks_no_loader_or_one_that_does_nothing_the_usual_one_is_asked() {
    let script = "\
for loader in '' /bin/true /nonexistent/modprobe; do
    echo \"$loader\" > /proc/sys/kernel/modprobe
    \"$1\" -A -f 1 -s none && \"$1\" -S && \"$1\" -C
    cat /run/asked
    rm /run/asked
    unload
done
";
    for program in programs() {
        let answer = run(script, &program);
        assert_eq!(answer.stderr, "", "{program:?}");
        let once = "-A -f 1 -s none\n/sbin/modprobe -- ip_vs\n";
        assert_eq!(answer.stdout, once.repeat(3), "{program:?}");
    }
}

#[test]
fn a_loader_that_cannot_be_run_is_named_and_a_container_gets_a_hint_for_its_log() {
    let script = "\
echo > /proc/sys/kernel/modprobe
mount --bind /dev/null /sbin/modprobe
\"$1\" -C
echo $?
";
    let original = "\
Can't initialize ipvs: Protocol not available
Are you sure that IP Virtual Server is built in the kernel or as module?
";
    let not_run = "cannot run /sbin/modprobe to load ip_vs: Permission denied\n";
    for (program, more) in programs().iter().zip([not_run, ""]) {
        let answer = run(script, program);
        assert_eq!(answer.stdout, "2\n", "{program:?}");
        assert_eq!(answer.stderr, format!("{original}{more}"), "{program:?}");
    }
    let in_a_container = script.replace("\"$1\"", "unshare --pid --fork \"$1\"");
    let [ours, ..] = &*programs() else {
        unreachable!();
    };
    let answer = run(&in_a_container, ours);
    assert_eq!(answer.stdout, "2\n");
    assert_eq!(
        answer.stderr,
        format!(
            "{original}{not_run}ipvsadm: hint: a container cannot load the module: run \
             `modprobe ip_vs` on its host\n"
        )
    );
}

/// The environment is the one of the loaders that Linux itself starts (`call_modprobe` in its
/// kernel/module/kmod.c). The original hands on all of its own, with every open file.
#[test]
fn a_loader_has_nothing_of_the_caller_s_but_what_it_is_asked_for() {
    let script = "\
cat > /run/loader << 'END'
#!/bin/sh
(
    tr '\\0' '\\n' < /proc/$$/environ
    pwd -P
    for file in /proc/$$/fd/*; do
        # The shell has its script open.
        target=$(readlink $file)
        [ $file -ef /sbin/modprobe ] || echo ${file##*/} ${target%%:*}
    done
) > /run/had
exec /run/ipvs-lab/bin/modprobe \"$@\"
END
echo > /proc/sys/kernel/modprobe
cd /tmp
exec 5< /etc/passwd 7>> /run/secret
for name in MODPROBE_OPTIONS ENV BASH_ENV IFS LC_ALL LANG LD_LIBRARY_PATH TMPDIR HOME PATH; do
    export $name=/nonexistent
done
\"$1\" -A -f 1 -s none
PATH=/usr/sbin:/usr/bin:/sbin:/bin
grep -c '^ip_vs ' /proc/modules
sort /run/had
";
    let [ours, ..] = &*programs() else {
        unreachable!();
    };
    let answer = run(script, ours);
    assert_eq!(answer.stderr, "");
    assert_eq!(
        answer.stdout,
        "1\n/\n0 /dev/null\n1 pipe\n2 pipe\nHOME=/\nPATH=/sbin:/usr/sbin:/bin:/usr/bin\n\
         TERM=linux\n"
    );
}

/// Looking for IPVS makes the kernel load it, whoever looks.
#[test]
fn a_command_that_only_looks_loads_nothing_for_a_caller_without_rights() {
    let script = "\
nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups \"$@\"; }
for words in -L '-L -n' '-L -n --stats' '-L --timeout' '-L --daemon' '-L -n -c' -S \
    '-L --output wide' '-L --output openmetrics' '-L --watch 1 --count 1' '-L --json'; do
    nobody \"$1\" $words 2>/run/told
    echo $? $(grep -c '^ip_vs ' /proc/modules) $(tail -n 1 /run/told | cut -d: -f1)
    cat /run/told >> /run/errors
done
grep -v '^{' /run/errors | sort -u
ls /proc/net/ip_vs 2>/run/missing
\"$1\" -L -n
grep -c '^ip_vs ' /proc/modules
nobody \"$1\" -L -n
";
    let [ours, ..] = &*programs() else {
        unreachable!();
    };
    let answer = run(script, ours);
    let empty = "\
IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
";
    assert_eq!(answer.stderr, "");
    assert_eq!(
        answer.stdout,
        format!(
            "{}\
             2 0 {{\"errno\"\n\
             Are you sure that IP Virtual Server is built in the kernel or as module?\n\
             Can't initialize ipvs: Permission denied (you must be root)\n\
             IPVS is not loaded: there is no /proc/net/ip_vs, and only root can load it\n\
             {empty}1\n{empty}",
            "2 0 IPVS is not loaded\n".repeat(10)
        )
    );
}

#[test]
fn the_doctor_loads_nothing_and_says_how_to() {
    let script = "\
\"$1\" --doctor > /run/found; echo $?
head -n 1 /run/found | cut -d, -f1
ls /run/asked /proc/net/ip_vs 2> /run/errors
command=$(sed -n 's/^    modprobe/modprobe/p' /run/found)
echo \"$command\"; $command
\"$1\" --doctor; echo $?
";
    let program = program::path().unwrap().into();
    let answer = run(script, &program);
    assert_eq!(
        answer.stdout,
        "1\nmodule: the module ip_vs is not loaded\nmodprobe ip_vs\n0\n"
    );
}

#[test]
fn a_report_loads_nothing_and_says_what_there_is_not() {
    let script = "\
\"$1\" --report > /run/report; echo $?
grep -o '\"not_read\":.*' /run/report
grep -o '\"ip_vs\":\"[a-z]*\"' /run/report
ls /run/asked /proc/net/ip_vs 2> /run/errors
";
    let program = program::path().unwrap().into();
    let answer = run(script, &program);
    let reason = "IPVS is not in this kernel now";
    let parts = [
        "ipvs",
        "totals",
        "timeouts",
        "daemons",
        "connections",
        "services",
    ];
    let parts = parts.map(|part| format!("{{\"part\":\"{part}\",\"reason\":\"{reason}\"}}"));
    let list = parts.join(",");
    let (beginning, rest) = answer.stdout.split_once("\n\"ip_vs\":").unwrap();
    assert_eq!(beginning, format!("0\n\"not_read\":[{list}]}}"));
    // The modules of this kernel are not where those of a machine are.
    assert_eq!(rest, "\"unknown\"\n");
}

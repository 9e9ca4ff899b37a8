// SPDX-License-Identifier: MIT

//! `ipvs-lab run` as another project has it: without this tree.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};
use ipvs_lab::packages::{self, CURL, PYTHON};
use ipvs_lab::{Answer, program};
use tempfile::TempDir;

/// A directory with a copy of the program for which this tree does not exist: the path
/// of the tree, which the compiler has written into the program in some places, is
/// another one in the copy.
fn installed() -> TempDir {
    program::path().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let mut bytes = fs::read(env!("CARGO_BIN_EXE_ipvs-lab")).unwrap();
    let tree = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let tree = tree.to_str().unwrap();
    let elsewhere = format!("/{}", "-".repeat(tree.len() - 1));
    let places: Vec<usize> = memchr::memmem::find_iter(&bytes, tree).collect();
    assert!(
        !places.is_empty(),
        "the program does not have the tree's path"
    );
    for place in places {
        bytes[place..place + tree.len()].copy_from_slice(elsewhere.as_bytes());
    }
    let copy = directory.path().join("ipvs-lab");
    fs::write(&copy, bytes).unwrap();
    fs::set_permissions(copy, fs::Permissions::from_mode(0o755)).unwrap();
    directory
}

/// `ipvs-lab run -- sh -c SCRIPT`, started in the directory of the copy with an
/// environment that has nothing of cargo.
fn run(installed: &TempDir, script: &str) -> Command {
    let mut command = Command::new(installed.path().join("ipvs-lab"));
    command
        .args(["run", "--", "sh", "-c", script])
        .current_dir(installed)
        .env_clear();
    for name in ["IPVS_LAB_KERNEL", "HOME", "XDG_CACHE_HOME"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.env("PATH", "/usr/bin:/bin");
    command
}

#[test]
fn without_the_tree_a_command_has_ipvs_and_all_that_its_caller_gives_it() {
    let installed = installed();
    let script = r#"head -n 1 /proc/net/ip_vs
        pwd; echo "$WORDS"; cat; echo written > file; echo err >&2; exit 7"#;
    let mut command = run(&installed, script);
    command.env("WORDS", "a  b");
    let answer = Answer::of(command, "input\n").unwrap();
    let directory = fs::canonicalize(&installed).unwrap();
    assert_eq!(
        answer,
        Answer {
            stdout: format!(
                "IP Virtual Server version 1.2.1 (size=4096)\n{}\na  b\ninput\n",
                directory.display()
            ),
            stderr: "err\n".to_owned(),
            status: 7
        }
    );
    let written = fs::read_to_string(directory.join("file"));
    assert_eq!(written.unwrap(), "written\n");
}

#[test]
fn the_programs_are_those_of_the_callers_path() {
    let installed = installed();
    let programs = installed.path().join("programs");
    fs::create_dir(&programs).unwrap();
    let own = programs.join("ipvsadm");
    fs::write(&own, "#!/bin/sh\necho own\n").unwrap();
    fs::set_permissions(&own, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = run(&installed, "ipvsadm");
    command.env("PATH", format!("{}:/usr/bin:/bin", programs.display()));
    let answer = Answer::of(command, "").unwrap();
    assert_eq!(
        (answer.stdout.as_str(), answer.stderr.as_str()),
        ("own\n", "")
    );
}

#[test]
fn what_needs_the_tree_says_so() {
    let installed = installed();
    let mut command = Command::new(installed.path().join("ipvs-lab"));
    command.args(["shell", "--", "true"]);
    let answer = Answer::of(command, "").unwrap();
    assert_eq!(answer.status, 125);
    assert!(
        answer
            .stderr
            .contains("the source tree of ipvs-lab is not there: /---"),
        "{}",
        answer.stderr
    );
}

/// Writes the files of the guide to tests in CI to a directory that everybody can read,
/// and this tree's program beside them.
fn project() -> TempDir {
    packages::install(&[CURL, PYTHON]).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let everybody = || fs::Permissions::from_mode(0o755);
    fs::set_permissions(&directory, everybody()).unwrap();
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guides/ci.md");
    let guide = fs::read_to_string(guide).unwrap();
    for name in ["rules.ipvs", "balance.sh"] {
        let (_, text) = guide.split_once(&format!("# runner: {name}\n")).unwrap();
        let (text, _) = text.split_once("\n```\n").unwrap();
        fs::write(directory.path().join(name), format!("{text}\n")).unwrap();
    }
    let ipvsadm = directory.path().join("ipvsadm");
    fs::copy(program::path().unwrap(), &ipvsadm).unwrap();
    fs::set_permissions(ipvsadm, everybody()).unwrap();
    directory
}

#[test]
fn the_guides_test_passes_for_an_ordinary_user_where_the_module_was_not_loaded() {
    // The module of the whole kernel: so it must not be the machine's.
    let script = "\
bash -c 'exec -a rmmod /bin/kmod ip_vs'
cat /proc/net/ip_vs
PATH=$PWD:$PATH
setpriv --reuid=65534 --regid=65534 --clear-groups unshare -rmn \\
    sh -c 'mount -t tmpfs tmpfs /run && sh balance.sh'
";
    let mut command = Command::new(env!("CARGO_BIN_EXE_ipvs-lab"));
    command.args(["run", "--kernel", "uml", "--", "sh", "-c", script]);
    let project = project();
    command.current_dir(&project);
    let answer = Answer::of(command, "").unwrap();
    assert_eq!(
        (
            answer.stdout.as_str(),
            answer.stderr.as_str(),
            answer.status
        ),
        (
            "     15 10.0.0.2\n      5 10.0.0.3\n",
            "cat: /proc/net/ip_vs: No such file or directory\n",
            0
        )
    );
}

#[test]
fn a_body_that_fails_in_a_kernel_fails_its_test_with_its_own_words() -> Result<()> {
    let error = ipvs_lab::in_kernel(|| bail!("shares are wrong")).unwrap_err();
    // In an embedded kernel this test runs once more, and there it is to fail.
    if fs::read_to_string("/proc/sys/kernel/hostname")? == "ipvs-lab\n" {
        return Err(error);
    }
    assert!(error.to_string().contains("shares are wrong"), "{error:#}");
    Ok(())
}

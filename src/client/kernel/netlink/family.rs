// SPDX-License-Identifier: MIT

//! The number of the IPVS family, which the kernel gives out when its module
//! is loaded.

use std::{
    fs, io, iter,
    process::{Command, Stdio},
};

use ipvs_netlink::IpvsMessage;
use netlink_packet_core::{DecodeError, Emitable, NLM_F_ACK, NlasIterator, parse_u16};
use netlink_packet_generic::{
    GenlFamily, GenlHeader,
    constants::{CTRL_ATTR_FAMILY_ID, GENL_HDRLEN, GENL_ID_CTRL},
    ctrl::{GenlCtrl, GenlCtrlCmd, nlas::GenlCtrlAttrs},
};
use rustix::io::Errno;

use super::{super::consistency::READ_ATTEMPTS, exchange::Exchange};
use crate::{Error, Operation, Result};

/// The module loader that ipvsadm has always asked, whatever the kernel asks.
const MODPROBE: &str = "/sbin/modprobe";

/// The environment of the loaders: the one in which Linux runs its own (`call_modprobe` in
/// kernel/module/kmod.c).
const ENVIRONMENT: [(&str, &str); 3] = [
    ("HOME", "/"),
    ("TERM", "linux"),
    ("PATH", "/sbin:/usr/sbin:/bin:/usr/bin"),
];

/// Asks for the family, which makes the kernel load the module if it can. If it
/// could not, asks again after each of the loaders; they run when their turn
/// comes, and give what they said or why they did not run.
pub(crate) fn find(
    exchange: &mut Exchange,
    loaders: impl IntoIterator<Item = io::Result<String>>,
) -> Result<u16> {
    let mut loaders = loaders.into_iter();
    let mut modprobe = Ok(String::new());
    let mut has_run = false;
    let mut attempt = 1;
    loop {
        match look_up(exchange) {
            Err(error) if error.errno() == Some(Errno::NOENT) => {}
            Err(Error::AnswerLost { .. }) if attempt < READ_ATTEMPTS => {
                attempt += 1;
                continue;
            }
            found => return found,
        }
        let Some(outcome) = loaders.next() else {
            return Err(Error::Unavailable { modprobe });
        };
        // One that is not there does not matter if another was.
        if outcome.is_ok() || !has_run {
            has_run = outcome.is_ok();
            modprobe = outcome;
        }
    }
}

fn look_up(exchange: &mut Exchange) -> Result<u16> {
    let operation = Operation::Open;
    let request = GenlCtrl {
        cmd: GenlCtrlCmd::GetFamily,
        nlas: vec![GenlCtrlAttrs::FamilyName(
            IpvsMessage::family_name().to_owned(),
        )],
    };
    let header = GenlHeader {
        cmd: request.command(),
        version: request.version(),
    };
    exchange.queue(GENL_ID_CTRL, header, NLM_F_ACK, |buffer| {
        let start = buffer.len();
        buffer.resize(start + request.buffer_len(), 0);
        request.emit(buffer.get_mut(start..).unwrap_or_default());
    });
    exchange.send(operation)?;
    let mut family = None;
    exchange.receive(operation, GENL_ID_CTRL, false, |_, payload| {
        // Not parsed as a GenlCtrl, which refuses attributes that kernels
        // to come may add.
        for attribute in NlasIterator::new(payload.get(GENL_HDRLEN..).unwrap_or_default()) {
            let attribute = attribute?;
            if attribute.kind() == CTRL_ATTR_FAMILY_ID {
                family = Some(parse_u16(attribute.value())?);
            }
        }
        Ok(())
    })?;
    family.ok_or_else(|| Error::Malformed {
        operation,
        reason: DecodeError::from("CTRL_ATTR_FAMILY_ID is missing"),
    })
}

/// Runs the module loaders there are, one each time. The kernel's setting is not read
/// before the first is wanted.
pub(crate) fn load_module() -> impl Iterator<Item = io::Result<String>> {
    iter::once_with(|| fs::read_to_string("/proc/sys/kernel/modprobe").unwrap_or_default())
        .flat_map(module_loaders)
        .map(|path| run(&path))
}

/// The loader that the kernel itself asks, by its setting, and the usual one.
fn module_loaders(setting: String) -> Vec<String> {
    let mut loaders = vec![setting.trim_end().to_owned(), MODPROBE.to_owned()];
    loaders.dedup();
    // Without one the kernel loads no module, but that need not be so for us. To the
    // kernel a relative path begins at the root directory; nobody sets one.
    loaders.retain(|path| path.starts_with('/'));
    loaders
}

/// Asks a module loader for the module. Returns what it said.
///
/// It has nothing of the caller's: `MODPROBE_OPTIONS`, for one, would name another
/// configuration, and so other commands that it runs.
fn run(path: &str) -> io::Result<String> {
    let output = Command::new(path)
        .args(["--", "ip_vs"])
        .env_clear()
        .envs(ENVIRONMENT)
        .current_dir("/")
        .stdin(Stdio::null())
        .output()?;
    Ok(String::from_utf8_lossy(&output.stderr)
        .trim_end()
        .to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loader_of_the_kernel_is_asked_before_the_usual_one() {
        for (setting, loaders) in [
            ("/usr/bin/kmod\n", &["/usr/bin/kmod", "/sbin/modprobe"][..]),
            ("/sbin/modprobe\n", &["/sbin/modprobe"]),
            ("\n", &["/sbin/modprobe"]),
            ("", &["/sbin/modprobe"]),
            ("modprobe\n", &["/sbin/modprobe"]),
        ] {
            assert_eq!(module_loaders(setting.to_owned()), loaders, "{setting:?}");
        }
    }

    #[test]
    fn a_loader_gets_the_words_of_the_original_and_what_it_says_is_kept() {
        // Any program that complains about a word that it does not know.
        let said = run("/bin/ls").unwrap();
        assert!(said.contains("ip_vs") && !said.contains("--"), "{said:?}");
        assert_eq!(run("/bin/true").unwrap(), "");
        let error = run("/nonexistent/modprobe").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}

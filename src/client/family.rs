// SPDX-License-Identifier: MIT

//! The number of the IPVS family, which the kernel gives out when its module
//! is loaded.

use std::process::Command;

use ipvs_netlink::IpvsMessage;
use netlink_packet_core::{DecodeError, Emitable, NLM_F_ACK, NlasIterator, parse_u16};
use netlink_packet_generic::{
    GenlFamily, GenlHeader,
    constants::{CTRL_ATTR_FAMILY_ID, GENL_HDRLEN, GENL_ID_CTRL},
    ctrl::{GenlCtrl, GenlCtrlCmd, nlas::GenlCtrlAttrs},
};
use rustix::io::Errno;

use crate::{Error, Operation, Result, exchange::Exchange};

/// Asks for the family, which makes the kernel load the module if it can, and
/// once more after `load_module` if it could not.
pub(crate) fn find(
    exchange: &mut Exchange,
    load_module: impl FnOnce() -> Option<String>,
) -> Result<u16> {
    let is_missing =
        |found: &Result<u16>| matches!(found, Err(error) if error.errno() == Some(Errno::NOENT));
    let found = look_up(exchange);
    if !is_missing(&found) {
        return found;
    }
    let modprobe = load_module();
    let found = look_up(exchange);
    if is_missing(&found) {
        return Err(Error::Unavailable { modprobe });
    }
    found
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

/// Asks the module loader that the kernel itself would ask. Returns what it
/// said when it failed.
pub(crate) fn load_module() -> Option<String> {
    let path = std::fs::read_to_string("/proc/sys/kernel/modprobe").ok()?;
    let path = path.trim_end();
    if path.is_empty() {
        return None;
    }
    let output = match Command::new(path).args(["--", "ip_vs"]).output() {
        Ok(output) => output,
        Err(error) => return Some(format!("{path}: {error}")),
    };
    let said = String::from_utf8_lossy(&output.stderr)
        .trim_end()
        .to_owned();
    (!said.is_empty()).then_some(said)
}

// SPDX-License-Identifier: MIT

//! The check that the kernel has IPVS.

use super::{
    check::{Finding, Unknown},
    director::Director,
};
use crate::system::modules::ModuleState;

/// The module of IPVS. It loads those of schedulers and persistence engines, which stay
/// while a virtual service uses them.
const MODULE: &str = "ip_vs";

pub(super) fn find_missing_module(director: &Director) -> Result<Vec<Finding>, Unknown> {
    if director.table.is_ok() {
        return Ok(Vec::new());
    }
    let modules = &director.machine.modules;
    let release = &modules.release;
    if release.is_empty() {
        return Err(Unknown("/proc cannot be read".to_owned()));
    }
    let load = vec![format!("modprobe {MODULE}")];
    let (message, commands) = match modules.state(MODULE) {
        // The table cannot be read for another reason.
        ModuleState::Loaded | ModuleState::BuiltIn => return Ok(Vec::new()),
        ModuleState::Loadable => ("is not loaded".to_owned(), load),
        ModuleState::Unknown => (
            format!("is not loaded, and the modules of Linux {release} are not here"),
            load,
        ),
        ModuleState::Missing => (
            format!("is neither loaded nor among the modules of Linux {release}"),
            Vec::new(),
        ),
    };
    Ok(vec![Finding {
        object: format!("the module {MODULE}"),
        message,
        why: "There are no virtual services, and no settings below net.ipv4.vs. The first \
              command that changes the table loads the module."
            .to_owned(),
        commands,
    }])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        doctor::{
            director::tests::{director, told},
            machine::tests::machine,
        },
        system::modules::Modules,
    };

    #[test]
    fn a_kernel_without_ipvs_is_told_whether_it_could_have_it() {
        for (modules, message, commands) in [
            (
                Modules::made_up(&[], &[], &["ip_vs"]),
                Some("the module ip_vs is not loaded"),
                &["modprobe ip_vs"][..],
            ),
            (
                Modules::made_up(&["tun"], &[], &[]),
                Some("the module ip_vs is neither loaded nor among the modules of Linux 6.1.0"),
                &[],
            ),
            (Modules::made_up(&["ip_vs"], &[], &[]), None, &[]),
            (Modules::made_up(&[], &["ip_vs"], &[]), None, &[]),
        ] {
            let mut director = director(machine(&[], []), Vec::new());
            director.machine.modules = modules;
            assert_eq!(told(find_missing_module(&director)), []);
            director.table = Err(Unknown("no table".to_owned()));
            let found = told(find_missing_module(&director));
            let commands = commands.iter().map(|&command| command.to_owned());
            let wanted = message.map(|message| (message.to_owned(), commands.collect()));
            assert_eq!(found, wanted.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn without_proc_nothing_is_said_about_the_module() {
        let mut director = director(machine(&[], []), Vec::new());
        director.machine.modules = Modules::default();
        director.table = Err(Unknown("no table".to_owned()));
        let unknown = Unknown("/proc cannot be read".to_owned());
        assert_eq!(find_missing_module(&director), Err(unknown));
    }
}

// SPDX-License-Identifier: MIT

//! The running kernel, and the modules that it has or could load.

use std::{collections::BTreeSet, fs, path::Path};

/// Modules of the running kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Modules {
    /// The kernel's release, as `uname -r` shows it.
    pub(crate) release: String,
    /// Names of modules, with underscores, that are loaded.
    loaded: BTreeSet<String>,
    /// The modules that are not loaded; none where the folder of this kernel cannot be
    /// read, as in most containers.
    installed: Option<Installed>,
}

/// The modules in the folder of a kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Installed {
    built_in: BTreeSet<String>,
    loadable: BTreeSet<String>,
}

/// The ways in which a kernel has a module, or has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ModuleState {
    Loaded,
    /// A part of the kernel itself.
    BuiltIn,
    /// `modprobe` would find it.
    Loadable,
    /// Neither in the kernel nor in its folder.
    Missing,
    /// Not loaded, and there is no folder to look into. It may be built in.
    Unknown,
}

impl Modules {
    /// Reads what there is for the running kernel.
    pub(crate) fn read() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let release = read("/proc/sys/kernel/osrelease").trim_end().to_owned();
        let folder = Path::new("/lib/modules").join(&release);
        Self {
            loaded: read("/proc/modules").lines().filter_map(name).collect(),
            installed: Installed::read(&folder),
            release,
        }
    }

    /// Finds out where a module is. Hyphens and underscores are the same in its name.
    pub(crate) fn state(&self, module: &str) -> ModuleState {
        let module = module.replace('-', "_");
        if self.loaded.contains(&module) {
            return ModuleState::Loaded;
        }
        match &self.installed {
            None => ModuleState::Unknown,
            Some(installed) if installed.built_in.contains(&module) => ModuleState::BuiltIn,
            Some(installed) if installed.loadable.contains(&module) => ModuleState::Loadable,
            Some(_) => ModuleState::Missing,
        }
    }
}

/// For tests: modules that somebody made up.
#[cfg(test)]
impl Modules {
    pub(crate) fn made_up(loaded: &[&str], built_in: &[&str], loadable: &[&str]) -> Self {
        let own = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Self {
            release: "6.1.0".to_owned(),
            loaded: own(loaded),
            installed: Some(Installed {
                built_in: own(built_in),
                loadable: own(loadable),
            }),
        }
    }
}

impl Installed {
    /// Reads the lists that `depmod` has written.
    fn read(folder: &Path) -> Option<Self> {
        let read = |file| fs::read_to_string(folder.join(file)).ok();
        let dependencies = read("modules.dep")?;
        Some(Self {
            loadable: dependencies
                .lines()
                .filter_map(|line| name(line.split_once(':')?.0))
                .collect(),
            built_in: read("modules.builtin")
                .unwrap_or_default()
                .lines()
                .filter_map(name)
                .collect(),
        })
    }
}

/// Returns the name of the module that a line begins with: the first word, or the file of
/// a path without `.ko` and what follows.
fn name(line: &str) -> Option<String> {
    let word = line.split_whitespace().next()?;
    let file = word.rsplit('/').next()?;
    let stem = file.split('.').next()?;
    Some(stem.replace('-', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_loaded_built_in_loadable_or_missing() {
        let folder = tempfile::tempdir().unwrap();
        // Lines of Debian's linux-image-6.1.0, whose modules are not compressed, and one
        // of a kernel that compresses them.
        fs::write(
            folder.path().join("modules.dep"),
            "kernel/net/netfilter/ipvs/ip_vs_wrr.ko: kernel/net/netfilter/ipvs/ip_vs.ko\n\
             kernel/net/netfilter/ipvs/ip_vs.ko.xz: kernel/net/netfilter/nf_conntrack.ko.xz\n\
             kernel/drivers/net/dummy.ko:\n",
        )
        .unwrap();
        fs::write(
            folder.path().join("modules.builtin"),
            "kernel/net/ipv4/ip-tunnel.ko\n",
        )
        .unwrap();
        let modules = Modules {
            loaded: "ip_vs 162529 2 ip_vs_wlc, Live 0x0000000000000000\n"
                .lines()
                .filter_map(name)
                .collect(),
            installed: Installed::read(folder.path()),
            release: "6.1.0".to_owned(),
        };
        for (module, state) in [
            ("ip_vs", ModuleState::Loaded),
            ("ip_vs_wrr", ModuleState::Loadable),
            ("ip-vs-wrr", ModuleState::Loadable),
            ("ip_tunnel", ModuleState::BuiltIn),
            ("ip_vs_twos", ModuleState::Missing),
        ] {
            assert_eq!(modules.state(module), state, "{module}");
        }
    }

    #[test]
    fn without_the_folder_of_the_kernel_only_loaded_modules_are_known() {
        let folder = tempfile::tempdir().unwrap();
        let modules = Modules {
            loaded: BTreeSet::from(["ip_vs".to_owned()]),
            installed: Installed::read(&folder.path().join("6.1.0")),
            release: "6.1.0".to_owned(),
        };
        assert_eq!(modules.state("ip_vs"), ModuleState::Loaded);
        assert_eq!(modules.state("ip_vs_rr"), ModuleState::Unknown);
    }
}

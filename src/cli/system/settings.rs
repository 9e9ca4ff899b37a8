// SPDX-License-Identifier: MIT

//! Settings of the network namespace, from the files below `/proc/sys/net`.

use std::{collections::BTreeMap, fs, path::Path};

/// The folder of the files, which are those of the calling thread's network namespace.
const FOLDER: &str = "/proc/sys/net";

/// Files by themselves.
const FILES: [&str; 5] = [
    "ipv4/ip_forward",
    "netfilter/nf_conntrack_buckets",
    "netfilter/nf_conntrack_count",
    "netfilter/nf_conntrack_max",
    "netfilter/nf_conntrack_tcp_be_liberal",
];

/// Folders with a folder for each interface, and the files in it.
const INTERFACES: [(&str, &[&str]); 2] = [
    (
        "ipv4/conf",
        &[
            "accept_local",
            "arp_announce",
            "arp_ignore",
            "forwarding",
            "rp_filter",
            "send_redirects",
            "src_valid_mark",
        ],
    ),
    ("ipv6/conf", &["disable_ipv6", "forwarding"]),
];

/// A folder of which every file is read.
const IPVS: &str = "ipv4/vs";

/// Reads one setting by its name; none where it is not there or not one number.
pub(crate) fn read_number(name: &str) -> Option<i64> {
    let text = fs::read_to_string(Path::new(FOLDER).join(name)).ok()?;
    text.trim_end().parse().ok()
}

/// Settings by their names: the path below `/proc/sys/net`, such as
/// `ipv4/conf/all/rp_filter`. One that the kernel does not have, or that may not be read,
/// is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Settings(BTreeMap<String, String>);

impl Settings {
    pub(crate) fn read() -> Self {
        Self::read_below(Path::new(FOLDER))
    }

    fn read_below(folder: &Path) -> Self {
        let mut settings = Self::default();
        let mut add = |name: String| {
            if let Ok(value) = fs::read_to_string(folder.join(&name)) {
                settings.0.insert(name, value.trim_end().to_owned());
            }
        };
        FILES.iter().for_each(|file| add((*file).to_owned()));
        for (parent, files) in INTERFACES {
            for interface in list(&folder.join(parent)) {
                for file in files {
                    add(format!("{parent}/{interface}/{file}"));
                }
            }
        }
        for file in list(&folder.join(IPVS)) {
            add(format!("{IPVS}/{file}"));
        }
        settings
    }

    /// Returns the text of a setting.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Returns the settings whose names begin so, in the order of their names.
    pub(crate) fn below<'a>(
        &'a self,
        beginning: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        let settings = self.0.range(beginning.to_owned()..);
        let settings = settings.map(|(name, text)| (name.as_str(), text.as_str()));
        settings.take_while(move |(name, _)| name.starts_with(beginning))
    }

    /// Returns the same settings with other names of interfaces. Those of `all` and
    /// `default` are settings of no interface.
    pub(crate) fn with_interfaces(&self, mut rename: impl FnMut(&str) -> String) -> Self {
        let mut renamed = |name: &str| {
            let rest = INTERFACES.iter().find_map(|(parent, _)| {
                let rest = name.strip_prefix(parent)?.strip_prefix('/')?;
                Some((parent, rest.split_once('/')?))
            });
            match rest {
                None | Some((_, ("all" | "default", _))) => name.to_owned(),
                Some((parent, (interface, file))) => {
                    format!("{parent}/{}/{file}", rename(interface))
                }
            }
        };
        let settings = self.0.iter();
        Self(
            settings
                .map(|(name, text)| (renamed(name), text.clone()))
                .collect(),
        )
    }

    /// Returns the number of a setting; none where it is not one number.
    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        self.text(name)?.parse().ok()
    }

    /// Returns the number of a setting that has a value for `all` interfaces and one for
    /// each, of which the kernel takes the greater: `arp_ignore`, `arp_announce` and
    /// `rp_filter` of IPv4.
    pub(crate) fn greater(&self, interface: &str, file: &str) -> Option<i64> {
        let number = |interface| self.number(&format!("ipv4/conf/{interface}/{file}"));
        number(interface).max(number("all"))
    }
}

/// For tests: settings that somebody made up.
#[cfg(test)]
impl<const N: usize> From<[(&str, &str); N]> for Settings {
    fn from(settings: [(&str, &str); N]) -> Self {
        let owned = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self(owned.into())
    }
}

/// Returns the names in a folder; none where there is no such folder.
fn list(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect()
}

/// Returns the name that `sysctl` has for a setting. It writes dots for slashes, and a
/// slash for a dot in the name of an interface.
pub(crate) fn sysctl_name(name: &str) -> String {
    let swapped = name.chars().map(|character| match character {
        '/' => '.',
        '.' => '/',
        other => other,
    });
    "net.".chars().chain(swapped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes a folder like `/proc/sys/net` with these files.
    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, value) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, value).unwrap();
        }
        folder
    }

    #[test]
    fn settings_are_known_by_their_paths_and_absent_where_there_are_none() {
        let folder = folder(&[
            ("ipv4/ip_forward", "1\n"),
            ("ipv4/conf/all/rp_filter", "0\n"),
            ("ipv4/conf/eth0.5/rp_filter", "2\n"),
            ("ipv4/vs/sync_threshold", "3\t50\n"),
            ("ipv4/tcp_mem", "1\t2\t3\n"),
        ]);
        let settings = Settings::read_below(folder.path());
        assert_eq!(
            settings,
            Settings::from([
                ("ipv4/ip_forward", "1"),
                ("ipv4/conf/all/rp_filter", "0"),
                ("ipv4/conf/eth0.5/rp_filter", "2"),
                ("ipv4/vs/sync_threshold", "3\t50"),
            ])
        );
        assert_eq!(settings.number("ipv4/ip_forward"), Some(1));
        assert_eq!(settings.number("ipv4/vs/sync_threshold"), None);
        assert_eq!(settings.text("ipv4/vs/sync_threshold"), Some("3\t50"));
        assert_eq!(settings.number("netfilter/nf_conntrack_max"), None);
    }

    #[test]
    fn interfaces_get_other_names_and_all_and_default_are_none() {
        let settings = Settings::from([
            ("ipv4/conf/all/rp_filter", "1"),
            ("ipv4/conf/eth0.5/rp_filter", "2"),
            ("ipv6/conf/default/forwarding", "0"),
            ("ipv6/conf/eth0.5/forwarding", "0"),
            ("ipv4/ip_forward", "1"),
        ]);
        assert_eq!(
            settings.with_interfaces(|name| format!("new-{name}")),
            Settings::from([
                ("ipv4/conf/all/rp_filter", "1"),
                ("ipv4/conf/new-eth0.5/rp_filter", "2"),
                ("ipv6/conf/default/forwarding", "0"),
                ("ipv6/conf/new-eth0.5/forwarding", "0"),
                ("ipv4/ip_forward", "1"),
            ])
        );
        let ipvs: Vec<_> = settings.below("ipv6/").collect();
        assert_eq!(
            ipvs,
            [
                ("ipv6/conf/default/forwarding", "0"),
                ("ipv6/conf/eth0.5/forwarding", "0")
            ]
        );
    }

    #[test]
    fn the_greater_of_all_and_the_interface_is_in_effect() {
        let settings = Settings::from([
            ("ipv4/conf/all/rp_filter", "1"),
            ("ipv4/conf/eth0/rp_filter", "2"),
            ("ipv4/conf/lo/rp_filter", "0"),
        ]);
        assert_eq!(settings.greater("eth0", "rp_filter"), Some(2));
        assert_eq!(settings.greater("lo", "rp_filter"), Some(1));
        assert_eq!(settings.greater("gone", "rp_filter"), Some(1));
        assert_eq!(settings.greater("eth0", "arp_ignore"), None);
    }

    #[test]
    fn sysctl_has_dots_for_slashes_and_slashes_for_dots() {
        // sysctl(8): "the '/' separator is also accepted in place of a '.'"; the swap is
        // what `sysctl -a` prints for such an interface.
        assert_eq!(sysctl_name("ipv4/ip_forward"), "net.ipv4.ip_forward");
        assert_eq!(
            sysctl_name("ipv4/conf/eth0.5/rp_filter"),
            "net.ipv4.conf.eth0/5.rp_filter"
        );
    }
}

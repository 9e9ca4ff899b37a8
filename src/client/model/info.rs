// SPDX-License-Identifier: MIT

//! The version of IPVS and the size of its connection table.

use std::fmt;

/// The kernel's IPVS, by its own account.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Info {
    /// The version of IPVS.
    pub version: Version,
    /// The number of hash buckets of the connection table.
    pub connection_table_size: u32,
}

impl Info {
    /// Makes what a kernel of this version says, for tests of programs that read it.
    #[must_use]
    pub const fn new(version: Version, connection_table_size: u32) -> Self {
        Self {
            version,
            connection_table_size,
        }
    }
}

/// A version of IPVS, such as 1.2.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(
    /// As the kernel sends it: a byte each for major, minor and patch.
    pub u32,
);

impl Version {
    /// Major, minor and patch.
    #[must_use]
    pub fn numbers(self) -> [u8; 3] {
        let [_, numbers @ ..] = self.0.to_be_bytes();
        numbers
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.numbers();
        write!(f, "{major}.{minor}.{patch}")
    }
}

#[cfg(test)]
mod tests {
    use super::Version;

    #[test]
    fn a_version_shows_its_three_numbers() {
        assert_eq!(Version(0x0001_0201).to_string(), "1.2.1");
    }
}

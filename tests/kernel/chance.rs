// SPDX-License-Identifier: MIT

//! Random numbers that a seed decides.

/// Numbers that follow from a seed, by SplitMix64. They are part of what is on
/// record, so they must never change with the version of a crate.
#[derive(Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64, part: u64) -> Self {
        Self(seed.wrapping_mul(0x1_0000).wrapping_add(part))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// Less than `limit`, which is not 0.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap_or_default()
    }

    /// True so many times in a hundred.
    pub(crate) fn percent(&mut self, times: usize) -> bool {
        self.below(100) < times
    }

    pub(crate) fn one_of<'a>(&mut self, texts: &[&'a str]) -> &'a str {
        let index = self.below(texts.len());
        texts.get(index).copied().unwrap_or_default()
    }
}

#[test]
fn the_numbers_are_those_of_splitmix64() {
    // The first numbers that its published implementation gives for 0.
    let mut chance = Chance::new(0, 0);
    assert_eq!(chance.next(), 0xe220_a839_7b1d_cdaf);
    assert_eq!(chance.next(), 0x6e78_9e6a_a1b9_65f4);
}

// SPDX-License-Identifier: MIT

//! The directory for what is downloaded once for all programs of a user that have
//! the lab in them, wherever they were built.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// Returns `$XDG_CACHE_HOME/ipvs-lab`, or `~/.cache/ipvs-lab` without that variable
/// (XDG Base Directory Specification, which wants a path that is not absolute to be
/// ignored).
fn directory() -> Result<PathBuf> {
    let absolute = |name| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let cache = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")));
    let cache = cache.context("neither XDG_CACHE_HOME nor HOME says where a cache can be")?;
    Ok(cache.join("ipvs-lab"))
}

/// Returns the directory of this name in the cache. If it is not there, `fill` makes
/// it; other processes wait meanwhile.
///
/// # Errors
/// When the cache cannot be written, or `fill` fails.
pub(crate) fn entry(name: &str, fill: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    entry_of(&directory()?, name, fill)
}

fn entry_of(
    directory: &Path,
    name: &str,
    fill: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let entry = directory.join(name);
    if !entry.exists() {
        fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
        let lock = directory.join("lock");
        let lock = File::create(&lock).with_context(|| lock.display().to_string())?;
        lock.lock().context("cannot lock the cache")?;
        // Another process may have made it since.
        if !entry.exists() {
            fill(&entry)?;
        }
    }
    Ok(entry)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use std::thread;

    use anyhow::bail;

    use super::*;

    #[test]
    fn an_entry_is_made_once_whoever_asks_and_anew_after_a_failure() {
        let place = tempfile::tempdir().unwrap();
        let cache = place.path().join("not/there/yet");
        entry_of(&cache, "a", |_| bail!("no network")).unwrap_err();
        let made = AtomicUsize::new(0);
        let ask = || {
            let fill = |entry: &Path| {
                made.fetch_add(1, SeqCst);
                Ok(fs::create_dir(entry)?)
            };
            assert_eq!(entry_of(&cache, "a", fill).unwrap(), cache.join("a"));
        };
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(ask);
            }
        });
        assert_eq!(made.into_inner(), 1);
    }
}

// SPDX-License-Identifier: MIT

//! An archive that a kernel unpacks into its first file system.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};
use cpio::NewcBuilder;
use cpio::newc::{ModeFileType, trailer};

/// The entries of the archive, by absolute path: a directory comes before what it
/// holds, as the kernel wants it.
pub(crate) struct Archive(BTreeMap<PathBuf, Entry>);

enum Entry {
    Directory,
    /// A copy of this file, with its permissions.
    File(PathBuf),
    Link(PathBuf),
    /// Without it the first process starts without standard streams.
    Console,
}

impl Archive {
    pub(crate) fn new() -> Self {
        let mut archive = Self(BTreeMap::new());
        archive.put(Path::new("/dev/console"), Entry::Console);
        archive
    }

    /// An empty directory and those that it is in.
    pub(crate) fn directory(&mut self, path: &Path) {
        for path in path.ancestors() {
            let there = self.0.entry(path.to_owned());
            there.or_insert(Entry::Directory);
        }
    }

    /// A symbolic link.
    pub(crate) fn link(&mut self, path: &Path, target: &Path) {
        self.put(path, Entry::Link(target.to_owned()));
    }

    /// A copy of the file `from`, as `to`.
    pub(crate) fn file(&mut self, from: &Path, to: &Path) -> Result<()> {
        self.put(
            to,
            Entry::File(
                fs::canonicalize(from)
                    .with_context(|| format!("cannot read {}", from.display()))?,
            ),
        );
        Ok(())
    }

    /// A program of the host at its own path, with the libraries that it needs
    /// and every symbolic link on the way to them.
    pub(crate) fn program(&mut self, path: &Path) -> Result<()> {
        self.as_on_host(path)?;
        for library in libraries(path)? {
            self.as_on_host(&library)?;
        }
        Ok(())
    }

    fn put(&mut self, path: &Path, entry: Entry) {
        if let Some(parent) = path.parent() {
            self.directory(parent);
        }
        self.0.insert(path.to_owned(), entry);
    }

    fn as_on_host(&mut self, path: &Path) -> Result<()> {
        let mut seen = PathBuf::from("/");
        let mut rest = path.components();
        rest.next();
        while let Some(part) = rest.next() {
            seen.push(part);
            let metadata = fs::symlink_metadata(&seen)
                .with_context(|| format!("no {} here", seen.display()))?;
            if metadata.is_symlink() {
                let target = fs::read_link(&seen)?;
                let directory = seen.parent().unwrap_or(Path::new("/"));
                let next = plain(&directory.join(&target).join(rest.as_path()));
                self.0.insert(seen, Entry::Link(target));
                return self.as_on_host(&next);
            }
            let entry = match metadata.is_dir() {
                true => Entry::Directory,
                false => Entry::File(seen.clone()),
            };
            self.0.insert(seen.clone(), entry);
        }
        Ok(())
    }

    /// Writes the archive.
    pub(crate) fn write(&self, to: &mut impl Write) -> Result<()> {
        let mut to = BufWriter::new(to);
        for (path, entry) in &self.0 {
            let Ok(name) = path.strip_prefix("/") else {
                continue;
            };
            if name == Path::new("") {
                continue;
            }
            let name = name.to_str().context("a path is no text")?;
            put_entry(&mut to, name, entry).with_context(|| name.to_owned())?;
        }
        trailer(&mut to)?;
        Ok(to.flush()?)
    }
}

fn put_entry(to: &mut impl Write, name: &str, entry: &Entry) -> Result<()> {
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::PermissionsExt as _;
    let header = NewcBuilder::new(name);
    match entry {
        Entry::Directory => {
            let mode = if name == "tmp" { 0o1777 } else { 0o755 };
            let header = header
                .mode(mode)
                .set_mode_file_type(ModeFileType::Directory);
            header.write(to, 0).finish()?;
        }
        Entry::File(path) => {
            let mut file = File::open(path)?;
            let metadata = file.metadata()?;
            let header = header
                .mode(metadata.permissions().mode() & 0o7777)
                .set_mode_file_type(ModeFileType::Regular);
            let mut entry = header.write(to, metadata.len().try_into()?);
            io::copy(&mut file, &mut entry)?;
            entry.finish()?;
        }
        Entry::Link(target) => {
            let target = target.as_os_str().as_bytes();
            let header = header.mode(0o777).set_mode_file_type(ModeFileType::Symlink);
            let mut entry = header.write(to, target.len().try_into()?);
            entry.write_all(target)?;
            entry.finish()?;
        }
        Entry::Console => {
            let header = header.mode(0o600).rdev_major(5).rdev_minor(1);
            let header = header.set_mode_file_type(ModeFileType::Char);
            header.write(to, 0).finish()?;
        }
    }
    Ok(())
}

/// The path without `.` and `..`; no part of it before a `..` is a link.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}

/// The shared libraries of a program and its loader. A script has none.
fn libraries(program: &Path) -> Result<Vec<PathBuf>> {
    let output = Command::new("ldd")
        .arg(program)
        .stdin(Stdio::null())
        .output()
        .context("cannot run ldd")?;
    // «NAME => PATH (ADDRESS)» or «PATH (ADDRESS)»
    let text = String::from_utf8_lossy(&output.stdout);
    let paths = text.lines().filter_map(|line| {
        let path = line.split_once("=> ").map_or(line, |(_, path)| path).trim();
        let path = path.split(" (").next()?;
        path.starts_with('/').then(|| PathBuf::from(path))
    });
    Ok(paths.collect())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_on_the_way_to_a_file_are_kept() {
        let directory = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(directory.path()).unwrap();
        fs::create_dir_all(root.join("usr/lib")).unwrap();
        fs::write(root.join("usr/lib/a.so.1.2"), "content").unwrap();
        symlink("a.so.1.2", root.join("usr/lib/a.so.1")).unwrap();
        symlink("../usr/./lib", root.join("usr/link")).unwrap();
        let mut archive = Archive::new();
        archive.as_on_host(&root.join("usr/link/a.so.1")).unwrap();
        let at = |path: &str| archive.0.get(&root.join(path));
        assert!(matches!(at("usr/link"), Some(Entry::Link(to)) if to == Path::new("../usr/./lib")));
        assert!(matches!(at("usr/lib/a.so.1"), Some(Entry::Link(_))));
        assert!(matches!(at("usr/lib/a.so.1.2"), Some(Entry::File(_))));
        assert!(matches!(at("usr/lib"), Some(Entry::Directory)));
    }

    #[test]
    fn an_archive_is_read_as_it_was_written() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, "content").unwrap();
        let mut archive = Archive::new();
        archive.file(&file, Path::new("/a/b")).unwrap();
        archive.link(Path::new("/a/c"), Path::new("b"));
        let mut bytes = Vec::new();
        archive.write(&mut bytes).unwrap();
        let mut rest = bytes.as_slice();
        let mut seen = Vec::new();
        loop {
            let mut entry = cpio::NewcReader::new(rest).unwrap();
            if entry.entry().is_trailer() {
                break;
            }
            let mut text = String::new();
            io::Read::read_to_string(&mut entry, &mut text).unwrap();
            seen.push((entry.entry().name().to_owned(), text));
            rest = entry.finish().unwrap();
        }
        let wanted = [
            ("a", ""),
            ("a/b", "content"),
            ("a/c", "b"),
            ("dev", ""),
            ("dev/console", ""),
        ];
        let seen: Vec<_> = seen.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert_eq!(seen, wanted);
    }
}

// SPDX-License-Identifier: MIT

//! The words by which people name a network namespace: a name, a path or a process.

use std::{
    fmt,
    fs::{File, OpenOptions},
    io,
    os::{fd::AsFd, unix::fs::OpenOptionsExt},
    path::{Path, PathBuf},
    str::FromStr,
};

use rustix::{
    io::Errno,
    process::{Pid, PidfdFlags, pidfd_open},
    thread::{
        LinkNameSpaceType, ThreadNameSpaceType, move_into_link_name_space,
        move_into_thread_name_spaces,
    },
};

/// The folder where `ip netns` keeps the namespaces that have a name.
const NAMED: &str = "/run/netns";

/// Says which network namespace is meant, in the words of a person.
///
/// Only digits are a process, by its number: the namespace that it is in. Words with a
/// slash are the path of a namespace, such as `/proc/4711/ns/net` or one below
/// `/run/docker/netns`. Anything else is a name in `/run/netns`, where `ip netns add`
/// puts namespaces.
///
/// ```no_run
/// use ipvs_client::{Client, NamespaceReference};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let blue: NamespaceReference = "blue".parse()?;
/// for service in Client::open_in(blue.open()?)?.services()? {
///     println!("{}", service.id);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NamespaceReference(Kind);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Kind {
    /// Not empty, `.` or `..`, and without a slash.
    Name(String),
    Path(PathBuf),
    Process(u32),
}

/// The words cannot name a network namespace: they are empty, `.` or `..`, have a NUL
/// inside, or are a greater number than any process has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a network namespace is a name in {NAMED}, a path with a slash, or the number of a process"
)]
pub struct ParseReferenceError;

impl FromStr for NamespaceReference {
    type Err = ParseReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(match text {
            "" | "." | ".." => return Err(ParseReferenceError),
            text if text.contains('\0') => return Err(ParseReferenceError),
            text if text.contains('/') => Kind::Path(text.into()),
            text if text.bytes().all(|byte| byte.is_ascii_digit()) => {
                Kind::Process(text.parse().map_err(|_| ParseReferenceError)?)
            }
            text => Kind::Name(text.to_owned()),
        }))
    }
}

/// `network namespace "blue"`, `network namespace /proc/4711/ns/net`, `network
/// namespace of process 4711`.
impl fmt::Display for NamespaceReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Name(name) => write!(f, "network namespace {name:?}"),
            Kind::Path(path) => write!(f, "network namespace {}", path.display()),
            Kind::Process(process) => write!(f, "network namespace of process {process}"),
        }
    }
}

/// The network namespace that was named cannot be opened or entered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NamespaceError {
    /// There is none: no such name, file or process.
    #[error("{}", Missing(.0))]
    Missing(NamespaceReference),
    /// There is something else.
    #[error("{} is not a network namespace", .0.path().display())]
    Other(NamespaceReference),
    /// The caller may not look at it, which takes the rights over the process, or not
    /// enter it, which takes `CAP_SYS_ADMIN` here and in the user namespace that it
    /// belongs to.
    #[error("entering the {0} is not permitted")]
    NotPermitted(NamespaceReference),
    /// Another failure.
    #[error("cannot enter the {namespace}: {reason}")]
    Io {
        /// The namespace that was named.
        namespace: NamespaceReference,
        /// The failure.
        reason: io::Error,
    },
}

impl NamespaceError {
    /// The namespace that was named.
    #[must_use]
    pub fn namespace(&self) -> &NamespaceReference {
        match self {
            Self::Missing(namespace)
            | Self::Other(namespace)
            | Self::NotPermitted(namespace)
            | Self::Io { namespace, .. } => namespace,
        }
    }
}

/// Words what was looked for in vain.
struct Missing<'a>(&'a NamespaceReference);

impl fmt::Display for Missing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.0 {
            Kind::Name(name) => write!(f, "there is no network namespace {name:?} in {NAMED}"),
            Kind::Path(path) => write!(f, "{} does not exist", path.display()),
            Kind::Process(process) => write!(f, "process {process} does not exist"),
        }
    }
}

impl NamespaceReference {
    /// The number of the process, if that is what was named.
    #[must_use]
    pub fn process(&self) -> Option<u32> {
        match self.0 {
            Kind::Process(process) => Some(process),
            _ => None,
        }
    }

    /// The name in `/run/netns`, if that is what was named.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match &self.0 {
            Kind::Name(name) => Some(name),
            _ => None,
        }
    }

    /// The path of the file that the namespace is.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        match &self.0 {
            Kind::Name(name) => Path::new(NAMED).join(name),
            Kind::Path(path) => path.clone(),
            Kind::Process(process) => format!("/proc/{process}/ns/net").into(),
        }
    }

    /// Opens the network namespace, for
    /// [`Client::open_in`](crate::Client::open_in).
    ///
    /// The file may be something else: only entering tells.
    ///
    /// # Errors
    /// [`NamespaceError::Missing`] and [`NamespaceError::NotPermitted`].
    pub fn open(&self) -> Result<File, NamespaceError> {
        // A pipe that nobody writes to would be waited for.
        let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(flags)
            .open(self.path());
        file.map_err(|error| self.explain(error))
    }

    /// Moves the calling thread into the network namespace. Its sockets, and the files
    /// of `/proc/thread-self/net` and `/proc/sys/net` that it opens, are those of the
    /// namespace from then on, and so are those of threads that it starts.
    ///
    /// Whoever is not root may own the user namespace of a process, as of a container
    /// that they have started. Where the right to enter is only there, the thread moves
    /// into that user namespace too, which the kernel lets no program do that has other
    /// threads.
    ///
    /// ```
    /// use ipvs_client::{NamespaceReference, NetworkNamespace};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let here: NamespaceReference = std::process::id().to_string().parse()?;
    /// assert_eq!(NetworkNamespace::of(here.open()?)?, NetworkNamespace::current()?);
    /// here.enter()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of [`NamespaceError`].
    pub fn enter(&self) -> Result<(), NamespaceError> {
        let namespace = self.open()?;
        match move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)) {
            Err(Errno::PERM) if self.enter_with_user_namespace() => Ok(()),
            outcome => outcome.map_err(|errno| self.explain(errno.into())),
        }
    }

    /// Moves the calling thread into the network and the user namespace of a process, if
    /// that is what was named and the kernel lets it; else it stays where it is.
    fn enter_with_user_namespace(&self) -> bool {
        let Kind::Process(process) = self.0 else {
            return false;
        };
        let process = i32::try_from(process).ok().and_then(Pid::from_raw);
        let process = process.and_then(|process| pidfd_open(process, PidfdFlags::empty()).ok());
        let both = ThreadNameSpaceType::USER | ThreadNameSpaceType::NETWORK;
        process.is_some_and(|process| move_into_thread_name_spaces(process.as_fd(), both).is_ok())
    }

    fn explain(&self, reason: io::Error) -> NamespaceError {
        let namespace = self.clone();
        match Errno::from_io_error(&reason) {
            Some(Errno::NOENT | Errno::NOTDIR) => NamespaceError::Missing(namespace),
            Some(Errno::PERM | Errno::ACCESS) => NamespaceError::NotPermitted(namespace),
            // What setns answers to any other kind of file.
            Some(Errno::INVAL) => NamespaceError::Other(namespace),
            _ => NamespaceError::Io { namespace, reason },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> NamespaceReference {
        text.parse().unwrap()
    }

    #[test]
    fn digits_are_a_process_a_slash_makes_a_path_and_the_rest_are_names() {
        for (text, path, shown) in [
            ("blue", "/run/netns/blue", "network namespace \"blue\""),
            ("4711a", "/run/netns/4711a", "network namespace \"4711a\""),
            ("-1", "/run/netns/-1", "network namespace \"-1\""),
            ("...", "/run/netns/...", "network namespace \"...\""),
            (
                "4711",
                "/proc/4711/ns/net",
                "network namespace of process 4711",
            ),
            ("007", "/proc/7/ns/net", "network namespace of process 7"),
            ("./blue", "./blue", "network namespace ./blue"),
            (
                "/run/netns/42",
                "/run/netns/42",
                "network namespace /run/netns/42",
            ),
        ] {
            let reference = parse(text);
            assert_eq!(reference.path(), Path::new(path), "{text}");
            assert_eq!(reference.to_string(), shown);
            let process = shown.strip_prefix("network namespace of process ");
            assert_eq!(reference.process(), process.map(|id| id.parse().unwrap()));
            let name = shown.strip_prefix("network namespace \"");
            assert_eq!(
                reference.name(),
                name.map(|name| name.trim_end_matches('"'))
            );
        }
    }

    #[test]
    fn no_name_leads_out_of_its_folder() {
        for text in ["", ".", "..", "a\0b", "/proc/1/ns/net\0", "99999999999"] {
            assert_eq!(
                text.parse::<NamespaceReference>(),
                Err(ParseReferenceError),
                "{text:?}"
            );
        }
    }

    #[test]
    fn what_is_not_there_is_told_in_the_words_of_its_kind() {
        for (text, words) in [
            (
                "no-such-name",
                "there is no network namespace \"no-such-name\" in /run/netns",
            ),
            ("/no/such/file", "/no/such/file does not exist"),
            // Above the greatest number that Linux gives a process (PID_MAX_LIMIT, 2^22).
            ("4194305", "process 4194305 does not exist"),
        ] {
            let error = parse(text).open().unwrap_err();
            assert!(matches!(error, NamespaceError::Missing(_)), "{error:?}");
            assert_eq!(error.to_string(), words);
            assert_eq!(error.namespace(), &parse(text));
        }
    }

    #[test]
    fn another_kind_of_file_is_no_namespace_and_a_pipe_is_not_waited_for() {
        let other = parse("/dev/null");
        match other.enter() {
            Err(NamespaceError::Other(namespace)) => assert_eq!(namespace, other),
            outcome => panic!("{outcome:?}"),
        }
        let name = format!("ipvs-client-pipe-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.unwrap().success());
        let opened = parse(path.to_str().unwrap()).open();
        std::fs::remove_file(path).unwrap();
        opened.unwrap();
    }

    #[test]
    fn a_reason_of_the_kernel_has_its_kind() {
        let reference = parse("blue");
        for (errno, words) in [
            (Errno::NOENT, "Missing"),
            (Errno::NOTDIR, "Missing"),
            (Errno::PERM, "NotPermitted"),
            (Errno::ACCESS, "NotPermitted"),
            (Errno::INVAL, "Other"),
            (Errno::MFILE, "Io"),
        ] {
            let error = format!("{:?}", reference.explain(errno.into()));
            assert!(error.starts_with(words), "{error}");
        }
    }
}

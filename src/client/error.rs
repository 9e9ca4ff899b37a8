// SPDX-License-Identifier: MIT

//! Operations, and their failures.

use std::{fmt, io};

use netlink_packet_core::DecodeError;
use rustix::io::Errno;

use crate::{AddressFamily, DaemonRole, DestinationId, Hidden, ServiceId};

/// An operation on the table, and its object.
///
/// It reads as the end of a sentence that begins with "cannot".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// Find IPVS in the kernel and open a way to it.
    Open,
    /// Read the version and the size of the connection table.
    ReadInfo,
    /// Read all virtual services.
    ListServices,
    /// Read one virtual service.
    ReadService(ServiceId),
    /// Add a virtual service.
    AddService(ServiceId),
    /// Replace the settings of a virtual service.
    EditService(ServiceId),
    /// Remove a virtual service and its destinations.
    DeleteService(ServiceId),
    /// Read the destinations of a virtual service.
    ListDestinations(ServiceId),
    /// Add a destination.
    AddDestination(ServiceId, DestinationId),
    /// Replace the settings of a destination.
    EditDestination(ServiceId, DestinationId),
    /// Remove a destination.
    DeleteDestination(ServiceId, DestinationId),
    /// Set the counters of one virtual service to zero.
    ZeroService(ServiceId),
    /// Set all counters to zero.
    ZeroAll,
    /// Remove all virtual services.
    Flush,
    /// Apply several changes.
    ApplyChanges,
    /// Read the connection timeouts.
    ReadTimeouts,
    /// Set the connection timeouts.
    SetTimeouts,
    /// Read which synchronization daemons run.
    ListDaemons,
    /// Read the connection table.
    ListConnections,
    /// Read the table from its file, which says less than the kernel's answers.
    ReadTableFile,
    /// Read the counters of the whole table.
    ReadTotals,
    /// Find out which network namespace the client belongs to.
    ReadNamespace,
    /// Start a synchronization daemon.
    StartDaemon(DaemonRole),
    /// Stop a synchronization daemon.
    StopDaemon(DaemonRole),
}

impl Operation {
    /// Returns whether it changes the table, the timeouts or the daemons.
    #[must_use]
    pub fn is_change(&self) -> bool {
        match self {
            Self::Open
            | Self::ReadInfo
            | Self::ListServices
            | Self::ReadService(_)
            | Self::ListDestinations(_)
            | Self::ReadTimeouts
            | Self::ListDaemons
            | Self::ListConnections
            | Self::ReadTableFile
            | Self::ReadTotals
            | Self::ReadNamespace => false,
            Self::AddService(_)
            | Self::EditService(_)
            | Self::DeleteService(_)
            | Self::AddDestination(..)
            | Self::EditDestination(..)
            | Self::DeleteDestination(..)
            | Self::ZeroService(_)
            | Self::ZeroAll
            | Self::Flush
            | Self::ApplyChanges
            | Self::SetTimeouts
            | Self::StartDaemon(_)
            | Self::StopDaemon(_) => true,
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => write!(f, "reach IPVS"),
            Self::ReadInfo => write!(f, "read the version of IPVS"),
            Self::ListServices => write!(f, "list the virtual services"),
            Self::ReadService(service) => write!(f, "read {service}"),
            Self::AddService(service) => write!(f, "add {service}"),
            Self::EditService(service) => write!(f, "edit {service}"),
            Self::DeleteService(service) => write!(f, "delete {service}"),
            Self::ListDestinations(service) => write!(f, "list the destinations of {service}"),
            Self::AddDestination(service, destination) => {
                write!(f, "add {destination} to {service}")
            }
            Self::EditDestination(service, destination) => {
                write!(f, "edit {destination} of {service}")
            }
            Self::DeleteDestination(service, destination) => {
                write!(f, "delete {destination} from {service}")
            }
            Self::ZeroService(service) => write!(f, "zero the counters of {service}"),
            Self::ZeroAll => write!(f, "zero the counters"),
            Self::Flush => write!(f, "clear the table"),
            Self::ApplyChanges => write!(f, "apply the changes"),
            Self::ReadTimeouts => write!(f, "read the timeouts"),
            Self::SetTimeouts => write!(f, "set the timeouts"),
            Self::ListDaemons => write!(f, "list the synchronization daemons"),
            Self::ListConnections => write!(f, "list the connections"),
            Self::ReadTableFile => write!(f, "read the table from its file"),
            Self::ReadTotals => write!(f, "read the counters of the whole table"),
            Self::ReadNamespace => write!(f, "find out the network namespace"),
            Self::StartDaemon(role) => write!(f, "start the {role} daemon"),
            Self::StopDaemon(role) => write!(f, "stop the {role} daemon"),
        }
    }
}

/// The failure of an operation.
///
/// The text says all of it: no error has a [`source`](std::error::Error::source)
/// that would say a part again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The kernel has no IPVS and could not load it.
    #[error("the kernel has no IPVS, and its module ip_vs could not be loaded")]
    Unavailable {
        /// The words of the module loader (none, often), or why
        /// `/sbin/modprobe` could not be run when no loader could.
        modprobe: io::Result<String>,
    },
    /// The kernel refused the operation. Nothing was changed.
    #[error("cannot {operation}: {}", Reason(.operation, .errno))]
    Kernel {
        /// The operation that failed.
        operation: Operation,
        /// The kernel's reason; its meaning depends on the operation.
        errno: Errno,
    },
    /// The socket to the kernel, or a file of the kernel, failed. Nothing was changed.
    #[error("cannot {operation}: {reason}")]
    Io {
        /// The operation that failed.
        operation: Operation,
        /// The failure.
        reason: io::Error,
    },
    /// The socket failed when a change had been sent, or the call was interrupted: the
    /// change may have been made.
    #[error("cannot {operation}: {reason}{}", Open(.operation))]
    Unanswered {
        /// The operation that failed.
        operation: Operation,
        /// The failure.
        reason: io::Error,
    },
    /// The kernel did not answer in time. A change may have been made.
    #[error("cannot {operation}: the kernel does not answer{}", Open(.operation))]
    Timeout {
        /// The operation that failed.
        operation: Operation,
    },
    /// The answer was lost on its way (full or too small a buffer). A change may
    /// have been made.
    #[error("cannot {operation}: the kernel's answer was lost{}", Open(.operation))]
    AnswerLost {
        /// The operation that failed.
        operation: Operation,
    },
    /// The list was read many times, and no two readings in a row named the
    /// same: entries may be missing from each.
    #[error(
        "cannot {operation}: the table kept changing while it was read, so that entries may be \
         missing; try again when less is added and removed"
    )]
    KeptChanging {
        /// The operation that failed.
        operation: Operation,
    },
    /// The entry was to be updated, and each time that it had been written it
    /// turned out that someone else had changed it since it was read. The last
    /// writing stands, without the last change of the other.
    #[error(
        "cannot {operation}: others kept changing it at the same time; what it has now may lack \
         their last change"
    )]
    Contended {
        /// The operation that failed.
        operation: Operation,
    },
    /// The kernel's answer makes no sense. A change may have been made.
    #[error("cannot {operation}: the kernel's answer is malformed: {reason}{}", Open(.operation))]
    Malformed {
        /// The operation that failed.
        operation: Operation,
        /// The fault.
        reason: DecodeError,
    },
    /// Nothing in the kernel can have a name that was given: it is too long or
    /// has a NUL inside. It was not sent, because the kernel would take its
    /// beginning for another name. Nothing was changed.
    #[error(
        "cannot {operation}: no {kind} can have this name, which is too long or has a NUL inside"
    )]
    ImpossibleName {
        /// The operation that failed.
        operation: Operation,
        /// The kind of thing that should have been named so.
        kind: NameKind,
    },
    /// The netmask of a persistent service has the other family than the
    /// service. The kernel was not asked.
    #[error("cannot {operation}: the netmask is not for {family:?} addresses")]
    NetmaskFamily {
        /// The operation that failed.
        operation: Operation,
        /// The family of the service.
        family: AddressFamily,
    },
    /// The interface in use does not show a part of the table that would be needed.
    #[error(
        "cannot {operation}: the table has {hidden} too, which the kernel shows only over netlink, \
         to root in the first user namespace"
    )]
    Hidden {
        /// The operation that failed.
        operation: Operation,
        /// The entries that are not shown.
        hidden: Hidden,
    },
    /// The interface in use cannot do what generic netlink can. The kernel was not
    /// asked for it, and nothing was changed.
    #[error(
        "cannot {operation}: {what} needs the netlink interface of the kernel, which is for root \
         in the first user namespace"
    )]
    NeedsNetlink {
        /// The operation that failed.
        operation: Operation,
        /// The part of it that takes netlink.
        what: NetlinkOnly,
    },
}

/// A part of IPVS that only generic netlink knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NetlinkOnly {
    /// Services, destinations and firewall marks of IPv6.
    Ipv6,
    /// Tunnels with another encapsulation than IP in IP.
    Tunnel,
    /// Persistence engines.
    PersistenceEngine,
    /// Services of another protocol than TCP, UDP and SCTP.
    Protocol,
    /// All settings of a synchronization daemon but its role, interface and group.
    DaemonSettings,
    /// The counters of the service of all addresses and ports, by itself.
    ZeroUnspecified,
}

/// It reads as the beginning of a sentence.
impl fmt::Display for NetlinkOnly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ipv6 => "IPv6",
            Self::Tunnel => "a tunnel of another type than ipip",
            Self::PersistenceEngine => "a persistence engine",
            Self::Protocol => "a protocol other than TCP, UDP and SCTP",
            Self::DaemonSettings => {
                "a multicast group, port, TTL or message length of a synchronization daemon"
            }
            Self::ZeroUnspecified => "zeroing the service of all addresses and ports alone",
        })
    }
}

/// The things in the kernel that are chosen by a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NameKind {
    /// The scheduler of a virtual service; 15 bytes at most.
    Scheduler,
    /// The persistence engine of a virtual service; 16 bytes at most.
    PersistenceEngine,
    /// The network interface of a synchronization daemon; 15 bytes at most.
    Interface,
}

impl fmt::Display for NameKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheduler => "scheduler",
            Self::PersistenceEngine => "persistence engine",
            Self::Interface => "network interface",
        })
    }
}

/// The kernel's reason in the words of IPVS. The system's own words for an errno
/// often are about something else: it has no processes, files or directories.
struct Reason<'a>(&'a Operation, &'a Errno);

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use Operation as O;
        let Self(operation, errno) = self;
        f.write_str(match (**operation, **errno) {
            (O::AddService(_) | O::AddDestination(..), Errno::EXIST) => "it exists already",
            (O::AddService(_) | O::EditService(_), Errno::NOENT) => {
                "there is no such scheduler or persistence engine"
            }
            (
                O::ReadService(_)
                | O::EditService(_)
                | O::DeleteService(_)
                | O::ZeroService(_)
                | O::AddDestination(..)
                | O::EditDestination(..)
                | O::DeleteDestination(..),
                Errno::SRCH,
            ) => "there is no such virtual service",
            (O::EditDestination(..) | O::DeleteDestination(..), Errno::NOENT) => {
                "there is no such destination"
            }
            (O::AddDestination(..) | O::EditDestination(..), Errno::RANGE) => {
                "the weight is out of range, or the lower threshold is above the upper"
            }
            (O::StartDaemon(_), Errno::EXIST) => "it runs already",
            (O::StartDaemon(_), Errno::NODEV) => "there is no such network interface",
            (O::StopDaemon(_), Errno::SRCH) => "it does not run",
            _ => return errno.fmt(f),
        })
    }
}

/// The end of a sentence about a change whose outcome the kernel has not told.
struct Open<'a>(&'a Operation);

impl fmt::Display for Open<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Operation::ApplyChanges => f.write_str("; some may have been made all the same"),
            operation if operation.is_change() => {
                f.write_str("; it may have been done all the same")
            }
            _ => Ok(()),
        }
    }
}

impl Error {
    /// Returns whether a change failed that may have been made all the same: the
    /// kernel's answer did not come, or makes no sense. Read the table to know.
    ///
    /// After any other error of a change nothing was changed, except that after
    /// [`Contended`](Self::Contended) the last writing stands.
    #[must_use]
    pub fn may_have_been_done(&self) -> bool {
        match self {
            Self::Unanswered { operation, .. }
            | Self::Timeout { operation }
            | Self::AnswerLost { operation }
            | Self::Malformed { operation, .. } => operation.is_change(),
            _ => false,
        }
    }

    /// The operation that failed, unless there is no IPVS to ask.
    #[must_use]
    pub fn operation(&self) -> Option<Operation> {
        match self {
            Self::Unavailable { .. } => None,
            Self::Kernel { operation, .. }
            | Self::Io { operation, .. }
            | Self::Unanswered { operation, .. }
            | Self::Timeout { operation }
            | Self::AnswerLost { operation }
            | Self::KeptChanging { operation }
            | Self::Contended { operation }
            | Self::Malformed { operation, .. }
            | Self::ImpossibleName { operation, .. }
            | Self::NetmaskFamily { operation, .. }
            | Self::Hidden { operation, .. }
            | Self::NeedsNetlink { operation, .. } => Some(*operation),
        }
    }

    /// The kernel's reason, when the kernel refused.
    #[must_use]
    pub fn errno(&self) -> Option<Errno> {
        match self {
            Self::Kernel { errno, .. } => Some(*errno),
            _ => None,
        }
    }
}

/// The outcome of an operation on the IPVS table.
pub type Result<T, E = Error> = std::result::Result<T, E>;

// SPDX-License-Identifier: MIT

//! A failure as a JSON object.

use ipvs_client::{Errno, Error, Operation};

use super::{
    error::{RuleAt, find_refusal},
    words,
};
use crate::{command::place::Place, json::JsonError};

/// Makes the JSON object of an error: the operation and its object, the kernel's
/// reason, the words, and the place of the rule.
pub(super) fn make_object(error: &anyhow::Error) -> serde_json::Value {
    let failure = error.downcast_ref::<Error>();
    let operation = failure.and_then(Error::operation);
    let json_error = error.downcast_ref::<JsonError>();
    let message = match (failure, json_error) {
        (Some(failure), _) => words::word_failure(failure, true),
        (None, Some(error)) => error.reason(),
        (None, None) => words::word_other(error),
    };
    let mut object = serde_json::json!({
        "operation": operation.map(|operation| operation.to_string()),
        "object": operation.and_then(name_object),
        "errno": failure.and_then(find_refusal).map(|(_, errno)| name_errno(errno)),
        "message": message.trim_end(),
    });
    let at = error.downcast_ref::<RuleAt>();
    let (mut line, mut place) = match at.and_then(|at| at.place) {
        Some(Place::Line(line)) => (Some(line), None),
        Some(place) => (None, Some(place.to_string())),
        None => (None, None),
    };
    if let Some(error) = json_error {
        (line, place) = error.line_or_place();
    }
    let file = at.and_then(|at| at.file.as_deref());
    for (name, value) in [
        ("file", file.map(|file| file.display().to_string().into())),
        ("line", line.map(Into::into)),
        ("place", place.map(Into::into)),
    ] {
        if let (Some(value), Some(object)) = (value, object.as_object_mut()) {
            object.insert(name.to_owned(), value);
        }
    }
    object
}

/// Names the virtual service, real server or daemon that an operation is about.
fn name_object(operation: Operation) -> Option<serde_json::Value> {
    use Operation as O;
    Some(match operation {
        O::ReadService(service)
        | O::AddService(service)
        | O::EditService(service)
        | O::DeleteService(service)
        | O::ListDestinations(service)
        | O::ZeroService(service) => serde_json::json!({"service": service.to_string()}),
        O::AddDestination(service, destination)
        | O::EditDestination(service, destination)
        | O::DeleteDestination(service, destination) => serde_json::json!({
            "service": service.to_string(),
            "destination": destination.to_string(),
        }),
        O::StartDaemon(role) | O::StopDaemon(role) => {
            serde_json::json!({"daemon": role.to_string()})
        }
        _ => return None,
    })
}

/// Names an errno that IPVS answers with as C does; any other by its number.
fn name_errno(errno: Errno) -> String {
    let name = match errno {
        Errno::PERM => "EPERM",
        Errno::NOENT => "ENOENT",
        Errno::SRCH => "ESRCH",
        Errno::NOMEM => "ENOMEM",
        Errno::BUSY => "EBUSY",
        Errno::EXIST => "EEXIST",
        Errno::NODEV => "ENODEV",
        Errno::INVAL => "EINVAL",
        Errno::RANGE => "ERANGE",
        Errno::OPNOTSUPP => "EOPNOTSUPP",
        Errno::AFNOSUPPORT => "EAFNOSUPPORT",
        Errno::ADDRNOTAVAIL => "EADDRNOTAVAIL",
        Errno::NETUNREACH => "ENETUNREACH",
        other => return other.raw_os_error().to_string(),
    };
    name.to_owned()
}

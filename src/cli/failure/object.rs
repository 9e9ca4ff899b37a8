// SPDX-License-Identifier: MIT

//! A failure as a JSON object.

use ipvs_client::Error;

use super::{
    error::{RuleAt, find_refusal, name_errno},
    words,
};
use crate::{
    command::place::Place,
    json::{JsonError, name_object},
};

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

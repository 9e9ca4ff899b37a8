// SPDX-License-Identifier: MIT

//! An object of a JSON document, read field by field; whatever is wrong is told
//! with its place.

use std::ops::RangeInclusive;

use super::{
    error::{Fault, JsonError},
    tree::Json,
};
use crate::command::place::Place;

/// Fields with names, and where they stand.
pub(super) struct Object<'a> {
    /// Not given for the document itself.
    place: Option<Place>,
    /// The field of the place that this object is the value of, if it is not the
    /// place itself.
    within: Option<&'static str>,
    fields: &'a [(String, Json)],
}

impl<'a> Object<'a> {
    /// # Errors
    /// When the value is no object.
    pub(super) fn new(
        json: &'a Json,
        place: Option<Place>,
        within: Option<&'static str>,
    ) -> Result<Self, JsonError> {
        let mut object = Self {
            place,
            within,
            fields: &[],
        };
        match json {
            Json::Object(fields) => object.fields = fields,
            other => {
                let fault = match place {
                    Some(_) => Fault::wanted("an object", other),
                    None => Fault::Form(other.to_string()),
                };
                return Err(object.fault(None, fault));
            }
        }
        Ok(object)
    }

    /// The object that is the value of a field.
    ///
    /// # Errors
    /// When the value is no object.
    pub(super) fn inner<'b>(
        &self,
        json: &'b Json,
        within: &'static str,
    ) -> Result<Object<'b>, JsonError> {
        Object::new(json, self.place, Some(within))
    }

    /// # Errors
    /// When there is a field with another name than these.
    pub(super) fn has_only(&self, known: &[&'static str]) -> Result<(), JsonError> {
        match self
            .fields
            .iter()
            .find(|(name, _)| !known.contains(&name.as_str()))
        {
            Some((name, _)) => Err(self.fault(
                None,
                Fault::UnknownField {
                    name: name.clone(),
                    nearest: nearest(name, known),
                },
            )),
            None => Ok(()),
        }
    }

    /// Makes an error about a field, or about the object as a whole.
    pub(super) fn fault(&self, field: Option<&str>, fault: Fault) -> JsonError {
        let place = self.place.map(|place| place.to_string());
        let parts = [place.as_deref(), self.within, field];
        let parts: Vec<&str> = parts.into_iter().flatten().collect();
        JsonError::Wrong {
            place: parts.join("."),
            fault,
        }
    }

    /// The value of a field; null is as good as none.
    pub(super) fn find(&self, name: &str) -> Option<&'a Json> {
        let found = self.fields.iter().find(|(known, _)| known == name);
        found
            .map(|(_, value)| value)
            .filter(|value| **value != Json::Null)
    }

    /// # Errors
    /// When a field is there that `read` can make nothing of.
    pub(super) fn optional<T>(
        &self,
        name: &'static str,
        wanted: &str,
        read: impl FnOnce(&'a Json) -> Option<T>,
    ) -> Result<Option<T>, JsonError> {
        self.find(name)
            .map(|json| {
                read(json).ok_or_else(|| self.fault(Some(name), Fault::wanted(wanted, json)))
            })
            .transpose()
    }

    /// # Errors
    /// When a field that there must be is not there.
    pub(super) fn required<T>(&self, name: &'static str, value: Option<T>) -> Result<T, JsonError> {
        value.ok_or_else(|| self.fault(None, Fault::Missing(name)))
    }

    pub(super) fn number<T: TryFrom<u64>>(
        &self,
        name: &'static str,
        range: RangeInclusive<u32>,
    ) -> Result<Option<T>, JsonError> {
        self.optional(name, &wanted_number(&range), |json| in_range(json, &range))
    }

    pub(super) fn text(&self, name: &'static str) -> Result<Option<&'a str>, JsonError> {
        self.optional(name, "a text", text)
    }

    pub(super) fn list(&self, name: &'static str) -> Result<Option<&'a [Json]>, JsonError> {
        self.optional(name, "a list", |json| match json {
            Json::List(items) => Some(items.as_slice()),
            _ => None,
        })
    }

    pub(super) fn truth(&self, name: &'static str) -> Result<Option<bool>, JsonError> {
        self.optional(name, "true or false", |json| match json {
            Json::Bool(value) => Some(*value),
            _ => None,
        })
    }

    /// One of several words.
    pub(super) fn word<T: Copy>(
        &self,
        name: &'static str,
        words: &[(&'static str, T)],
    ) -> Result<Option<T>, JsonError> {
        let wanted = format!("one of {}", names(words));
        self.optional(name, &wanted, |json| find_word(json, words))
    }

    /// One of several words, or the number of what has none.
    pub(super) fn word_or_number<T: Copy, N: TryFrom<u64>>(
        &self,
        name: &'static str,
        words: &[(&'static str, T)],
        range: RangeInclusive<u32>,
        numbered: impl FnOnce(N) -> T,
    ) -> Result<Option<T>, JsonError> {
        let wanted = format!("one of {} or {}", names(words), wanted_number(&range));
        self.optional(name, &wanted, |json| {
            find_word(json, words).or_else(|| in_range(json, &range).map(numbered))
        })
    }
}

pub(super) fn text(json: &Json) -> Option<&str> {
    match json {
        Json::Text(text) => Some(text),
        _ => None,
    }
}

fn wanted_number(range: &RangeInclusive<u32>) -> String {
    format!("a number from {} to {}", range.start(), range.end())
}

fn in_range<T: TryFrom<u64>>(json: &Json, range: &RangeInclusive<u32>) -> Option<T> {
    match json {
        Json::Number(number) if range.contains(&u32::try_from(*number).ok()?) => {
            T::try_from(*number).ok()
        }
        _ => None,
    }
}

fn names<T>(words: &[(&'static str, T)]) -> String {
    let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
    names.join(", ")
}

fn find_word<T: Copy>(json: &Json, words: &[(&'static str, T)]) -> Option<T> {
    let name = text(json)?;
    let found = words.iter().find(|(known, _)| *known == name);
    found.map(|(_, meaning)| *meaning)
}

/// The name that was probably meant: a third of its letters may be wrong.
fn nearest(name: &str, known: &[&'static str]) -> Option<&'static str> {
    let distance = |known: &str| strsim::osa_distance(name, known);
    let nearest = known.iter().copied().min_by_key(|known| distance(known))?;
    (distance(nearest) * 3 <= nearest.len()).then_some(nearest)
}

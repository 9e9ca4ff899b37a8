// SPDX-License-Identifier: MIT

//! JSON text as a tree of values, before it is known what they mean.

use std::{fmt, io::Read};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::error::Category;

use super::error::JsonError;

/// A value. Unlike [`serde_json::Value`] it does not lose a field that stands
/// there twice: that is an error.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    /// A whole number that is not negative.
    Number(u64),
    /// Negative, or with a fraction.
    OtherNumber(f64),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads a text that is one value. The items of the list in a field of it, which
    /// can be many, are not kept: each is handed over, and the list is empty then.
    ///
    /// # Errors
    /// When it cannot be read, or is not JSON, with the line and column. Items before the mistake have
    /// been handed over.
    pub(super) fn parse(
        text: impl Read,
        field: &'static str,
        mut take: impl FnMut(Self),
    ) -> Result<Self, JsonError> {
        let mut reader = serde_json::Deserializer::from_reader(text);
        let builder = Builder::Field(field, &mut take);
        let json = builder
            .deserialize(&mut reader)
            .map_err(|error| fault(error, NOT_JSON))?;
        reader
            .end()
            .map_err(|error| fault(error, "there is more after the end of the document"))?;
        Ok(json)
    }
}

const NOT_JSON: &str = "the rules begin as JSON, but this is none";

/// Makes the error of a text that cannot be read, or not by serde_json.
fn fault(error: serde_json::Error, otherwise: &str) -> JsonError {
    match error.classify() {
        Category::Io => JsonError::Unreadable(error.into()),
        _ => syntax(&error, otherwise),
    }
}

/// Makes the error of a text that serde_json cannot read.
pub(super) fn syntax(error: &serde_json::Error, otherwise: &str) -> JsonError {
    let (line, column) = (error.line(), error.column());
    let reason = match error.classify() {
        Category::Eof => "the JSON ends too early".to_owned(),
        // It is one of the visitor's below.
        Category::Data => {
            let text = error.to_string();
            let place = format!(" at line {line} column {column}");
            text.strip_suffix(&place).unwrap_or(&text).to_owned()
        }
        Category::Syntax | Category::Io => otherwise.to_owned(),
    };
    JsonError::Syntax {
        line,
        column,
        reason,
    }
}

/// Says what a value is, to those who wanted another one.
impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => write!(f, "null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::OtherNumber(number) => write!(f, "{number}"),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::List(_) => write!(f, "a list"),
            Self::Object(_) => write!(f, "an object"),
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Builder::Whole.deserialize(deserializer)
    }
}

/// Builds a [`Json`] from what serde finds.
enum Builder<'a> {
    Whole,
    /// Hands over the items of a list instead of keeping them.
    Items(&'a mut dyn FnMut(Json)),
    /// The same with the list in this field of an object.
    Field(&'static str, &'a mut dyn FnMut(Json)),
}

impl<'de> DeserializeSeed<'de> for Builder<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Builder<'_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
        Ok(Json::Number(number))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
        Ok(Json::OtherNumber(number as f64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Json, E> {
        Ok(Json::OtherNumber(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<Json, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            match &mut self {
                Self::Items(take) => take(item),
                Self::Whole | Self::Field(..) => items.push(item),
            }
        }
        Ok(Json::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Json, A::Error> {
        let mut fields: Vec<(String, Json)> = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            let value = match &mut self {
                Self::Field(field, take) if *field == name => {
                    map.next_value_seed(Builder::Items(*take))?
                }
                _ => map.next_value()?,
            };
            if fields.iter().any(|(known, _)| *known == name) {
                return Err(A::Error::custom(format_args!(
                    "the field {name} stands there twice"
                )));
            }
            fields.push((name, value));
        }
        Ok(Json::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_items_of_one_list_are_handed_over_and_those_of_others_are_kept() {
        let mut taken = Vec::new();
        let text = br#"{"before": [1], "services": [2, [3]], "after": {"services": [4]}}"#;
        let document = Json::parse(&text[..], "services", |item| taken.push(item)).unwrap();
        let numbers = |number| Json::List(vec![Json::Number(number)]);
        assert_eq!(taken, [Json::Number(2), numbers(3)]);
        let field = |name: &str, value| (name.to_owned(), value);
        assert_eq!(
            document,
            Json::Object(vec![
                field("before", numbers(1)),
                field("services", Json::List(Vec::new())),
                field("after", Json::Object(vec![field("services", numbers(4))])),
            ])
        );
    }
}

//! The plain tree: what rooms use that do not evaluate policies.

use super::{Build, Kind, Number};

/// A JSON value whose object members keep the order they were written in.
#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    /// `null`.
    Null,
    /// A boolean.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Json>),
    /// An object; keys are distinct.
    Object(Vec<(String, Json)>),
}

/// Builds `Json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tree;

impl Build for Tree {
    type Value = Json;

    fn null() -> Json {
        Json::Null
    }
    fn boolean(value: bool) -> Json {
        Json::Bool(value)
    }
    fn number(value: Number) -> Json {
        Json::Number(value)
    }
    fn string(value: &str) -> Json {
        Json::String(value.to_owned())
    }
    fn array(items: Vec<Json>) -> Json {
        Json::Array(items)
    }
    fn object(members: Vec<(String, Json)>) -> Json {
        Json::Object(members)
    }
    fn kind(value: &Json) -> Kind<'_> {
        match value {
            Json::Null => Kind::Null,
            Json::Bool(value) => Kind::Bool(*value),
            Json::Number(value) => Kind::Number(*value),
            Json::String(value) => Kind::String(value),
            Json::Array(_) => Kind::Array,
            Json::Object(_) => Kind::Object,
        }
    }
    fn each_item<'a>(value: &'a Json, visit: &mut dyn FnMut(&'a Json)) {
        if let Json::Array(items) = value {
            items.iter().for_each(visit);
        }
    }
    fn each_member<'a>(value: &'a Json, visit: &mut dyn FnMut(&'a str, &'a Json)) {
        if let Json::Object(members) = value {
            for (key, member) in members {
                visit(key, member);
            }
        }
    }
    fn get<'a>(value: &'a Json, key: &str) -> Option<&'a Json> {
        match value {
            Json::Object(members) => members.iter().find(|(name, _)| name == key).map(|(_, member)| member),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => None,
        }
    }
}

//! The engine's values as a tree that `canon` can build and look at: the one parse of a request makes what the policy reads.

use canon::{Build, Json, Kind, Number};
use regorus::Value;
use std::collections::BTreeMap;

/// Builds values of the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rego;

impl Rego {
    /// The engine's value of a plain one.
    #[must_use]
    pub fn value(json: &Json) -> Value {
        match json {
            Json::Null => Value::Null,
            Json::Bool(value) => Value::Bool(*value),
            Json::Number(value) => Self::number(*value),
            Json::String(value) => Value::from(value.as_str()),
            Json::Array(items) => Value::from(items.iter().map(Self::value).collect::<Vec<_>>()),
            Json::Object(members) => Self::object(members.iter().map(|(key, member)| (key.clone(), Self::value(member))).collect()),
        }
    }
}

/// The largest integer that a double holds with all its neighbours.
const SAFE_INTEGER: i64 = (1 << 53) - 1;

impl Build for Rego {
    type Value = Value;

    fn null() -> Value {
        Value::Null
    }
    fn boolean(value: bool) -> Value {
        Value::Bool(value)
    }
    fn number(value: Number) -> Value {
        match value {
            Number::Int(value) => Value::from(value),
            Number::Float(value) => Value::from(value),
        }
    }
    fn string(value: &str) -> Value {
        Value::from(value)
    }
    fn array(items: Vec<Value>) -> Value {
        Value::from(items)
    }
    fn object(members: Vec<(String, Value)>) -> Value {
        Value::from(members.into_iter().map(|(key, member)| (Value::from(key), member)).collect::<BTreeMap<_, _>>())
    }

    /// A set is walked as an array; what JSON has no word for is `null`.
    fn kind(value: &Value) -> Kind<'_> {
        match value {
            Value::Null | Value::Undefined => Kind::Null,
            Value::Bool(value) => Kind::Bool(*value),
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(value), _) if value.abs() <= SAFE_INTEGER => Kind::Number(Number::Int(value)),
                (_, Some(value)) if value.is_finite() => Kind::Number(Number::Float(value)),
                _ => Kind::Null,
            },
            Value::String(value) => Kind::String(value),
            Value::Array(_) | Value::Set(_) => Kind::Array,
            Value::Object(_) => Kind::Object,
        }
    }
    fn each_item<'a>(value: &'a Value, visit: &mut dyn FnMut(&'a Value)) {
        match value {
            Value::Array(items) => items.as_slice().iter().for_each(visit),
            Value::Set(items) => items.iter().for_each(visit),
            Value::Null | Value::Undefined | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {}
        }
    }
    fn each_member<'a>(value: &'a Value, visit: &mut dyn FnMut(&'a str, &'a Value)) {
        if let Value::Object(members) = value {
            for (key, member) in members.as_ref() {
                if let Value::String(key) = key {
                    visit(key, member);
                }
            }
        }
    }
    fn get<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
        match value {
            Value::Object(members) => members.get(&Value::from(key)),
            Value::Null | Value::Undefined | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Set(_) => None,
        }
    }
}

//! JSON as one value with one reading: what is built from it, looked at, written back.
//!
//! `Build` is how the one strict parse makes the values of several rooms (its own `Json`, the engine's) in the same pass.

mod canonical;
mod fold;
mod limits;
mod number;
mod outline;
mod parse;
mod pointer;
mod reader;
mod value;

pub use canonical::canonical;
pub use fold::twins;
pub use limits::{Limits, Reason, Rejected};
pub use outline::Outline;
pub use parse::parse;
pub use pointer::{BadPointer, Pointer};
pub use value::{Json, Tree};

/// A number that every reader reads alike: DESIGN section 5's rule lets no other through the gate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// An integer within +-(2^53-1).
    Int(i64),
    /// A finite double that is not such an integer.
    Float(f64),
}

/// What a value is, borrowed: enough to walk any tree without knowing who built it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string.
    String(&'a str),
    /// An array, walked by `each_item`.
    Array,
    /// An object, walked by `each_member`.
    Object,
}

/// Builds and looks at the values of one kind of tree. A unit type per kind: `Tree` builds `Json`.
pub trait Build {
    /// The tree's value.
    type Value: Clone + Send + Sync + 'static;

    /// `null`.
    fn null() -> Self::Value;
    /// A boolean.
    fn boolean(value: bool) -> Self::Value;
    /// A number.
    fn number(value: Number) -> Self::Value;
    /// A string.
    fn string(value: &str) -> Self::Value;
    /// An array.
    fn array(items: Vec<Self::Value>) -> Self::Value;
    /// An object; the keys are distinct.
    fn object(members: Vec<(String, Self::Value)>) -> Self::Value;

    /// What `value` is.
    fn kind(value: &Self::Value) -> Kind<'_>;
    /// Each item of an array in order; nothing for anything else.
    fn each_item<'a>(value: &'a Self::Value, visit: &mut dyn FnMut(&'a Self::Value));
    /// Each member of an object, in the order the tree keeps; nothing for anything else.
    fn each_member<'a>(value: &'a Self::Value, visit: &mut dyn FnMut(&'a str, &'a Self::Value));
    /// The member `key` of an object.
    fn get<'a>(value: &'a Self::Value, key: &str) -> Option<&'a Self::Value>;
}

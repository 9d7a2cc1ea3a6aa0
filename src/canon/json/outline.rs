//! The outline of a document that is passed on, not judged: where each value stands, so that some can be cut out or replaced and the
//! rest stays as it was written.
//!
//! As strict as the parse about structure and keys; numbers and strings have to follow the grammar only.

use super::parse::{Assemble, assemble};
use super::reader::{Fault, Reader};
use super::{Build, Limits, Pointer, Rejected, Tree, canonical, number, parse};
use std::ops::Range;

/// A value of a document and what is inside it.
#[derive(Debug, Clone, PartialEq)]
pub enum Outline {
    /// A scalar: its bytes in the document.
    Scalar(Range<usize>),
    /// An array: its bytes and its items.
    Array(Range<usize>, Vec<Outline>),
    /// An object: its bytes and its members.
    Object(Range<usize>, Vec<(String, Outline)>),
    /// JSON that stands instead of what was there.
    Instead(String),
}

impl Assemble for Outline {
    type Value = Self;

    fn scalar(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        let first = reader.token();
        let start = reader.at();
        match first {
            Some(b'"') => reader.string_token()?,
            Some(b't') => reader.word("true")?,
            Some(b'f') => reader.word("false")?,
            Some(b'n') => reader.word("null")?,
            Some(_) | None => reader.number_token()?,
        }
        Ok(Self::Scalar(start..reader.at()))
    }
    fn array(items: Vec<Self>, at: Range<usize>) -> Self {
        Self::Array(at, items)
    }
    fn object(members: Vec<(String, Self)>, at: Range<usize>) -> Self {
        Self::Object(at, members)
    }
}

impl Outline {
    /// The outline of `body`.
    pub fn of(body: &[u8], limits: &Limits) -> Result<Self, Rejected> {
        assemble::<Self>(body, limits)
    }

    /// The member `key` of an object.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.members().iter().find(|(name, _)| name == key).map(|(_, member)| member)
    }

    /// The member `key` of an object, to be changed.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        match self {
            Self::Object(_, members) => members.iter_mut().find(|(name, _)| name == key).map(|(_, member)| member),
            Self::Scalar(_) | Self::Array(..) | Self::Instead(_) => None,
        }
    }

    fn members(&self) -> &[(String, Self)] {
        match self {
            Self::Object(_, members) => members,
            Self::Scalar(_) | Self::Array(..) | Self::Instead(_) => &[],
        }
    }

    /// What `pointer` names, to be changed.
    pub fn find_mut(&mut self, pointer: &Pointer) -> Option<&mut Self> {
        pointer.tokens().iter().try_fold(self, |outline, token| match outline {
            Self::Object(..) => outline.get_mut(token),
            Self::Array(_, items) => super::pointer::index(token).and_then(|index| items.get_mut(index)),
            Self::Scalar(_) | Self::Instead(_) => None,
        })
    }

    /// Removes every member, at any depth, whose key `goes`; whether there was one.
    pub fn cut(&mut self, goes: &impl Fn(&str) -> bool) -> bool {
        match self {
            Self::Scalar(_) | Self::Instead(_) => false,
            Self::Array(_, items) => items.iter_mut().fold(false, |cut, item| item.cut(goes) | cut),
            Self::Object(_, members) => {
                let before = members.len();
                members.retain(|(key, _)| !goes(key));
                let cut = members.len() != before;
                members.iter_mut().fold(cut, |cut, (_, member)| member.cut(goes) | cut)
            }
        }
    }

    /// Appends the value, without white space between its parts; scalars as `document`, which this is the outline of, spells them.
    pub fn write(&self, document: &[u8], out: &mut Vec<u8>) {
        let mut first = true;
        let mut comma = |out: &mut Vec<u8>| {
            if !std::mem::take(&mut first) {
                out.push(b',');
            }
        };
        match self {
            Self::Scalar(at) => out.extend_from_slice(document.get(at.clone()).unwrap_or_default()),
            Self::Instead(json) => out.extend_from_slice(json.as_bytes()),
            Self::Array(_, items) => {
                out.push(b'[');
                for item in items {
                    comma(out);
                    item.write(document, out);
                }
                out.push(b']');
            }
            Self::Object(_, members) => {
                out.push(b'{');
                for (key, member) in members {
                    comma(out);
                    canonical::string(key, out);
                    out.push(b':');
                    member.write(document, out);
                }
                out.push(b'}');
            }
        }
    }

    /// The value of a string; `None` for anything else, or with a lone surrogate.
    #[must_use]
    pub fn text(&self, document: &[u8]) -> Option<String> {
        match parse::<Tree>(self.bytes(document)?, &Limits::NONE).ok()? {
            super::Json::String(text) => Some(text),
            super::Json::Null | super::Json::Bool(_) | super::Json::Number(_) | super::Json::Array(_) | super::Json::Object(_) => None,
        }
    }

    /// The value of a scalar: a number that a double does not hold is its nearest one, a string with a lone surrogate is null.
    fn scalar<B: Build>(token: &[u8]) -> B::Value {
        if let Ok(value) = parse::<B>(token, &Limits::NONE) {
            return value;
        }
        let nearest = std::str::from_utf8(token).ok().and_then(|token| token.parse::<f64>().ok());
        nearest.map_or_else(B::null, |value| B::number(number::of_double(value)))
    }

    /// The value as `B` builds it.
    #[must_use]
    pub fn value<B: Build>(&self, document: &[u8]) -> B::Value {
        match self {
            Self::Scalar(at) => Self::scalar::<B>(document.get(at.clone()).unwrap_or_default()),
            Self::Instead(json) => Self::scalar::<B>(json.as_bytes()),
            Self::Array(_, items) => B::array(items.iter().map(|item| item.value::<B>(document)).collect()),
            Self::Object(_, members) => B::object(members.iter().map(|(key, member)| (key.clone(), member.value::<B>(document))).collect()),
        }
    }

    fn bytes<'a>(&self, document: &'a [u8]) -> Option<&'a [u8]> {
        match self {
            Self::Scalar(at) | Self::Array(at, _) | Self::Object(at, _) => document.get(at.clone()),
            Self::Instead(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;

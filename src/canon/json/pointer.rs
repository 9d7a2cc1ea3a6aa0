//! JSON pointers (RFC 6901): the name of a place inside a value.

use super::{Build, Kind};
use std::fmt;
use std::str::FromStr;

/// A place inside a value: the keys and indexes on the way to it. The empty pointer is the whole value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pointer {
    tokens: Vec<String>,
}

/// Text that is no JSON pointer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a json pointer: write `/key/0/key`, with `~0` for `~` and `~1` for `/`")]
pub struct BadPointer(String);

impl Pointer {
    /// The pointer that `text` spells (RFC 6901 section 3, not the URI fragment form).
    pub fn parse(text: &str) -> Result<Self, BadPointer> {
        let wrong = || BadPointer(text.to_owned());
        if text.is_empty() {
            return Ok(Self { tokens: Vec::new() });
        }
        let tokens = text.strip_prefix('/').ok_or_else(wrong)?.split('/').map(|token| unescape(token).ok_or_else(wrong));
        Ok(Self { tokens: tokens.collect::<Result<_, _>>()? })
    }

    /// The pointer of these keys and indexes.
    #[must_use]
    pub fn of(tokens: &[&str]) -> Self {
        Self { tokens: tokens.iter().map(|token| (*token).to_owned()).collect() }
    }

    /// The keys and indexes, unescaped, outermost first.
    #[must_use]
    pub fn tokens(&self) -> &[String] {
        &self.tokens
    }

    /// The value at this place, or none.
    #[must_use]
    pub fn find<'a, B: Build>(&self, value: &'a B::Value) -> Option<&'a B::Value> {
        self.tokens.iter().try_fold(value, |value, token| step::<B>(value, token))
    }

    /// `value` with what is at this place replaced by `with`; `None` if there is no such place.
    #[must_use]
    pub fn replace<B: Build>(&self, value: &B::Value, with: &B::Value) -> Option<B::Value> {
        self.find::<B>(value)?;
        Some(replaced::<B>(value, &self.tokens, with))
    }
}

fn unescape(token: &str) -> Option<String> {
    let mut pieces = token.split('~');
    let mut out = pieces.next()?.to_owned();
    for piece in pieces {
        let mut rest = piece.chars();
        out.push(match rest.next()? {
            '0' => '~',
            '1' => '/',
            _ => return None,
        });
        out.push_str(rest.as_str());
    }
    Some(out)
}

/// An array index: digits without leading zeros. `-`, the place after the last, names no value.
pub(super) fn index(token: &str) -> Option<usize> {
    let plain = token.bytes().all(|byte| byte.is_ascii_digit()) && (token == "0" || !token.starts_with('0'));
    if plain { token.parse().ok() } else { None }
}

fn step<'a, B: Build>(value: &'a B::Value, token: &str) -> Option<&'a B::Value> {
    match B::kind(value) {
        Kind::Object => B::get(value, token),
        Kind::Array => {
            let (wanted, mut at, mut found) = (index(token)?, 0, None);
            B::each_item(value, &mut |item| {
                if at == wanted {
                    found = Some(item);
                }
                at += 1;
            });
            found
        }
        Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::String(_) => None,
    }
}

fn replaced<B: Build>(value: &B::Value, tokens: &[String], with: &B::Value) -> B::Value {
    let Some((token, rest)) = tokens.split_first() else { return with.clone() };
    let one = |hit: bool, inner: &B::Value| if hit { replaced::<B>(inner, rest, with) } else { inner.clone() };
    match B::kind(value) {
        Kind::Object => {
            let mut members = Vec::new();
            B::each_member(value, &mut |key, member| members.push((key.to_owned(), one(key == token, member))));
            B::object(members)
        }
        Kind::Array => {
            let (wanted, mut items) = (index(token), Vec::new());
            B::each_item(value, &mut |item| items.push(one(wanted == Some(items.len()), item)));
            B::array(items)
        }
        Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::String(_) => value.clone(),
    }
}

/// Appends `/token` with `~` and `/` escaped.
fn escaped(token: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "/{}", token.replace('~', "~0").replace('/', "~1"))
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tokens.iter().try_for_each(|token| escaped(token, f))
    }
}

impl FromStr for Pointer {
    type Err = BadPointer;
    fn from_str(text: &str) -> Result<Self, BadPointer> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests;

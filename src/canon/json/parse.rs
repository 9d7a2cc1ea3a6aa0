//! The one parse: every value that is judged comes from here, built as the judge wants it in the same pass.
//!
//! Refuses what two parsers could read differently. Keeps its own stack, so that depth costs no stack of the thread.

use super::reader::{Fault, Reader};
use super::{Build, Limits, Pointer, Reason, Rejected, fold};
use std::marker::PhantomData;
use std::ops::Range;

/// Up to this many keys are compared pair by pair; more are sorted first.
const PAIRWISE_MAX: usize = 16;
/// Characters of a place that an error shows.
const PLACE_CHARS_MAX: usize = 120;

/// The value that `body` spells, if every reader reads it alike (RFC 8259, and DESIGN section 5 for numbers and keys).
pub fn parse<B: Build>(body: &[u8], limits: &Limits) -> Result<B::Value, Rejected> {
    assemble::<Built<B>>(body, limits)
}

/// What is made of the parts of a document as they are read.
pub(super) trait Assemble {
    type Value;
    /// The scalar that the reader stands at.
    fn scalar(reader: &mut Reader<'_>) -> Result<Self::Value, Fault>;
    /// An array at these bytes.
    fn array(items: Vec<Self::Value>, at: Range<usize>) -> Self::Value;
    /// An object at these bytes; the keys are distinct.
    fn object(members: Vec<(String, Self::Value)>, at: Range<usize>) -> Self::Value;
}

struct Built<B>(PhantomData<B>);

impl<B: Build> Assemble for Built<B> {
    type Value = B::Value;

    fn scalar(reader: &mut Reader<'_>) -> Result<B::Value, Fault> {
        match reader.token() {
            Some(b'"') => reader.string().map(B::string),
            Some(b't') => reader.word("true").map(|()| B::boolean(true)),
            Some(b'f') => reader.word("false").map(|()| B::boolean(false)),
            Some(b'n') => reader.word("null").map(|()| B::null()),
            Some(_) | None => reader.number().map(B::number),
        }
    }
    fn array(items: Vec<B::Value>, _: Range<usize>) -> B::Value {
        B::array(items)
    }
    fn object(members: Vec<(String, B::Value)>, _: Range<usize>) -> B::Value {
        B::object(members)
    }
}

pub(super) fn assemble<A: Assemble>(body: &[u8], limits: &Limits) -> Result<A::Value, Rejected> {
    let text = text(body, limits).map_err(|fault| fault.at(""))?;
    let mut parse = Parse::<A> { reader: Reader::new(text, limits.string_bytes_max), open: Vec::with_capacity(8), values: 0, limits };
    parse.document().map_err(|fault| fault.at(&parse.place()))
}

fn text<'a>(body: &'a [u8], limits: &Limits) -> Result<&'a str, Fault> {
    if body.len() > limits.body_bytes_max {
        return Err(Fault { reason: Reason::BodyTooLong, offset: limits.body_bytes_max });
    }
    if body.starts_with(b"\xef\xbb\xbf") {
        return Err(Fault { reason: Reason::ByteOrderMark, offset: 0 });
    }
    std::str::from_utf8(body).map_err(|bad| Fault { reason: Reason::NotUtf8, offset: bad.valid_up_to() })
}

impl Fault {
    fn at(self, place: &str) -> Rejected {
        Rejected { reason: self.reason, offset: self.offset, place: crate::text::shown(place, PLACE_CHARS_MAX) }
    }
}

/// An array or object whose end was not read yet, and where it begins.
struct Open<V> {
    start: usize,
    inside: Inside<V>,
}

enum Inside<V> {
    Array(Vec<V>),
    /// The members so far, and the key of the one to come.
    Object(Vec<(String, V)>, String),
}

struct Parse<'a, A: Assemble> {
    reader: Reader<'a>,
    open: Vec<Open<A::Value>>,
    values: usize,
    limits: &'a Limits,
}

impl<A: Assemble> Parse<'_, A> {
    fn document(&mut self) -> Result<A::Value, Fault> {
        loop {
            let Some(mut value) = self.begin()? else { continue };
            // Put the value where it belongs, and whatever ends with it.
            loop {
                match self.place_value(value)? {
                    Placed::More => break,
                    Placed::Ended(container) => value = container,
                    Placed::Root(root) => return self.reader.end().map(|()| root),
                }
            }
        }
    }

    /// A whole value, or none if an array or object was opened that has something in it.
    fn begin(&mut self) -> Result<Option<A::Value>, Fault> {
        self.values += 1;
        if self.values > self.limits.values_max {
            return Err(self.reader.fault(Reason::TooManyValues));
        }
        let (close, inside) = match self.reader.token() {
            Some(b'{') => (b'}', Inside::Object(Vec::new(), String::new())),
            Some(b'[') => (b']', Inside::Array(Vec::new())),
            Some(_) | None => return A::scalar(&mut self.reader).map(Some),
        };
        if self.open.len() >= self.limits.depth_max {
            return Err(self.reader.fault(Reason::TooDeep));
        }
        let start = self.reader.at();
        self.reader.skip();
        let mut open = Open { start, inside };
        if self.reader.takes(close) {
            return Ok(Some(open.close::<A>(self.reader.at())));
        }
        if let Inside::Object(_, key) = &mut open.inside {
            *key = self.reader.key()?;
        }
        self.open.push(open);
        Ok(None)
    }

    fn place_value(&mut self, value: A::Value) -> Result<Placed<A::Value>, Fault> {
        let Some(open) = self.open.last_mut() else { return Ok(Placed::Root(value)) };
        let (count, end) = open.inside.add(value);
        if self.reader.takes(b',') {
            if count >= self.limits.members_max {
                return Err(self.reader.fault(Reason::TooManyValues));
            }
            if let Inside::Object(_, key) = &mut open.inside {
                *key = self.reader.key()?;
            }
            return Ok(Placed::More);
        }
        if self.reader.token() != Some(end) {
            return Err(self.reader.fault(Reason::Syntax));
        }
        if let Inside::Object(members, key) = &mut open.inside
            && let Some((twin, reason)) = clash(members)
        {
            *key = twin;
            return Err(self.reader.fault(reason));
        }
        self.reader.skip();
        let end = self.reader.at();
        Ok(self.open.pop().map_or(Placed::More, |open| Placed::Ended(open.close::<A>(end))))
    }

    /// The JSON pointer of the value that was being read. Only for errors.
    fn place(&self) -> String {
        let tokens: Vec<String> = self
            .open
            .iter()
            .map(|open| match &open.inside {
                Inside::Array(items) => items.len().to_string(),
                Inside::Object(_, key) => key.clone(),
            })
            .collect();
        let tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
        Pointer::of(&tokens).to_string()
    }
}

impl<V> Open<V> {
    fn close<A: Assemble<Value = V>>(self, end: usize) -> V {
        match self.inside {
            Inside::Array(items) => A::array(items, self.start..end),
            Inside::Object(members, _) => A::object(members, self.start..end),
        }
    }
}

impl<V> Inside<V> {
    /// Adds a value; how many there are now, and what ends them.
    fn add(&mut self, value: V) -> (usize, u8) {
        match self {
            Self::Array(items) => {
                items.push(value);
                (items.len(), b']')
            }
            Self::Object(members, key) => {
                members.push((std::mem::take(key), value));
                (members.len(), b'}')
            }
        }
    }
}

enum Placed<V> {
    /// The container that it belongs to goes on.
    More,
    /// Its container ended with it.
    Ended(V),
    /// It belongs to nothing: it is the document.
    Root(V),
}

/// A key that has a twin among the members.
fn clash<V>(members: &[(String, V)]) -> Option<(String, Reason)> {
    let (one, other) = if members.len() <= PAIRWISE_MAX { clash_of_few(members) } else { clash_of_many(members) }?;
    Some((other.to_owned(), if one == other { Reason::DuplicateKey } else { Reason::CaseTwinKeys }))
}

fn clash_of_few<V>(members: &[(String, V)]) -> Option<(&str, &str)> {
    let mut rest = members;
    while let [(key, _), others @ ..] = rest {
        if let Some((other, _)) = others.iter().find(|(other, _)| fold::twins(key, other)) {
            return Some((key, other));
        }
        rest = others;
    }
    None
}

/// By sorting, not hashing: no choice of keys makes it slow.
fn clash_of_many<V>(members: &[(String, V)]) -> Option<(&str, &str)> {
    let mut keys: Vec<&str> = members.iter().map(|(key, _)| key.as_str()).collect();
    keys.sort_unstable_by(|one, other| fold::order(one, other).then_with(|| one.cmp(other)));
    keys.windows(2).find_map(|pair| match pair {
        [one, other] if fold::twins(one, other) => Some((*one, *other)),
        _ => None,
    })
}

#[cfg(test)]
mod tests;

//! The one parse: every value that is judged comes from here, built as the judge wants it in the same pass.
//!
//! Refuses what two parsers could read differently. Keeps its own stack, so that depth costs no stack of the thread.

use super::reader::{Fault, Reader};
use super::{Build, Limits, Pointer, Reason, Rejected, fold};

/// Up to this many keys are compared pair by pair; more are sorted first.
const PAIRWISE_MAX: usize = 16;
/// Characters of a place that an error shows.
const PLACE_CHARS_MAX: usize = 120;

/// The value that `body` spells, if every reader reads it alike (RFC 8259, and DESIGN section 5 for numbers and keys).
pub fn parse<B: Build>(body: &[u8], limits: &Limits) -> Result<B::Value, Rejected> {
    let text = text(body, limits).map_err(|fault| fault.at(""))?;
    let mut parse = Parse::<B> { reader: Reader::new(text, limits.string_bytes_max), open: Vec::new(), values: 0, limits };
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

/// An array or object whose end was not read yet.
enum Open<V> {
    Array(Vec<V>),
    /// The members so far, and the key of the one to come.
    Object(Vec<(String, V)>, String),
}

struct Parse<'a, B: Build> {
    reader: Reader<'a>,
    open: Vec<Open<B::Value>>,
    values: usize,
    limits: &'a Limits,
}

impl<B: Build> Parse<'_, B> {
    fn document(&mut self) -> Result<B::Value, Fault> {
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
    fn begin(&mut self) -> Result<Option<B::Value>, Fault> {
        self.values += 1;
        if self.values > self.limits.values_max {
            return Err(self.reader.fault(Reason::TooManyValues));
        }
        let value = match self.reader.token() {
            Some(b'"') => B::string(self.reader.string()?),
            Some(b'{') => {
                self.deeper()?;
                if !self.reader.takes(b'}') {
                    let key = self.reader.key()?;
                    self.open.push(Open::Object(Vec::new(), key));
                    return Ok(None);
                }
                B::object(Vec::new())
            }
            Some(b'[') => {
                self.deeper()?;
                if !self.reader.takes(b']') {
                    self.open.push(Open::Array(Vec::new()));
                    return Ok(None);
                }
                B::array(Vec::new())
            }
            Some(b't') => self.reader.word("true").map(|()| B::boolean(true))?,
            Some(b'f') => self.reader.word("false").map(|()| B::boolean(false))?,
            Some(b'n') => self.reader.word("null").map(|()| B::null())?,
            Some(b'-' | b'0'..=b'9') => B::number(self.reader.number()?),
            Some(_) | None => return Err(self.reader.fault(Reason::Syntax)),
        };
        Ok(Some(value))
    }

    fn deeper(&mut self) -> Result<(), Fault> {
        if self.open.len() >= self.limits.depth_max {
            return Err(self.reader.fault(Reason::TooDeep));
        }
        self.reader.skip();
        Ok(())
    }

    fn place_value(&mut self, value: B::Value) -> Result<Placed<B::Value>, Fault> {
        let (count, end) = match self.open.last_mut() {
            None => return Ok(Placed::Root(value)),
            Some(Open::Array(items)) => {
                items.push(value);
                (items.len(), b']')
            }
            Some(Open::Object(members, key)) => {
                members.push((std::mem::take(key), value));
                (members.len(), b'}')
            }
        };
        if self.reader.takes(b',') {
            if count >= self.limits.members_max {
                return Err(self.reader.fault(Reason::TooManyValues));
            }
            if let Some(Open::Object(_, next)) = self.open.last_mut() {
                *next = self.reader.key()?;
            }
            return Ok(Placed::More);
        }
        if self.reader.token() != Some(end) {
            return Err(self.reader.fault(Reason::Syntax));
        }
        if let Some(Open::Object(members, key)) = self.open.last_mut()
            && let Some((twin, reason)) = clash(members)
        {
            *key = twin;
            return Err(self.reader.fault(reason));
        }
        self.reader.skip();
        Ok(match self.open.pop() {
            None => Placed::Root(B::null()),
            Some(Open::Array(items)) => Placed::Ended(B::array(items)),
            Some(Open::Object(members, _)) => Placed::Ended(B::object(members)),
        })
    }

    /// The JSON pointer of the value that was being read. Only for errors.
    fn place(&self) -> String {
        let tokens: Vec<String> = self
            .open
            .iter()
            .map(|open| match open {
                Open::Array(items) => items.len().to_string(),
                Open::Object(_, key) => key.clone(),
            })
            .collect();
        let tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
        Pointer::of(&tokens).to_string()
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

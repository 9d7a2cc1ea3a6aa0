//! The one spelling of a value: RFC 8785 (JSON Canonicalization Scheme).

use super::{Build, Kind, number};
use std::cmp::Ordering;

/// Appends `value` as RFC 8785 spells it: no white space, members in the order of their keys' UTF-16 units, ECMAScript numbers.
pub fn canonical<B: Build>(value: &B::Value, out: &mut Vec<u8>) {
    match B::kind(value) {
        Kind::Null => out.extend_from_slice(b"null"),
        Kind::Bool(true) => out.extend_from_slice(b"true"),
        Kind::Bool(false) => out.extend_from_slice(b"false"),
        Kind::Number(number) => number::write(number, out),
        Kind::String(text) => string(text, out),
        Kind::Array => {
            out.push(b'[');
            let mut first = true;
            B::each_item(value, &mut |item| {
                if !std::mem::take(&mut first) {
                    out.push(b',');
                }
                canonical::<B>(item, out);
            });
            out.push(b']');
        }
        Kind::Object => object::<B>(value, out),
    }
}

fn object<B: Build>(value: &B::Value, out: &mut Vec<u8>) {
    let mut members = Vec::new();
    B::each_member(value, &mut |key, member| members.push((key, member)));
    members.sort_by(|one, other| order(one.0, other.0));
    out.push(b'{');
    let mut first = true;
    for (key, member) in members {
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        string(key, out);
        out.push(b':');
        canonical::<B>(member, out);
    }
    out.push(b'}');
}

/// RFC 8785 section 3.2.3. The order of UTF-8 bytes is the same except beyond U+FFFF.
fn order(one: &str, other: &str) -> Ordering {
    if one.is_ascii() && other.is_ascii() { one.cmp(other) } else { one.encode_utf16().cmp(other.encode_utf16()) }
}

/// Appends `text` as a JSON string in the form of RFC 8785 section 3.2.2.2.
pub(super) fn string(text: &str, out: &mut Vec<u8>) {
    const HEX: [u8; 16] = *b"0123456789abcdef";
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|byte| matches!(byte, 0..=0x1f | b'"' | b'\\')) {
        let (plain, tail) = rest.split_at(at);
        out.extend_from_slice(plain);
        let Some((byte, tail)) = tail.split_first() else { break };
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            0x08 => out.extend_from_slice(b"\\b"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\n' => out.extend_from_slice(b"\\n"),
            0x0c => out.extend_from_slice(b"\\f"),
            b'\r' => out.extend_from_slice(b"\\r"),
            control => {
                out.extend_from_slice(b"\\u00");
                out.extend([control >> 4, control & 15].iter().filter_map(|half| HEX.get(usize::from(*half))));
            }
        }
        rest = tail;
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

#[cfg(test)]
mod tests;

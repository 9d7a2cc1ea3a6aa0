//! How large a document may be, and why one is refused.

use std::fmt;

/// What one document may cost. Each limit is inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the whole document.
    pub body_bytes_max: usize,
    /// Arrays and objects inside one another; `[]` is one deep.
    pub depth_max: usize,
    /// Bytes of one string or key, escapes resolved.
    pub string_bytes_max: usize,
    /// Members of one object or items of one array.
    pub members_max: usize,
    /// Values of every kind in the whole document.
    pub values_max: usize,
}

impl Limits {
    /// For text that was already measured.
    pub const NONE: Self = Self {
        body_bytes_max: usize::MAX,
        depth_max: usize::MAX,
        string_bytes_max: usize::MAX,
        members_max: usize::MAX,
        values_max: usize::MAX,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self { body_bytes_max: 1 << 20, depth_max: 64, string_bytes_max: 1 << 20, members_max: 20_000, values_max: 100_000 }
    }
}

/// Why a document is refused: what two parsers could read differently, or more than the limits let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// More bytes than `body_bytes_max`.
    BodyTooLong,
    /// Not UTF-8.
    NotUtf8,
    /// A byte order mark in front (RFC 8259 section 8.1).
    ByteOrderMark,
    /// Not JSON (RFC 8259).
    Syntax,
    /// Something after the value.
    TrailingBytes,
    /// Two equal keys in one object.
    DuplicateKey,
    /// Two keys of one object that Unicode simple case folding makes equal.
    CaseTwinKeys,
    /// A key that a well-known parser takes for something else.
    ReservedKey,
    /// An escaped surrogate without its other half.
    LoneSurrogate,
    /// A number that a double does not hold as it is written.
    InexactNumber,
    /// An integer beyond +-(2^53-1), as written or in its RFC 8785 form.
    UnsafeInteger,
    /// Deeper than `depth_max`.
    TooDeep,
    /// A string longer than `string_bytes_max`.
    StringTooLong,
    /// More members than `members_max`, or more values than `values_max`.
    TooManyValues,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 14] = [
        Self::BodyTooLong,
        Self::NotUtf8,
        Self::ByteOrderMark,
        Self::Syntax,
        Self::TrailingBytes,
        Self::DuplicateKey,
        Self::CaseTwinKeys,
        Self::ReservedKey,
        Self::LoneSurrogate,
        Self::InexactNumber,
        Self::UnsafeInteger,
        Self::TooDeep,
        Self::StringTooLong,
        Self::TooManyValues,
    ];

    /// The reason's stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::BodyTooLong => "toolgate.json.body_too_long",
            Self::NotUtf8 => "toolgate.json.not_utf8",
            Self::ByteOrderMark => "toolgate.json.byte_order_mark",
            Self::Syntax => "toolgate.json.syntax",
            Self::TrailingBytes => "toolgate.json.trailing_bytes",
            Self::DuplicateKey => "toolgate.json.duplicate_key",
            Self::CaseTwinKeys => "toolgate.json.case_twin_keys",
            Self::ReservedKey => "toolgate.json.reserved_key",
            Self::LoneSurrogate => "toolgate.json.lone_surrogate",
            Self::InexactNumber => "toolgate.json.inexact_number",
            Self::UnsafeInteger => "toolgate.json.unsafe_integer",
            Self::TooDeep => "toolgate.json.too_deep",
            Self::StringTooLong => "toolgate.json.string_too_long",
            Self::TooManyValues => "toolgate.json.too_many_values",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BodyTooLong => "the document is longer than the limit",
            Self::NotUtf8 => "the bytes are not utf-8",
            Self::ByteOrderMark => "a byte order mark stands before the document",
            Self::Syntax => "this is not json",
            Self::TrailingBytes => "something follows the document",
            Self::DuplicateKey => "a key stands twice in one object",
            Self::CaseTwinKeys => "two keys of one object differ in case only",
            Self::ReservedKey => "a key is reserved by a json parser",
            Self::LoneSurrogate => "a surrogate stands without its other half",
            Self::InexactNumber => "a number is not held by a double as it is written",
            Self::UnsafeInteger => "an integer is beyond 2^53-1",
            Self::TooDeep => "values are nested deeper than the limit",
            Self::StringTooLong => "a string is longer than the limit",
            Self::TooManyValues => "there are more values than the limit",
        })
    }
}

/// A refused document: why and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason} (byte {offset}{})", at(place))]
pub struct Rejected {
    /// Why.
    pub reason: Reason,
    /// Byte of the document where it was seen.
    pub offset: usize,
    /// JSON pointer (RFC 6901) of the value that was being read, made safe to show and cut to 120 characters.
    pub place: String,
}

fn at(place: &str) -> String {
    if place.is_empty() { String::new() } else { format!(", at `{place}`") }
}

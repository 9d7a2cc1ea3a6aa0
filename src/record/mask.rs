//! What may not be written down: values under secret names or at named places, and the tails of long texts.
//!
//! `Masked` is the only form in which something an agent, a user or an upstream wrote enters a record, and only a `Mask` makes it.
//! Knows trees through `canon::Build`. Does not know whose arguments they are.

mod names;

use canon::json::Pointer;
use canon::{Build, Digest, Kind};
use names::{CARRIED, NAMES, Name, TEXTS, covered, is_worded, plain};

/// What stands in the place of a masked value.
const COVER: &str = "***";
/// What stands in the place of what would make a document too long.
const OMITTED: &str = "[omitted]";
/// The argument that names a resource.
const RESOURCE: &str = "uri";

/// How much of a value a record keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaskLimits {
    /// Bytes of one string; the rest is replaced by its length and digest.
    pub text_bytes_max: usize,
    /// Bytes of one masked document, roughly; what comes after is omitted.
    pub document_bytes_max: usize,
}

impl Default for MaskLimits {
    fn default() -> Self {
        Self { text_bytes_max: 1024, document_bytes_max: 16 * 1024 }
    }
}

/// JSON from outside in which nothing that must not be recorded is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Masked(String);

impl Masked {
    /// The JSON text.
    #[must_use]
    pub fn json(&self) -> &str {
        &self.0
    }
}

/// What to mask: `record.mask` of the configuration.
#[derive(Debug, Clone)]
pub struct Mask {
    pointers: Vec<Pointer>,
    names: Vec<Name>,
    texts: Vec<Name>,
    carried: Vec<Name>,
    limits: MaskLimits,
}

impl Default for Mask {
    fn default() -> Self {
        Self::new(Vec::new(), &[], MaskLimits::default())
    }
}

/// Whether a value is a number, a truth value or nothing.
fn is_count<B: Build>(value: &B::Value) -> bool {
    match B::kind(value) {
        Kind::Null | Kind::Bool(_) | Kind::Number(_) => true,
        Kind::String(_) | Kind::Array | Kind::Object => false,
    }
}

impl Mask {
    /// Masks the values at `pointers` of a call's arguments, and everywhere those under `names` (patterns as in `password`, `*secret*`,
    /// `mcp-param-*`) or under the built-in names, which cannot be taken away.
    #[must_use]
    pub fn new(pointers: Vec<Pointer>, names: &[String], limits: MaskLimits) -> Self {
        let names = NAMES.iter().copied().chain(names.iter().map(String::as_str)).map(Name::new).collect();
        let [texts, carried] = [TEXTS, CARRIED].map(|names| names.iter().copied().map(Name::new).collect());
        Self { pointers, names, texts, carried, limits }
    }

    /// A call's arguments; `also` are the places that the decision's `mask` obligations name.
    #[must_use]
    pub fn arguments<B: Build>(&self, value: &B::Value, also: &[Pointer]) -> Masked {
        let places: Vec<&[String]> = self.pointers.iter().chain(also).map(Pointer::tokens).collect();
        self.tree::<B>(value, &places)
    }

    /// Any other JSON, by names alone: claims, a response's extract, an unverified token's claims.
    #[must_use]
    pub fn value<B: Build>(&self, value: &B::Value) -> Masked {
        self.tree::<B>(value, &[])
    }

    /// Bytes that are not JSON: their length and digest.
    #[must_use]
    pub fn opaque(&self, bytes: &[u8]) -> Masked {
        Masked(format!("{{\"bytes\":{},\"sha256\":\"{}\"}}", bytes.len(), Digest::of(&[bytes])))
    }

    /// Headers as `[["name","value"], ...]` in their order.
    #[must_use]
    pub fn headers<'a>(&self, headers: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Masked {
        let mut writer = Writer { mask: self, out: vec![b'['] };
        for (name, value) in headers {
            if writer.full() {
                break;
            }
            writer.comma(b'[');
            writer.out.push(b'[');
            quote(name, &mut writer.out);
            writer.out.push(b',');
            match (self.covers_carried(name), String::from_utf8_lossy(value)) {
                (true, _) => writer.text(COVER),
                (false, value) if is_uri(&value) => writer.text(&self.without_secrets(&value)),
                (false, value) => writer.text(&value),
            }
            writer.out.push(b']');
        }
        writer.out.push(b']');
        writer.done()
    }

    /// A path with its query, or a URI: values of query parameters under secret names and a URI's user information are masked.
    #[must_use]
    pub fn target(&self, target: &str) -> Masked {
        let mut writer = Writer { mask: self, out: Vec::new() };
        writer.text(&self.without_secrets(target));
        writer.done()
    }

    /// The URI that a call names: a target, and the call's argument `uri`, so covered where that is; `also` as for `arguments`.
    #[must_use]
    pub fn resource(&self, uri: &str, also: &[Pointer]) -> Masked {
        let mut places = self.pointers.iter().chain(also).map(Pointer::tokens);
        if self.covers(RESOURCE) || places.any(|place| place.is_empty() || place == [RESOURCE]) {
            let mut writer = Writer { mask: self, out: Vec::new() };
            writer.text(COVER);
            return writer.done();
        }
        self.target(uri)
    }

    fn without_secrets(&self, target: &str) -> String {
        let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        let mut text = without_user(path);
        if let Some(query) = query {
            let parts = query.split('&').map(|part| match part.split_once('=') {
                Some((name, _)) if self.covers_carried(&unescaped(name)) => format!("{name}={COVER}"),
                Some(_) | None => part.to_owned(),
            });
            text = text + "?" + &parts.collect::<Vec<_>>().join("&");
        }
        text
    }

    fn covers(&self, name: &str) -> bool {
        covered(&self.names, &plain(name))
    }

    /// The same of a member's name, where the member is more than a count or a setting also by `TEXTS` and `WORDS`.
    fn covers_member<B: Build>(&self, name: &str, member: &B::Value) -> bool {
        let plain = plain(name);
        covered(&self.names, &plain) || !is_count::<B>(member) && self.covers_texts(name, &plain)
    }

    /// The same of a header's or a query parameter's name.
    fn covers_carried(&self, name: &str) -> bool {
        let plain = plain(name);
        covered(&self.names, &plain) || covered(&self.carried, &plain) || self.covers_texts(name, &plain)
    }

    fn covers_texts(&self, name: &str, plain: &str) -> bool {
        // Few names have one of the words at all.
        let has_word = || ["token", "privatekey"].iter().any(|part| plain.contains(part));
        covered(&self.texts, plain) || has_word() && is_worded(name)
    }

    fn tree<B: Build>(&self, value: &B::Value, places: &[&[String]]) -> Masked {
        let mut writer = Writer { mask: self, out: Vec::with_capacity(256) };
        writer.value::<B>(value, places);
        writer.done()
    }
}

/// `scheme://user:password@host` without what stands before the `@`.
fn without_user(path: &str) -> String {
    let Some((scheme, rest)) = path.split_once("://") else { return path.to_owned() };
    let (authority, tail) = rest.split_once('/').map_or((rest, None), |(authority, tail)| (authority, Some(tail)));
    let host = authority.rsplit_once('@').map_or_else(|| authority.to_owned(), |(_, host)| format!("{COVER}@{host}"));
    tail.map_or_else(|| format!("{scheme}://{host}"), |tail| format!("{scheme}://{host}/{tail}"))
}

/// Whether a text is one whole absolute URI (RFC 3986 section 3.1), and no prose that names one.
fn is_uri(text: &str) -> bool {
    let scheme = text.split_once("://").map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| {
        !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
    }) && !text.contains(char::is_whitespace)
}

/// Percent-decoding of a query parameter's name (RFC 3986 section 2.1), so that `pass%77ord` hides nothing.
fn unescaped(name: &str) -> String {
    let (mut out, mut rest) = (Vec::with_capacity(name.len()), name.as_bytes());
    while let Some((byte, tail)) = rest.split_first() {
        let pair = tail.split_at_checked(2).filter(|_| *byte == b'%');
        let decoded = pair.and_then(|(pair, after)| Some((u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?, after)));
        let (byte, after) = decoded.unwrap_or((*byte, tail));
        out.push(byte);
        rest = after;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Appends `text` as a JSON string (RFC 8785 section 3.2.2.2, which is how serde spells it).
pub(crate) fn quote(text: &str, out: &mut Vec<u8>) {
    // Writing a text into memory cannot fail.
    let _ = serde_json::to_writer(out, text);
}

struct Writer<'a> {
    mask: &'a Mask,
    out: Vec<u8>,
}

impl Writer<'_> {
    fn done(self) -> Masked {
        // Only whole texts and JSON's own marks were appended: this is UTF-8, and nothing is replaced.
        Masked(String::from_utf8_lossy(&self.out).into_owned())
    }

    fn full(&self) -> bool {
        self.out.len() >= self.mask.limits.document_bytes_max
    }

    fn comma(&mut self, open: u8) {
        if self.out.last() != Some(&open) {
            self.out.push(b',');
        }
    }

    fn text(&mut self, text: &str) {
        let kept = text.get(..text.floor_char_boundary(self.mask.limits.text_bytes_max)).unwrap_or_default();
        if kept.len() == text.len() {
            return quote(text, &mut self.out);
        }
        let rest = text.get(kept.len()..).unwrap_or_default();
        quote(&format!("{kept}\u{2026}[{} more bytes, sha256 {}]", rest.len(), Digest::of(&[rest.as_bytes()])), &mut self.out);
    }

    /// `places` are what remains of the pointers that lead through here; an empty one ends here.
    fn value<B: Build>(&mut self, value: &B::Value, places: &[&[String]]) {
        if places.iter().any(|place| place.is_empty()) {
            return quote(COVER, &mut self.out);
        }
        match B::kind(value) {
            Kind::Null | Kind::Bool(_) | Kind::Number(_) => canon::json::canonical::<B>(value, &mut self.out),
            Kind::String(text) if is_uri(text) => self.text(&self.mask.without_secrets(text)),
            Kind::String(text) => self.text(text),
            Kind::Array => self.array::<B>(value, places),
            Kind::Object => self.object::<B>(value, places),
        }
    }

    fn array<B: Build>(&mut self, value: &B::Value, places: &[&[String]]) {
        self.out.push(b'[');
        let (start, mut index, mut omitted) = (self.out.len(), 0_usize, false);
        B::each_item(value, &mut |item| {
            if omitted {
                return;
            }
            if self.out.len() > start {
                self.out.push(b',');
            }
            omitted = self.full();
            if omitted {
                return quote(OMITTED, &mut self.out);
            }
            let inner = through(places, |token| token.parse() == Ok(index));
            self.value::<B>(item, &inner);
            index += 1;
        });
        self.out.push(b']');
    }

    fn object<B: Build>(&mut self, value: &B::Value, places: &[&[String]]) {
        self.out.push(b'{');
        let (start, mut omitted) = (self.out.len(), false);
        B::each_member(value, &mut |key, member| {
            if omitted {
                return;
            }
            if self.out.len() > start {
                self.out.push(b',');
            }
            omitted = self.full();
            self.text(if omitted { OMITTED } else { key });
            self.out.push(b':');
            if omitted {
                self.out.extend_from_slice(b"true");
            } else if self.mask.covers_member::<B>(key, member) {
                quote(COVER, &mut self.out);
            } else {
                let inner = through(places, |token| token == key);
                self.value::<B>(member, &inner);
            }
        });
        self.out.push(b'}');
    }
}

/// What remains of the places that go on through the member or item that `fits`.
fn through<'a>(places: &[&'a [String]], fits: impl Fn(&str) -> bool) -> Vec<&'a [String]> {
    places.iter().filter_map(|place| place.split_first()).filter(|(token, _)| fits(token)).map(|(_, rest)| rest).collect()
}

#[cfg(test)]
mod tests;

//! The names under which secrets stand, and how a name is compared with them. Knows no value.

/// The names masked unless the configuration says otherwise: a name is compared without case, `-`, `_`, `.` and spaces; `*` at an end stands for anything.
pub(super) const NAMES: &[&str] = &[
    "*password*",
    "*passwd*",
    "*passphrase*",
    "*passcode*",
    "*pwd",
    "*secret*",
    "*token",
    "id_token_hint",
    "client_assertion",
    "samlresponse",
    "*key",
    "*keys",
    "*authorization*",
    "*cookie*",
    "*credential*",
    "*bearer*",
    "jwt",
    "otp",
    "pin",
    "sig",
    "*signature",
    "session",
    "sid",
    "x-auth*",
    "dpop",
    "mcp-param-*",
    "toolgate-permission",
];

/// Those under which a count or a setting may stay: `max_tokens: 512` says nothing, `tokens: ["..."]` everything.
pub(super) const TEXTS: &[&str] = &["*tokens"];

/// The same by the words of a name, however they are joined: `token_value`, `accessTokenRaw`, not `tokenizer`.
const WORDS: &[&str] = &["token", "private_key", "privatekey"];

/// More of them where a name is a header's or a query parameter's of a URI: an OAuth code is one call's login, an argument of that name a
/// program's text; `mcp-name` repeats the body, where its own places mask it.
pub(super) const CARRIED: &[&str] = &["code", "mcp-name", "x-session-id", "x-amzn-oidc-data", "cf-access-jwt-assertion"];

/// A normalised name with what its ends leave open.
#[derive(Debug, Clone)]
pub(super) struct Name {
    text: String,
    open_start: bool,
    open_end: bool,
}

impl Name {
    pub(super) fn new(pattern: &str) -> Self {
        let (open_start, rest) = pattern.strip_prefix('*').map_or((false, pattern), |rest| (true, rest));
        let (open_end, rest) = rest.strip_suffix('*').map_or((false, rest), |rest| (true, rest));
        Self { text: plain(rest), open_start, open_end }
    }

    fn covers(&self, name: &str) -> bool {
        match (self.open_start, self.open_end) {
            (true, true) => {
                // Names are short: trying each place is faster than a searcher that prepares itself.
                let (name, text) = (name.as_bytes(), self.text.as_bytes());
                text.is_empty() || name.windows(text.len().max(1)).any(|part| part.first() == text.first() && part == text)
            }
            (true, false) => name.ends_with(&self.text),
            (false, true) => name.starts_with(&self.text),
            (false, false) => name == self.text,
        }
    }
}

pub(super) fn plain(name: &str) -> String {
    let joins = |character: &char| !matches!(character, '-' | '_' | '.' | ' ');
    let mut plain = String::with_capacity(name.len());
    if name.is_ascii() {
        plain.extend(name.bytes().map(|byte| char::from(byte.to_ascii_lowercase())).filter(joins));
    } else {
        plain.extend(name.chars().filter(joins).flat_map(char::to_lowercase));
    }
    plain
}

pub(super) fn covered(patterns: &[Name], plain: &str) -> bool {
    patterns.iter().any(|pattern| pattern.covers(plain))
}

/// Whether one of `WORDS` is in a name.
pub(super) fn is_worded(name: &str) -> bool {
    let words = words(name);
    WORDS.iter().any(|word| words.contains(&format!("_{word}_")))
}

/// The words of a name in lower case, each between two `_`: `IDTokenHint` and `id-token_hint` are `_id_token_hint_`.
fn words(name: &str) -> String {
    let (mut words, mut rest, mut before) = (String::from("_"), name.chars().peekable(), '_');
    while let Some(character) = rest.next() {
        let is_next_small = rest.peek().is_some_and(|next| next.is_lowercase());
        let begins = character.is_uppercase() && (!before.is_uppercase() || is_next_small) || character.is_numeric() != before.is_numeric();
        let joins = matches!(character, '-' | '_' | '.' | ' ');
        if (begins || joins) && !words.ends_with('_') {
            words.push('_');
        }
        if !joins {
            words.extend(character.to_lowercase());
        }
        before = character;
    }
    words.push('_');
    words
}

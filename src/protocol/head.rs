//! The head of a request: refused where two servers could see two requests, and cleaned of what is not for the upstream.

use crate::PERMISSION;
use crate::call::Sealed;
use crate::malformed::{Fault, Flaw, Malformed};
use crate::recognise::Speaks;
use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Uri, Version};

/// Bytes of a permission's token.
const PERMISSION_BYTES_MAX: usize = 16_384;

/// A request without its body, as hyper gives it.
#[derive(Debug, Clone)]
pub struct Head {
    /// The method.
    pub method: Method,
    /// The target: with an authority in HTTP/2.
    pub uri: Uri,
    /// The headers.
    pub headers: HeaderMap,
    /// The version of HTTP.
    pub version: Version,
}

/// Between two hops (RFC 9110 section 7.6.1).
static HOP_BY_HOP: [HeaderName; 9] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Not for the upstream either: what the sender says anew, an encoding in which the answer could not be read, and what a hop vouches
/// for, which an agent cannot.
static DROPPED: [HeaderName; 13] = [
    header::CONTENT_LENGTH,
    header::EXPECT,
    header::ACCEPT_ENCODING,
    // A piece of an answer is not read: what must be redacted in the whole would pass in it.
    header::RANGE,
    header::IF_RANGE,
    header::FORWARDED,
    HeaderName::from_static("x-real-ip"),
    HeaderName::from_static("x-client-ip"),
    HeaderName::from_static("true-client-ip"),
    HeaderName::from_static("remote-user"),
    HeaderName::from_static("x-remote-user"),
    HeaderName::from_static("x-original-uri"),
    HeaderName::from_static("http2-settings"),
];

/// What names begin with that a hop alone vouches for, too.
const VOUCHED: [&str; 2] = ["x-forwarded-", "x-ssl-client-"];

/// Headers that must not stand twice: which one counts would be the reader's choice.
static SINGLE: [HeaderName; 13] = [
    header::HOST,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONTENT_TYPE,
    header::CONTENT_ENCODING,
    header::AUTHORIZATION,
    header::ORIGIN,
    PERMISSION,
    MCP_SESSION_ID,
    MCP_PROTOCOL_VERSION,
    MCP_METHOD,
    MCP_NAME,
    LAST_EVENT_ID,
];

/// Headers by which some servers take a request for another one.
static OVERRIDES: [HeaderName; 5] = [
    HeaderName::from_static("x-http-method-override"),
    HeaderName::from_static("x-http-method"),
    HeaderName::from_static("x-method-override"),
    HeaderName::from_static("x-original-url"),
    HeaderName::from_static("x-rewrite-url"),
];

/// The id of a session of MCP, up to revision 2025-11-25.
pub const MCP_SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
pub(crate) const MCP_PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
pub(crate) const MCP_METHOD: HeaderName = HeaderName::from_static("mcp-method");
pub(crate) const MCP_NAME: HeaderName = HeaderName::from_static("mcp-name");
pub(crate) const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// What a checked head gives to every protocol.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) headers: HeaderMap,
    pub(crate) permission: Option<String>,
}

impl Checked {
    pub(crate) fn seal(self, head: &Head, body: Bytes) -> (Sealed, Option<String>) {
        let path_and_query = head.uri.path_and_query().cloned().unwrap_or_else(|| http::uri::PathAndQuery::from_static("/"));
        (Sealed { method: head.method.clone(), path_and_query, headers: self.headers, body }, self.permission)
    }
}

/// What every protocol asks of a head, and the headers to forward.
pub(crate) fn check(head: &Head, body_bytes: usize) -> Result<Checked, Fault> {
    let headers = &head.headers;
    if head.method == Method::CONNECT || headers.contains_key(header::UPGRADE) {
        return Err(Flaw::Upgrade.because("`connect` and `upgrade` are not served here: send a plain request"));
    }
    if let Some(name) = SINGLE.iter().find(|name| headers.get_all(*name).iter().nth(1).is_some()) {
        return Err(Flaw::Header.because(format!("header `{name}` stands twice: send it once")));
    }
    if let Some(name) = OVERRIDES.iter().find(|name| headers.contains_key(*name)) {
        return Err(Flaw::Header.because(format!("header `{name}` asks for another request: send that request")));
    }
    if let Some(name) = headers.keys().find(|name| is_other_spelling(name)) {
        return Err(Flaw::Header.because(format!("header `{name}` is another name to some servers, which read `_` as `-`: leave it out")));
    }
    framing(headers, body_bytes)?;
    let encodings = headers.get(header::CONTENT_ENCODING).map(HeaderValue::as_bytes);
    if encodings.is_some_and(|encoding| !encoding.eq_ignore_ascii_case(b"identity")) {
        return Err(Flaw::ContentEncoding.because("`content-encoding` is not read here: send the body as it is"));
    }
    Ok(Checked { headers: forwarded(head)?, permission: permission(headers)? })
}

/// Whether a name becomes one that is checked or removed here where a server writes every mark as `_`, as CGI does (RFC 3875 section
/// 4.1.18) and its heirs do.
fn is_other_spelling(name: &HeaderName) -> bool {
    let plain = plain(name);
    let known =
        || [SINGLE.as_slice(), &OVERRIDES, &HOP_BY_HOP, &DROPPED].iter().any(|names| names.iter().any(|known| known == plain.as_str()));
    plain != name.as_str() && (["toolgate-", "mcp-"].iter().chain(&VOUCHED).any(|start| plain.starts_with(start)) || known())
}

/// What such a server knows of a name.
fn plain(name: &HeaderName) -> String {
    name.as_str().chars().map(|mark| if mark.is_ascii_alphanumeric() { mark } else { '-' }).collect()
}

/// Refuses a head in which a server may find more under the names that a route judges by than is judged: another spelling of one, a value
/// that is no visible ASCII, a second value of the one that names the session.
pub fn judged(headers: &HeaderMap, policy: &[HeaderName], session: Option<&HeaderName>, speaks: &Speaks) -> Result<(), Malformed> {
    let names: Vec<&HeaderName> = policy.iter().chain(session).collect();
    if names.is_empty() {
        return Ok(());
    }
    let plain_names: Vec<String> = names.iter().map(|name| plain(name)).collect();
    let refused = |message: String| Err(Flaw::Header.because(message).to(speaks.speech()));
    if let Some(name) = headers.keys().find(|name| !names.contains(name) && plain_names.contains(&plain(name))) {
        return refused(format!("header `{name}` is another spelling of one that this route judges by: leave it out"));
    }
    if let Some(name) = names.iter().find(|name| headers.get_all(**name).iter().any(|value| value.to_str().is_err())) {
        return refused(format!("header `{name}` is judged here, and holds other than visible ascii"));
    }
    match session.filter(|name| headers.get_all(*name).iter().nth(1).is_some()) {
        Some(name) => refused(format!("header `{name}` names the session and stands twice: send it once")),
        None => Ok(()),
    }
}

/// Whether a header may carry what toolgate adds to every request to an upstream: none that is about the message or the way, that says what the
/// body says (MCP, "Standard Request Headers"), or that some servers read as another.
#[must_use]
pub fn may_carry_credential(name: &HeaderName) -> bool {
    let about = [SINGLE.as_slice(), &OVERRIDES, &HOP_BY_HOP, &DROPPED].concat();
    let known = about.contains(name) && *name != header::AUTHORIZATION;
    !known
        && !is_own(name)
        && !["mcp-", "content-", "accept"].iter().chain(&VOUCHED).any(|start| name.as_str().starts_with(start))
        && !name.as_str().contains('_')
}

/// RFC 9112 section 6.3, without what a lenient reader may read otherwise.
fn framing(headers: &HeaderMap, body_bytes: usize) -> Result<(), Fault> {
    let (length, encoding) = (headers.get(header::CONTENT_LENGTH), headers.get(header::TRANSFER_ENCODING));
    if length.is_some() && encoding.is_some() {
        return Err(Flaw::Framing.because("`content-length` and `transfer-encoding` both stand: send one"));
    }
    if encoding.is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"chunked")) {
        return Err(Flaw::Framing.because("`transfer-encoding` is other than `chunked`"));
    }
    if length.is_some_and(|length| length.as_bytes() != body_bytes.to_string().as_bytes()) {
        return Err(Flaw::Framing.because("`content-length` is not the length of the body"));
    }
    if headers.contains_key(header::TRAILER) {
        return Err(Flaw::Framing.because("trailers are not read here: leave out `trailer`"));
    }
    // A client could name any header here to have it removed on the way.
    let mut named = headers.get_all(header::CONNECTION).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let known = |name: &[u8]| [&b""[..], b"close", b"keep-alive", b"te"].iter().any(|known| name.eq_ignore_ascii_case(known));
    if named.any(|name| !known(name.trim_ascii())) {
        return Err(Flaw::Framing.because("`connection` names other than `close` and `keep-alive`"));
    }
    Ok(())
}

fn forwarded(head: &Head) -> Result<HeaderMap, Fault> {
    let mut headers = head.headers.clone();
    for name in HOP_BY_HOP.iter().chain(&DROPPED) {
        headers.remove(name);
    }
    let is_vouched = |name: &HeaderName| VOUCHED.iter().any(|start| name.as_str().starts_with(start));
    let own: Vec<HeaderName> = headers.keys().filter(|name| is_own(name) || is_vouched(name)).cloned().collect();
    for name in own {
        headers.remove(name);
    }
    let authority = head.uri.authority().map(http::uri::Authority::as_str);
    let host = headers.get(header::HOST).map(HeaderValue::as_bytes);
    match (host, authority) {
        (Some(host), Some(authority)) if !host.eq_ignore_ascii_case(authority.as_bytes()) => {
            return Err(Flaw::Host.because("`host` differs from the authority of the target"));
        }
        (Some([]), _) => return Err(Flaw::Host.because("`host` is empty")),
        (Some(host), _) if http::uri::Authority::try_from(host).is_err() => return Err(Flaw::Host.because("`host` is no host")),
        (Some(_), _) => {}
        (None, Some(authority)) => {
            let value = HeaderValue::from_str(authority).map_err(|_| Flaw::Host.because("the authority of the target is no host"))?;
            headers.insert(header::HOST, value);
        }
        (None, None) => return Err(Flaw::Host.because("no `host`: name the upstream")),
    }
    Ok(headers)
}

/// Whether a header is toolgate's own: it comes from nobody else, in either direction.
pub(crate) fn is_own(name: &HeaderName) -> bool {
    name.as_str().starts_with("toolgate-")
}

/// Cleans an upstream's headers for the agent.
pub(crate) fn clean_answer(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .collect();
    let own = headers.keys().filter(|name| is_own(name)).cloned();
    let between_hops = HOP_BY_HOP.iter().cloned();
    for name in own.chain(between_hops).chain(named).collect::<Vec<_>>() {
        headers.remove(name);
    }
}

fn permission(headers: &HeaderMap) -> Result<Option<String>, Fault> {
    let Some(value) = headers.get(PERMISSION) else { return Ok(None) };
    match visible(value) {
        Some(token) if token.len() <= PERMISSION_BYTES_MAX => Ok(Some(token.to_owned())),
        Some(_) | None => {
            Err(Flaw::Header.because(format!("`{PERMISSION}` is not one token of at most {PERMISSION_BYTES_MAX} visible ascii characters")))
        }
    }
}

/// The value, if it is visible ASCII without spaces and not empty.
pub(crate) fn visible(value: &HeaderValue) -> Option<&str> {
    let text = value.to_str().ok()?;
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) { Some(text) } else { None }
}

/// Whether the body is declared as `application/json`, in UTF-8 if a charset is named (RFC 9110 section 8.3.1, RFC 8259 section 11).
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let Some(Ok(text)) = headers.get(header::CONTENT_TYPE).map(HeaderValue::to_str) else { return false };
    let mut parts = text.split(';').map(str::trim);
    if !parts.next().is_some_and(|media| media.eq_ignore_ascii_case("application/json")) {
        return false;
    }
    let (mut charsets, mut readable) = (0, true);
    for (name, value) in parts.map(|part| part.split_once('=').unwrap_or((part, ""))) {
        if name.eq_ignore_ascii_case("charset") {
            charsets += 1;
            readable &= value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value).eq_ignore_ascii_case("utf-8");
        } else {
            readable &= !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
        }
    }
    readable && charsets <= 1
}

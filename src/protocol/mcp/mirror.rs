//! The headers that repeat the body (MCP 2026-07-28, streamable HTTP, "Request Metadata"): both must say the same.

use super::head::{MCP_METHOD, MCP_NAME, MCP_PROTOCOL_VERSION};
use super::{Era, Fault, Flaw, STATELESS};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName};
use std::borrow::Cow;

/// What the body says.
pub(super) struct Body<'a> {
    /// Whether it is a request; of a notification no header is required.
    pub(super) request: bool,
    pub(super) method: Option<&'a str>,
    /// `params.name` or what stands for it.
    pub(super) name: Option<&'a str>,
    /// `_meta`'s protocol version.
    pub(super) version: Option<&'a str>,
}

/// In either era a header that is there is right; in the stateless one those that must be there are.
pub(super) fn check(headers: &HeaderMap, era: Era, body: &Body<'_>) -> Result<(), Fault> {
    let required = era == Era::Stateless && body.request;
    let version = headers.get(MCP_PROTOCOL_VERSION).and_then(|value| value.to_str().ok());
    if (body.version.is_some() || required) && body.version != version {
        return Err(mismatch(&MCP_PROTOCOL_VERSION, "`_meta`'s `io.modelcontextprotocol/protocolVersion`"));
    }
    let method = value(headers, &MCP_METHOD)?;
    if method.as_deref() != body.method && (required || method.is_some()) {
        return Err(mismatch(&MCP_METHOD, "`method`"));
    }
    let named = matches!(body.method, Some("tools/call" | "prompts/get" | "resources/read"));
    let name = value(headers, &MCP_NAME)?;
    if name.as_deref() != body.name && (required && named || name.is_some()) {
        return Err(mismatch(&MCP_NAME, "`params.name` or `params.uri`"));
    }
    Ok(())
}

fn mismatch(header: &HeaderName, body: &str) -> Fault {
    Flaw::HeaderMismatch.because(format!("header `{header}` is missing or is not {body}: revision {STATELESS} asks for both and the same"))
}

/// The value of a header, decoded if it is `=?base64?..?=`.
pub(super) fn value<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<Cow<'a, str>>, Fault> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    let unreadable = || Flaw::HeaderMismatch.because(format!("header `{name}` is not ascii, or its base64 is not utf-8"));
    let text = value.to_str().map_err(|_| unreadable())?;
    let Some(encoded) = text.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) else {
        return Ok(Some(Cow::Borrowed(text)));
    };
    let decoded = STANDARD.decode(encoded).map_err(|_| unreadable())?;
    String::from_utf8(decoded).map(|decoded| Some(Cow::Owned(decoded))).map_err(|_| unreadable())
}

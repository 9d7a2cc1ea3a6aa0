//! MCP over streamable HTTP: one request, one message, one call, in both eras.

mod envelope;
mod mirror;
mod parameters;

use crate::call::{Asked, Era, Kind, RequestId, Speech, ToolCall};
use crate::head::{self, Checked, Head, LAST_EVENT_ID, MCP_PROTOCOL_VERSION, MCP_SESSION_ID, is_json, visible};
use crate::malformed::{Fault, Flaw, Malformed};
use crate::recognise::Limits;
pub use parameters::mirrored;

use bytes::Bytes;
use canon::Build;
use envelope::{Content, Message};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

/// The revisions that are served; 2025-03-26 did not yet name itself in a header.
pub(crate) const REVISIONS: [&str; 4] = ["2025-03-26", "2025-06-18", "2025-11-25", STATELESS];
pub(crate) const STATELESS: &str = "2026-07-28";
/// What `method` is of a client's answer to the server.
const RESPONSE: &str = "response";
/// Bytes of an `Mcp-Session-Id` or `Last-Event-ID`.
const ID_BYTES_MAX: usize = 1024;

/// A route to an MCP server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct McpRoute {
    /// The path of the server's one endpoint, as clients spell it: `/mcp`.
    pub path: String,
}

pub(crate) fn recognise<B: Build>(
    head: &Head,
    checked: Checked,
    body: Bytes,
    route: &McpRoute,
    limits: &Limits,
) -> Result<ToolCall<B::Value>, Malformed> {
    let speech = |era| Speech::Mcp { era, asked: Asked::Nothing };
    let era = era(&head.headers).map_err(|fault| fault.to(speech(Era::Sessions)))?;
    let known = Known { head, checked, body, era };
    if head.uri.path() != route.path {
        let message = format!("an mcp server is served at `{}` alone", canon::text::shown(&route.path, 200));
        return Err(Flaw::Path.because(message).to(speech(era)));
    }
    match (&head.method, era) {
        (&Method::POST, _) => known.message::<B>(limits),
        (&Method::GET, Era::Sessions) => known.stream::<B>().map_err(|fault| fault.to(speech(era))),
        (&Method::DELETE, Era::Sessions) => known.end::<B>().map_err(|fault| fault.to(speech(era))),
        _ => Err(Flaw::Method.because("this method is not one of mcp's").to(speech(era))),
    }
}

fn era(headers: &HeaderMap) -> Result<Era, Fault> {
    match headers.get(MCP_PROTOCOL_VERSION).map(HeaderValue::to_str) {
        None => Ok(Era::Sessions),
        Some(Ok(STATELESS)) => Ok(Era::Stateless),
        Some(Ok(revision)) if REVISIONS.contains(&revision) => Ok(Era::Sessions),
        Some(_) => Err(Flaw::Version.because(format!("`mcp-protocol-version` is none of {}", REVISIONS.join(", ")))),
    }
}

struct Known<'a> {
    head: &'a Head,
    checked: Checked,
    body: Bytes,
    era: Era,
}

/// What was read of a request, for its `ToolCall`.
struct Read<V> {
    asked: Asked,
    kind: Kind,
    method: String,
    tool: Option<String>,
    resource: Option<String>,
    arguments: V,
    meta: Option<V>,
    beside: Option<V>,
}

impl Known<'_> {
    fn message<B: Build>(self, limits: &Limits) -> Result<ToolCall<B::Value>, Malformed> {
        let era = self.era;
        let blank = Speech::Mcp { era, asked: Asked::Nothing };
        let (mut id, read) = (None, self.read::<B>(limits));
        let read = read.and_then(|value| {
            let message = envelope::open::<B>(&value)?;
            id = message.id.clone();
            let read = read_message::<B>(&message, era, &self.head.headers)?;
            Ok((read, session(&self.head.headers, era)?))
        });
        match read {
            Ok((read, session)) => Ok(self.call(read, session)),
            Err(fault) => Err(fault.to(id.map_or(blank, |id| Speech::Mcp { era, asked: Asked::Request(id) }))),
        }
    }

    fn read<B: Build>(&self, limits: &Limits) -> Result<B::Value, Fault> {
        if !is_json(&self.head.headers) {
            return Err(Flaw::ContentType.because("an mcp message is `content-type: application/json` in utf-8"));
        }
        if self.body.trim_ascii_start().starts_with(b"[") {
            return Err(Flaw::Batch.because("one request carries one message: send each message of the batch by itself"));
        }
        Ok(canon::json::parse::<B>(&self.body, &limits.json)?)
    }

    fn stream<B: Build>(self) -> Result<ToolCall<B::Value>, Fault> {
        self.without_body()?;
        let mut accepted = self.head.headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let streams = |media: &str| media.split(';').next().is_some_and(|media| media.trim().eq_ignore_ascii_case("text/event-stream"));
        if !accepted.any(|accepted| accepted.split(',').any(streams)) {
            return Err(Flaw::Accept.because("a stream is opened with `accept: text/event-stream`"));
        }
        let session = session(&self.head.headers, self.era)?;
        let resumed = id(&self.head.headers, &LAST_EVENT_ID)?;
        let resumed = resumed.map_or_else(B::null, |event| B::string(&event));
        let arguments = B::object(vec![("last_event_id".to_owned(), resumed)]);
        Ok(self.call(Read::of(Kind::Stream, "GET", arguments), session))
    }

    fn end<B: Build>(self) -> Result<ToolCall<B::Value>, Fault> {
        self.without_body()?;
        let session = session(&self.head.headers, self.era)?;
        Ok(self.call(Read::of(Kind::End, "DELETE", B::null()), session))
    }

    fn without_body(&self) -> Result<(), Fault> {
        if self.body.is_empty() { Ok(()) } else { Err(Flaw::Framing.because("only `post` carries a body")) }
    }

    fn call<V>(self, read: Read<V>, session: Option<String>) -> ToolCall<V> {
        let argument_headers: Vec<HeaderName> =
            self.checked.headers.keys().filter(|name| name.as_str().starts_with("mcp-param-")).cloned().collect();
        let (sealed, permission) = self.checked.seal(self.head, self.body);
        ToolCall {
            speech: Speech::Mcp { era: self.era, asked: read.asked },
            kind: read.kind,
            method: read.method,
            tool: read.tool,
            resource: read.resource,
            arguments: read.arguments,
            meta: read.meta,
            beside: read.beside,
            session,
            permission,
            path: self.head.uri.path().to_owned(),
            query: self.head.uri.query().map(str::to_owned),
            argument_headers,
            sealed,
        }
    }
}

impl<V> Read<V> {
    fn of(kind: Kind, method: &str, arguments: V) -> Self {
        Self { asked: Asked::Nothing, kind, method: method.to_owned(), tool: None, resource: None, arguments, meta: None, beside: None }
    }
}

fn read_message<B: Build>(message: &Message<'_, B>, era: Era, headers: &HeaderMap) -> Result<Read<B::Value>, Fault> {
    let (method, params) = match message.content {
        Content::Asks { method, params } => (method, params),
        Content::Answers { .. } if era == Era::Stateless => {
            return Err(Flaw::Envelope.because(format!("in revision {STATELESS} a client sends no responses")));
        }
        Content::Answers { name, value } => {
            envelope::meta::<B>(Some(value))?;
            mirror::check(headers, era, &mirror::Body { request: false, method: None, name: None, version: None })?;
            return Ok(Read::of(Kind::Response, RESPONSE, B::object(vec![(name.to_owned(), value.clone())])));
        }
    };
    let meta = envelope::meta::<B>(params)?;
    let text = |key| params.and_then(|params| envelope::text::<B>(params, key));
    let name = envelope::target::<B>(method, params)?;
    let mirrored = name.or_else(|| ["name", "uri", "taskId"].iter().find_map(|key| text(key)));
    let version = meta.and_then(|meta| envelope::text::<B>(meta, "io.modelcontextprotocol/protocolVersion"));
    mirror::check(headers, era, &mirror::Body { request: message.id.is_some(), method: Some(method), name: mirrored, version })?;
    let is_call = method == "tools/call";
    let arguments = if is_call { params.and_then(|params| B::get(params, "arguments")).cloned() } else { params.cloned() };
    Ok(Read {
        asked: match message.id.clone() {
            Some(id) if is_call => Asked::ToolCall(id),
            Some(id) => Asked::Request(id),
            None => Asked::Nothing,
        },
        kind: if message.id.is_some() { Kind::Request } else { Kind::Notification },
        method: method.to_owned(),
        tool: if is_call { name.map(str::to_owned) } else { None },
        resource: if method.starts_with("resources/") { text("uri").map(str::to_owned) } else { None },
        arguments: arguments.unwrap_or_else(|| if is_call { B::object(Vec::new()) } else { B::null() }),
        meta: meta.cloned(),
        beside: if is_call { params.and_then(envelope::beside::<B>) } else { None },
    })
}

fn session(headers: &HeaderMap, era: Era) -> Result<Option<String>, Fault> {
    match era {
        Era::Sessions => id(headers, &MCP_SESSION_ID),
        Era::Stateless => Ok(None),
    }
}

fn id(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, Fault> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    match visible(value) {
        Some(id) if id.len() <= ID_BYTES_MAX => Ok(Some(id.to_owned())),
        Some(_) | None => Err(Flaw::Header.because(format!("`{name}` is not of 1 to {ID_BYTES_MAX} visible ascii characters"))),
    }
}

/// Methods that only HTTP has, or that stand for an answer: no message may carry them.
fn is_taken(method: &str) -> bool {
    [RESPONSE, "GET", "DELETE"].contains(&method)
}

//! The one JSON-RPC message of a body (JSON-RPC 2.0, as MCP narrows it), and what its method must have.

use super::{Fault, Flaw, RequestId};
use canon::json::{Number, twins};
use canon::{Build, Kind};

/// A message whose envelope is right.
pub(super) struct Message<'a, B: Build> {
    pub(super) id: Option<RequestId>,
    pub(super) content: Content<'a, B>,
}

pub(super) enum Content<'a, B: Build> {
    /// A request or, without an id, a notification.
    Asks { method: &'a str, params: Option<&'a B::Value> },
    /// A response: its `result` or `error`.
    Answers { name: &'static str, value: &'a B::Value },
}

/// The members of a message, and those of its `params` that toolgate reads.
const MEMBERS: [&str; 6] = ["jsonrpc", "id", "method", "params", "result", "error"];
const PARAMS: [&str; 4] = ["name", "arguments", "uri", "_meta"];

pub(super) fn open<B: Build>(value: &B::Value) -> Result<Message<'_, B>, Fault> {
    if B::kind(value) != Kind::Object || text::<B>(value, "jsonrpc") != Some("2.0") {
        return Err(Flaw::Envelope.because("the body is not one json-rpc 2.0 message"));
    }
    exact::<B>(value, &MEMBERS)?;
    let id = id::<B>(value)?;
    let (result, error) = (B::get(value, "result"), B::get(value, "error"));
    let content = match (B::get(value, "method").map(B::kind), result, error) {
        (Some(Kind::String(method)), None, None) if !method.is_empty() && !super::is_taken(method) => {
            let params = B::get(value, "params");
            if params.is_some_and(|params| B::kind(params) != Kind::Object) {
                return Err(Flaw::Params.because("`params` is not an object"));
            }
            params.map_or(Ok(()), |params| exact::<B>(params, &PARAMS))?;
            if id.is_some() == method.starts_with("notifications/") {
                return Err(Flaw::Envelope.because("a request has an `id`, a notification is named `notifications/..` and has none"));
            }
            Content::Asks { method, params }
        }
        (None, Some(value), None) if id.is_some() => Content::Answers { name: "result", value },
        (None, None, Some(value)) if id.is_some() => Content::Answers { name: "error", value },
        _ => return Err(Flaw::Envelope.because("the message is neither a request, a notification nor a response")),
    };
    Ok(Message { id, content })
}

/// A member that differs from one of `names` in case only is read as that one by readers without regard to case (Go's encoding/json, CVE-2026-27896).
fn exact<B: Build>(object: &B::Value, names: &[&'static str]) -> Result<(), Fault> {
    let mut variant = None;
    B::each_member(object, &mut |key, _| variant = variant.or_else(|| names.iter().find(|name| **name != key && twins(name, key))));
    match variant {
        None => Ok(()),
        Some(name) => Err(Flaw::Envelope.because(format!("a member differs from `{name}` in case only"))),
    }
}

fn id<B: Build>(value: &B::Value) -> Result<Option<RequestId>, Fault> {
    match B::get(value, "id").map(B::kind) {
        None => Ok(None),
        Some(Kind::Number(Number::Int(id))) => Ok(Some(RequestId::Int(id))),
        Some(Kind::String(id)) => Ok(Some(RequestId::Text(id.to_owned()))),
        Some(_) => Err(Flaw::Envelope.because("`id` is neither a string nor an integer")),
    }
}

/// The string member `key`.
pub(super) fn text<'a, B: Build>(value: &'a B::Value, key: &str) -> Option<&'a str> {
    match B::kind(B::get(value, key)?) {
        Kind::String(text) => Some(text),
        Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::Array | Kind::Object => None,
    }
}

/// `_meta`, if it is there and holds nothing that only toolgate may say.
pub(super) fn meta<B: Build>(params: Option<&B::Value>) -> Result<Option<&B::Value>, Fault> {
    let Some(meta) = params.and_then(|params| B::get(params, "_meta")) else { return Ok(None) };
    if B::kind(meta) != Kind::Object {
        return Err(Flaw::Params.because("`_meta` is not an object"));
    }
    let mut reserved = false;
    B::each_member(meta, &mut |key, _| reserved |= crate::answer::is_reserved(key));
    if reserved {
        Err(Flaw::ReservedMeta.because("`_meta` has a member under `dev.toolgate/`, which is toolgate's own"))
    } else {
        Ok(Some(meta))
    }
}

/// Members of `_meta` that are about one exchange or its trace: they differ each time that the same call is made.
const OF_THE_EXCHANGE: [&str; 6] = [
    "progressToken",
    "traceparent",
    "tracestate",
    "io.modelcontextprotocol/protocolVersion",
    "io.modelcontextprotocol/clientInfo",
    "io.modelcontextprotocol/clientCapabilities",
];

/// What `tools/call` has beside its name, its arguments and what only the exchange is about.
pub(super) fn beside<B: Build>(params: &B::Value) -> Option<B::Value> {
    let rest = |object: &B::Value, without: &[&str]| {
        let mut members = Vec::new();
        B::each_member(object, &mut |key, member| {
            if !without.contains(&key) {
                members.push((key.to_owned(), member.clone()));
            }
        });
        members
    };
    let mut members = rest(params, &["name", "arguments", "_meta"]);
    let meta = B::get(params, "_meta").map(|meta| rest(meta, &OF_THE_EXCHANGE)).unwrap_or_default();
    if !meta.is_empty() {
        members.push(("_meta".to_owned(), B::object(meta)));
    }
    (!members.is_empty()).then(|| B::object(members))
}

/// What the method acts on, where the method must name it.
pub(super) fn target<'a, B: Build>(method: &str, params: Option<&'a B::Value>) -> Result<Option<&'a str>, Fault> {
    let key = match method {
        "tools/call" | "prompts/get" => "name",
        "resources/read" | "resources/subscribe" | "resources/unsubscribe" => "uri",
        _ => return Ok(None),
    };
    let arguments = params.and_then(|params| B::get(params, "arguments"));
    if key == "name" && arguments.is_some_and(|arguments| B::kind(arguments) != Kind::Object) {
        return Err(Flaw::Params.because("`params.arguments` is not an object"));
    }
    match params.and_then(|params| text::<B>(params, key)) {
        Some(target) if !target.is_empty() => Ok(Some(target)),
        Some(_) | None => Err(Flaw::Params.because(format!("`params.{key}` is missing, empty or not a string"))),
    }
}

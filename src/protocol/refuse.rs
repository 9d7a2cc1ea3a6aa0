//! The refusal of a call in the caller's own protocol (DESIGN section 4).

use crate::DECISION_ID;
use crate::call::{Asked, Era, RequestId, Speech};
use bytes::Bytes;
use canon::CallId;
use canon::json::{Json, Number, Tree, canonical};
use http::{HeaderMap, HeaderValue, StatusCode, header};

/// JSON-RPC code: the policy or the table says no.
const REFUSED: i64 = 1403;
/// JSON-RPC code: toolgate cannot answer for the call now.
const UNAVAILABLE: i64 = 1503;

/// What kind of refusal it is: it decides status and form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// About a well-formed call of an identified caller: in-protocol where the protocol can say it.
    Policy,
    /// No call.
    Malformed(crate::Flaw),
    /// Nobody known.
    Unidentified,
    /// Overload, journal, stale data: again after so many seconds.
    Unavailable {
        /// Seconds, for `retry-after`.
        retry_after_seconds: u32,
    },
    /// The upstream did not answer, or not in a way that may be passed on (502 or 504).
    Upstream(StatusCode),
}

/// A reason of a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// Stable code.
    pub code: String,
    /// For a reader.
    pub message: String,
}

/// How much an agent learns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Codes and messages.
    Full,
    /// Codes.
    Code,
    /// The decision id.
    None,
}

/// Why a call is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The decision.
    pub decision: CallId,
    /// The kind.
    pub class: Class,
    /// The reasons, the first one first.
    pub reasons: Vec<Reason>,
    /// The mode's name.
    pub mode: String,
    /// How much of this is said.
    pub detail: Detail,
    /// How a person can permit the call, for people who read the agent's output.
    pub ask: Option<String>,
    /// The digest of the arguments, which a permission for this call must name.
    pub arguments_digest: Option<String>,
}

/// An answer that is toolgate's own.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers, without `content-length`.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// The refusal as the caller's protocol says it.
#[must_use]
pub fn refuse(speech: &Speech, refusal: &Refusal) -> Reply {
    let status = status(refusal.class);
    let (status, content_type, body) = match speech {
        Speech::Http => (status, "application/problem+json", problem(status, refusal)),
        Speech::Mcp { era, asked } => {
            let (status, body) = message(*era, asked, status, refusal);
            (status, "application/json", body)
        }
    };
    let mut bytes = Vec::new();
    canonical::<Tree>(&body, &mut bytes);
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(decision) = HeaderValue::from_str(&refusal.decision.to_string()) {
        headers.insert(DECISION_ID, decision);
    }
    explain(&mut headers, speech, status, refusal.class);
    Reply { status, headers, body: bytes.into() }
}

fn status(class: Class) -> StatusCode {
    match class {
        Class::Policy => StatusCode::FORBIDDEN,
        Class::Malformed(flaw) => flaw.status(),
        Class::Unidentified => StatusCode::UNAUTHORIZED,
        Class::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
        Class::Upstream(status) => status,
    }
}

/// The headers that RFC 9110 asks for beside these statuses.
fn explain(headers: &mut HeaderMap, speech: &Speech, status: StatusCode, class: Class) {
    if let Class::Unavailable { retry_after_seconds } = class {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(retry_after_seconds));
    }
    if status == StatusCode::UNAUTHORIZED {
        // Section 11.6.1 asks for a challenge; no registered scheme means "a client certificate".
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Mutual-TLS realm=\"toolgate\""));
    }
    if let (StatusCode::METHOD_NOT_ALLOWED, Speech::Mcp { era, .. }) = (status, speech) {
        let allowed = match era {
            Era::Sessions => "GET, POST, DELETE",
            Era::Stateless => "POST",
        };
        headers.insert(header::ALLOW, HeaderValue::from_static(allowed));
    }
}

fn message(era: Era, asked: &Asked, status: StatusCode, refusal: &Refusal) -> (StatusCode, Json) {
    let in_protocol = refusal.class == Class::Policy;
    let (status, id) = match asked {
        Asked::ToolCall(id) if in_protocol => return (StatusCode::OK, response(Some(id), era, ("result", tool_result(era, refusal)))),
        Asked::Request(id) if in_protocol => (StatusCode::OK, Some(id)),
        Asked::ToolCall(id) | Asked::Request(id) => (status, Some(id)),
        Asked::Nothing => (status, None),
    };
    let code = match refusal.class {
        Class::Policy | Class::Unidentified => REFUSED,
        Class::Malformed(flaw) => flaw.rpc_code(),
        Class::Unavailable { .. } | Class::Upstream(_) => UNAVAILABLE,
    };
    let mut data = data(refusal);
    if refusal.class == Class::Malformed(crate::Flaw::Version) {
        // What a client goes on with (MCP 2026-07-28, versioning).
        data.push(("supported".to_owned(), Json::Array(crate::mcp::REVISIONS.iter().map(|revision| text(revision)).collect())));
    }
    let error = object([("code", Json::Number(Number::Int(code))), ("message", Json::String(said(refusal))), ("data", Json::Object(data))]);
    (status, response(id, era, ("error", error)))
}

fn response(id: Option<&RequestId>, era: Era, (name, value): (&str, Json)) -> Json {
    let id = match (id, era) {
        (Some(RequestId::Int(id)), _) => Some(Json::Number(Number::Int(*id))),
        (Some(RequestId::Text(id)), _) => Some(text(id)),
        (None, Era::Sessions) => Some(Json::Null),
        // 2026-07-28: an error to something without an id has none.
        (None, Era::Stateless) => None,
    };
    let id = id.map(|id| ("id", id));
    object([Some(("jsonrpc", text("2.0"))), id, Some((name, value))].into_iter().flatten())
}

/// A result that the model can read, so that it can tell the person.
fn tool_result(era: Era, refusal: &Refusal) -> Json {
    let content = object([("type", text("text")), ("text", Json::String(said(refusal)))]);
    let meta = object([("dev.toolgate/decision", Json::Object(data(refusal)))]);
    let mut result = vec![("content", Json::Array(vec![content])), ("isError", Json::Bool(true)), ("_meta", meta)];
    match era {
        Era::Sessions => {}
        Era::Stateless => result.push(("resultType", text("complete"))),
    }
    object(result)
}

/// RFC 9457. Without `type` the title is the status's.
fn problem(status: StatusCode, refusal: &Refusal) -> Json {
    let mut members = vec![
        ("title".to_owned(), text(status.canonical_reason().unwrap_or("refused"))),
        ("status".to_owned(), Json::Number(Number::Int(i64::from(status.as_u16())))),
        ("detail".to_owned(), Json::String(said(refusal))),
    ];
    members.extend(data(refusal));
    Json::Object(members)
}

fn data(refusal: &Refusal) -> Vec<(String, Json)> {
    let mut members = vec![("decision_id".to_owned(), Json::String(refusal.decision.to_string()))];
    let reason = |reason: &Reason| match refusal.detail {
        Detail::Full => object([("code", text(&reason.code)), ("message", text(&reason.message))]),
        Detail::Code | Detail::None => object([("code", text(&reason.code))]),
    };
    if refusal.detail != Detail::None {
        members.push(("reasons".to_owned(), Json::Array(refusal.reasons.iter().map(reason).collect())));
        members.push(("mode".to_owned(), text(&refusal.mode)));
        let more = [("arguments_digest", &refusal.arguments_digest), ("ask", &refusal.ask)];
        members.extend(more.into_iter().filter_map(|(name, value)| value.as_ref().map(|value| (name.to_owned(), text(value)))));
    }
    members
}

/// One text for the model and for people.
fn said(refusal: &Refusal) -> String {
    let what = match refusal.class {
        Class::Policy | Class::Unidentified => "toolgate refused this call",
        Class::Malformed(_) => "toolgate cannot read this request",
        Class::Unavailable { .. } => "toolgate cannot let calls through now",
        Class::Upstream(_) => "the upstream gave no answer that toolgate can pass on",
    };
    let reasons: Vec<String> = match refusal.detail {
        Detail::Full => refusal.reasons.iter().map(|reason| format!("{} ({})", reason.message, reason.code)).collect(),
        Detail::Code => refusal.reasons.iter().map(|reason| reason.code.clone()).collect(),
        Detail::None => Vec::new(),
    };
    let colon = if reasons.is_empty() { "" } else { ": " };
    let ask = refusal
        .ask
        .as_ref()
        .filter(|_| refusal.detail != Detail::None)
        .map(|ask| format!(" A person may let it through once: {ask}"))
        .unwrap_or_default();
    format!("{what}{colon}{}. Decision {}.{ask}", reasons.join("; "), refusal.decision)
}

fn text(text: &str) -> Json {
    Json::String(text.to_owned())
}

fn object<'a>(members: impl IntoIterator<Item = (&'a str, Json)>) -> Json {
    Json::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

#[cfg(test)]
mod tests;

//! The session that a call is part of: the id under which it is judged and recorded, and whose it is.

use super::identify::Caller;
use crate::service::{Holder, Request, Sessions};
use crate::view::Route;
use canon::{CallId, Digest};
use http::Response;
use policy::{Decision, Value};
use protocol::{MCP_SESSION_ID, RequestId, Speech, ToolCall};
use std::sync::Arc;

/// DESIGN section 2: SHA-256 in hex over upstream, subject and the raw id; else the header that the route names, bound to the subject.
pub(super) fn id(call: &ToolCall<Value>, caller: &Caller, route: &Route) -> Option<Arc<str>> {
    let named = route.session_header.as_ref().and_then(|name| call.headers().get(name)).and_then(|value| value.to_str().ok());
    let raw = call.session.as_deref().or(named)?;
    let subject = caller.principal.workload.as_ref().ok().map_or("", |workload| workload.id.as_str());
    let parts = [route.upstream_name.as_bytes(), &[0], subject.as_bytes(), &[0], raw.as_bytes()];
    Some(canon::Digest::of(&parts).to_string().into())
}

/// The decision that stands without asking the policy: the call names a session that somebody else opened. Whatever revision the call says
/// that it speaks: its upstream may go by the header alone.
pub(super) fn held(sessions: &Sessions, call: &ToolCall<Value>, caller: &Caller, route: &Route) -> Result<(), Decision> {
    let Some(raw) = call.headers().get(MCP_SESSION_ID) else { return Ok(()) };
    match sessions.holder(key(&route.upstream_name, raw.as_bytes()), owner(caller)) {
        Holder::Unknown | Holder::Own => Ok(()),
        Holder::Another => {
            let message = "the session of this call was opened by somebody else: open one with `initialize`";
            Err(Decision { overridable: false, ..Decision::error("toolgate.session.foreign", message) })
        }
    }
}

/// The request of a session that a call is: its answer has its id, so a server that is given the id twice may send either answer to either
/// call. A number and a text are one id to some servers.
pub(super) fn request(call: &ToolCall<Value>, id: CallId, route: &Route) -> Option<Request> {
    let raw = call.headers().get(MCP_SESSION_ID)?;
    let asked = match call.speech.id()? {
        RequestId::Int(id) => id.to_string(),
        RequestId::Text(id) => id.clone(),
    };
    Some(Request { digest: Digest::of(&[&key(&route.upstream_name, raw.as_bytes()).0, asked.as_bytes()]), call: id })
}

/// A session that the answer to a call may open.
pub(super) struct Opening {
    upstream: Arc<str>,
    owner: Digest,
}

impl Opening {
    /// Of `initialize`; nothing else opens one.
    pub(super) fn of(call: &ToolCall<Value>, caller: &Caller, route: &Route) -> Option<Self> {
        let opens = call.speech != Speech::Http && call.method == "initialize";
        opens.then(|| Self { upstream: Arc::clone(&route.upstream_name), owner: owner(caller) })
    }

    /// Remembers the session that the upstream gave, before the caller learns of it.
    pub(super) fn learn(&self, sessions: &Sessions, answer: &Response<wire::Answer>) {
        for raw in answer.headers().get_all(MCP_SESSION_ID).iter().filter(|_| answer.status().is_success()) {
            sessions.opened(key(&self.upstream, raw.as_bytes()), self.owner);
        }
    }
}

fn key(upstream: &str, raw: &[u8]) -> Digest {
    Digest::of(&[upstream.as_bytes(), &[0], raw])
}

/// Workload, user and tenant together. Neither a SPIFFE id, the configured name of an issuer nor a tenant holds a NUL.
fn owner(caller: &Caller) -> Digest {
    let workload = caller.principal.workload.as_ref().ok().map_or("", |workload| workload.id.as_str());
    let (issuer, subject) = caller.principal.user.as_ref().map_or(("", ""), |user| (user.issuer.as_str(), user.subject.as_str()));
    let tenant = caller.tenant.as_ref().ok().map_or("", |tenant| tenant.as_str());
    Digest::of(&[workload.as_bytes(), &[0], issuer.as_bytes(), &[0], subject.as_bytes(), &[0], tenant.as_bytes()])
}

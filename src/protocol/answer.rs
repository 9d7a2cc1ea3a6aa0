//! The way back: an upstream's answer, read only as far as it must be, and passed on as it came.
//!
//! A machine without I/O: bytes are pushed in, steps are pulled out. JSON is held until it is whole, a stream is passed on event by
//! event, everything else byte by byte. What is not to reach the agent is cut out of the one message that has it.

mod events;
mod hints;
mod message;

pub use message::Offered;

use crate::call::{Era, Kind, RequestId, Speech, ToolCall};
use crate::head;
use bytes::{Bytes, BytesMut};
use canon::json::{Pointer, Rejected};
use events::Events;
use http::{HeaderMap, StatusCode, header};
use message::{Asking, Examined};
use std::collections::VecDeque;
use std::sync::Arc;

/// What must be done with an answer.
#[derive(Debug, Clone)]
pub struct Reading {
    speech: Speech,
    /// Lists of tools are filtered.
    list: bool,
    /// It is a stream of what the server says by itself.
    stream: bool,
    redact: Vec<Pointer>,
    /// Which message is the answer to the call itself; none where any may be that of an earlier call.
    own: Option<RequestId>,
    /// What other calls had redacted.
    earlier: Earlier,
    bytes_max: usize,
}

impl Reading {
    /// Of the answer to `call`: `redact` names places in the result (MCP) or the body (plain HTTP), where `[redacted]` will stand; if
    /// `visible`, lists of tools are filtered. A JSON answer or an event may have `bytes_max` bytes where it must be read.
    #[must_use]
    pub fn of<V>(call: &ToolCall<V>, redact: Vec<Pointer>, visible: bool, bytes_max: usize) -> Self {
        let stream = call.kind == Kind::Stream;
        // What asks for a task gets the result of the call that began it.
        let own = call.speech.id().filter(|_| !call.method.starts_with("tasks/")).cloned();
        // A stream may replay the answer to an earlier request.
        let list = visible && (stream || call.method == "tools/list") && call.speech != Speech::Http;
        Self { speech: call.speech.clone(), list, stream, redact, own, earlier: Earlier::default(), bytes_max }
    }

    /// MCP: these places are redacted too in every result that is not the call's own: a server may say there what it answered to another call.
    pub fn earlier(&mut self, earlier: Earlier) {
        self.earlier = earlier;
    }

    /// Whether something must be redacted, if it is there.
    fn redacts(&self) -> bool {
        !self.redact.is_empty() || self.is_mcp() && !self.earlier.places.is_empty()
    }

    fn is_mcp(&self) -> bool {
        self.speech != Speech::Http
    }

    fn era(&self) -> Option<Era> {
        match self.speech {
            Speech::Http => None,
            Speech::Mcp { era, .. } => Some(era),
        }
    }
}

/// What other calls had redacted.
#[derive(Debug, Clone, Default)]
pub struct Earlier {
    /// The places.
    pub places: Arc<[Pointer]>,
    /// Whose answer has the call's id.
    pub id: Id,
}

/// Whose the id of a call is in its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Id {
    /// The call's alone: what answers it is the call's own.
    #[default]
    Own,
    /// Another call's too, for which something was redacted: the server may give that call's answer to this one.
    Shared,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Pass these bytes on. Of a JSON answer that is the whole body at once.
    Send(Bytes),
    /// Say by `keep` which of these tools the caller may see.
    Visible(Vec<Offered>),
    /// Push more, or finish.
    More,
    /// The answer is over.
    Done,
}

/// Why an answer cannot be passed on. What was sent of it stays sent: cut the connection, or send 502 if nothing was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// It must be read and is larger.
    #[error("the answer, or one event of it, has over {bytes_max} bytes and must be read: raise `response_json_bytes_max`")]
    TooLong {
        /// The limit.
        bytes_max: usize,
    },
    /// It must be read and has not one reading.
    #[error("the answer must be read and is not json with one reading: {0}")]
    Unreadable(Rejected),
    /// It must be read and is compressed, though nothing asked for that, or of another content type.
    #[error("the answer must be read and is `{0}`")]
    Opaque(String),
    /// A stream of the HTTP+SSE transport of 2024-11-05.
    #[error("the upstream speaks the transport of 2024-11-05, which is not served: use its streamable http endpoint")]
    OldTransport,
    /// `keep` did not answer for each tool of `Step::Visible`.
    #[error("it was not told for each tool whether it is visible")]
    Untold,
}

impl Broken {
    /// The stable reason code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "toolgate.answer.too_long",
            Self::Unreadable(_) => "toolgate.answer.unreadable",
            Self::Opaque(_) => "toolgate.answer.opaque",
            Self::OldTransport => "toolgate.answer.old_transport",
            Self::Untold => "toolgate.answer.untold",
        }
    }
}

/// What was learnt of an answer that was passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen {
    /// `isError` of a result; none if no result was seen.
    pub tool_error: Option<bool>,
    /// The code of a JSON-RPC error.
    pub rpc_error: Option<i64>,
    /// Bytes that came from the upstream.
    pub bytes: u64,
    /// Whether something was redacted, hidden or removed.
    pub changed: bool,
}

/// The answer on its way.
#[derive(Debug)]
pub struct Answer {
    reading: Reading,
    body: Body,
    ready: BytesMut,
    asking: Option<Asking>,
    finished: bool,
    seen: Seen,
}

#[derive(Debug)]
enum Body {
    /// Nothing can be in it that must not pass.
    Untouched(VecDeque<Bytes>),
    /// One JSON document.
    Whole(BytesMut),
    Events(Events),
    /// It could not be read if there were anything.
    Empty(String),
}

impl Answer {
    /// An answer that begins. `headers` are cleaned for the agent: toolgate's own names and what is between two hops go, and
    /// `content-length` where the body may change.
    pub fn begin(reading: Reading, status: StatusCode, headers: &mut HeaderMap) -> Result<Self, Broken> {
        head::clean_answer(headers);
        let body = Body::of(&reading, status, headers)?;
        match body {
            Body::Untouched(_) => {}
            Body::Whole(_) | Body::Events(_) | Body::Empty(_) => {
                headers.remove(header::CONTENT_LENGTH);
            }
        }
        Ok(Self { reading, body, ready: BytesMut::new(), asking: None, finished: false, seen: Seen::default() })
    }

    /// What other calls had redacted meanwhile, as for `Reading`.
    pub fn earlier(&mut self, earlier: Earlier) {
        self.reading.earlier(earlier);
    }

    /// More bytes from the upstream.
    pub fn push(&mut self, bytes: Bytes) -> Result<(), Broken> {
        self.seen.bytes = self.seen.bytes.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        match &mut self.body {
            Body::Untouched(chunks) => chunks.push_back(bytes),
            Body::Whole(document) => {
                if document.len() + bytes.len() > self.reading.bytes_max {
                    return Err(Broken::TooLong { bytes_max: self.reading.bytes_max });
                }
                document.extend_from_slice(&bytes);
            }
            Body::Events(events) => events.push(&bytes),
            Body::Empty(_) if bytes.is_empty() => {}
            Body::Empty(what) => return Err(Broken::Opaque(what.clone())),
        }
        Ok(())
    }

    /// The upstream's answer is whole.
    pub fn finish(&mut self) {
        self.finished = true;
    }

    /// What to do next. After `Send` and `keep` ask again; after `More` push or finish first.
    pub fn step(&mut self) -> Result<Step, Broken> {
        self.advance()?;
        if !self.ready.is_empty() {
            return Ok(Step::Send(self.ready.split().freeze()));
        }
        if let Some(asking) = &self.asking {
            return Ok(Step::Visible(asking.offered()));
        }
        Ok(match &mut self.body {
            Body::Untouched(chunks) => match chunks.pop_front() {
                Some(chunk) => Step::Send(chunk),
                None if self.finished => Step::Done,
                None => Step::More,
            },
            Body::Whole(_) | Body::Events(_) | Body::Empty(_) if self.finished => Step::Done,
            Body::Whole(_) | Body::Events(_) | Body::Empty(_) => Step::More,
        })
    }

    /// Which of the tools of `Step::Visible` stay, one by one.
    pub fn keep(&mut self, keep: &[bool]) -> Result<(), Broken> {
        let asking = self.asking.take().ok_or(Broken::Untold)?;
        let examined = asking.answered(keep)?;
        self.settle(examined);
        Ok(())
    }

    /// What was learnt so far.
    #[must_use]
    pub fn seen(&self) -> Seen {
        self.seen
    }

    /// Moves what can pass to `ready`, up to a message that is asked about.
    fn advance(&mut self) -> Result<(), Broken> {
        while self.asking.is_none() {
            let document = match &mut self.body {
                Body::Whole(document) if self.finished && !document.is_empty() => document.split().freeze(),
                Body::Untouched(_) | Body::Whole(_) | Body::Empty(_) => break,
                Body::Events(events) => match events.next(self.finished, &self.reading, &mut self.ready)? {
                    Some(data) => data,
                    None => break,
                },
            };
            let examined = message::examine(&self.reading, document, &mut self.seen)?;
            self.settle(examined);
        }
        Ok(())
    }

    /// What becomes of a message.
    fn settle(&mut self, examined: Examined) {
        self.seen.changed |= matches!(examined, Examined::Changed(_));
        match (examined, &mut self.body) {
            (Examined::Ask(asking), _) => self.asking = Some(asking),
            (Examined::AsItIs(_), Body::Events(events)) => events.pass(&mut self.ready),
            (Examined::AsItIs(document), _) => self.ready.extend_from_slice(&document),
            (Examined::Changed(message), Body::Events(events)) => events.put(&message, &mut self.ready),
            (Examined::Changed(message), _) => self.ready.extend_from_slice(&message),
        }
    }
}

impl Body {
    fn of(reading: &Reading, status: StatusCode, headers: &HeaderMap) -> Result<Self, Broken> {
        let needed = reading.list || !reading.redact.is_empty() || reading.own.is_none() && reading.redacts();
        if !reading.is_mcp() && !needed {
            return Ok(Self::Untouched(VecDeque::new()));
        }
        // Lenient on purpose: whatever a client might take for one of the two is read.
        let said = |name| headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase());
        let media: String = said(header::CONTENT_TYPE).collect();
        let body = if media.contains("event-stream") && reading.is_mcp() {
            Self::Events(Events::default())
        } else if media.contains("json") {
            Self::Whole(BytesMut::new())
        } else if needed && status.is_success() {
            Self::Empty(format!("content-type: {media}"))
        } else {
            return Ok(Self::Untouched(VecDeque::new()));
        };
        match said(header::CONTENT_ENCODING).find(|encoding| encoding != "identity") {
            Some(encoding) => Err(Broken::Opaque(format!("content-encoding: {encoding}"))),
            None => Ok(body),
        }
    }
}

/// Whether a member's key is one that only toolgate may use in `_meta`.
pub(crate) fn is_reserved(key: &str) -> bool {
    key.get(..crate::META_PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(crate::META_PREFIX))
}

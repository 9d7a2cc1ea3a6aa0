//! The way back: an upstream's answer, read only as far as it must be, and passed on as it came.
//!
//! A machine without I/O: bytes are pushed in, steps are pulled out. JSON is held until it is whole, a stream is passed on event by
//! event, everything else byte by byte. What is not to reach the agent is cut out of the one message that has it.

use crate::call::{Era, Kind, Speech, ToolCall};
use crate::head;
use bytes::{Bytes, BytesMut};
use canon::Build;
use canon::json::{Pointer, Rejected};
use http::{HeaderMap, HeaderValue, StatusCode, header};

/// What must be done with an answer.
#[derive(Debug, Clone)]
pub struct Reading {
    speech: Speech,
    list: bool,
    stream: bool,
    redact: Vec<Pointer>,
    bytes_max: usize,
}

impl Reading {
    /// Of the answer to `call`: `redact` names places in the result (MCP) or the body (plain HTTP); if `visible`, lists of tools are
    /// filtered. A JSON answer or an event may have `bytes_max` bytes where it must be read.
    #[must_use]
    pub fn of<V>(call: &ToolCall<V>, redact: Vec<Pointer>, visible: bool, bytes_max: usize) -> Self {
        let stream = call.kind == Kind::Stream;
        Self { speech: call.speech.clone(), list: visible && (stream || call.method == "tools/list"), stream, redact, bytes_max }
    }
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

/// A tool that the upstream offers.
#[derive(Debug, Clone, PartialEq)]
pub struct Offered {
    text: String,
}

impl Offered {
    /// Its definition as the upstream spells it; numbers that a double does not hold are the nearest.
    #[must_use]
    pub fn definition<B: Build>(&self) -> B::Value {
        let _ = &self.text;
        B::null()
    }
}

/// Why an answer cannot be passed on. What was sent of it stays sent: the connection must be cut, or 502 sent if nothing was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// It must be read and is larger.
    #[error("the answer has over {bytes_max} bytes and must be read: raise `response_json_bytes_max`")]
    TooLong {
        /// The limit.
        bytes_max: usize,
    },
    /// It must be read and is not JSON with one reading.
    #[error("the answer must be read and is not json with one reading: {0}")]
    Unreadable(Rejected),
    /// It must be read and is compressed, though nothing asked for that, or of another content type.
    #[error("the answer must be read and has `{0}`")]
    Opaque(String),
    /// A stream of the HTTP+SSE transport of 2024-11-05.
    #[error("the upstream speaks the transport of 2024-11-05, which is not served")]
    OldTransport,
    /// `keep` did not answer for each tool, or nothing was asked.
    #[error("the visible tools were not told one by one")]
    Unasked,
}

/// What was learnt of an answer that was passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen {
    /// `isError` of a tool's result; none if no result was seen.
    pub tool_error: Option<bool>,
    /// The code of a JSON-RPC error.
    pub rpc_error: Option<i64>,
    /// Bytes that came from the upstream.
    pub bytes: u64,
}

/// The answer on its way.
#[derive(Debug)]
pub struct Answer {
    reading: Reading,
    held: BytesMut,
    seen: Seen,
}

impl Answer {
    /// An answer that begins. `headers` are cleaned for the agent: toolgate's own names and what is between two hops go.
    pub fn begin(reading: Reading, status: StatusCode, headers: &mut HeaderMap) -> Result<Self, Broken> {
        let _ = (status, &headers, header::CONTENT_TYPE, HeaderValue::from_static(""), Era::Sessions);
        let _ = head::is_own;
        Ok(Self { reading, held: BytesMut::new(), seen: Seen::default() })
    }

    /// More bytes from the upstream.
    pub fn push(&mut self, bytes: &Bytes) {
        self.held.extend_from_slice(bytes);
    }

    /// The upstream's answer is whole.
    pub fn finish(&mut self) {}

    /// What to do next. After `Send` and `keep` ask again; after `More` push or finish first.
    pub fn step(&mut self) -> Result<Step, Broken> {
        let _ = &self.reading;
        Ok(Step::Done)
    }

    /// Which of the tools of `Step::Visible` stay, one by one.
    pub fn keep(&mut self, keep: &[bool]) -> Result<(), Broken> {
        let _ = keep;
        Ok(())
    }

    /// What was learnt so far.
    #[must_use]
    pub fn seen(&self) -> Seen {
        self.seen
    }
}

/// Whether a `_meta` member is toolgate's own.
pub(crate) fn is_reserved(key: &str) -> bool {
    key.get(..crate::META_PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(crate::META_PREFIX))
}

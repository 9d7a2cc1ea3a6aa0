//! A recognised call: what is judged, in the open, and the bytes that were read for it, sealed.

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, Method};

/// The two shapes that MCP over streamable HTTP has had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Era {
    /// 2025-03-26, 2025-06-18, 2025-11-25: `initialize`, sessions, a GET stream, client responses.
    Sessions,
    /// 2026-07-28: every request stands alone and mirrors itself in headers.
    Stateless,
}

/// The id of a JSON-RPC request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RequestId {
    /// A number; MCP knows integers only.
    Int(i64),
    /// A string.
    Text(String),
}

/// What an MCP client asked, as far as an answer must know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// A `tools/call` request: refused by a result that the model can read.
    ToolCall(RequestId),
    /// Another request: refused by a JSON-RPC error.
    Request(RequestId),
    /// Something without an id: refused by a status.
    Nothing,
}

/// How to speak to the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Speech {
    /// Plain HTTP.
    Http,
    /// MCP over streamable HTTP.
    Mcp {
        /// The era that the client speaks.
        era: Era,
        /// What it asked.
        asked: Asked,
    },
}

impl Speech {
    /// The id of the request, where it is one of MCP.
    #[must_use]
    pub fn id(&self) -> Option<&RequestId> {
        match self {
            Self::Mcp { asked: Asked::ToolCall(id) | Asked::Request(id), .. } => Some(id),
            Self::Http | Self::Mcp { asked: Asked::Nothing, .. } => None,
        }
    }
}

/// What kind of thing a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A JSON-RPC request, or a plain HTTP request.
    Request,
    /// A JSON-RPC notification.
    Notification,
    /// A client's answer to a request of the server.
    Response,
    /// MCP: GET, a stream of what the server says by itself.
    Stream,
    /// MCP: DELETE, the end of a session.
    End,
}

/// One call. Every MCP message is one, whatever its method.
#[derive(Debug, Clone)]
pub struct ToolCall<V> {
    /// How to answer.
    pub speech: Speech,
    /// What it is.
    pub kind: Kind,
    /// The JSON-RPC method; for plain HTTP and MCP streams the HTTP method; `response` for a client's answer.
    pub method: String,
    /// The tool: of `tools/call` its name, of plain HTTP the route's tool, else none.
    pub tool: Option<String>,
    /// The URI of an MCP resource that the call names.
    pub resource: Option<String>,
    /// `tools/call`: its arguments (`{}` if it gave none). Plain HTTP: `{"path", "query", "body"}`.
    /// Other MCP methods: the whole `params`, or null. A client's answer: `{"result"}` or `{"error"}`. GET: `{"last_event_id"}`.
    pub arguments: V,
    /// MCP: `params._meta`.
    pub meta: Option<V>,
    /// `tools/call`: what stands in `params` beside the name and the arguments, such as `task` or `requestState`, and in `_meta` beside what
    /// only the exchange is about; none if there is nothing. Servers act on it, so a permission names it too.
    pub beside: Option<V>,
    /// MCP with sessions: the raw `Mcp-Session-Id`. Never to be recorded.
    pub session: Option<String>,
    /// The token in `toolgate-permission`, as it was sent.
    pub permission: Option<String>,
    /// The path as it was sent.
    pub path: String,
    /// The query as it was sent, without the question mark.
    pub query: Option<String>,
    /// Headers that carry arguments (`Mcp-Param-*`): to be masked like them.
    pub argument_headers: Vec<HeaderName>,
    pub(crate) sealed: Sealed,
}

impl<V> ToolCall<V> {
    /// The headers that the upstream would get.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.sealed.headers
    }

    /// Bytes of the body.
    #[must_use]
    pub fn body_bytes(&self) -> usize {
        self.sealed.body.len()
    }

    /// `mcp` or `http`.
    #[must_use]
    pub fn protocol(&self) -> &'static str {
        match self.speech {
            Speech::Http => "http",
            Speech::Mcp { .. } => "mcp",
        }
    }

    /// The request to forward: for the gate.
    #[must_use]
    pub fn into_sealed(self) -> Sealed {
        self.sealed
    }
}

/// The request as it is forwarded: the judged bytes, and the head without what is between two hops or toolgate's own.
#[derive(Debug, Clone)]
pub struct Sealed {
    /// The method.
    pub method: Method,
    /// Path and query, as sent.
    pub path_and_query: PathAndQuery,
    /// End-to-end headers, `Host` as sent. No framing: the sender of `body` makes it anew.
    pub headers: HeaderMap,
    /// The very bytes that were parsed.
    pub body: Bytes,
}

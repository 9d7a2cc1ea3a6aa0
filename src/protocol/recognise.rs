//! The way in: which protocol a route speaks, and the one function that reads a request.

use crate::call::{Asked, Era, Speech, ToolCall};
use crate::head::Head;
use crate::malformed::Malformed;
use crate::mcp::McpRoute;
use crate::plain::HttpRoutes;
use crate::{head, mcp, plain};
use bytes::Bytes;
use canon::Build;

/// What a route speaks.
#[derive(Debug, Clone)]
pub enum Speaks {
    /// MCP over streamable HTTP.
    Mcp(McpRoute),
    /// HTTP tools.
    Http(HttpRoutes),
}

impl Speaks {
    /// How to answer a request of which nothing is known but the route.
    #[must_use]
    pub fn speech(&self) -> Speech {
        match self {
            Self::Mcp(_) => Speech::Mcp { era: Era::Sessions, asked: Asked::Nothing },
            Self::Http(_) => Speech::Http,
        }
    }
}

/// What one message may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Of a request's body.
    pub json: canon::json::Limits,
    /// Bytes of a JSON answer, or of one event of a stream, where it must be read before it is passed on.
    pub response_json_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { json: canon::json::Limits::default(), response_json_bytes_max: 4 << 20 }
    }
}

/// The call that a request is. `body` is the whole body; it is parsed once, into `B`'s values, and stays inside the call unchanged.
pub fn recognise<B: Build>(head: &Head, body: Bytes, speaks: &Speaks, limits: &Limits) -> Result<ToolCall<B::Value>, Malformed> {
    let checked = head::check(head, body.len()).map_err(|fault| fault.to(speaks.speech()))?;
    match speaks {
        Speaks::Mcp(route) => mcp::recognise::<B>(head, checked, body, route, limits),
        Speaks::Http(routes) => plain::recognise::<B>(head, checked, body, routes, limits).map_err(|fault| fault.to(Speech::Http)),
    }
}

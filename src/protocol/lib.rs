//! What an agent says, in its own protocol, and what is said back: head and body in, a `ToolCall` or `Malformed` out.
//!
//! Knows MCP over streamable HTTP in both eras and plain HTTP tools. Knows no policy, no mode, no socket and no clock.

mod answer;
mod call;
mod head;
mod malformed;
mod mcp;
mod plain;
mod recognise;
mod refuse;

pub use answer::{Answer, Broken, Earlier, Id, Offered, Reading, Seen, Step};
pub use call::{Asked, Era, Kind, RequestId, Sealed, Speech, ToolCall};
pub use head::{Head, MCP_SESSION_ID, judged, may_carry_credential};
pub use malformed::{Flaw, Malformed};
pub use mcp::{McpRoute, mirrored};
pub use plain::{BadRoutes, HttpRoutes, decoded_path};
pub use recognise::{Limits, Speaks, recognise};
pub use refuse::{Class, Detail, Reason, Refusal, Reply, refuse};

/// The response header that names the decision, and the request header that tells it to the upstream.
pub const DECISION_ID: http::HeaderName = http::HeaderName::from_static("toolgate-decision-id");
/// Response header: the mode, where it lets through what a stricter one refuses.
pub const MODE: http::HeaderName = http::HeaderName::from_static("toolgate-mode");
/// Response header: what a stricter mode would have refused.
pub const WARNING: http::HeaderName = http::HeaderName::from_static("toolgate-warning");
/// Request header: a permission's token. It goes no further than toolgate.
pub const PERMISSION: http::HeaderName = http::HeaderName::from_static("toolgate-permission");
/// Names that only toolgate may use in a `_meta` object.
pub const META_PREFIX: &str = "dev.toolgate/";

#[cfg(test)]
mod tests;

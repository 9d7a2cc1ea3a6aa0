//! The envelope's members, by name: one struct that is written and read.
//!
//! INVARIANT: the fields stand in the order of their names, integers stay within +-(2^53-1) and no float occurs, so that what serde writes
//! is RFC 8785. Absent members are left out, never `null`. A member may be added; none may change its meaning.

use canon::{Seq, Writer};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// One envelope. Instants are RFC 3339 in UTC with six digits, digests hex, keyed digests `hmac-sha256:<hex>`.
///
/// Reading takes members that it does not know and words that it does not know: a later version's record still reads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// What happened to a permission, a policy, a key or the process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<Cow<'static, str>>,
    /// `required` where the policy or the table asks for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Cow<'static, str>>,
    /// The arguments' keyed digest; `*` in a permission for any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments_digest: Option<String>,
    /// SHA-256 of salt and body.
    #[serde(default)]
    pub body_commitment: String,
    /// The call's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
    /// The configuration's digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_digest: Option<String>,
    /// How many, of a key set, a recovery or a loss.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// The refused decision that a permission answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision_id: Option<String>,
    /// The digest of a policy's or key set's bytes, where the event is about that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// `forward` or `refuse`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<Cow<'static, str>>,
    /// The durability class, in a genesis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub durability: Option<String>,
    /// Microseconds: to the decision, or from the release to the end of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_us: Option<u64>,
    /// The enforcement level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enforcement: Option<String>,
    /// The event's kind.
    pub kind: Cow<'static, str>,
    /// The reason codes that a permission lifts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lifts: Vec<String>,
    /// What kind of key material.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub material: Option<String>,
    /// The protocol's method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The runtime mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// The obligations' kinds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub obligations: Vec<String>,
    /// How the call ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Cow<'static, str>>,
    /// A permission's issuer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission_iss: Option<String>,
    /// A permission's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission_jti: Option<String>,
    /// The key that signed a permission.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission_kid: Option<String>,
    /// A permission's type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission_kind: Option<Cow<'static, str>>,
    /// The digest of the policy that judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_digest: Option<String>,
    /// The revision of the policy that judged, or that was loaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_revision: Option<String>,
    /// The leaf of the predecessor's head.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predecessor_leaf: Option<String>,
    /// The seq of the predecessor's head.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predecessor_seq: Option<u64>,
    /// The writer before this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predecessor_writer: Option<String>,
    /// The protocol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// Reason codes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// Bytes of request body sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_bytes: Option<u64>,
    /// Bytes of response body received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_bytes: Option<u64>,
    /// The risk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk: Option<String>,
    /// The route.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// The code of a JSON-RPC error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rpc_error: Option<i64>,
    /// Whether the policy calls the tool sensitive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sensitive: Option<bool>,
    /// The record's place in its writer's log.
    pub seq: u64,
    /// The session's id, never the raw one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// An HTTP status: of a refusal, or of the upstream's answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// When.
    pub time: String,
    /// The tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// MCP's `isError`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_error: Option<bool>,
    /// The upstream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<String>,
    /// The user, under the tenant's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The form of this envelope: 1.
    pub v: u32,
    /// The program's version, in a genesis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The digest of everything that judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view_digest: Option<String>,
    /// Warning codes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// The caller's SPIFFE id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload: Option<String>,
    /// What the policy says: `allow`, `deny` or `error`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub would: Option<Cow<'static, str>>,
    /// Whose log: `<instance>/<epoch>`.
    pub writer: String,
}

/// Bytes that are no envelope of this version.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// Not JSON, or a member has another type.
    #[error("the envelope does not read: {0}")]
    Shape(#[from] serde_json::Error),
    /// Another form.
    #[error("the envelope has the form `\"v\": {0}`, and this program reads 1: use a newer toolgate")]
    Version(u32),
}

/// Reads an envelope.
pub fn read(envelope: &[u8]) -> Result<Row, Unreadable> {
    let row: Row = serde_json::from_slice(envelope)?;
    if row.v == 1 { Ok(row) } else { Err(Unreadable::Version(row.v)) }
}

impl Row {
    /// Sets the place in the log.
    pub(crate) fn placed(&mut self, writer: &Writer, seq: Seq) {
        self.writer = writer.to_string();
        self.seq = seq.0;
    }
}

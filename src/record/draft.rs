//! From an event to its bytes: first everything that does not depend on the place in the log, then the rest.
//!
//! The split lets the caller's thread do the large part, and the one thread that numbers records the small one.

use crate::event::{Concluded, Decision, Event, Genesis, Key, Lifecycle, Outcome, Permission, Policy, Token};
use crate::{Row, body};
use canon::{Digest, Keyed, Seq, Writer};
use std::borrow::Cow;

/// Bytes that a name from outside (tool, method, ids of tokens) keeps in an envelope; a longer one is cut and ends in a digest of the whole.
const NAME_BYTES_MAX: usize = 256;

/// An event whose body is written, waiting for its place in the log.
#[derive(Debug)]
pub struct Draft {
    row: Row,
    body: Vec<u8>,
    salt: [u8; 32],
}

/// A record's bytes, as they are kept for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished<'a> {
    /// RFC 8785 JSON.
    pub envelope: Vec<u8>,
    /// JSON; the envelope's `body_commitment` is SHA-256(salt || body).
    pub body: &'a [u8],
    /// What keeps the commitment from being a dictionary oracle.
    pub salt: &'a [u8; 32],
    /// The leaf of the envelope.
    pub leaf: Digest,
}

/// RFC 6962 section 2.1: SHA-256(0x00 || envelope).
#[must_use]
pub fn leaf(envelope: &[u8]) -> Digest {
    Digest::of(&[&[0], envelope])
}

impl Event {
    /// Writes the body and commits to it under `salt`: 32 random bytes, made for this record alone.
    #[must_use]
    pub fn draft(self, salt: [u8; 32]) -> Draft {
        let body = body::of(&self);
        let mut row = row(self);
        row.v = 1;
        row.body_commitment = hex(&Digest::of(&[&salt, &body]));
        Draft { row, body, salt }
    }
}

impl Draft {
    /// The envelope, body and leaf at this place. A place may be taken again if the transaction that it was for failed.
    #[must_use]
    pub fn finish(&mut self, writer: &Writer, seq: Seq) -> Finished<'_> {
        self.row.placed(writer, seq);
        let mut envelope = Vec::with_capacity(1024);
        // Writing a struct of texts and integers into memory cannot fail.
        let _ = serde_json::to_writer(&mut envelope, &self.row);
        let leaf = leaf(&envelope);
        Finished { envelope, body: &self.body, salt: &self.salt, leaf }
    }

    /// Bytes of the body: most of what the record will take.
    #[must_use]
    pub const fn body_bytes(&self) -> usize {
        self.body.len()
    }
}

fn hex(digest: &Digest) -> String {
    const HEX: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let mut text = String::with_capacity(64);
    text.extend(digest.0.iter().flat_map(|byte| [byte >> 4, byte & 15]).filter_map(|half| HEX.get(usize::from(half))));
    text
}

fn keyed(value: &Keyed) -> String {
    format!("hmac-sha256:{}", hex(&Digest(value.0)))
}

fn bounded(name: String) -> String {
    if name.len() <= NAME_BYTES_MAX {
        return name;
    }
    let digest = hex(&Digest::of(&[name.as_bytes()]));
    let cut = name.floor_char_boundary(NAME_BYTES_MAX - digest.len() - 1);
    name.get(..cut).unwrap_or_default().to_owned() + "~" + &digest
}

fn row(event: Event) -> Row {
    match event {
        Event::Genesis(event) => genesis(event),
        Event::Decision(event) => decision(*event),
        Event::Outcome(event) => concluded(event),
        Event::Permission(event) => permission(*event),
        Event::Policy(event) => policy(event),
        Event::Key(event) => key(event),
        Event::Lifecycle(event) => lifecycle(event),
    }
}

fn word(word: &'static str) -> Option<Cow<'static, str>> {
    Some(Cow::Borrowed(word))
}

fn genesis(event: Genesis) -> Row {
    Row {
        kind: Cow::Borrowed("genesis"),
        time: event.at.to_string(),
        version: Some(event.version),
        mode: Some(event.mode),
        enforcement: Some(event.enforcement),
        durability: Some(event.durability),
        predecessor_writer: event.predecessor.map(|head| head.writer.to_string()),
        predecessor_seq: event.predecessor.map(|head| head.seq.0),
        predecessor_leaf: event.predecessor.map(|head| hex(&head.leaf)),
        ..Row::default()
    }
}

fn decision(event: Decision) -> Row {
    Row {
        kind: Cow::Borrowed("decision"),
        time: event.at.to_string(),
        call: Some(event.call.to_string()),
        mode: Some(event.mode),
        enforcement: Some(event.enforcement),
        protocol: Some(event.protocol),
        route: event.route,
        upstream: event.upstream,
        method: event.method.map(bounded),
        tool: event.tool.map(bounded),
        tenant: event.tenant.map(bounded),
        workload: event.workload,
        user: event.user.as_ref().map(keyed),
        session: event.session.map(bounded),
        arguments_digest: event.arguments_digest.as_ref().map(keyed),
        would: event.would.map(|would| Cow::Borrowed(would.word())),
        done: word(event.done.word()),
        reasons: event.reasons,
        warnings: event.warnings,
        risk: event.risk,
        sensitive: Some(event.sensitive),
        approval: if event.approval { word("required") } else { None },
        obligations: event.obligations,
        policy_digest: event.policy_digest.as_ref().map(hex),
        policy_revision: event.policy_revision.map(bounded),
        config_digest: event.config_digest.as_ref().map(hex),
        view_digest: event.view_digest.as_ref().map(hex),
        status: event.status,
        duration_us: event.duration_us,
        ..token(event.permission)
    }
}

/// A row that names the permission and nothing else yet.
fn token(token: Option<Token>) -> Row {
    token.map_or_else(Row::default, |token| Row {
        permission_kind: word(token.kind.word()),
        permission_iss: Some(bounded(token.iss)),
        permission_jti: Some(bounded(token.jti)),
        permission_kid: Some(bounded(token.kid)),
        ..Row::default()
    })
}

fn concluded(event: Concluded) -> Row {
    let Outcome { kind, status, duration_us, request_bytes, response_bytes, tool_error, rpc_error, reasons, body: _ } = event.outcome;
    Row {
        kind: Cow::Borrowed("outcome"),
        time: event.at.to_string(),
        call: Some(event.call.to_string()),
        tenant: event.tenant.map(bounded),
        outcome: word(kind.word()),
        status,
        duration_us,
        request_bytes,
        response_bytes,
        tool_error,
        rpc_error,
        reasons,
        ..Row::default()
    }
}

fn permission(event: Permission) -> Row {
    Row {
        kind: Cow::Borrowed("permission"),
        time: event.at.to_string(),
        action: word(event.action.word()),
        call: event.call.map(|call| call.to_string()),
        tenant: event.tenant.map(bounded),
        workload: event.workload.map(bounded),
        upstream: event.upstream.map(bounded),
        tool: event.tool.map(bounded),
        arguments_digest: event.arguments_digest.map(bounded),
        decision_id: event.decision_id.map(|call| call.to_string()),
        lifts: event.lifts,
        reasons: event.reasons,
        ..token(event.token)
    }
}

fn policy(event: Policy) -> Row {
    Row {
        kind: Cow::Borrowed("policy"),
        time: event.at.to_string(),
        action: word(event.action.word()),
        digest: event.digest.as_ref().map(hex),
        policy_revision: event.revision.map(bounded),
        ..Row::default()
    }
}

fn key(event: Key) -> Row {
    Row {
        kind: Cow::Borrowed("key"),
        time: event.at.to_string(),
        action: word(event.action.word()),
        material: Some(event.material),
        digest: event.digest.as_ref().map(hex),
        count: event.count,
        ..Row::default()
    }
}

fn lifecycle(event: Lifecycle) -> Row {
    Row {
        kind: Cow::Borrowed("lifecycle"),
        time: event.at.to_string(),
        action: word(event.action.word()),
        count: event.count,
        reasons: event.reasons,
        ..Row::default()
    }
}

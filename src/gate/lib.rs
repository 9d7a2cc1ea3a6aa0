//! May it leave? Permit + Receipt -> Clearance: the only ways a judged request reaches an upstream.
//!
//! Knows the table's ruling and the journal's receipt. Knows no policy, no token and no socket.
//!
//! What may leave is a matter of types. A [`Permit`] holds the judged bytes, and only [`pass`] makes one, from a ruling that forwards. A
//! [`Clearance`] is made from a permit and the receipt of the same call's record, or, by names of their own and only where the table forwards
//! unrecorded calls, from a permit and a record on its way to the disk or the journal's failure. The sender takes a clearance and nothing else, and what it gets out of it must be
//! concluded.
//!
//! INVARIANT: the proofs have private fields and none is `Clone`, `Default` or deserialised; each step consumes the one before.

use bytes::Bytes;
use canon::CallId;
use enforcement::{Case, Code, Passage, Refusal, Rules, Ruling, Unrecorded, judge, unrecorded};
use http::uri::PathAndQuery;
use http::{HeaderMap, Method};
use journal::{Noted, Receipt, Slot};
use protocol::{Sealed, ToolCall};
use record::Outcome;

/// The call ends here: the table refuses it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the call is refused: `{}`", .0.codes.iter().map(|code| code.as_str()).collect::<Vec<_>>().join("`, `"))]
pub struct Stopped(pub Refusal);

/// The record is of another call than the permit. Nothing leaves; the record's call is recorded as abandoned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the record is of the call `{recorded}`, the permit of the call `{permitted}`: nothing is sent")]
pub struct Mixup {
    /// The permit's call.
    pub permitted: CallId,
    /// The record's call.
    pub recorded: CallId,
}

/// Why a record that is only on its way clears nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unclear {
    /// Here a call waits for its record.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// It is another call's.
    #[error(transparent)]
    Mixup(#[from] Mixup),
}

/// Judges a call: the only maker of permits.
///
/// # Errors
/// The table's refusal; the call's bytes are gone then.
pub fn pass<V>(call: ToolCall<V>, id: CallId, rules: &Rules, case: &Case) -> Result<Permit, Stopped> {
    match judge(rules, case) {
        Ruling::Forward(passage) => Ok(Permit { id, request: call.into_sealed(), passage }),
        Ruling::Refuse(refusal) => Err(Stopped(refusal)),
    }
}

/// The proof that a call may be forwarded once its decision is recorded; it holds the judged bytes.
#[derive(Debug)]
#[must_use = "a permit that is dropped forwards nothing"]
pub struct Permit {
    id: CallId,
    request: Sealed,
    passage: Passage,
}

impl Permit {
    /// The call.
    #[must_use]
    pub fn call(&self) -> CallId {
        self.id
    }

    /// How it goes on: what the decision's record says.
    #[must_use]
    pub fn passage(&self) -> &Passage {
        &self.passage
    }

    /// The way of a recorded call.
    ///
    /// # Errors
    /// `Mixup` where the receipt is of another call.
    pub fn clear(self, receipt: Receipt) -> Result<Clearance, Mixup> {
        if receipt.forwards() != Some(self.id) {
            return Err(Mixup { permitted: self.id, recorded: receipt.key() });
        }
        Ok(Clearance { id: self.id, request: self.request, warnings: self.passage.warnings, slot: Some(receipt.into_slot()) })
    }

    /// The way of a call whose record is on its way to the disk, where the table would let it go without one.
    ///
    /// # Errors
    /// The table's refusal, or a mix-up.
    pub fn clear_noted(self, rules: &Rules, noted: Noted) -> Result<Clearance, Unclear> {
        if noted.forwards() != Some(self.id) {
            return Err(Mixup { permitted: self.id, recorded: noted.key() }.into());
        }
        match unrecorded(rules, Unrecorded::Refused) {
            Ruling::Forward(_) => {
                Ok(Clearance { id: self.id, request: self.request, warnings: self.passage.warnings, slot: Some(noted.into_slot()) })
            }
            Ruling::Refuse(refusal) => Err(Stopped(refusal).into()),
        }
    }

    /// The way of a call whose decision the journal did not take, where the table lets it go: the caller counts the loss.
    ///
    /// # Errors
    /// The table's refusal. A record that lands later than its deadline then has the outcome `refused`.
    pub fn clear_unrecorded(self, rules: &Rules, why: journal::Unrecorded) -> Result<Clearance, Stopped> {
        let kind = match why {
            journal::Unrecorded::Refused(..) => Unrecorded::Refused,
            journal::Unrecorded::Down(_) => Unrecorded::Down,
        };
        match unrecorded(rules, kind) {
            Ruling::Forward(passage) => {
                let warnings = self.passage.warnings.into_iter().chain(passage.warnings).collect();
                Ok(Clearance { id: self.id, request: self.request, warnings, slot: why.into_slot() })
            }
            Ruling::Refuse(refusal) => Err(Stopped(refusal)),
        }
    }
}

/// The proof that a call may leave now.
#[derive(Debug)]
#[must_use = "a clearance that is dropped forwards nothing, and its call is recorded as abandoned"]
pub struct Clearance {
    id: CallId,
    request: Sealed,
    warnings: Vec<Code>,
    slot: Option<Slot>,
}

impl Clearance {
    /// The warnings that the answer bears.
    #[must_use]
    pub fn warnings(&self) -> &[Code] {
        &self.warnings
    }

    /// Takes the request out, to send it once, with the duty to say how it ended.
    pub fn open(self) -> (Outgoing, Open) {
        let Sealed { method, path_and_query, headers, body } = self.request;
        (Outgoing { call: self.id, method, path_and_query, headers, body }, Open { call: self.id, slot: self.slot })
    }
}

/// A request on its way out: the bytes that were judged.
#[derive(Debug)]
pub struct Outgoing {
    /// The call, for the header that tells the upstream its decision.
    pub call: CallId,
    /// The method.
    pub method: Method,
    /// Path and query, as the caller sent them.
    pub path_and_query: PathAndQuery,
    /// The end-to-end headers.
    pub headers: HeaderMap,
    /// The body, byte for byte as it was read.
    pub body: Bytes,
}

/// A call that is under way. Dropped, its outcome is recorded as `abandoned`.
#[derive(Debug)]
#[must_use = "an open call must be concluded; dropped, it is recorded as abandoned"]
pub struct Open {
    call: CallId,
    slot: Option<Slot>,
}

impl Open {
    /// The call.
    #[must_use]
    pub fn call(&self) -> CallId {
        self.call
    }

    /// Records how the call ended. Where its decision was not recorded, nothing is.
    pub fn conclude(self, outcome: Outcome) {
        if let Some(slot) = self.slot {
            slot.conclude(outcome);
        }
    }
}

#[cfg(test)]
mod tests;

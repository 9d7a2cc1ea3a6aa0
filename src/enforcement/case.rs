//! What can be said of one call when it is judged, as plain values without their causes.
//!
//! Knows no call: that a token was rejected is here, why is in the room that rejected it.

/// One well-formed call, as the table sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Case {
    /// Is it known who calls?
    pub caller: Caller,
    /// Do the sources that name the tenant agree?
    pub tenancy: Tenancy,
    /// What the policy said.
    pub verdict: Verdict,
    /// Does the policy ask for a person's approval of an allowed call?
    pub approval: Approval,
    /// Does the policy call the tool sensitive?
    pub sensitivity: Sensitivity,
    /// Does the policy let a person lift its refusal?
    pub overridable: Overridable,
    /// What a person signed for this call.
    pub presented: Presented,
    /// Is the policy within its maximum age?
    pub policy: Freshness,
    /// Is the revocation list within its maximum age?
    pub revocations: Freshness,
}

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// A workload with a verified identity.
    Identified,
    /// Nobody known, on loopback or a Unix socket.
    UnidentifiedNear,
    /// Nobody known, from elsewhere.
    UnidentifiedFar,
}

/// Whether route, identity and token name one tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tenancy {
    /// They do.
    Agreed,
    /// Two of them disagree.
    Disagreed,
}

/// What the policy said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The call may go.
    Allow,
    /// It may not.
    Deny,
    /// There is no answer: the policy is missing, failed, took too long or answered in a wrong shape.
    Error,
}

/// Whether the policy asks for a person's approval. Read only where the verdict is `Allow`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approval {
    /// It does not.
    NotAsked,
    /// It does.
    Required,
}

/// Whether the policy calls the tool sensitive. Read only where the verdict is `Allow`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sensitivity {
    /// It does not.
    Plain,
    /// It does; `Rules::sensitive` says what follows.
    Sensitive,
}

/// Whether the policy lets a person lift its refusal. Read only where the verdict is `Deny` or `Error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overridable {
    /// It does (the default).
    Yes,
    /// No signature lifts it.
    Never,
}

/// The permission that came with the call or was deposited for it, after every check of its room. Why a bad one is bad
/// is said by that room's own code, in every record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presented {
    /// None.
    Nothing,
    /// One that failed a check, or was used up.
    Rejected,
    /// A valid approval of this call.
    Approval,
    /// A valid override of this call that names every reason of the decision.
    Override,
    /// A valid override of this call that leaves a reason unnamed.
    OverrideShort,
    /// A valid override of this call that names `error`, by a key with the role `break_glass`.
    BreakGlass,
}

/// Whether something that is reloaded is young enough to be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// It is.
    Fresh,
    /// It is older than its maximum age.
    Stale,
}

/// Why a request cannot be judged at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// It has no reading, or more than one.
    Malformed,
    /// Its content type or encoding is not one that is read here.
    UnsupportedType,
    /// Its body is over the limit; it is never judged in part.
    BodyOverLimit,
    /// There is no room to judge it now.
    Overload,
}

/// Why the journal did not take the decision record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unrecorded {
    /// It refused this one: its budget is full or its deadline passed.
    Refused,
    /// It takes none until a restart.
    Down,
}

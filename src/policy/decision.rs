//! What a policy decided: the value that the rest of toolgate reads. How it is read from the engine is in `result`.

use canon::Json;
use canon::json::Pointer;

/// The reason codes that only toolgate itself gives.
pub mod codes {
    /// A deny that names no reason.
    pub const DENIED: &str = "toolgate.denied";
    /// The result uses something that this version does not enforce.
    pub const UNSUPPORTED: &str = "toolgate.unsupported";
    /// No policy was ever loaded.
    pub const NONE: &str = "toolgate.policy.none";
    /// The entry point has no value for this call.
    pub const UNDEFINED: &str = "toolgate.policy.undefined";
    /// The result has the wrong shape.
    pub const SHAPE: &str = "toolgate.policy.shape";
    /// The evaluation failed.
    pub const ERROR: &str = "toolgate.policy.error";
    /// The evaluation took longer than its limit.
    pub const TIMEOUT: &str = "toolgate.policy.timeout";
    /// The engine panicked; the call alone is hit.
    pub const PANIC: &str = "toolgate.policy.panic";
    /// No evaluator thread could take the call.
    pub const OVERLOADED: &str = "toolgate.policy.overloaded";

    /// All of them.
    pub const ALL: [&str; 9] = [DENIED, UNSUPPORTED, NONE, UNDEFINED, SHAPE, ERROR, TIMEOUT, PANIC, OVERLOADED];
}

/// What the policy would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    /// The call may go.
    Allow,
    /// The policy says no.
    Deny,
    /// The policy could not say: never the same as no.
    Error,
}

/// How dangerous the policy takes the call for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Risk {
    /// `low`.
    Low,
    /// `medium`.
    Medium,
    /// `high`.
    High,
    /// `critical`.
    Critical,
}

impl Verdict {
    /// `allow`, `deny` or `error`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Error => "error",
        }
    }
}

impl Risk {
    /// Every risk, lowest first.
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Critical];

    /// The risk as a policy spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// Whether a person has to let the call through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Approval {
    /// No person is asked.
    NotRequired,
    /// `"approval": "required"`.
    Required,
}

/// Why.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reason {
    /// `[a-z0-9_.]{1,64}`; stable, recorded, named by overrides.
    pub code: String,
    /// For people; safe to show, at most 500 characters. May hold personal values: it is never in an envelope.
    pub message: String,
}

/// What has to be done to the record or the response if the call goes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Obligation {
    /// These places of the arguments are masked in the record.
    Mask(Vec<Pointer>),
    /// These places of the result are redacted before the agent sees it.
    RedactResponse(Vec<Pointer>),
}

impl Obligation {
    /// The obligation's `type` as a policy spells it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Mask(_) => "mask",
            Self::RedactResponse(_) => "redact_response",
        }
    }

    /// Its places.
    #[must_use]
    pub fn paths(&self) -> &[Pointer] {
        match self {
            Self::Mask(paths) | Self::RedactResponse(paths) => paths,
        }
    }
}

/// Whether a tool is shown in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Visibility {
    /// It is.
    Shown,
    /// It is not.
    Hidden,
    /// The policy could not say.
    Error(Reason),
}

/// A policy's answer on one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Yes, no, or could not say.
    pub verdict: Verdict,
    /// Never empty if the verdict is not `Allow`.
    pub reasons: Vec<Reason>,
    /// The highest risk that a part of the policy named.
    pub risk: Option<Risk>,
    /// The call touches what the policy calls sensitive.
    pub sensitive: bool,
    /// Whether a person has to let it through.
    pub approval: Approval,
    /// Whether a signed override may lift a deny.
    pub overridable: bool,
    /// What has to be done if the call goes.
    pub obligations: Vec<Obligation>,
}

impl Decision {
    /// A decision of this verdict and nothing else.
    pub(crate) const fn bare(verdict: Verdict, reasons: Vec<Reason>) -> Self {
        Self { verdict, reasons, risk: None, sensitive: false, approval: Approval::NotRequired, overridable: true, obligations: Vec::new() }
    }

    /// The decision where the policy could not say, with a code of `codes`.
    #[must_use]
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self::bare(Verdict::Error, vec![Reason { code: code.to_owned(), message: message.into() }])
    }

    /// The places of the result that are redacted.
    #[must_use]
    pub fn redacted(&self) -> Vec<Pointer> {
        let places = self.obligations.iter().flat_map(|obligation| match obligation {
            Obligation::RedactResponse(paths) => paths.as_slice(),
            Obligation::Mask(_) => &[],
        });
        places.cloned().collect()
    }

    /// The same; where the result was none, its reason says which rule gave it.
    #[must_use]
    pub(crate) fn placed(mut self, place: &str) -> Self {
        for reason in &mut self.reasons {
            if [codes::UNDEFINED, codes::SHAPE, codes::UNSUPPORTED].contains(&reason.code.as_str()) {
                reason.message = format!("{place}: {}", reason.message);
            }
        }
        self
    }

    /// The decision where no policy was ever loaded.
    #[must_use]
    pub fn no_policy() -> Self {
        Self::error(codes::NONE, "no policy is loaded")
    }

    /// The decision as people and fixtures read it.
    #[must_use]
    pub fn json(&self) -> Json {
        let text = |text: &str| Json::String(text.to_owned());
        let object = |members: Vec<(&str, Json)>| Json::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect());
        let reasons = self.reasons.iter().map(|reason| object(vec![("code", text(&reason.code)), ("message", text(&reason.message))]));
        let paths = |obligation: &Obligation| Json::Array(obligation.paths().iter().map(|path| text(&path.to_string())).collect());
        let obligations = self.obligations.iter().map(|one| object(vec![("type", text(one.name())), ("paths", paths(one))]));
        let approval = match self.approval {
            Approval::NotRequired => Json::Null,
            Approval::Required => text("required"),
        };
        object(vec![
            ("verdict", text(self.verdict.name())),
            ("reasons", Json::Array(reasons.collect())),
            ("risk", self.risk.map_or(Json::Null, |risk| text(risk.name()))),
            ("sensitive", Json::Bool(self.sensitive)),
            ("approval", approval),
            ("overridable", Json::Bool(self.overridable)),
            ("obligations", Json::Array(obligations.collect())),
        ])
    }

    /// Both parts of a policy as one decision: the stricter wins. Allowed only if both allow, an error if either is one; reasons of the parts that do
    /// not allow (of both, if both allow), so that an override names what stops the call and nothing else.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        let verdict = self.verdict.max(other.verdict);
        let mut reasons = Vec::new();
        let mut obligations = Vec::new();
        for part in [&self, &other] {
            if verdict == Verdict::Allow || part.verdict != Verdict::Allow {
                extend_new(&mut reasons, &part.reasons);
            }
            extend_new(&mut obligations, &part.obligations);
        }
        Self {
            verdict,
            reasons,
            risk: self.risk.max(other.risk),
            sensitive: self.sensitive || other.sensitive,
            approval: self.approval.max(other.approval),
            overridable: self.overridable && other.overridable,
            obligations,
        }
    }
}

fn extend_new<T: Clone + PartialEq>(into: &mut Vec<T>, from: &[T]) {
    for item in from {
        if !into.contains(item) {
            into.push(item.clone());
        }
    }
}

#[cfg(test)]
mod tests;

//! The table of levels and rows, as data, and what each mode promises of it.
//!
//! The only file of this room that knows the modes' names. Whoever judges asks the rules.

use crate::ruling::{Class, Code};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// How strictly decisions are enforced, from the loosest to the strictest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Every decision is logged, none stops a call.
    Warn,
    /// As `Warn`, in a shared cluster.
    Observe,
    /// Blocks hold; an approval or an override lifts what may be lifted.
    Strict,
    /// Anything but a clean allow is refused; a block yields only to a signed override.
    FailClosed,
}

impl Level {
    /// All levels, the loosest first.
    pub const ALL: [Self; 4] = [Self::Warn, Self::Observe, Self::Strict, Self::FailClosed];

    /// The level's name in files and records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Warn => "warn",
            Self::Observe => "observe",
            Self::Strict => "strict",
            Self::FailClosed => "fail_closed",
        }
    }

    /// Whether a refusal of the policy is forwarded with a warning: people are told so wherever they look.
    #[must_use]
    pub fn is_permissive(self) -> bool {
        Row::Denied.at(self) == Does::Warn
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What follows from a tool that the policy calls sensitive, from the looser to the stricter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sensitive {
    /// Nothing: it is recorded.
    Recorded,
    /// It needs an approval, as if the policy had asked for one.
    NeedsApproval,
}

/// Whether automation is locked outside a supervised training session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lock {
    /// It is not.
    Off,
    /// It is. Training sessions do not exist yet, so every call is outside one.
    On,
}

/// What is enforced for a call: the level chooses the column of the table, the rest says which rows apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Rules {
    /// The column.
    pub level: Level,
    /// Whether `sensitive` asks for an approval.
    pub sensitive: Sensitive,
    /// Whether calls are locked.
    pub lock: Lock,
}

/// A mistake in what a configuration asks of the rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Not the name of a mode.
    #[error("`{0}` is not a mode: write `LOCAL`, `DEVELOPMENT`, `TRAINING` or `PRODUCTION`")]
    UnknownMode(String),
    /// A level below the one promised.
    #[error("enforcement `{asked}` is looser than `{least}`: write `{least}` or a stricter level")]
    LooserLevel {
        /// What was written.
        asked: Level,
        /// The loosest that may be.
        least: Level,
    },
    /// `recorded` where `needs_approval` is promised.
    #[error("sensitive tools need an approval here: `recorded` would be looser, write `needs_approval` or leave it out")]
    LooserSensitive,
}

impl Rules {
    /// The same rules, raised to `minimum` where they are looser.
    #[must_use]
    pub fn at_least(self, minimum: Level) -> Self {
        Self { level: self.level.max(minimum), ..self }
    }

    /// The rules of a route that says `sensitive` for itself.
    ///
    /// # Errors
    /// `Problem::LooserSensitive` where the route would ask for less.
    pub fn on_route(self, sensitive: Sensitive) -> Result<Self, Problem> {
        Self { sensitive, ..self }.no_looser_than(&self)
    }

    /// These rules, if they are nowhere looser than `floor`. The lock is not compared: it may be switched off.
    ///
    /// # Errors
    /// The first thing that is looser.
    pub fn no_looser_than(self, floor: &Self) -> Result<Self, Problem> {
        if self.level < floor.level {
            return Err(Problem::LooserLevel { asked: self.level, least: floor.level });
        }
        if self.sensitive < floor.sensitive {
            return Err(Problem::LooserSensitive);
        }
        Ok(self)
    }
}

/// A runtime mode, by name. Only configuration asks for it; everything else asks `Rules`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// One developer's workstation.
    Local,
    /// A shared cluster that is not production.
    Development,
    /// Capture of a persona under a trainer's eyes.
    Training,
    /// The live deployment.
    Production,
}

impl Mode {
    /// All modes.
    pub const ALL: [Self; 4] = [Self::Local, Self::Development, Self::Training, Self::Production];

    /// The mode's name, as `SOMA_AGENT_MODE` and files write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Local => "LOCAL",
            Self::Development => "DEVELOPMENT",
            Self::Training => "TRAINING",
            Self::Production => "PRODUCTION",
        }
    }

    /// What the mode promises: a configuration may ask for stricter rules, not for looser ones (`Rules::no_looser_than`).
    #[must_use]
    pub const fn promises(self) -> Rules {
        let (level, sensitive, lock) = match self {
            Self::Local => (Level::Warn, Sensitive::Recorded, Lock::Off),
            Self::Development => (Level::Observe, Sensitive::Recorded, Lock::Off),
            Self::Training => (Level::Strict, Sensitive::NeedsApproval, Lock::On),
            Self::Production => (Level::FailClosed, Sensitive::Recorded, Lock::Off),
        };
        Rules { level, sensitive, lock }
    }
}

impl FromStr for Mode {
    type Err = Problem;
    fn from_str(text: &str) -> Result<Self, Problem> {
        Self::ALL.into_iter().find(|mode| mode.name() == text).ok_or_else(|| Problem::UnknownMode(text.to_owned()))
    }
}

/// What a person can sign to lift a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Lift {
    /// An approval of this call.
    Approval,
    /// An override that names every reason.
    Override,
    /// An override that names `error`, by a key with the role `break_glass`.
    BreakGlass,
}

/// What a level does with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Does {
    /// The call goes on; the code is in the record, a header and the log.
    Warn,
    /// The call ends here.
    Refuse,
    /// The call ends here unless one of these is presented; a refusal asks for the first.
    Unless(&'static [Lift]),
}

/// A line of the table: one thing that can be wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Row {
    Malformed,
    UnsupportedType,
    BodyOverLimit,
    Overload,
    UnidentifiedFar,
    UnidentifiedNear,
    PolicyStale,
    RevocationsStale,
    JournalRefused,
    JournalDown,
    Locked,
    TenantDisagreement,
    Error,
    ErrorForGood,
    Denied,
    DeniedForGood,
    ApprovalRequired,
    Sensitive,
}

impl Row {
    /// THE TABLE.
    const fn line(self) -> ([Does; 4], Class, Code) {
        use Does::{Refuse, Unless, Warn};
        const APPROVAL: Does = Unless(&[Lift::Approval]);
        const EITHER: Does = Unless(&[Lift::Approval, Lift::Override]);
        const OVERRIDE: Does = Unless(&[Lift::Override]);
        const BREAK_GLASS: Does = Unless(&[Lift::BreakGlass]);
        match self {
            //                             warn    observe strict    fail_closed
            Self::Malformed => ([Refuse, Refuse, Refuse, Refuse], Class::Malformed, Code::Malformed),
            Self::UnsupportedType => ([Refuse, Refuse, Refuse, Refuse], Class::UnsupportedType, Code::UnsupportedType),
            Self::BodyOverLimit => ([Refuse, Refuse, Refuse, Refuse], Class::BodyOverLimit, Code::BodyOverLimit),
            Self::Overload => ([Refuse, Refuse, Refuse, Refuse], Class::Unavailable, Code::Overload),
            Self::UnidentifiedFar => ([Refuse, Refuse, Refuse, Refuse], Class::Unidentified, Code::Unidentified),
            Self::UnidentifiedNear => ([Warn, Warn, Refuse, Refuse], Class::Unidentified, Code::Unidentified),
            Self::PolicyStale => ([Warn, Warn, Refuse, Refuse], Class::Unavailable, Code::PolicyStale),
            Self::RevocationsStale => ([Warn, Warn, Refuse, Refuse], Class::Unavailable, Code::RevocationsStale),
            Self::JournalRefused => ([Warn, Warn, Refuse, Refuse], Class::Unavailable, Code::JournalRefused),
            Self::JournalDown => ([Warn, Warn, Refuse, Refuse], Class::Unavailable, Code::JournalDown),
            Self::Locked => ([Warn, Warn, Refuse, Refuse], Class::Policy, Code::TrainingLock),
            Self::TenantDisagreement => ([Warn, Warn, Refuse, Refuse], Class::Policy, Code::TenantDisagreement),
            Self::Error => ([Warn, Warn, Refuse, BREAK_GLASS], Class::Policy, Code::Error),
            Self::ErrorForGood => ([Warn, Warn, Refuse, Refuse], Class::Policy, Code::Error),
            Self::Denied => ([Warn, Warn, EITHER, OVERRIDE], Class::Policy, Code::Denied),
            Self::DeniedForGood => ([Warn, Warn, Refuse, Refuse], Class::Policy, Code::Denied),
            Self::ApprovalRequired => ([Warn, Warn, APPROVAL, APPROVAL], Class::Policy, Code::ApprovalRequired),
            Self::Sensitive => ([Warn, Warn, APPROVAL, APPROVAL], Class::Policy, Code::Sensitive),
        }
    }

    /// What `level` does with this row.
    pub(crate) const fn at(self, level: Level) -> Does {
        let [warn, observe, strict, fail_closed] = self.line().0;
        match level {
            Level::Warn => warn,
            Level::Observe => observe,
            Level::Strict => strict,
            Level::FailClosed => fail_closed,
        }
    }

    /// The class of a refusal by this row.
    pub(crate) const fn class(self) -> Class {
        self.line().1
    }

    /// The code of a refusal or warning by this row.
    pub(crate) const fn code(self) -> Code {
        self.line().2
    }
}

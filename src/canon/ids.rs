//! Ids: a type each, so that one cannot stand where another belongs.

use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }
        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::try_parse(text).map(Self)
            }
        }
    };
}

uuid_id!(
    /// A call's id and the id of its decision everywhere: a UUID of version 7 (RFC 9562), made by the server.
    CallId
);
uuid_id!(
    /// A journal's id: a random UUID kept in the journal for its life.
    InstanceId
);

/// The number of a start of one journal, from 1, growing by one at each start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub u64);

/// The place of a record in its writer's log, from 0 without gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Seq(pub u64);

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Who writes a log: one start of one journal, spelled `<instance>/<epoch>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Writer {
    /// The journal.
    pub instance: InstanceId,
    /// Its start.
    pub epoch: Epoch,
}

impl fmt::Display for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.instance, self.epoch.0)
    }
}

/// A writer's name that does not read as `<instance>/<epoch>`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a writer: write `<instance uuid>/<epoch>`")]
pub struct NotAWriter(String);

impl FromStr for Writer {
    type Err = NotAWriter;
    fn from_str(text: &str) -> Result<Self, NotAWriter> {
        let wrong = || NotAWriter(text.to_owned());
        let (instance, epoch) = text.split_once('/').ok_or_else(wrong)?;
        Ok(Self { instance: instance.parse().map_err(|_| wrong())?, epoch: Epoch(epoch.parse().map_err(|_| wrong())?) })
    }
}

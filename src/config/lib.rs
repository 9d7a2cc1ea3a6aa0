//! Every setting of toolgate, from files: `toolgate.yaml`, `modes.yaml` and its overlay. All mistakes at once, each with file, line and key.
//!
//! Knows the keys, their defaults and what fits together. Knows no network, no clock and no key material: it names files, the rooms read them.

mod decisions;
mod files;
mod floor;
mod identities;
mod limits;
mod listeners;
mod load;
pub mod modes;
mod permission_files;
mod problem;
mod reader;
mod records;
mod routes;
mod surroundings;
mod trail;
mod upstreams;
mod yaml;

use std::path::PathBuf;

pub use decisions::{Permissions, Policy};
pub use enforcement::{Level, Mode, Rules};
pub use files::Writers;
pub use identities::{Identity, SvidFiles};
pub use limits::{Limits, Log, LogFormat, LogLevel};
pub use listeners::{Admin, AdminPlace, Door, Health, Listener};
pub use modes::{Active, ModeSettings, ModeView, Modes};
pub use permission_files::{PermissionFiles, permission_files};
pub use problem::{Place, Problem};
pub use records::{Audit, ClickHouse, Durability, Transport};
pub use routes::Route;
pub use surroundings::{PodSigns, Surroundings};
pub use trail::Trail;
pub use upstreams::{CredentialFile, Upstream, Way};
pub use yaml::{FILE_BYTES_MAX, NESTING_MAX};

pub(crate) use load::Context;

/// A file that was read: its name for messages, and its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The file as the user named it.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// Everything that one toolgate is told. Paths are as the files name them, relative ones taken from the folder of `toolgate.yaml`.
#[derive(Debug, Clone)]
pub struct Config {
    /// The mode and what it sets; its enforcement is already raised to the minimum.
    pub active: Active,
    /// The file of the modes.
    pub modes: PathBuf,
    /// Where calls come in.
    pub listeners: Vec<Listener>,
    /// Where people administer.
    pub admin: Admin,
    /// Where health and metrics are read from outside.
    pub health: Health,
    /// Who toolgate is and whom it believes.
    pub identity: Identity,
    /// Which call goes where.
    pub routes: Vec<Route>,
    /// The servers that calls go to.
    pub upstreams: Vec<Upstream>,
    /// The policy.
    pub policy: Policy,
    /// Signed permissions.
    pub permissions: Permissions,
    /// What is not written down of a call.
    pub mask: record::Mask,
    /// The journal.
    pub journal: journal::Settings,
    /// The audit log.
    pub audit: Audit,
    /// What a refusal tells.
    pub refusals: protocol::Detail,
    /// What comes in at most.
    pub limits: Limits,
    /// How long calls in flight may take once the process is told to stop.
    pub drain_timeout_ms: u64,
    /// The log.
    pub log: Log,
}

impl Config {
    /// The rules of the active mode, raised to the minimum.
    #[must_use]
    pub fn rules(&self) -> Rules {
        self.active.settings.rules()
    }

    /// What is reached over plain HTTP beyond this machine, in words; only a permissive mode has any.
    #[must_use]
    pub fn in_the_clear(&self) -> Vec<String> {
        let upstreams = self.upstreams.iter().filter(|upstream| matches!(upstream.way, Way::Http { reach: wire::Reach::Anywhere, .. }));
        let store = self.audit.clickhouse.iter().filter(|store| store.tls == Transport::Plain && !load::stays_here(&store.host));
        let names = upstreams.map(|upstream| format!("upstream `{}`", upstream.name)).chain(store.map(|_| "ClickHouse".to_owned()));
        names
            .map(|name| format!("{name} is reached over plain HTTP beyond this machine: whoever is between reads and changes it"))
            .collect()
    }
}

#[cfg(test)]
mod tests;

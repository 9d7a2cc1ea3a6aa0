//! What one mode sets: the types. Knows no mode by name; no persona has a setting.

mod read;

use enforcement::{Level, Lock, Rules, Sensitive};
use serde::{Serialize, Serializer};

/// Everything that a mode sets. The policy sees it as `input.mode.settings`, agents as `SOMA_*`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModeSettings {
    /// How strictly decisions are enforced.
    pub enforcement: Level,
    /// What follows from a tool that the policy calls sensitive.
    pub sensitive_tools: Sensitive,
    /// Whether calls are refused outside a supervised training session.
    pub training_lock: bool,
    /// Kafka topics.
    pub kafka: Kafka,
    /// Redis.
    pub redis: Redis,
    /// Postgres.
    pub postgres: Postgres,
    /// Model profiles.
    pub models: Models,
    /// SomaBrain.
    pub somabrain: Somabrain,
    /// Continuous learning.
    pub learning: Learning,
    /// The managed SLM API.
    pub slm: Slm,
    /// Where secrets come from.
    pub secrets: Secrets,
    /// The audit log.
    pub audit: Audit,
    /// What raises an alert.
    pub alerts: Alerts,
}

/// Names and retention of topics.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Kafka {
    /// Before each topic's name.
    pub topic_prefix: String,
    /// After each topic's name.
    pub topic_suffix: String,
    /// How long events are kept.
    pub retention_days: Days,
    /// Whether undeliverable events go to a dead letter topic.
    pub dead_letters: bool,
}

/// A number of days, or without end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Days {
    /// So many.
    Count(u32),
    /// Kept for good; the word `forever`.
    Forever,
}

/// Life of keys and what happens when a server goes away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Redis {
    /// How long a key lives, in seconds.
    pub ttl_s: u32,
    /// How a client finds the next server.
    pub failover: Failover,
}

/// How a Redis client survives the loss of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Failover {
    /// It does not: one server.
    None,
    /// Sentinels name the new primary.
    Sentinel,
    /// Redis Cluster with replicas.
    Cluster,
}

/// Namespace and connections.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Postgres {
    /// The schema that holds the tables.
    pub schema: String,
    /// Connections kept open.
    pub pool_connections_min: u32,
    /// Connections at most.
    pub pool_connections_max: u32,
}

/// Which model serves which profile, and when the large one may be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Models {
    /// The profile used where a call names none.
    pub default_profile: Profile,
    /// The model of each profile.
    pub profiles: Profiles,
    /// When a call may go from the small to the large model.
    pub escalation: Escalation,
    /// The score from which `above_score` allows the large model, in percent.
    pub score_threshold_percent: u32,
}

/// The profiles that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// Fast and cheap.
    Small,
    /// Slow and dear.
    Large,
}

/// The model's name for each profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Profiles {
    /// Of the small profile.
    pub small: String,
    /// Of the large profile.
    pub large: String,
}

/// When the large model may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Escalation {
    /// Never.
    None,
    /// Whenever the selector asks.
    SmallToLarge,
    /// From `score_threshold_percent` on.
    AboveScore,
}

/// The part of SomaBrain that this mode writes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Somabrain {
    /// Its namespace.
    pub namespace: String,
}

/// What is learnt, where to and how fast.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Learning {
    /// Where learning may write.
    pub scope: LearningScope,
    /// Its rate, in percent of the unconstrained one.
    pub rate_percent: u32,
    /// The approved SomaBrain areas, for the scope `approved_areas` only.
    pub areas: Vec<String>,
}

/// Where learning may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LearningScope {
    /// The machine's own storage.
    LocalStorage,
    /// The mode's SomaBrain namespace.
    Namespace,
    /// The running training session.
    Session,
    /// The areas that are listed.
    ApprovedAreas,
}

/// The managed SLM API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Slm {
    /// Where it is reached.
    pub base_url: String,
}

/// Where secrets come from and how long one is good for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Secrets {
    /// The store.
    pub source: SecretSource,
    /// How long one is used.
    pub credentials: Credentials,
}

/// A store of secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretSource {
    /// The file `.env`.
    Dotenv,
    /// Vault.
    Vault,
}

/// How long a credential is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Credentials {
    /// Until a person changes it.
    Static,
    /// Until the store rotates it.
    Rotated,
    /// Once.
    OneTime,
}

/// The audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Audit {
    /// How long ClickHouse keeps records.
    pub retention_days: Days,
}

/// What raises an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Alerts {
    /// The alerts that are on.
    pub enabled: Vec<Alert>,
    /// What a spent budget does.
    pub budgets: Budgets,
}

/// What can raise an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Alert {
    /// A consumer falls behind.
    KafkaLag,
    /// A worker died.
    WorkerCrashes,
    /// A policy could not be evaluated.
    PolicyErrors,
    /// A training session stands still.
    StalledSessions,
    /// A requeue entry waits for a person.
    UnreviewedRequeue,
    /// A tool call of high risk.
    HighRiskCalls,
    /// Latency above the agreed one.
    Latency,
    /// More refusals than agreed.
    RefusalRate,
    /// A jump in tokens.
    TokenSpikes,
    /// Audio failed.
    AudioFailures,
    /// A policy was violated: pages a person.
    PolicyViolations,
}

/// What a spent budget does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Budgets {
    /// Nothing.
    Ignore,
    /// A warning.
    Warn,
    /// An alert.
    Alert,
}

impl Serialize for Days {
    /// The number, or `"forever"`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Count(days) => serializer.serialize_u32(*days),
            Self::Forever => serializer.serialize_str("forever"),
        }
    }
}

impl ModeSettings {
    /// The rules that this mode asks for.
    #[must_use]
    pub fn rules(&self) -> Rules {
        let lock = if self.training_lock { Lock::On } else { Lock::Off };
        Rules { level: self.enforcement, sensitive: self.sensitive_tools, lock }
    }
}

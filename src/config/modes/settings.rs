//! What one mode sets: the types, and how each key is read. Knows no mode by name; no persona has a setting.

use std::ops::RangeInclusive;

use enforcement::{Level, Lock, Rules, Sensitive};
use serde::{Serialize, Serializer};

use crate::reader::wanted::{Wanted, flag, list, one_of, whole, word};
use crate::reader::{Section, all};

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

    pub(crate) fn read(section: &mut Section<'_>) -> Option<Self> {
        all!(Self {
            enforcement: section.required("enforcement", &level()),
            sensitive_tools: section
                .required("sensitive_tools", &one_of([("recorded", Sensitive::Recorded), ("needs_approval", Sensitive::NeedsApproval)])),
            training_lock: section.required("training_lock", &flag()),
            kafka: section.section("kafka", kafka),
            redis: section.section("redis", redis),
            postgres: section.section("postgres", postgres),
            models: section.section("models", models),
            somabrain: section.section("somabrain", |section| all!(Somabrain { namespace: section.required("namespace", &plain(1..=63)) })),
            learning: section.section("learning", learning),
            slm: section.section("slm", |section| all!(Slm { base_url: section.required("base_url", &url()) })),
            secrets: section.section("secrets", secrets),
            audit: section.section("audit", |section| all!(Audit { retention_days: section.required("retention_days", &days()) })),
            alerts: section.section("alerts", alerts),
        })
    }
}

/// A level by its name.
pub(crate) fn level() -> Wanted<'static, Level> {
    one_of(Level::ALL.map(|level| (level.name(), level)))
}

/// Letters, digits, `-`, `_` and `.`: what a topic, a schema, a shell and an `.env` file all take as it is.
fn plain(lengths: RangeInclusive<usize>) -> Wanted<'static, String> {
    word("letters, digits, `-`, `_` or `.`", |c| c.is_ascii_alphanumeric() || "-_.".contains(c), lengths)
}

fn days() -> Wanted<'static, Days> {
    let number = whole::<u32>(1..=36_500);
    let what = format!("{} or `forever`", number.what);
    Wanted::of(what.clone(), move |field| match field.scalar() {
        Some(scalar) if scalar.text == "forever" => Some(Days::Forever),
        Some(scalar) if scalar.plain && scalar.core() == crate::yaml::Core::Number => number.read(field).map(Days::Count),
        Some(_) | None => field.unlike(&what),
    })
}

fn url() -> Wanted<'static, String> {
    Wanted::parsed("an `http://` or `https://` URL without user, query or fragment", |text| {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or("the scheme is another")?;
        match rest.chars().find(|c| !(c.is_ascii_alphanumeric() || "-._~:/[]%".contains(*c))) {
            Some(other) => Err(format!("{other:?} may not stand in it")),
            None if rest.is_empty() || rest.starts_with(['/', ':']) => Err("the host is missing".to_owned()),
            None => Ok(text.to_owned()),
        }
    })
}

fn kafka(section: &mut Section<'_>) -> Option<Kafka> {
    all!(Kafka {
        topic_prefix: section.required("topic_prefix", &plain(0..=63)),
        topic_suffix: section.required("topic_suffix", &plain(0..=63)),
        retention_days: section.required("retention_days", &days()),
        dead_letters: section.required("dead_letters", &flag()),
    })
}

fn redis(section: &mut Section<'_>) -> Option<Redis> {
    let failover = one_of([("none", Failover::None), ("sentinel", Failover::Sentinel), ("cluster", Failover::Cluster)]);
    all!(Redis { ttl_s: section.required("ttl_s", &whole(1..=31_536_000)), failover: section.required("failover", &failover) })
}

fn postgres(section: &mut Section<'_>) -> Option<Postgres> {
    let schema = word("a name of lower case letters, digits and `_`", |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_', 1..=63);
    let postgres = all!(Postgres {
        schema: section.required("schema", &schema),
        pool_connections_min: section.required("pool_connections_min", &whole(0..=10_000)),
        pool_connections_max: section.required("pool_connections_max", &whole(1..=10_000)),
    })?;
    if postgres.pool_connections_min > postgres.pool_connections_max {
        let max = postgres.pool_connections_max;
        return section.wrong_at("pool_connections_min", format!("it is above `pool_connections_max`, which is {max}"));
    }
    Some(postgres)
}

fn models(section: &mut Section<'_>) -> Option<Models> {
    let escalation = [("none", Escalation::None), ("small_to_large", Escalation::SmallToLarge), ("above_score", Escalation::AboveScore)];
    let profile = one_of([("small", Profile::Small), ("large", Profile::Large)]);
    all!(Models {
        default_profile: section.required("default_profile", &profile),
        profiles: section.section("profiles", |section| all!(Profiles {
            small: section.required("small", &plain(1..=127)),
            large: section.required("large", &plain(1..=127)),
        })),
        escalation: section.required("escalation", &one_of(escalation)),
        score_threshold_percent: section.required("score_threshold_percent", &whole(0..=100)),
    })
}

fn learning(section: &mut Section<'_>) -> Option<Learning> {
    let scope = one_of([
        ("local_storage", LearningScope::LocalStorage),
        ("namespace", LearningScope::Namespace),
        ("session", LearningScope::Session),
        ("approved_areas", LearningScope::ApprovedAreas),
    ]);
    let learning = all!(Learning {
        scope: section.required("scope", &scope),
        rate_percent: section.required("rate_percent", &whole(0..=100)),
        areas: section.required("areas", &list(plain(1..=127), 0..=100)),
    })?;
    if learning.scope != LearningScope::ApprovedAreas && !learning.areas.is_empty() {
        return section
            .wrong_at("areas", "areas are approved here, but `scope` is not `approved_areas`: empty the list or change the scope");
    }
    Some(learning)
}

fn secrets(section: &mut Section<'_>) -> Option<Secrets> {
    let source = one_of([("dotenv", SecretSource::Dotenv), ("vault", SecretSource::Vault)]);
    let credentials = one_of([("static", Credentials::Static), ("rotated", Credentials::Rotated), ("one_time", Credentials::OneTime)]);
    let secrets =
        all!(Secrets { source: section.required("source", &source), credentials: section.required("credentials", &credentials) })?;
    if secrets.source == SecretSource::Dotenv && secrets.credentials != Credentials::Static {
        return section.wrong_at("credentials", "secrets of a `.env` file do not rotate: write `static`, or take them from `vault`");
    }
    Some(secrets)
}

fn alerts(section: &mut Section<'_>) -> Option<Alerts> {
    let alert = one_of([
        ("kafka_lag", Alert::KafkaLag),
        ("worker_crashes", Alert::WorkerCrashes),
        ("policy_errors", Alert::PolicyErrors),
        ("stalled_sessions", Alert::StalledSessions),
        ("unreviewed_requeue", Alert::UnreviewedRequeue),
        ("high_risk_calls", Alert::HighRiskCalls),
        ("latency", Alert::Latency),
        ("refusal_rate", Alert::RefusalRate),
        ("token_spikes", Alert::TokenSpikes),
        ("audio_failures", Alert::AudioFailures),
        ("policy_violations", Alert::PolicyViolations),
    ]);
    let budgets = one_of([("ignore", Budgets::Ignore), ("warn", Budgets::Warn), ("alert", Budgets::Alert)]);
    all!(Alerts { enabled: section.required("enabled", &list(alert, 0..=20)), budgets: section.required("budgets", &budgets) })
}

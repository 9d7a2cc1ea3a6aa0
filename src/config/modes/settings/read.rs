//! How each key of a mode is read. Knows no mode by name.

use std::ops::RangeInclusive;

use enforcement::{Level, Sensitive};

use super::{
    Alert, Alerts, Audit, Budgets, Credentials, Days, Escalation, Failover, Kafka, Learning, LearningScope, ModeSettings, Models, Postgres,
    Profile, Profiles, Redis, SecretSource, Secrets, Slm, Somabrain,
};
use crate::reader::wanted::{Wanted, flag, list, one_of, whole, word};
use crate::reader::{Section, all};
use crate::yaml::Core;

impl ModeSettings {
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
        Some(scalar) if scalar.plain && scalar.core() == Core::Number => number.read(field).map(Days::Count),
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

//! How a call is decided: the policy, signed permissions, and what a refusal tells.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use protocol::Detail;

use crate::problem::Place;
use crate::reader::wanted::{Wanted, list, one_of, path, whole};
use crate::reader::{Section, all};

/// The policy and what one evaluation may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// A folder or a `.tar.gz`.
    pub source: PathBuf,
    /// Where the configuration names it.
    pub source_at: Place,
    /// How often the source is read again.
    pub reload_interval_s: u64,
    /// The age from which the policy is stale.
    pub age_max_s: u64,
    /// How it is loaded.
    pub settings: policy::Settings,
    /// The threads that evaluate it.
    pub evaluator: evaluator::Settings,
}

/// Signed permissions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permissions {
    /// The JWKS file of those who may sign; none: nobody may.
    pub keys: Option<PathBuf>,
    /// The file of revoked keys and permissions.
    pub revocations: Option<PathBuf>,
    /// Not read and taken for so long, the revocation file is stale.
    pub revocations_age_max_s: u64,
    /// How one is checked.
    pub settings: permission::Settings,
}

/// The section `policy`.
pub(crate) fn policy(section: &mut Section<'_>) -> Option<Policy> {
    let policy = all!(Policy {
        source: section.required("source", &path()),
        source_at: Some(section.place("source")),
        reload_interval_s: section.or("reload_interval_s", 10, &whole(1..=86_400)),
        age_max_s: section.or("age_max_s", 300, &whole(1..=31_536_000)),
        settings: settings(section),
        evaluator: threads(section),
    })?;
    if policy.age_max_s <= policy.reload_interval_s {
        let interval = policy.reload_interval_s;
        return section.wrong_at("age_max_s", format!("the policy would be stale before it is read again: write more than {interval}"));
    }
    Some(policy)
}

fn settings(section: &mut Section<'_>) -> Option<policy::Settings> {
    use policy::{BuiltinErrors, Settings};
    let of = Settings::default();
    let errors = one_of([("error", BuiltinErrors::Error), ("undefined", BuiltinErrors::Undefined)]);
    all!(Settings {
        entry_point: Some(of.entry_point),
        builtin_errors: section.or("builtin_errors", of.builtin_errors, &errors),
        tests: Some(of.tests),
        line_columns_max: section.or("line_columns_max", of.line_columns_max, &nonzero(1_000_000, NonZeroU32::new)),
        file_bytes_max: section.or("file_bytes_max", of.file_bytes_max, &nonzero(67_108_864, NonZeroUsize::new)),
        file_lines_max: section.or("file_lines_max", of.file_lines_max, &nonzero(1_000_000, NonZeroUsize::new)),
    })
}

/// A number from 1 on, so that `make` never refuses it.
fn nonzero<P: TryFrom<u64> + 'static, N: 'static>(max: u64, make: fn(P) -> Option<N>) -> Wanted<'static, N> {
    let number = whole(1..=max);
    Wanted::of(number.what.clone(), move |field| number.read(field).and_then(make))
}

fn threads(section: &mut Section<'_>) -> Option<evaluator::Settings> {
    use evaluator::Settings;
    let of = Settings::default();
    let limit_ms = u64::try_from(of.limit.as_millis()).unwrap_or(u64::MAX);
    let threads = section.optional("threads", &nonzero(1_024, NonZeroUsize::new));
    all!(Settings {
        threads: threads.map(|threads| threads.unwrap_or(of.threads)),
        stack_bytes: section.or("stack_bytes", of.stack_bytes, &whole(33_554_432..=1_073_741_824)),
        waiting_max: section.or("waiting_max", of.waiting_max, &whole(1..=100_000)),
        limit: section.or("time_limit_ms", limit_ms, &whole(1..=10_000)).map(Duration::from_millis),
        lost_max: section.or("lost_max", of.lost_max, &whole(0..=1_024)),
    })
}

/// The section `permissions`; what it names is read again as often as the policy.
pub(crate) fn permissions(section: &mut Section<'_>, policy: Option<&Policy>) -> Option<Permissions> {
    let permissions = all!(Permissions {
        keys: section.optional("keys", &path()),
        revocations: section.optional("revocations", &path()),
        revocations_age_max_s: section.or("revocations_age_max_s", 3_600, &whole(1..=31_536_000)),
        settings: checks(section),
    })?;
    if permissions.keys.is_none() && permissions.revocations.is_some() {
        return section.wrong_at("revocations", "there are no `keys` that could be revoked: name their file, or leave this out");
    }
    let interval = policy.map(|policy| policy.reload_interval_s).filter(|interval| permissions.revocations_age_max_s <= *interval);
    if let (Some(interval), true) = (interval, permissions.revocations.is_some()) {
        let message =
            format!("the list would be stale before it is read again: write more than {interval}, the `policy.reload_interval_s`");
        return section.wrong_at("revocations_age_max_s", message);
    }
    Some(permissions)
}

fn checks(section: &mut Section<'_>) -> Option<permission::Settings> {
    use permission::{Algorithm, Settings, Ticket};
    let of = Settings::default();
    let algorithm = one_of([("Ed25519", Algorithm::Ed25519), ("EdDSA", Algorithm::EdDSA)]);
    let ticket = one_of([("optional", Ticket::Optional), ("required", Ticket::Required)]);
    all!(Settings {
        algorithms: section.or("algorithms", of.algorithms, &list(algorithm, 1..=2)),
        ticket: section.or("ticket", of.ticket, &ticket),
        token_bytes_max: section.or("token_bytes_max", of.token_bytes_max, &whole(1_024..=65_536)),
        lifetime_seconds_max: section.or("lifetime_max_s", of.lifetime_seconds_max, &whole(1..=31_536_000)),
        decision_age_seconds_max: section.or("decision_age_max_s", of.decision_age_seconds_max, &whole(1..=31_536_000)),
        clock_skew_seconds: section.or("clock_skew_s", of.clock_skew_seconds, &whole(0..=300)),
    })
}

/// The section `refusals`: how much an agent learns.
pub(crate) fn refusals(section: &mut Section<'_>) -> Option<Detail> {
    section.or("detail", Detail::Full, &one_of([("full", Detail::Full), ("code", Detail::Code), ("none", Detail::None)]))
}

//! The process: what every call shares, and the handler that carries each.
//!
//! `start` puts it together from a configuration, `reload` changes it while it serves, `ship` brings its records to ClickHouse.

mod declared;
mod losses;
mod redacted;
mod reload;
mod sessions;
mod ship;
mod start;

pub(crate) use declared::Declared;
pub(crate) use losses::Losses;
pub(crate) use redacted::{Redacted, Request};
pub(crate) use reload::reload_until;
pub(crate) use sessions::{Holder, Sessions};
pub(crate) use ship::ship_until;
pub(crate) use start::{Started, rehearse, start};

use crate::pipeline::{self, Facts};
use crate::telemetry::{CallLabels, CodeLabels, Metrics, Seconds};
use crate::view::View;
use arc_swap::{ArcSwap, ArcSwapOption};
use canon::{CallId, Micros};
use config::Config;
use enforcement::Freshness;
use evaluator::Evaluator;
use http::Response;
use journal::{Journal, Standing};
use prometheus_client::registry::Registry;
use reload::Materials;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use wire::{Accepted, Handler, Peer, ReplyBody, Shares, Tally};

/// What every call shares.
pub(crate) struct House {
    pub(crate) config: Config,
    pub(crate) view: ArcSwap<View>,
    pub(crate) journal: Journal,
    pub(crate) evaluator: Evaluator,
    pub(crate) declared: Arc<Declared>,
    pub(crate) redacted: Arc<Redacted>,
    pub(crate) sessions: Sessions,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) registry: Registry,
    pub(crate) tally: Arc<Tally>,
    /// Calls whose reply has not begun, by caller.
    pub(crate) calls: Arc<Shares>,
    materials: Materials,
    /// When the policy's source was last read. By the clock that nobody sets: set back, the other would make a policy young for ever.
    policy_checked: ArcSwapOption<Instant>,
    /// When the list of revocations was last read and taken, or found to be the one that is, by the same clock.
    revocations_read: ArcSwap<Instant>,
    /// What is wrong with the policy on disk, where it is not the one that is loaded.
    pub(crate) policy_rejected: ArcSwapOption<String>,
    pub(crate) losses: Arc<Losses>,
    draining: AtomicBool,
}

/// Until somebody does it, every call is refused.
pub(crate) const STALE_REVOCATIONS: &str =
    "the list of `permissions.revocations` is past its `next_update`: renew it with `toolgate permission revoke --config`";
const UNREAD_REVOCATIONS: &str =
    "the list of `permissions.revocations` was not read and taken for `permissions.revocations_age_max_s`: the log says why";

/// The wall clock, read here and nowhere else.
pub(crate) fn wall() -> Micros {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

impl House {
    /// A call's id: UUID of version 7, in the order of time.
    pub(crate) fn call_id() -> CallId {
        CallId(uuid::Uuid::now_v7())
    }

    /// Whether the policy's source was read within its maximum age: one that was read and rejected leaves the last good policy in force. One that was never loaded has no age: that there is none is the error of every decision.
    pub(crate) fn policy_freshness(&self, view: &View) -> Freshness {
        let age_max = Duration::from_secs(self.config.policy.age_max_s);
        if view.policies.is_empty() || self.policy_age().is_some_and(|age| age <= age_max) { Freshness::Fresh } else { Freshness::Stale }
    }

    /// Whether the list of revoked permissions may be trusted; without keys there is nothing to revoke.
    pub(crate) fn revocations_freshness(&self, view: &View, at: Micros) -> Freshness {
        if self.stale_revocations(view, at).is_none() { Freshness::Fresh } else { Freshness::Stale }
    }

    fn stale_revocations(&self, view: &View, at: Micros) -> Option<&'static str> {
        let permissions = &self.config.permissions;
        if permissions.keys.is_none() || permissions.revocations.is_none() {
            return None;
        }
        let unread = self.revocations_read.load().elapsed() > Duration::from_secs(permissions.revocations_age_max_s);
        unread.then_some(UNREAD_REVOCATIONS).or_else(|| (!view.keys.has_current_revocations(at)).then_some(STALE_REVOCATIONS))
    }

    /// How long ago the policy's source was last read; none before that.
    pub(crate) fn policy_age(&self) -> Option<Duration> {
        self.policy_checked.load().as_deref().map(Instant::elapsed)
    }

    /// Where people reach the admin listener, as `--admin` takes it.
    pub(crate) fn admin_address(&self) -> String {
        match &self.config.admin.place {
            config::AdminPlace::Loopback(address) => format!("http://{address}"),
            config::AdminPlace::Unix { path, .. } => format!("unix:{}", path.display()),
        }
    }

    /// The refused decision that a permission names. A short read of the disk, off the threads that serve.
    pub(crate) async fn refused(&self, call: CallId) -> Result<Option<permission::RefusedDecision>, String> {
        let journal = self.journal.clone();
        let found = tokio::task::spawn_blocking(move || journal.refusal(call)).await.map_err(|error| error.to_string())?;
        Ok(found.map_err(|error| error.to_string())?.and_then(answerable))
    }

    /// Whether a permission's use is spent. What counts is the claim; this gives a clear answer early.
    pub(crate) async fn used(&self, iss: &str, jti: &str) -> Result<bool, String> {
        let (journal, iss, jti) = (self.journal.clone(), iss.to_owned(), jti.to_owned());
        tokio::task::spawn_blocking(move || journal.used(&iss, &jti))
            .await
            .map_err(|error| error.to_string())?
            .map_err(|error| error.to_string())
    }

    /// From here on `/readyz` says no.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Until when toolgate's own certificate is valid; none where it has none.
    pub(crate) fn svid_not_after(&self) -> Option<Micros> {
        self.materials.own.as_ref()?.leaf().ok().map(|leaf| leaf.not_after())
    }

    /// Why nobody will take toolgate's own certificate any more.
    fn svid_wrong(&self) -> Option<String> {
        let wrong = self.materials.own.as_ref()?.leaf().and_then(|leaf| leaf.current(self.journal.now().at)).err()?;
        Some(format!("`identity.svid`: {wrong}; it is taken anew once the file is replaced"))
    }

    /// Why it is not ready; empty where it is.
    pub(crate) fn unready(&self) -> Vec<String> {
        let view = self.view.load();
        let mut why = Vec::new();
        if self.draining.load(Ordering::Relaxed) {
            why.push("it is stopping".to_owned());
        }
        if view.policies.is_empty() {
            why.push(format!(
                "no policy is loaded from `{}`: `toolgate policy check` says what is wrong with it",
                self.config.policy.source.display()
            ));
        } else if self.policy_freshness(&view) == Freshness::Stale {
            why.push("the policy is older than `policy.age_max_s`".to_owned());
        }
        why.extend(self.stale_revocations(&view, self.journal.now().at).map(str::to_owned));
        why.extend(self.svid_wrong());
        if let Standing::Down(cause) = self.journal.standing() {
            why.push(format!("the journal is down until a restart: {cause}"));
        }
        let health = self.evaluator.health();
        if !health.ready {
            why.push(format!("{} evaluator threads are lost in evaluations that do not end", health.lost));
        }
        why
    }
}

/// The journal's row as the room of permissions wants it; none where its subject does not read (no such row is written).
fn answerable(refusal: journal::Refusal) -> Option<permission::RefusedDecision> {
    Some(permission::RefusedDecision {
        id: refusal.call,
        at: refusal.at,
        subject: identity::SpiffeId::parse(&refusal.subject).ok()?,
        user: refusal.user.map(|(issuer, subject)| identity::Actor { issuer, subject }),
        tenant: refusal.tenant,
        upstream: refusal.upstream,
        tool: refusal.tool,
        arguments_digest: refusal.arguments_digest,
        blocked: match refusal.blocked {
            journal::Blocked::NeedsApproval => permission::Blocked::NeedsApproval,
            journal::Blocked::Denied => permission::Blocked::Denied,
            journal::Blocked::Error => permission::Blocked::Error,
        },
        reasons: refusal.reasons,
    })
}

impl Metrics {
    /// Awaits `work` and observes how long it took.
    pub(crate) async fn timed<T>(&self, into: &Seconds, work: impl Future<Output = T>) -> T {
        let started = Instant::now();
        let done = work.await;
        into.0.observe(started.elapsed().as_secs_f64());
        done
    }
}

/// Carries each request that comes in.
pub(crate) struct Service(pub(crate) Arc<House>);

impl Handler for Service {
    async fn call(&self, accepted: Accepted) -> Response<ReplyBody> {
        let house = &self.0;
        let _in_flight = InFlight::begin(&house.metrics);
        let view = house.view.load_full();
        let mut carried = Carried { house, facts: Facts::begin(House::call_id(), house.journal.now(), &view) };
        let facts = &mut carried.facts;
        match pipeline::carry(house, &view, facts, accepted).await {
            Ok(response) => {
                forwarded(house, facts);
                response
            }
            Err(stopped) => pipeline::stop(house, &view, facts, stopped).await,
        }
    }

    fn unreadable(&self, peer: &Peer, listener: &str, why: &str) {
        tracing::warn!(listener, peer = ?peer.address(), why, "a connection's bytes are no http");
    }
}

fn forwarded(house: &House, facts: &Facts) {
    let labels = CallLabels { route: facts.route_name().to_owned(), would: facts.would(), done: "forward" };
    house.metrics.calls.get_or_create(&labels).inc();
    if facts.warnings.is_empty() {
        return;
    }
    for code in &facts.warnings {
        house.metrics.warnings.get_or_create(&CodeLabels { code: code.as_str().to_owned() }).inc();
    }
    // A message may hold arguments; it is in the record's body.
    let codes: Vec<String> = facts.reasons().into_iter().map(|(code, _)| code).collect();
    let (tenant, subject, called) = facts.named();
    let (subject, called) = (canon::text::shown(subject, 200), canon::text::shown(called, 200));
    tracing::warn!(decision = %facts.id, route = facts.route_name(), tenant, subject, call = called, mode = facts.mode(), reasons = codes.join(" "), "forwarded with a warning: a stricter mode would refuse it");
}

/// What is known of a call that is being carried. Whoever hangs up drops it: what he asked for is recorded all the same.
struct Carried<'a> {
    house: &'a House,
    facts: Facts,
}

impl Drop for Carried<'_> {
    fn drop(&mut self) {
        pipeline::abandon(self.house, &mut self.facts);
    }
}

/// A call that is being carried.
struct InFlight(Arc<Metrics>);

impl InFlight {
    fn begin(metrics: &Arc<Metrics>) -> Self {
        metrics.calls_in_flight.inc();
        Self(Arc::clone(metrics))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.calls_in_flight.dec();
    }
}

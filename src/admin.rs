//! The admin listener: health, metrics, refusals to answer, permissions to deposit. Loopback or a Unix socket only.
//!
//! Health and metrics are for anyone who gets here, the rest for the users that `admin.peer_uids` names. A deposit is authenticated by its own
//! signature; nothing here changes anything else.

mod deposits;
mod refusals;

use crate::service::House;
use crate::telemetry::{LimitLabels, rendered};
use crate::view::browser;
use http::{HeaderValue, Method, Response, StatusCode, header};
use serde_json::{Value, json};
use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;
use wire::{Accepted, Handler, ReplyBody};

/// What may be asked on a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Everything.
    Admin,
    /// Health and metrics: for a kubelet and a scraper.
    Health,
}

/// Answers what people, kubelets and scrapers ask.
pub(crate) struct Admin {
    pub(crate) house: Arc<House>,
    pub(crate) reach: Reach,
}

impl Handler for Admin {
    async fn call(&self, accepted: Accepted) -> Response<ReplyBody> {
        let Accepted { head, body, peer, .. } = accepted;
        let path = head.uri.path();
        if let Some(why) = browser::page(&peer, &head, None).filter(|_| self.reach == Reach::Admin) {
            return problem(StatusCode::BAD_REQUEST, "toolgate.http.host", why);
        }
        if path.starts_with("/v1/") && self.reach == Reach::Admin && !self.administers(peer.uid()) {
            return stranger(peer.uid());
        }
        match (&head.method, path, self.reach) {
            (&Method::GET, "/livez", _) => text(StatusCode::OK, "alive\n".to_owned()),
            (&Method::GET, "/readyz", _) => self.ready(),
            (&Method::GET, "/metrics", _) => self.metrics(),
            (&Method::GET, "/v1/permissions", Reach::Admin) => answer(StatusCode::OK, &deposits::list(&self.house)),
            (&Method::POST, "/v1/permissions", Reach::Admin) => match body.collect(peer.counted_as()).await {
                Ok(token) => deposits::deposit(&self.house, &token).await,
                Err(error) => problem(error.status(), "toolgate.http.framing", &error.to_string()),
            },
            (&Method::GET, _, Reach::Admin) if path.starts_with("/v1/refusals/") => {
                refusals::refusal(&self.house, path.strip_prefix("/v1/refusals/").unwrap_or_default()).await
            }
            _ => problem(StatusCode::NOT_FOUND, "toolgate.no_route", "nothing is served here: see `docs/admin.md`"),
        }
    }
}

impl Admin {
    /// Whether this user of the machine may see refusals and deposit permissions.
    fn administers(&self, uid: Option<u32>) -> bool {
        let named = self.house.config.admin.peer_uids.as_deref();
        uid.is_some_and(|uid| named.map_or_else(|| uid == 0 || own_uid() == Some(uid), |named| named.contains(&uid)))
    }

    fn ready(&self) -> Response<ReplyBody> {
        let (why, mode) = (self.house.unready(), self.house.view.load().mode.clone());
        let mut lines = vec![format!("mode {} ({})", mode.name, mode.enforcement)];
        if mode.permissive {
            lines.push("PERMISSIVE: calls that the policy refuses are forwarded with a warning".to_owned());
        }
        if let Some(problem) = self.house.policy_rejected.load().as_deref() {
            lines.push(format!("the policy on disk is rejected, the last good one stays: {problem}"));
        }
        if why.is_empty() {
            lines.insert(0, "ready".to_owned());
            return text(StatusCode::OK, lines.join("\n") + "\n");
        }
        lines.splice(0..0, std::iter::once("not ready".to_owned()).chain(why));
        text(StatusCode::SERVICE_UNAVAILABLE, lines.join("\n") + "\n")
    }

    fn metrics(&self) -> Response<ReplyBody> {
        let (house, stats) = (&self.house, self.house.journal.stats());
        let now = house.journal.now().at;
        let gauge = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        house.metrics.journal_bytes.set(gauge(stats.used_bytes));
        house.metrics.journal_budget_bytes.set(gauge(stats.budget_bytes));
        house.metrics.undelivered_records.set(gauge(stats.unread));
        #[expect(clippy::cast_precision_loss, reason = "an age in microseconds is far below 2^52")]
        house.metrics.undelivered_age.set(stats.oldest_unread.map_or(0.0, |oldest| now.0.saturating_sub(oldest.0) as f64 / 1e6));
        house.metrics.policy_age.set(house.policy_age().map_or(f64::INFINITY, |age| age.as_secs_f64()));
        #[expect(clippy::cast_precision_loss, reason = "seconds since the epoch are far below 2^52")]
        house.metrics.svid_not_after.set(house.svid_not_after().map_or(f64::INFINITY, |last| last.seconds() as f64));
        #[expect(clippy::cast_precision_loss, reason = "seconds since the epoch are far below 2^52")]
        house.metrics.revocations_not_after.set(house.view.load().keys.revocations_end().map_or(f64::INFINITY, |end| end as f64));
        self.limits();
        let mut response = text(StatusCode::OK, rendered(&house.registry));
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8"));
        response
    }
}

impl Admin {
    /// Brings the counters of the listeners and upstreams, which count for themselves, up to date.
    fn limits(&self) {
        let (metrics, tally) = (&self.house.metrics, &self.house.tally);
        let catch_up = |counter: &prometheus_client::metrics::counter::Counter, now: u64| counter.inc_by(now.saturating_sub(counter.get()));
        for limit in wire::Limit::ALL {
            catch_up(&metrics.limits_met.get_or_create(&LimitLabels { limit: limit.name() }), tally.met(*limit));
        }
        catch_up(&metrics.unreadable, tally.unreadable());
        metrics.connections.set(i64::try_from(tally.connections()).unwrap_or(i64::MAX));
    }
}

/// The user that toolgate runs as.
fn own_uid() -> Option<u32> {
    std::fs::metadata("/proc/self").ok().map(|own| own.uid())
}

fn stranger(uid: Option<u32>) -> Response<ReplyBody> {
    let who = uid.map_or_else(|| "a user that the system does not name".to_owned(), |uid| format!("user {uid}"));
    tracing::warn!(uid, "someone who may not administer asked the admin listener");
    problem(StatusCode::FORBIDDEN, "toolgate.admin.peer", &format!("{who} may not administer here: `admin.peer_uids` names who may"))
}

fn text(status: StatusCode, text: String) -> Response<ReplyBody> {
    let mut response = Response::new(ReplyBody::full(text));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// A JSON answer.
fn answer(status: StatusCode, value: &Value) -> Response<ReplyBody> {
    let mut response = text(status, value.to_string() + "\n");
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// RFC 9457, with the reason's code.
fn problem(status: StatusCode, code: &str, detail: &str) -> Response<ReplyBody> {
    let mut response =
        answer(status, &json!({"title": status.canonical_reason(), "status": status.as_u16(), "code": code, "detail": detail}));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response
}

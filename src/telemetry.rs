//! What an operator sees: metrics (OpenMetrics text, names with units, listed in `docs/metrics.md`) and logs.
//!
//! Knows no call and no policy; it counts what others tell it. Nothing secret has a way in: labels are closed sets or configured names.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use std::io::IsTerminal as _;
use std::sync::atomic::AtomicU64;

/// How a call ended at the gate. All values come from the table or the configuration.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct CallLabels {
    /// The configured route's name, or `none`.
    pub(crate) route: String,
    /// What the policy would do: `allow`, `deny`, `error`, or `none` where it was not asked.
    pub(crate) would: &'static str,
    /// What was done: `forward` or `refuse`, as records say it.
    pub(crate) done: &'static str,
}

/// A reason code of the reserved list.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct CodeLabels {
    /// For example `toolgate.malformed.json`.
    pub(crate) code: String,
}

/// An outcome kind.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct OutcomeLabels {
    /// For example `completed` or `unknown`.
    pub(crate) outcome: &'static str,
}

/// A named limit.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct LimitLabels {
    /// Its key in the configuration, for example `body_bytes_max`.
    pub(crate) limit: &'static str,
}

/// What was reloaded, and how it went.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct ReloadLabels {
    /// `policy`, `keys`, `trust` or `certificates`.
    pub(crate) what: &'static str,
    /// `loaded` or `rejected`.
    pub(crate) result: &'static str,
}

/// The mode, as an info metric.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct ModeLabels {
    /// The mode's name.
    pub(crate) mode: String,
    /// Its enforcement level.
    pub(crate) enforcement: String,
    /// `true` where a call may pass that the policy refuses.
    pub(crate) permissive: String,
}

/// Every metric of the process.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    pub(crate) calls: Family<CallLabels, Counter>,
    pub(crate) refusals: Family<CodeLabels, Counter>,
    pub(crate) warnings: Family<CodeLabels, Counter>,
    pub(crate) outcomes: Family<OutcomeLabels, Counter>,
    pub(crate) limits_met: Family<LimitLabels, Counter>,
    pub(crate) unreadable: Counter,
    pub(crate) connections: Gauge,
    pub(crate) reloads: Family<ReloadLabels, Counter>,
    pub(crate) mode: Family<ModeLabels, Gauge>,
    pub(crate) records_lost: Counter,
    pub(crate) records_delivered: Counter,
    pub(crate) delivery_failures: Counter,
    pub(crate) journal_bytes: Gauge,
    pub(crate) journal_budget_bytes: Gauge,
    pub(crate) undelivered_records: Gauge,
    pub(crate) undelivered_age: Gauge<f64, AtomicU64>,
    pub(crate) calls_in_flight: Gauge,
    pub(crate) policy_age: Gauge<f64, AtomicU64>,
    pub(crate) svid_not_after: Gauge<f64, AtomicU64>,
    pub(crate) revocations_not_after: Gauge<f64, AtomicU64>,
    pub(crate) decision_time: Seconds,
    pub(crate) commit_time: Seconds,
    pub(crate) call_time: Seconds,
}

/// A histogram of seconds, from 10 microseconds to about 80 seconds.
#[derive(Clone, Debug)]
pub(crate) struct Seconds(pub(crate) Histogram);

impl Default for Seconds {
    fn default() -> Self {
        Self(Histogram::new(exponential_buckets(0.000_01, 2.0, 24)))
    }
}

impl Metrics {
    /// The metrics under their names, ready to be rendered.
    pub(crate) fn registry(&self) -> Registry {
        let mut all = Registry::with_prefix("toolgate");
        all.register("calls", "Calls, by route, by what the policy would do and by what was done", self.calls.clone());
        all.register("refusals", "Refused calls, by reserved reason code", self.refusals.clone());
        all.register("warnings", "Warnings on forwarded calls, by reserved reason code", self.warnings.clone());
        all.register("outcomes", "How forwarded calls ended", self.outcomes.clone());
        all.register("limits_met", "How often each limit was met", self.limits_met.clone());
        all.register("unreadable_connections", "Connections whose bytes were no HTTP", self.unreadable.clone());
        all.register("connections", "Open connections of agents", self.connections.clone());
        all.register("reloads", "Reloads of policies, keys, trust bundles and certificates", self.reloads.clone());
        all.register("mode", "The runtime mode, always 1", self.mode.clone());
        all.register("records_lost", "Records that a permissive mode went on without", self.records_lost.clone());
        all.register("records_delivered", "Records read back from ClickHouse", self.records_delivered.clone());
        all.register("delivery_failures", "Delivery attempts that ended without a full read-back", self.delivery_failures.clone());
        all.register_with_unit("journal", "Size of the journal", Unit::Bytes, self.journal_bytes.clone());
        all.register_with_unit("journal_budget", "Largest size of the journal", Unit::Bytes, self.journal_budget_bytes.clone());
        all.register("undelivered_records", "Records not yet read back from ClickHouse", self.undelivered_records.clone());
        all.register_with_unit(
            "undelivered_age",
            "Age of the oldest record not yet read back",
            Unit::Seconds,
            self.undelivered_age.clone(),
        );
        all.register("calls_in_flight", "Calls between acceptance and the end of their answer", self.calls_in_flight.clone());
        all.register_with_unit(
            "policy_age",
            "Time since the policy's source was last read and checked",
            Unit::Seconds,
            self.policy_age.clone(),
        );
        all.register_with_unit(
            "svid_not_after",
            "The last second of toolgate's own certificate, since the epoch",
            Unit::Seconds,
            self.svid_not_after.clone(),
        );
        all.register_with_unit(
            "revocations_not_after",
            "The second from which the list of revocations is stale unless it is renewed, since the epoch",
            Unit::Seconds,
            self.revocations_not_after.clone(),
        );
        all.register_with_unit(
            "decision",
            "Time of a decision, the hand-over to its thread included",
            Unit::Seconds,
            self.decision_time.0.clone(),
        );
        all.register_with_unit("commit", "Time from handing a record over to its receipt", Unit::Seconds, self.commit_time.0.clone());
        all.register_with_unit("call", "Time from a call's head to the end of its answer", Unit::Seconds, self.call_time.0.clone());
        all
    }
}

/// The text that `/metrics` answers with.
pub(crate) fn rendered(registry: &Registry) -> String {
    let mut text = String::new();
    // Writing into a String cannot fail; an encoder's own error would leave what was written so far.
    let _ = encode(&mut text, registry);
    text
}

/// Where logs go and how they look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// Text with colours on a terminal, JSON elsewhere.
    Auto,
    /// Text.
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging to standard error; `filter` as in `RUST_LOG`, for example `info` or `wire=debug`.
pub(crate) fn log(format: LogFormat, filter: &str) -> Result<(), tracing_subscriber::filter::ParseError> {
    let terminal = std::io::stderr().is_terminal();
    let json = match format {
        LogFormat::Auto => !terminal,
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    let filter = tracing_subscriber::EnvFilter::builder().parse(filter)?;
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(terminal);
    // A second start of logging in one process is ignored: the first one stands.
    let _ = if json { logs.json().flatten_event(true).try_init() } else { logs.with_target(false).try_init() };
    Ok(())
}

//! What one caller may take, and what the process does when it ends and what it says meanwhile.

use crate::reader::wanted::{one_of, whole};
use crate::reader::{Section, all};

/// Limits on what comes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections, heads, bodies and times.
    pub wire: wire::Limits,
    /// Documents.
    pub protocol: protocol::Limits,
}

/// The log on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log {
    /// How a line looks.
    pub format: LogFormat,
    /// What is written.
    pub level: LogLevel,
}

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Readable on a terminal, JSON elsewhere.
    Auto,
    /// JSON.
    Json,
    /// Readable.
    Text,
}

/// The least important line that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// What a person must see to.
    Error,
    /// And what may become so.
    Warn,
    /// And what happens rarely.
    Info,
    /// And each call.
    Debug,
    /// And everything.
    Trace,
}

impl LogLevel {
    /// The level's name in the config and in filters.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// The section `limits`.
pub(crate) fn limits(section: &mut Section<'_>) -> Option<Limits> {
    let of = protocol::Limits::default();
    let json = section.section("json", json);
    let response = section.or("response_json_bytes_max", of.response_json_bytes_max, &whole(1_024..=268_435_456));
    let wire = wire(section)?;
    if wire.bodies_bytes_max < wire.body_bytes_max {
        let wanted = format!("this is {}, wanted is at least `body_bytes_max` ({})", wire.bodies_bytes_max, wire.body_bytes_max);
        return section.wrong_at("bodies_bytes_max", wanted);
    }
    let json = canon::json::Limits { body_bytes_max: wire.body_bytes_max, ..json? };
    Some(Limits { wire, protocol: protocol::Limits { json, response_json_bytes_max: response? } })
}

fn wire(section: &mut Section<'_>) -> Option<wire::Limits> {
    use wire::Limits;
    let of = Limits::default();
    let time = || whole(1..=86_400_000);
    let (all_calls, calls_of_one) = calls(section, of.calls_max, 1_000_000);
    all!(Limits {
        connections_max: section.or("connections_max", of.connections_max, &whole(1..=1_000_000)),
        connections_over_max: section.or("connections_over_max", of.connections_over_max, &whole(0..=10_000)),
        connections_per_peer_max: section.or("connections_per_peer_max", of.connections_per_peer_max, &whole(1..=1_000_000)),
        calls_max: all_calls,
        calls_per_caller_max: calls_of_one,
        handshake_timeout_ms: section.or("handshake_timeout_ms", of.handshake_timeout_ms, &time()),
        header_bytes_max: section.or("header_bytes_max", of.header_bytes_max, &whole(1_024..=1_048_576)),
        headers_max: section.or("headers_max", of.headers_max, &whole(8..=1_000)),
        header_read_timeout_ms: section.or("header_read_timeout_ms", of.header_read_timeout_ms, &time()),
        body_bytes_max: section.or("body_bytes_max", of.body_bytes_max, &whole(1_024..=67_108_864)),
        bodies_bytes_max: section.or("bodies_bytes_max", of.bodies_bytes_max, &whole(1_024..=4_294_967_295)),
        body_read_timeout_ms: section.or("body_read_timeout_ms", of.body_read_timeout_ms, &time()),
        idle_timeout_ms: section.or("idle_timeout_ms", of.idle_timeout_ms, &time()),
        write_stall_timeout_ms: section.or("write_stall_timeout_ms", of.write_stall_timeout_ms, &time()),
        request_total_timeout_ms: section.or("request_total_timeout_ms", of.request_total_timeout_ms, &time()),
        h2_streams_max: section.or("h2_streams_max", of.h2_streams_max, &whole(1..=10_000)),
        h2_pending_resets_max: section.or("h2_pending_resets_max", of.h2_pending_resets_max, &whole(1..=10_000)),
        h2_forced_resets_max: section.or("h2_forced_resets_max", of.h2_forced_resets_max, &whole(1..=10_000)),
        h2_ping_interval_ms: section.or("h2_ping_interval_ms", of.h2_ping_interval_ms, &time()),
        h2_ping_timeout_ms: section.or("h2_ping_timeout_ms", of.h2_ping_timeout_ms, &time()),
    })
}

/// How many calls at once, and how many of them one caller may have: half, unless it is said.
pub(crate) fn calls(section: &mut Section<'_>, default: usize, most: u64) -> (Option<usize>, Option<usize>) {
    let all = section.or("calls_max", default, &whole(1..=most));
    let each = section.or("calls_per_caller_max", all.unwrap_or(default).div_ceil(2), &whole(1..=most));
    if let (Some(all), Some(each)) = (all, each)
        && each > all
    {
        let message = format!("one caller would have more than the {all} of `calls_max`: write at most that");
        return (Some(all), section.wrong_at("calls_per_caller_max", message));
    }
    (all, each)
}

fn json(section: &mut Section<'_>) -> Option<canon::json::Limits> {
    use canon::json::Limits;
    let of = Limits::default();
    all!(Limits {
        body_bytes_max: Some(of.body_bytes_max),
        depth_max: section.or("depth_max", of.depth_max, &whole(1..=64)),
        string_bytes_max: section.or("string_bytes_max", of.string_bytes_max, &whole(1..=67_108_864)),
        members_max: section.or("members_max", of.members_max, &whole(1..=1_000_000)),
        values_max: section.or("values_max", of.values_max, &whole(1..=1_000_000)),
    })
}

/// The section `log`.
pub(crate) fn log(section: &mut Section<'_>) -> Option<Log> {
    let formats = [("auto", LogFormat::Auto), ("json", LogFormat::Json), ("text", LogFormat::Text)];
    let levels = [LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug, LogLevel::Trace];
    all!(Log {
        format: section.or("format", LogFormat::Auto, &one_of(formats)),
        level: section.or("level", LogLevel::Info, &one_of(levels.map(|level| (level.name(), level)))),
    })
}

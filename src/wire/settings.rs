//! The limits of listeners and upstreams: each has a name with its unit and a default. No file is read here.

use std::time::Duration;

/// What one set of listeners takes on. Every figure is a bound that something in this room enforces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections open at once, all listeners together. Beyond it a connection is still accepted, up to
    /// `connections_over_max` more, and each of its requests is handed on as overload; beyond that it is closed unread.
    pub connections_max: usize,
    /// Connections beyond `connections_max` that are told why (503) instead of being closed.
    pub connections_over_max: usize,
    /// Connections open at once from one peer: an address over TLS, a user on a local socket. Counted as overload too.
    pub connections_per_peer_max: usize,
    /// Calls between their head and the head of their reply, all connections together. Beyond it: overload.
    pub calls_max: usize,
    /// The same of one caller, so that nobody takes all.
    pub calls_per_caller_max: usize,
    /// TLS handshake, whole.
    pub handshake_timeout_ms: u64,
    /// Names and values of a request's headers together.
    pub header_bytes_max: usize,
    /// Headers of a request.
    pub headers_max: usize,
    /// From the first byte of a request's head to its last, and from the start of a connection to its first byte.
    pub header_read_timeout_ms: u64,
    /// A request's body.
    pub body_bytes_max: usize,
    /// Bodies of all requests together, as far as they have arrived, until each is refused or sent; half of it of one caller, or
    /// `body_bytes_max` where that is more. A body that finds no room is overload.
    pub bodies_bytes_max: usize,
    /// A request's body, from its head to its last byte.
    pub body_read_timeout_ms: u64,
    /// A connection without a call in flight.
    pub idle_timeout_ms: u64,
    /// A reply of which not one byte could be written.
    pub write_stall_timeout_ms: u64,
    /// A call, from its head to the end of its answer unless that is a stream: it becomes `Accepted::deadline`.
    pub request_total_timeout_ms: u64,
    /// HTTP/2: streams of one connection at once.
    pub h2_streams_max: u32,
    /// HTTP/2: streams that the client reset and that are not cleared away yet (rapid reset, CVE-2023-44487).
    pub h2_pending_resets_max: usize,
    /// HTTP/2: streams that the client made the server reset (CVE-2025-8671).
    pub h2_forced_resets_max: usize,
    /// HTTP/2: pause between pings.
    pub h2_ping_interval_ms: u64,
    /// HTTP/2: time for a ping's answer.
    pub h2_ping_timeout_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 1024,
            connections_over_max: 64,
            connections_per_peer_max: 512,
            calls_max: 1024,
            calls_per_caller_max: 512,
            handshake_timeout_ms: 10_000,
            header_bytes_max: 32 * 1024,
            headers_max: 64,
            header_read_timeout_ms: 10_000,
            body_bytes_max: 1024 * 1024,
            bodies_bytes_max: 32 * 1024 * 1024,
            body_read_timeout_ms: 30_000,
            idle_timeout_ms: 90_000,
            write_stall_timeout_ms: 60_000,
            request_total_timeout_ms: 300_000,
            h2_streams_max: 100,
            h2_pending_resets_max: 20,
            h2_forced_resets_max: 100,
            h2_ping_interval_ms: 30_000,
            h2_ping_timeout_ms: 20_000,
        }
    }
}

/// What is asked of one upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamLimits {
    /// Calls in flight at once; over HTTP/1.1 also its connections. A call beyond it waits, as long as a connection may take.
    pub calls_max: usize,
    /// The same of one caller, its streams included, so that nobody takes all. A call beyond it waits as long.
    pub calls_per_caller_max: usize,
    /// A place among `calls_max`, name resolution, TCP and TLS together.
    pub connect_timeout_ms: u64,
    /// From the request to the head of its answer.
    pub response_header_timeout_ms: u64,
    /// From the request to the last byte of its answer, unless that is an event stream.
    pub total_timeout_ms: u64,
    /// Silence inside an event stream; `None` lets it be silent for ever.
    pub stream_idle_timeout_ms: Option<u64>,
    /// Headers of an answer; over HTTP/2 their bytes are bounded by `header_bytes_max`, over HTTP/1.1 too.
    pub headers_max: usize,
    /// Names and values of an answer's headers together.
    pub header_bytes_max: usize,
    /// How long an idle connection is kept. Keep it below the upstream's own: a request that meets a closing connection
    /// has no known outcome and is not sent again.
    pub idle_timeout_ms: u64,
    /// Age at which a connection is not used again, so that both certificates are checked anew.
    pub connection_age_max_ms: u64,
    /// HTTP/2: pause between pings.
    pub h2_ping_interval_ms: u64,
    /// HTTP/2: time for a ping's answer.
    pub h2_ping_timeout_ms: u64,
}

impl Default for UpstreamLimits {
    fn default() -> Self {
        Self {
            calls_max: 256,
            calls_per_caller_max: 128,
            connect_timeout_ms: 5_000,
            response_header_timeout_ms: 120_000,
            total_timeout_ms: 300_000,
            stream_idle_timeout_ms: None,
            headers_max: 100,
            header_bytes_max: 64 * 1024,
            // Node and uvicorn close after 5 s.
            idle_timeout_ms: 4_000,
            connection_age_max_ms: 600_000,
            h2_ping_interval_ms: 30_000,
            h2_ping_timeout_ms: 20_000,
        }
    }
}

pub(crate) const fn millis(value: u64) -> Duration {
    Duration::from_millis(value)
}

//! How often each limit was met, and how much is open now: plain counters that a metrics page reads.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

macro_rules! limits {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// A limit of this room, named as its setting is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Limit { $($(#[$doc])* $variant,)* }

        impl Limit {
            /// Every limit.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name of its setting; those of upstreams begin with `upstream.`, the system's with `system.`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

limits! {
    /// Connections open at once.
    Connections = "connections_max",
    /// Connections that were closed unread.
    ConnectionsOver = "connections_over_max",
    /// Connections of one peer.
    ConnectionsPerPeer = "connections_per_peer_max",
    /// Calls being worked on.
    Calls = "calls_max",
    /// Calls of one caller being worked on.
    CallsPerCaller = "calls_per_caller_max",
    /// The system's own (RLIMIT_NOFILE): no descriptor was left to find out who calls.
    OpenFiles = "system.open_files",
    /// TLS handshake too slow.
    HandshakeTime = "handshake_timeout_ms",
    /// Headers too large.
    HeaderBytes = "header_bytes_max",
    /// Headers too many.
    Headers = "headers_max",
    /// Head of a request too slow.
    HeaderReadTime = "header_read_timeout_ms",
    /// Body too large.
    BodyBytes = "body_bytes_max",
    /// Bodies in memory, all together or of one caller.
    BodiesBytes = "bodies_bytes_max",
    /// Body too slow.
    BodyReadTime = "body_read_timeout_ms",
    /// Connection without a call.
    IdleTime = "idle_timeout_ms",
    /// The peer reads nothing.
    WriteStallTime = "write_stall_timeout_ms",
    /// No place for a call to the upstream.
    UpstreamCalls = "upstream.calls_max",
    /// No place for another call of the same caller to the upstream.
    UpstreamCallsPerCaller = "upstream.calls_per_caller_max",
    /// Upstream not reached in time.
    UpstreamConnectTime = "upstream.connect_timeout_ms",
    /// No head of an answer in time.
    UpstreamHeaderTime = "upstream.response_header_timeout_ms",
    /// No end of an answer in time.
    UpstreamTotalTime = "upstream.total_timeout_ms",
    /// An event stream was silent too long.
    UpstreamStreamIdleTime = "upstream.stream_idle_timeout_ms",
}

/// Counters, shared by all that one process serves and calls.
#[derive(Debug)]
pub struct Tally {
    met: [AtomicU64; Limit::ALL.len()],
    connections: AtomicUsize,
    calls: AtomicUsize,
    unreadable: AtomicU64,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            met: [const { AtomicU64::new(0) }; Limit::ALL.len()],
            connections: AtomicUsize::new(0),
            calls: AtomicUsize::new(0),
            unreadable: AtomicU64::new(0),
        }
    }
}

impl Tally {
    /// How often `limit` was met since the start.
    #[must_use]
    pub fn met(&self, limit: Limit) -> u64 {
        self.met.get(limit as usize).map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// Connections open now, all listeners together.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Calls between their head and the last byte of their reply, all listeners together.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    /// Connections that ended because their bytes were no HTTP.
    #[must_use]
    pub fn unreadable(&self) -> u64 {
        self.unreadable.load(Ordering::Relaxed)
    }

    pub(crate) fn count(&self, limit: Limit) {
        if let Some(count) = self.met.get(limit as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn count_unreadable(&self) {
        self.unreadable.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) const fn open_connections(&self) -> &AtomicUsize {
        &self.connections
    }

    pub(crate) const fn open_calls(&self) -> &AtomicUsize {
        &self.calls
    }
}

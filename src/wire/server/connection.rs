//! One connection: who is there, which HTTP it speaks, its requests one by one, its idleness and its end.

use super::admission::Ticket;
use super::{Accepted, Handler, Load, Phase, Stop};
use crate::bodies::Bodies;
use crate::guarded::{Findings, Guarded, Patience, Speaks};
use crate::head;
use crate::inbound::Inbound;
use crate::listener::{Knock, Stream};
use crate::peer::Peer;
use crate::reply::{BoxError, ReplyBody};
use crate::settings::{Limits, millis};
use crate::tally::{Limit, Tally};
use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use protocol::Head;
use std::convert::Infallible;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// Beyond our own limits, so that a head somewhat over them still gets an answer with a decision id.
const HEADER_BYTES_BEYOND: usize = 16 * 1024;
const HEADERS_WITHOUT_HEAP: usize = 100;
const H1_BUFFER_MIN: usize = 64 * 1024;

pub(super) struct Server<H> {
    limits: Limits,
    handler: Arc<H>,
    tally: Arc<Tally>,
    bodies: Arc<Bodies>,
    stop: Stop,
    /// Calls whose reply has not begun.
    working: AtomicUsize,
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
}

/// What the requests of one connection share.
struct Connection<H> {
    server: Arc<Server<H>>,
    peer: Arc<Peer>,
    listener: Arc<str>,
    ticket: Ticket,
    findings: Arc<Findings>,
    requests: AtomicU64,
    activity: Arc<Activity>,
}

/// Whether a connection has calls in flight, and since when it has not.
struct Activity {
    began: Instant,
    in_flight: AtomicUsize,
    /// Milliseconds after `began`.
    idle_since: AtomicU64,
}

impl<H: Handler> Server<H> {
    pub(super) fn new(limits: Limits, handler: Arc<H>, tally: Arc<Tally>, stop: Stop) -> Self {
        let header_bytes = limits.header_bytes_max.saturating_add(HEADER_BYTES_BEYOND);
        let mut http1 = http1::Builder::new();
        http1
            .header_read_timeout(None)
            .max_headers(limits.headers_max.saturating_add(1).max(HEADERS_WITHOUT_HEAP))
            .max_header_size(header_bytes)
            .max_buf_size(header_bytes.max(H1_BUFFER_MIN));
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .max_header_list_size(u32::try_from(header_bytes).unwrap_or(u32::MAX))
            .max_concurrent_streams(limits.h2_streams_max)
            .max_pending_accept_reset_streams(limits.h2_pending_resets_max)
            .max_local_error_reset_streams(limits.h2_forced_resets_max)
            .keep_alive_interval(millis(limits.h2_ping_interval_ms))
            .keep_alive_timeout(millis(limits.h2_ping_timeout_ms));
        let bodies = Arc::new(Bodies::new(&limits, Arc::clone(&tally)));
        Self { limits, handler, tally, bodies, stop, working: AtomicUsize::new(0), http1, http2 }
    }

    pub(super) const fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(super) const fn stop(&self) -> &Stop {
        &self.stop
    }

    pub(super) async fn connection(self: Arc<Self>, knock: Knock, listener: Arc<str>, ticket: Ticket, mut phase: watch::Receiver<Phase>) {
        let findings = Arc::new(Findings::default());
        let begun = tokio::select! {
            biased;
            _ = phase.changed() => return,
            begun = self.begin(knock, ticket, Arc::clone(&findings)) => begun,
        };
        let (stream, speaks, peer, ticket) = match begun {
            Ok(begun) => begun,
            Err(error) => return tracing::debug!(listener = &*listener, %error, "a connection ended before its first request"),
        };
        let activity = Arc::new(Activity { began: Instant::now(), in_flight: AtomicUsize::new(0), idle_since: AtomicU64::new(0) });
        let of =
            Arc::new(Connection { server: self, peer: Arc::new(peer), listener, ticket, findings, requests: AtomicU64::new(0), activity });
        let service = service_fn(|request| Arc::clone(&of).request(request));
        let io = TokioIo::new(stream);
        let ended = match speaks {
            Speaks::Http1 => of.drive(of.server.http1.serve_connection(io, service), phase).await,
            Speaks::Http2 => of.drive(of.server.http2.serve_connection(io, service), phase).await,
        };
        if let Err(error) = ended {
            of.broke(&error);
        }
    }

    async fn begin(&self, knock: Knock, ticket: Ticket, findings: Arc<Findings>) -> io::Result<(Guarded<Stream>, Speaks, Peer, Ticket)> {
        let Ok(entered) = tokio::time::timeout(millis(self.limits.handshake_timeout_ms), knock.enter()).await else {
            self.tally.count(Limit::HandshakeTime);
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the TLS handshake took too long"));
        };
        let (stream, peer, met) = entered?;
        let mut ticket = ticket.of(peer.counted_as()).ok_or_else(|| io::Error::other("the peer has too many connections"))?;
        if let Some(limit) = met {
            ticket.over(limit);
        }
        let patience = Patience {
            head: millis(self.limits.header_read_timeout_ms),
            stall: millis(self.limits.write_stall_timeout_ms),
            line_bytes_max: self.limits.header_bytes_max.saturating_add(HEADER_BYTES_BEYOND),
        };
        let mut stream = Guarded::new(stream, patience, findings, Arc::clone(&self.tally));
        let speaks = stream.version().await?;
        Ok((stream, speaks, peer, ticket))
    }
}

impl<H: Handler> Connection<H> {
    async fn request(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Sending>, Infallible> {
        let (server, now) = (&self.server, Instant::now());
        let busy = Busy::new(&self.activity, &server.tally);
        let working = Working::new(server);
        let number = self.requests.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let (head, body) = request.into_parts();
        let sound = head::check(&head.headers, number == self.findings.conflict_at(), &server.limits);
        if let Some(limit) = sound.err().and_then(head::Unsound::limit) {
            server.tally.count(limit);
        }
        let until = now + millis(server.limits.body_read_timeout_ms);
        let accepted = Accepted {
            head: Head { method: head.method, uri: head.uri, headers: head.headers, version: head.version },
            body: Inbound::new(body, sound, until, Arc::clone(&server.bodies)),
            peer: Arc::clone(&self.peer),
            listener: Arc::clone(&self.listener),
            load: working.load(self.ticket.load()),
            deadline: now + millis(server.limits.request_total_timeout_ms),
        };
        let reply = server.handler.call(accepted).await;
        drop(working);
        Ok(reply.map(|body| Sending { body, _busy: busy }))
    }

    /// Runs the connection to its end. An idle one is closed, and dropped if it does not go; a drain lets calls in flight finish.
    async fn drive<C: GracefulConnection<Error = hyper::Error>>(
        &self,
        connection: C,
        mut phase: watch::Receiver<Phase>,
    ) -> hyper::Result<()> {
        let limits = &self.server.limits;
        let idle = millis(match self.ticket.load() {
            Load::Within => limits.idle_timeout_ms,
            // It was only let in to be told that it is one too many.
            Load::Over(_) => limits.header_read_timeout_ms,
        });
        let (mut connection, mut wake, mut closing) = (pin!(connection), pin!(tokio::time::sleep(idle)), false);
        loop {
            tokio::select! {
                biased;
                ended = connection.as_mut() => return ended,
                _ = phase.changed() => match *phase.borrow_and_update() {
                    Phase::Serving => {}
                    Phase::Draining => connection.as_mut().graceful_shutdown(),
                    Phase::Cut => return Ok(()),
                },
                () = wake.as_mut() => match self.activity.idle_for() {
                    None => wake.as_mut().reset(Instant::now() + idle),
                    Some(so_far) if so_far < idle => wake.as_mut().reset(Instant::now() + idle.saturating_sub(so_far)),
                    Some(_) if closing => return Ok(()),
                    Some(_) => {
                        self.server.tally.count(Limit::IdleTime);
                        closing = true;
                        connection.as_mut().graceful_shutdown();
                        wake.as_mut().reset(Instant::now() + millis(limits.handshake_timeout_ms));
                    }
                },
            }
        }
    }

    fn broke(&self, error: &hyper::Error) {
        if error.is_parse() {
            self.server.tally.count_unreadable();
            self.server.handler.unreadable(&self.peer, &self.listener, &error.to_string());
        }
        tracing::debug!(listener = &*self.listener, %error, "a connection broke");
    }
}

impl Activity {
    fn idle_for(&self) -> Option<Duration> {
        let since = millis(self.idle_since.load(Ordering::Acquire));
        (self.in_flight.load(Ordering::Acquire) == 0).then(|| self.began.elapsed().saturating_sub(since))
    }
}

/// A call in flight, from its head to the last byte of its reply.
struct Busy {
    activity: Arc<Activity>,
    tally: Arc<Tally>,
}

impl Busy {
    fn new(activity: &Arc<Activity>, tally: &Arc<Tally>) -> Self {
        activity.in_flight.fetch_add(1, Ordering::AcqRel);
        tally.open_calls().fetch_add(1, Ordering::Relaxed);
        Self { activity: Arc::clone(activity), tally: Arc::clone(tally) }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let now = u64::try_from(self.activity.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.activity.idle_since.store(now, Ordering::Release);
        self.activity.in_flight.fetch_sub(1, Ordering::AcqRel);
        self.tally.open_calls().fetch_sub(1, Ordering::Relaxed);
    }
}

/// A call whose reply has not begun: those are what `calls_max` bounds, a stream that runs for hours is not.
struct Working<'a> {
    count: &'a AtomicUsize,
    load: Load,
}

impl<'a> Working<'a> {
    fn new<H>(server: &'a Server<H>) -> Self {
        let before = server.working.fetch_add(1, Ordering::Relaxed);
        let load = if before < server.limits.calls_max {
            Load::Within
        } else {
            server.tally.count(Limit::Calls);
            Load::Over(Limit::Calls)
        };
        Self { count: &server.working, load }
    }

    const fn load(&self, of_connection: Load) -> Load {
        match of_connection {
            Load::Within => self.load,
            Load::Over(limit) => Load::Over(limit),
        }
    }
}

impl Drop for Working<'_> {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A reply on its way, with what must end when it ends.
struct Sending {
    body: ReplyBody,
    _busy: Busy,
}

impl Body for Sending {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

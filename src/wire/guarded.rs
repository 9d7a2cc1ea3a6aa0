//! A socket under guard: a head that comes too slowly and a peer that reads nothing end in an error, and each HTTP/1 head is watched.

use crate::framing::Framing;
use crate::tally::{Limit, Tally};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// RFC 9113 section 3.4.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Which HTTP a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaks {
    Http1,
    Http2,
}

/// What the guard tells the service of its connection.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// The number, from 1, of the request whose head has both lengths; 0 for none. It is the connection's last.
    conflict: AtomicU64,
}

impl Findings {
    pub(crate) fn conflict_at(&self) -> u64 {
        self.conflict.load(Ordering::Acquire)
    }
}

/// How patient a guard is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    pub(crate) head: Duration,
    pub(crate) stall: Duration,
    pub(crate) line_bytes_max: usize,
}

pub(crate) struct Guarded<S> {
    inner: S,
    /// Bytes that were read to tell the version, and how many of them were given on.
    prefix: ([u8; PREFACE.len()], usize, usize),
    framing: Option<Framing>,
    findings: Arc<Findings>,
    tally: Arc<Tally>,
    patience: Patience,
    /// How the peer's bytes ended, where that is still to be told.
    end: Option<io::Result<()>>,
    head_timer: Option<Pin<Box<Sleep>>>,
    head_began: Option<Instant>,
    stall_timer: Option<Pin<Box<Sleep>>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Guarded<S> {
    pub(crate) fn new(inner: S, patience: Patience, findings: Arc<Findings>, tally: Arc<Tally>) -> Self {
        Self {
            inner,
            prefix: ([0; PREFACE.len()], 0, 0),
            framing: None,
            findings,
            tally,
            patience,
            end: None,
            head_timer: None,
            head_began: None,
            stall_timer: None,
        }
    }

    /// Reads as much as tells HTTP/2 with prior knowledge from HTTP/1. The first bytes have the time of a head.
    pub(crate) async fn version(&mut self) -> io::Result<Speaks> {
        match tokio::time::timeout(self.patience.head, self.read_prefix()).await {
            Ok(speaks) => speaks,
            Err(_) => Err(self.too_slow()),
        }
    }

    async fn read_prefix(&mut self) -> io::Result<Speaks> {
        let (bytes, filled, _) = &mut self.prefix;
        while *filled < PREFACE.len() {
            let read = self.inner.read(bytes.get_mut(*filled..).unwrap_or_default()).await?;
            *filled = filled.saturating_add(read);
            let so_far = bytes.get(..*filled).unwrap_or_default();
            if read == 0 || !PREFACE.starts_with(so_far) {
                self.framing = Some(Framing::new(self.patience.line_bytes_max));
                return Ok(Speaks::Http1);
            }
        }
        Ok(Speaks::Http2)
    }

    fn too_slow(&self) -> io::Error {
        self.tally.count(Limit::HeaderReadTime);
        io::Error::new(io::ErrorKind::TimedOut, "the head of a request did not come in time")
    }

    fn watch(&mut self, bytes: &[u8]) {
        let Some(framing) = &mut self.framing else { return };
        if let Some(number) = framing.see(bytes) {
            // The first stays: hyper serves no request after it.
            let _ = self.findings.conflict.compare_exchange(0, number, Ordering::AcqRel, Ordering::Acquire);
        }
        if !framing.inside_head() {
            (self.head_began, self.head_timer) = (None, None);
        } else if self.head_began.is_none() {
            self.head_began = Some(Instant::now());
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buf.filled().len();
        let (bytes, filled, given) = &mut this.prefix;
        if *given < *filled {
            let rest = bytes.get(*given..*filled).unwrap_or_default();
            let taken = rest.len().min(buf.remaining());
            buf.put_slice(rest.get(..taken).unwrap_or_default());
            *given = given.saturating_add(taken);
        } else if let Some(end) = this.end.take() {
            return Poll::Ready(end);
        } else {
            match Pin::new(&mut this.inner).poll_read(cx, buf) {
                Poll::Ready(Ok(())) if buf.filled().len() > before => {}
                // Told one turn late: hyper drops a call whose client has gone even before it was polled once, and nobody would know of it.
                Poll::Ready(end) => {
                    this.end = Some(end);
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Poll::Pending => {
                    let Some(began) = this.head_began else { return Poll::Pending };
                    let until = began + this.patience.head;
                    let timer = this.head_timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
                    ready!(timer.as_mut().poll(cx));
                    return Poll::Ready(Err(this.too_slow()));
                }
            }
        }
        this.watch(buf.filled().get(before..).unwrap_or_default());
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Guarded<S> {
    /// Passes on what a write came to; a write that stays pending for too long fails.
    fn stalled<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stall_timer = None;
            return written;
        }
        let timer = self.stall_timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(self.patience.stall)));
        ready!(timer.as_mut().poll(cx));
        self.tally.count(Limit::WriteStallTime);
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer reads nothing")))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(cx, buf);
        self.stalled(cx, written)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bufs: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
        self.stalled(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(cx);
        self.stalled(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.inner).poll_shutdown(cx);
        self.stalled(cx, shut)
    }
}

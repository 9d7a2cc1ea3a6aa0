//! The body of an upstream's answer, frame by frame as it comes, within its time. Whoever drops it early cancels the call upstream.

use super::pool::Lease;
use super::told;
use crate::shares::Seat;
use crate::tally::{Limit, Tally};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// How long a body may take.
#[derive(Debug, Clone, Copy)]
pub(super) enum Timing {
    /// Whole by then.
    Until(Instant),
    /// For ever, but never silent for longer.
    Silence(Option<Duration>),
}

/// A body on its way from the upstream.
pub struct Answer {
    body: Incoming,
    /// Gone once the answer was read to its end.
    places: Option<(Lease, Seat)>,
    timing: Timing,
    timer: Option<Pin<Box<Sleep>>>,
    tally: Arc<Tally>,
}

/// Why an answer has no end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// The connection ended first, or its framing is broken.
    #[error("the upstream's answer broke off: {0}")]
    Off(String),
    /// Its time was over.
    #[error("the upstream's answer did not end in time (`{}`)", .0.name())]
    Timeout(Limit),
}

impl Answer {
    pub(super) const fn new(body: Incoming, places: (Lease, Seat), timing: Timing, tally: Arc<Tally>) -> Self {
        Self { body, places: Some(places), timing, timer: None, tally }
    }

    /// Polled while no frame is there: whether the time is over.
    fn late(&mut self, cx: &mut Context<'_>) -> Option<Limit> {
        let (until, limit) = match self.timing {
            Timing::Until(until) => (until, Limit::UpstreamTotalTime),
            Timing::Silence(Some(silence)) => (Instant::now() + silence, Limit::UpstreamStreamIdleTime),
            Timing::Silence(None) => return None,
        };
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        timer.as_mut().poll(cx).is_ready().then_some(limit)
    }

    fn ended(&mut self) {
        if let Some((lease, _)) = self.places.take() {
            lease.give_back();
        }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let this = &mut *self;
        match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                if let Timing::Silence(_) = this.timing {
                    this.timer = None;
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                this.places = None;
                Poll::Ready(Some(Err(Broken::Off(told(&error)))))
            }
            Poll::Ready(None) => {
                this.ended();
                Poll::Ready(None)
            }
            Poll::Pending => match this.late(cx) {
                None => Poll::Pending,
                Some(limit) => {
                    this.places = None;
                    this.tally.count(limit);
                    Poll::Ready(Some(Err(Broken::Timeout(limit))))
                }
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        // Who knows the length reads no further than to it.
        if self.body.is_end_stream() {
            self.ended();
        }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({:?})", self.timing)
    }
}

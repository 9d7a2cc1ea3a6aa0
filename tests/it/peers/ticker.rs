//! A small MCP and HTTP tool that does one real thing: it answers every request with notifications that never end, as fast as they are read, and knows how
//! many of its answers are still being asked for.

use super::process::PATIENCE;
use super::until;
use hyper::body::{Body, Bytes, Frame};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustix::net::sockopt::set_socket_send_buffer_size;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

/// Of the text in one notification.
const TEXT_BYTES: usize = 2_000;
/// What the kernel keeps of an answer that is not read: megabytes otherwise, which would first have to be made.
const KEPT_BYTES: usize = 64 << 10;

/// Serves until it is dropped.
pub(crate) struct Ticker {
    at: SocketAddr,
    open: Arc<AtomicUsize>,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Ticker {
    /// On a port that the kernel chooses, on a thread of its own.
    pub(crate) fn start() -> Ticker {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let at = listener.local_addr().unwrap();
        let open = Arc::<AtomicUsize>::default();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let counted = Arc::clone(&open);
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                set_socket_send_buffer_size(&stream, KEPT_BYTES).unwrap();
                let open = Arc::clone(&counted);
                tokio::spawn(async move {
                    let service = service_fn(|_| std::future::ready(Ok::<_, Infallible>(answer(&open))));
                    // Every client goes away in the middle.
                    let _ = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Ticker { at, open, runtime: Some(runtime) }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.at
    }

    /// Waits until so many answers are under way.
    pub(crate) fn await_open(&self, count: usize) {
        until(&format!("{count} answers under way"), PATIENCE, || (self.open.load(Ordering::SeqCst) == count).then_some(()));
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // A test may drop it inside a runtime of its own, where a blocking end is not allowed.
            runtime.shutdown_background();
        }
    }
}

fn answer(open: &Arc<AtomicUsize>) -> hyper::Response<Notifications> {
    let text = "x".repeat(TEXT_BYTES);
    let notification = serde_json::json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": text}});
    open.fetch_add(1, Ordering::SeqCst);
    let body = Notifications { event: Bytes::from(format!("data: {notification}\n\n")), open: Arc::clone(open) };
    hyper::Response::builder().header("content-type", "text/event-stream").body(body).unwrap()
}

/// One event, again and again.
struct Notifications {
    event: Bytes,
    open: Arc<AtomicUsize>,
}

impl Body for Notifications {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(Some(Ok(Frame::data(self.event.clone()))))
    }
}

impl Drop for Notifications {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::SeqCst);
    }
}

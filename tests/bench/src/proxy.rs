//! The bare proxy: mTLS in, plain HTTP out, connections kept. No policy, no record, no limits: what forwarding costs by itself.

use crate::Failure;
use crate::pki;
use crate::serve::{runtime, serve};
use http_body_util::BodyExt as _;
use http_body_util::combinators::MapErr;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

/// Connections to the upstream that no call uses now.
#[derive(Default)]
struct Idle(Mutex<Vec<SendRequest<Incoming>>>);

impl Idle {
    fn take(&self) -> Option<SendRequest<Incoming>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn put(&self, sender: SendRequest<Incoming>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
    }
}

/// Serves.
pub(crate) fn run(folder: &Path, address: &str, upstream: &str) -> Result<(), Failure> {
    let tls = TlsAcceptor::from(Arc::new(pki::server_config(folder)?));
    let (idle, upstream) = (Arc::new(Idle::default()), Arc::<str>::from(upstream));
    runtime()?.block_on(serve(address, Some(tls), move |request| pass(Arc::clone(&idle), Arc::clone(&upstream), request)))
}

async fn pass(idle: Arc<Idle>, upstream: Arc<str>, request: Request<Incoming>) -> Result<Response<Answer>, Failure> {
    let mut sender = match idle.take().filter(SendRequest::is_ready) {
        Some(sender) => sender,
        None => connect(&upstream).await?,
    };
    let response = sender.send_request(request).await?;
    Ok(response.map(|body| Answer { body: body.map_err(Into::into), lease: Some((idle, sender)) }))
}

async fn connect(upstream: &str) -> Result<SendRequest<Incoming>, Failure> {
    let stream = TcpStream::connect(upstream).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

/// An answer on its way; its connection is kept again when it was read to its end.
struct Answer {
    body: MapErr<Incoming, fn(hyper::Error) -> Failure>,
    lease: Option<(Arc<Idle>, SendRequest<Incoming>)>,
}

impl Drop for Answer {
    fn drop(&mut self) {
        if let Some((idle, sender)) = self.lease.take()
            && hyper::body::Body::is_end_stream(&self.body)
        {
            idle.put(sender);
        }
    }
}

impl hyper::body::Body for Answer {
    type Data = bytes::Bytes;
    type Error = Failure;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<hyper::body::Frame<Self::Data>, Failure>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.size_hint()
    }
}

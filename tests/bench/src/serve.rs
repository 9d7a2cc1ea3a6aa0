//! A listener that serves HTTP/1.1 with one service on each connection: what the upstream and the bare proxy share.

use crate::Failure;
use bytes::Bytes;
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A runtime as toolgate's: as many threads as cores that the process may use.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

/// Serves until the process is ended.
pub(crate) async fn serve<F, R, B>(address: &str, tls: Option<TlsAcceptor>, service: F) -> Result<(), Failure>
where
    F: Fn(Request<Incoming>) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Response<B>, Failure>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Failure>,
{
    let listener = TcpListener::bind(address).await?;
    let service = Arc::new(service);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (service, tls) = (Arc::clone(&service), tls.clone());
        tokio::spawn(async move {
            let service = service_fn(move |request| service(request));
            // A connection that breaks is the other side's to tell: it counts every answer.
            let _ = match tls {
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => http1::Builder::new().serve_connection(TokioIo::new(stream), service).await,
                    Err(_) => Ok(()),
                },
                None => http1::Builder::new().serve_connection(TokioIo::new(stream), service).await,
            };
        });
    }
}

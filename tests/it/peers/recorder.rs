//! A small HTTP tool (HTTP/1.1 and HTTP/2 without TLS) that does one real thing: it keeps a durable list of every request that reached it, written and
//! synced before it answers. What toolgate's records say was forwarded is compared with it.

use super::Folder;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

/// One request that arrived whole.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Received {
    /// The header `toolgate-decision-id`, `-` if there was none.
    pub(crate) decision_id: String,
    /// The method.
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    /// SHA-256 of the body, in hex.
    pub(crate) body: String,
}

/// Serves until it is dropped.
pub(crate) struct Recorder {
    at: SocketAddr,
    folder: Folder,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Recorder {
    /// On a port that the kernel chooses, on a thread of its own.
    pub(crate) fn start() -> Recorder {
        let folder = Folder::new("recorder");
        let list = Arc::new(Mutex::new(File::options().create(true).append(true).open(folder.path().join("received")).unwrap()));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let at = listener.local_addr().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let list = Arc::clone(&list);
                tokio::spawn(async move {
                    let service = service_fn(|request| receive(request, Arc::clone(&list)));
                    // A client that goes away in the middle ends its own connection only.
                    let _ = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Recorder { at, folder, runtime: Some(runtime) }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.at
    }

    /// Everything that arrived so far, in order.
    pub(crate) fn received(&self) -> Vec<Received> {
        let text = std::fs::read_to_string(self.folder.path().join("received")).unwrap();
        let fields = |line: &str| line.split('\t').map(str::to_owned).collect::<Vec<_>>();
        text.lines()
            .map(|line| match <[String; 4]>::try_from(fields(line)) {
                Ok([decision_id, method, target, body]) => Received { decision_id, method, target, body },
                Err(other) => panic!("a torn line in the recorder's list: {other:?}"),
            })
            .collect()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // A test may drop it inside a runtime of its own, where a blocking end is not allowed.
            runtime.shutdown_background();
        }
    }
}

async fn receive(request: hyper::Request<Incoming>, list: Arc<Mutex<File>>) -> Result<hyper::Response<Full<Bytes>>, hyper::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let digest: String = Sha256::digest(&body).iter().map(|byte| format!("{byte:02x}")).collect();
    let decision_id = head.headers.get("toolgate-decision-id").map_or("-", |id| id.to_str().unwrap());
    let line = format!("{decision_id}\t{}\t{}\t{digest}\n", head.method, head.uri);
    tokio::task::block_in_place(|| {
        let mut list = list.lock().unwrap();
        list.write_all(line.as_bytes()).unwrap();
        list.sync_data().unwrap();
    });
    let answer = serde_json::json!({ "received": digest }).to_string();
    let response = hyper::Response::builder().header("content-type", "application/json").body(Full::new(Bytes::from(answer)));
    Ok(response.unwrap())
}

//! The upstream: reads a request to its end and answers one result of `tools/call`, always the same.

use crate::Failure;
use crate::serve::{runtime, serve};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Request, Response};

/// The one answer, to the one id that the load generator uses.
pub(crate) const ANSWER: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"Successfully wrote to /srv/notes/today.txt"}],"structuredContent":{"content":"Successfully wrote to /srv/notes/today.txt"},"isError":false}}"#;

/// Serves plain HTTP.
pub(crate) fn run(address: &str) -> Result<(), Failure> {
    runtime()?.block_on(serve(address, None, answer))
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Failure> {
    request.into_body().collect().await?;
    let mut response = Response::new(Full::new(Bytes::from_static(ANSWER.as_bytes())));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

//! Upstreams over real sockets: good ones, wrong ones, and ones that break off.

mod broken;
mod who;

use super::{Address, Answer, Failure, HostRule, Target, Upstream};
use crate::trial::PATIENCE;
use crate::{CountedAs, Credential, Reach, Tally, UpstreamLimits};
use canon::CallId;
use gate::Outgoing;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Response};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::time::Instant;

const CALL: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

fn outgoing(body: &str) -> Outgoing {
    let mut headers = HeaderMap::new();
    headers.insert("host", "tools.test:81".parse().unwrap());
    headers.insert("mcp-session-id", "s-1".parse().unwrap());
    headers.insert("authorization", "Bearer of-the-client".parse().unwrap());
    Outgoing {
        call: CALL.parse::<CallId>().unwrap(),
        method: Method::POST,
        path_and_query: PathAndQuery::from_static("/mcp?a=1"),
        headers,
        body: body.to_owned().into(),
    }
}

/// An upstream and what it counts.
struct Trial {
    upstream: Upstream,
    tally: Arc<Tally>,
}

impl Trial {
    fn new(target: Target, limits: UpstreamLimits) -> Self {
        Self::with(target, limits, HostRule::Kept, None)
    }

    fn with(target: Target, limits: UpstreamLimits, host: HostRule, credential: Option<Arc<Credential>>) -> Self {
        let tally = Arc::new(Tally::default());
        Self { upstream: Upstream::new(target, limits, host, credential, Arc::clone(&tally)).unwrap(), tally }
    }

    async fn send(&self, body: &str) -> Result<Response<Answer>, Failure> {
        self.send_as(1, body).await
    }

    async fn send_as(&self, uid: u32, body: &str) -> Result<Response<Answer>, Failure> {
        self.upstream.exchange(outgoing(body), CountedAs::User(Some(uid)), Instant::now() + PATIENCE).await
    }

    async fn said(&self, body: &str) -> String {
        crate::trial::read(self.send(body).await.unwrap().into_body()).await
    }
}

fn address(of: SocketAddr) -> Address {
    of.to_string().parse().unwrap()
}

fn plain(of: SocketAddr) -> Target {
    Target::Plain { address: address(of), reach: Reach::Loopback }
}

#[test]
fn addresses() {
    for (text, expected) in [
        ("localhost:80", Some("localhost:80")),
        ("10.0.0.1:65535", Some("10.0.0.1:65535")),
        ("[::1]:443", Some("[::1]:443")),
        ("::1:443", None),
        ("localhost", None),
        (":80", None),
        ("[]:80", None),
        ("a:65536", None),
        ("a:", None),
    ] {
        assert_eq!(text.parse::<Address>().ok().map(|address| address.to_string()).as_deref(), expected, "{text}");
    }
}

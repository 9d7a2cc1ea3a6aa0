//! Whom a request goes to, what it is given, and over which connection.

use super::{CALL, Trial, address, plain};
use crate::tls::{Own, Roots};
use crate::trial::{AGENT, Authority, PATIENCE, Running, SIDECAR, id, loopback, now, text};
use crate::{Accepted, Credential, Failure, HostRule, Limits, Listener, Place, Reach, ReplyBody, Target, UpstreamLimits};
use arc_swap::ArcSwap;
use http::{Response, header};
use identity::{Anchors, identify};
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose as Eku, KeyUsagePurpose as Ku};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

const TOOLS: &str = "spiffe://example.org/ns/shop/sa/tools";

/// An upstream that says what it was sent, and by whom.
async fn witness(ours: Anchors, accepted: Accepted) -> Response<ReplyBody> {
    let at = now();
    let who =
        identify(&accepted.peer.evidence(&ours, at), &ours, at).workload.map_or("nobody".to_owned(), |workload| workload.id.to_string());
    let head = &accepted.head;
    let host = accepted.host().unwrap_or("-").to_owned();
    let named = |name: &str| head.headers.get(name).map_or("-", |value| value.to_str().unwrap()).to_owned();
    let (session, call, bearer, length) =
        (named("mcp-session-id"), named("toolgate-decision-id"), named("authorization"), named("content-length"));
    let line = format!("{who} {} {} {host} {session} {call} {bearer} {length}", head.method, head.uri.path_and_query().unwrap());
    let body = accepted.body.collect(accepted.peer.counted_as()).await.unwrap();
    let mut response = text(format!("{line} {}", String::from_utf8(body.to_vec()).unwrap()));
    for (name, value) in [("toolgate-decision-id", "forged"), ("alt-svc", "h3"), ("www-authenticate", "Bearer")] {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}

fn told(who: &str, host: &str, bearer: &str, body: &str) -> String {
    format!("{who} POST /mcp?a=1 {host} s-1 {CALL} Bearer {bearer} {} {body}", body.len())
}

fn mtls(server: &Running, expected: &str, anchors: Anchors, own: Own) -> Target {
    Target::Mtls { address: address(server.address), id: id(expected), anchors: Arc::new(ArcSwap::from_pointee(anchors)), own }
}

#[tokio::test]
async fn the_judged_request_arrives_with_our_name() {
    let ours = Authority::new();
    let anchors = ours.anchors();
    let server = Running::tls(ours.leaf(TOOLS).own(), move |accepted| witness(anchors.clone(), accepted));
    let trial = Trial::new(mtls(&server, TOOLS, ours.anchors(), ours.leaf(SIDECAR).own()), UpstreamLimits::default());
    trial.upstream.reach().await.unwrap();
    for body in ["{\"a\":1}", "", "{ \"a\" : 1 }"] {
        let response = trial.send(body).await.unwrap();
        assert!(!response.headers().contains_key("toolgate-decision-id"));
        assert_eq!(crate::trial::read(response.into_body()).await, told(SIDECAR, "tools.test:81", "of-the-client", body));
    }
    assert_eq!(server.tally.connections(), 1, "h2: one connection for all");
}

/// A wrong upstream hears nothing of the request.
async fn refused(target: impl FnOnce(&Running) -> Target, own: Own, why: &str) {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let server = Running::tls(own, move |_| {
        count.fetch_add(1, Ordering::AcqRel);
        async { text("") }
    });
    let trial = Trial::new(target(&server), UpstreamLimits::default());
    let failure = trial.send("secret").await.unwrap_err();
    assert!(
        matches!(&failure, Failure::Unreachable(text) if text.contains(why)) && !failure.left() && failure.status() == 502,
        "{failure}"
    );
    assert_eq!(trial.upstream.reach().await.unwrap_err(), failure);
    server.drained().await;
    assert_eq!(calls.load(Ordering::Acquire), 0, "{why}");
}

#[tokio::test]
async fn only_the_exact_workload_is_spoken_to() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let target = |server: &Running| mtls(server, TOOLS, ours.anchors(), ours.leaf(SIDECAR).own());
    let change = |change: fn(&mut CertificateParams)| ours.leaf_with(TOOLS, change).own();
    refused(target, ours.leaf(AGENT).own(), "where `spiffe://example.org/ns/shop/sa/tools` is expected").await;
    refused(target, theirs.leaf(TOOLS).own(), "does not chain").await;
    refused(target, change(|params| params.not_after = rcgen::date_time_ymd(2020, 1, 1)), "expired").await;
    refused(target, change(|params| params.not_before = rcgen::date_time_ymd(2900, 1, 1)), "not valid before").await;
    refused(target, change(|params| params.extended_key_usages = vec![Eku::ClientAuth]), "extended key usage").await;
    refused(target, change(|params| params.key_usages = vec![Ku::DigitalSignature, Ku::KeyCertSign]), "key usage").await;
}

#[tokio::test]
async fn an_https_upstream_by_its_name_and_roots() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let roots = Roots::from_pem(ours.pem().as_bytes()).unwrap();
    let https = |server: &Running, name: &str, roots: &Roots| Target::Https {
        address: address(server.address),
        name: name.into(),
        roots: roots.clone(),
    };
    let anchors = ours.anchors();
    let server = Running::tls(ours.leaf(TOOLS).own(), move |accepted| witness(anchors.clone(), accepted));
    let trial = Trial::new(https(&server, "localhost", &roots), UpstreamLimits::default());
    assert_eq!(trial.said("x").await, told("nobody", "tools.test:81", "of-the-client", "x"));

    // Bad roots keep the last good ones; others hold from the next handshake on.
    assert!(roots.replace(b"nothing").is_err());
    trial.upstream.renew();
    assert_eq!(trial.said("x").await, told("nobody", "tools.test:81", "of-the-client", "x"));
    roots.replace(theirs.pem().as_bytes()).unwrap();
    trial.upstream.renew();
    assert!(matches!(trial.send("x").await, Err(Failure::Unreachable(_))));

    let roots = Roots::from_pem(ours.pem().as_bytes()).unwrap();
    refused(|server| https(server, "tools.test", &roots), ours.leaf(TOOLS).own(), "not valid for name").await;
    refused(|server| https(server, "localhost", &roots), theirs.leaf(TOOLS).own(), "invalid peer certificate").await;
}

#[tokio::test]
async fn plain_http_goes_to_loopback_only() {
    let witnessed = |accepted| witness(Anchors::build([]).unwrap(), accepted);
    let server = Running::plain(Limits::default(), witnessed);
    let trial = Trial::new(plain(server.address), UpstreamLimits::default());
    assert_eq!(trial.said("x").await, told("nobody", "tools.test:81", "of-the-client", "x"));
    let elsewhere = Target::Plain { address: "192.0.2.1:80".parse().unwrap(), reach: Reach::Loopback };
    let failure = Trial::new(elsewhere, UpstreamLimits::default()).send("x").await.unwrap_err();
    assert!(failure.to_string().contains("plain HTTP goes to loopback only"), "{failure}");

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tools.sock");
    let bound = Listener { name: "tools".into(), place: Place::Unix { path: path.clone(), mode: 0o600, subject: None } }.open().unwrap();
    let _server = Running::start(bound, Limits::default(), PATIENCE, witnessed);
    let trial = Trial::new(Target::Unix { path }, UpstreamLimits::default());
    assert_eq!(trial.said("x").await, told("nobody", "tools.test:81", "of-the-client", "x"));
}

#[tokio::test]
async fn what_the_config_gives_beside_the_call() {
    let server = Running::start(loopback(), Limits::default(), PATIENCE, |accepted| witness(Anchors::build([]).unwrap(), accepted));
    let credential = Arc::new(Credential::new(header::AUTHORIZATION, "Bearer ", b"first\n").unwrap());
    let fixed = HostRule::Fixed("inner.test".parse().unwrap());
    let trial = Trial::with(plain(server.address), UpstreamLimits::default(), fixed, Some(Arc::clone(&credential)));
    assert_eq!(trial.said("x").await, told("nobody", "inner.test", "first", "x"));
    let asks = |response: &Response<_>| ["alt-svc", "www-authenticate"].map(|name| response.headers().contains_key(name));
    assert_eq!(asks(&trial.send("x").await.unwrap()), [false, false], "what is asked of our credential is not asked of the agent");
    let without = Trial::new(plain(server.address), UpstreamLimits::default());
    assert_eq!(asks(&without.send("x").await.unwrap()), [false, true]);
    credential.replace(b"second").unwrap();
    assert_eq!(trial.said("x").await, told("nobody", "inner.test", "second", "x"));
}

#[tokio::test]
async fn redirects_are_answers() {
    let server = Running::plain(Limits::default(), |_| async {
        let mut response = text("");
        *response.status_mut() = http::StatusCode::TEMPORARY_REDIRECT;
        response.headers_mut().insert(header::LOCATION, "http://169.254.169.254/".parse().unwrap());
        response
    });
    let response = Trial::new(plain(server.address), UpstreamLimits::default()).send("x").await.unwrap();
    assert_eq!((response.status().as_u16(), response.headers()["location"].to_str().unwrap()), (307, "http://169.254.169.254/"));
}

#[tokio::test]
async fn connections_are_used_again_while_they_may_be() {
    let ours = Authority::new();
    let never = UpstreamLimits { idle_timeout_ms: 0, ..UpstreamLimits::default() };
    let aged = UpstreamLimits { connection_age_max_ms: 0, ..UpstreamLimits::default() };
    for (limits, renew, expected) in
        [(UpstreamLimits::default(), false, 1), (UpstreamLimits::default(), true, 3), (never, false, 3), (aged, false, 3)]
    {
        for tls in [true, false] {
            let peers = Arc::new(Mutex::new(std::collections::HashSet::new()));
            let seen = Arc::clone(&peers);
            let answer = move |accepted: Accepted| {
                seen.lock().unwrap().insert(accepted.peer.address());
                async { text("ok") }
            };
            let server = if tls { Running::tls(ours.leaf(TOOLS).own(), answer) } else { Running::plain(Limits::default(), answer) };
            let target = if tls { mtls(&server, TOOLS, ours.anchors(), ours.leaf(SIDECAR).own()) } else { plain(server.address) };
            let trial = Trial::new(target, limits.clone());
            for _ in 0..3 {
                assert_eq!(trial.said("x").await, "ok");
                if renew {
                    trial.upstream.renew();
                }
            }
            assert_eq!(peers.lock().unwrap().len(), expected, "{limits:?} renew {renew} tls {tls}");
        }
    }
}

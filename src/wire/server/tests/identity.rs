//! Who is calling, over TLS: with and without certificates, and while they change.

use crate::tls::Oldest;
use crate::trial::{AGENT, Authority, Client, PATIENCE, Running, SIDECAR, handshake, mtls, now, text};
use crate::{Accepted, Limits, ReplyBody};
use http::Response;
use identity::{Anchors, identify};
use std::sync::{Arc, Mutex};

/// Answers with whom the caller is taken for, the version of HTTP and the host.
fn whoami(anchors: &Arc<Mutex<Anchors>>) -> impl Fn(Accepted) -> std::future::Ready<Response<ReplyBody>> + Send + Sync + 'static {
    let anchors = Arc::clone(anchors);
    move |accepted| {
        let (anchors, at) = (anchors.lock().unwrap(), now());
        let principal = identify(&accepted.peer.evidence(&anchors, at), &anchors, at);
        let who = principal.workload.map_or_else(|why| why.code().to_owned(), |workload| workload.id.to_string());
        std::future::ready(text(format!("{who} {:?} {}", accepted.head.version, accepted.host().unwrap_or("-"))))
    }
}

#[tokio::test]
async fn any_certificate_gets_an_answer_and_a_good_one_a_name() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let server = Running::tls(ours.leaf(SIDECAR).own(), whoami(&Arc::new(Mutex::new(ours.anchors()))));
    let expired = ours.leaf_with(AGENT, |params| params.not_after = rcgen::date_time_ymd(2020, 1, 1));
    for (leaf, expected) in [
        (Some(ours.leaf(AGENT)), AGENT),
        (None, "toolgate.identity.no_certificate"),
        (Some(theirs.leaf(AGENT)), "toolgate.identity.unknown_authority"),
        (Some(expired), "toolgate.identity.expired"),
        (Some(ours.leaf("https://example.org/agent")), "toolgate.identity.bad_id"),
    ] {
        for (alpn, version) in [(&b"h2"[..], "HTTP/2.0"), (b"http/1.1", "HTTP/1.1")] {
            let mut client = Client::connect(server.address, ours.client(leaf.as_ref(), alpn)).await;
            for _ in 0..2 {
                assert_eq!(client.said("x").await, format!("{expected} {version} localhost"));
            }
        }
    }
}

#[tokio::test]
async fn possession_is_proved_in_the_handshake() {
    let ours = Authority::new();
    let server = Running::tls(ours.leaf(SIDECAR).own(), whoami(&Arc::new(Mutex::new(ours.anchors()))));
    let mut stolen = ours.leaf(AGENT);
    stolen.key = ours.leaf(AGENT).key;
    // rustls itself would refuse the pair, so it is put together by hand.
    let signer = rustls::crypto::aws_lc_rs::sign::any_supported_type(&stolen.key()).unwrap();
    let pair = Arc::new(rustls::sign::CertifiedKey::new(stolen.chain(), signer));
    let mut config = ours.client(None, b"http/1.1");
    config.client_auth_cert_resolver = Arc::new(rustls::sign::SingleCertAndKey::from(pair));
    let mut stream = handshake(server.address, config).await.unwrap();
    let answer = async {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let _ = stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        stream.read(&mut [0; 64]).await
    };
    let answer = tokio::time::timeout(PATIENCE, answer).await.unwrap();
    assert!(answer.is_err(), "{answer:?}");
}

#[tokio::test]
async fn our_certificate_changes_while_serving() {
    let (old, new) = (Authority::new(), Authority::new());
    let own = old.leaf(SIDECAR).own();
    let server = Running::tls(own.clone(), whoami(&Arc::new(Mutex::new(old.anchors()))));
    let agent = old.leaf(AGENT);
    let mut before = Client::connect(server.address, old.client(Some(&agent), b"http/1.1")).await;
    assert!(before.said("x").await.starts_with(AGENT));
    assert!(handshake(server.address, new.client(None, b"h2")).await.is_err());
    own.replace(new.leaf(SIDECAR).material());
    assert!(before.said("x").await.starts_with(AGENT), "what is open goes on");
    assert!(handshake(server.address, new.client(None, b"h2")).await.is_ok());
    assert!(handshake(server.address, old.client(None, b"h2")).await.is_err());
}

#[tokio::test]
async fn a_changed_bundle_holds_for_open_connections() {
    let (old, new) = (Authority::new(), Authority::new());
    let anchors = Arc::new(Mutex::new(old.anchors()));
    let server = Running::tls(old.leaf(SIDECAR).own(), whoami(&anchors));
    let mut client = Client::connect(server.address, old.client(Some(&old.leaf(AGENT)), b"h2")).await;
    assert!(client.said("x").await.starts_with(AGENT));
    *anchors.lock().unwrap() = new.anchors();
    assert!(client.said("x").await.starts_with("toolgate.identity.unknown_authority"));
    *anchors.lock().unwrap() = old.anchors();
    assert!(client.said("x").await.starts_with(AGENT));
}

#[tokio::test]
async fn tls_1_2_only_where_the_config_says_so() {
    let ours = Authority::new();
    for (oldest, expected) in [(Oldest::Tls13, false), (Oldest::Tls12, true)] {
        let server = Running::start(
            mtls(ours.leaf(SIDECAR).own(), oldest),
            Limits::default(),
            PATIENCE,
            whoami(&Arc::new(Mutex::new(ours.anchors()))),
        );
        let (agent, provider) = (ours.leaf(AGENT), Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
        let mut roots = rustls::RootCertStore::empty();
        roots.add(ours.der()).unwrap();
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS12])
            .unwrap()
            .with_root_certificates(roots)
            .with_client_auth_cert(agent.chain(), agent.key())
            .unwrap();
        assert_eq!(handshake(server.address, config.clone()).await.is_ok(), expected, "{oldest:?}");
        if expected {
            let mut client = Client::connect(server.address, config).await;
            assert!(client.said("x").await.starts_with(AGENT), "possession is proved in TLS 1.2 too");
        }
    }
}

#[tokio::test]
async fn no_session_is_resumed() {
    let ours = Authority::new();
    let server = Running::tls(ours.leaf(SIDECAR).own(), whoami(&Arc::new(Mutex::new(ours.anchors()))));
    let config = Arc::new(ours.client(Some(&ours.leaf(AGENT)), b"h2"));
    for _ in 0..2 {
        let mut client = Client::connect(server.address, Arc::clone(&config)).await;
        assert!(client.said("x").await.starts_with(AGENT), "what the server would send for a resumption has come");
        let stream = handshake(server.address, Arc::clone(&config)).await.unwrap();
        assert_eq!(stream.get_ref().1.handshake_kind(), Some(rustls::HandshakeKind::Full));
    }
}

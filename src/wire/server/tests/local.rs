//! Local listeners: whose process the peer is, and the file of a Unix socket.

use crate::trial::{AGENT, Running, exchange, id, now, text};
use crate::{Accepted, Bound, Limits, Listener, Place, ReplyBody, WireError, trial};
use http::Response;
use identity::{Anchors, LocalSubject, identify};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use tokio::net::UnixStream;

const GET: &str = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

fn subject(peer_uids: &[u32]) -> Option<Arc<LocalSubject>> {
    Some(Arc::new(LocalSubject { subject: id(AGENT), peer_uids: peer_uids.to_vec() }))
}

async fn whoami(accepted: Accepted) -> Response<ReplyBody> {
    let (anchors, at) = (Anchors::build([]).unwrap(), now());
    let principal = identify(&accepted.peer.evidence(&anchors, at), &anchors, at);
    let who = principal.workload.map_or_else(|why| why.code().to_owned(), |workload| workload.id.to_string());
    text(format!("{who} uid {:?} on {}", accepted.peer.uid(), accepted.listener))
}

fn unix(path: &Path, mode: u32, peer_uids: &[u32]) -> Result<Bound, WireError> {
    Listener { name: "pod".into(), place: Place::Unix { path: path.to_owned(), mode, subject: subject(peer_uids) } }.open()
}

fn start(bound: Bound) -> Running {
    Running::start(bound, Limits::default(), trial::PATIENCE, whoami)
}

#[tokio::test]
async fn the_peer_is_the_subject_by_its_user() {
    let me = rustix::process::getuid().as_raw();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("toolgate.sock");
    for (uids, who) in [(&[me, 7][..], AGENT), (&[me + 1], "toolgate.identity.peer_uid")] {
        let server = start(unix(&path, 0o600, uids).unwrap());
        let answer = exchange(UnixStream::connect(&path).await.unwrap(), GET).await;
        assert!(answer.ends_with(&format!("\r\n\r\n{who} uid Some({me}) on pod")), "{answer:?}");
        server.drained().await;
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let place = Place::Loopback { address: address.parse().unwrap(), subject: subject(uids) };
            let server = start(Listener { name: "pod".into(), place }.open().unwrap());
            let answer = exchange(server.connect().await, GET).await;
            assert!(answer.ends_with(&format!("\r\n\r\n{who} uid Some({me}) on pod")), "{answer:?}");
        }
    }
}

#[tokio::test]
async fn plain_http_stays_on_loopback() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80"] {
        let place = Place::Loopback { address: address.parse().unwrap(), subject: None };
        let error = Listener { name: "pod".into(), place }.open().unwrap_err();
        assert!(matches!(error, WireError::NotLoopback { .. }), "{error}");
    }
}

#[tokio::test]
async fn the_file_of_a_socket() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("toolgate.sock");
    let advice = |found: Result<Bound, WireError>| {
        let Err(WireError::Bind { advice, .. }) = found else { panic!("{found:?}") };
        advice
    };

    let first = unix(&path, 0o640, &[]).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(advice(unix(&path, 0o640, &[])), "another process listens there: end it or choose another path");
    drop(first);
    assert!(!path.exists(), "it goes with the listener");

    // What a process that was killed leaves behind.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let second = unix(&path, 0o600, &[]).unwrap();
    std::fs::remove_file(&path).unwrap();
    let third = unix(&path, 0o600, &[]).unwrap();
    drop(second);
    assert!(path.exists(), "the file of another listener stays");
    drop(third);

    std::fs::write(&path, "notes").unwrap();
    assert_eq!(advice(unix(&path, 0o600, &[])), "something that is no socket is there: remove it or choose another path");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "notes");
    assert_eq!(advice(unix(&folder.path().join("none/x.sock"), 0o600, &[])), "the folder must exist and be writable for toolgate");
}

#[tokio::test]
async fn a_port_that_is_taken() {
    let taken = trial::loopback();
    let place = Place::Loopback { address: taken.address().unwrap(), subject: None };
    let error = Listener { name: "pod".into(), place }.open().unwrap_err().to_string();
    assert!(error.contains("listener `pod` cannot listen on `127.0.0.1:") && error.contains("choose another port"), "{error}");
}

//! Local peers, and what a connection keeps.

use super::{Evidence, LocalSubject, identify};
use crate::anchors::Anchors;
use canon::Micros;
use std::sync::Arc;

fn check(evidence: &Evidence, expected: &str) {
    let anchors = Anchors::build([]).unwrap();
    let principal = identify(evidence, &anchors, Micros(0));
    let found = match principal.workload {
        Ok(workload) => workload.id.to_string(),
        Err(why) => why.code().to_owned(),
    };
    assert_eq!(found, expected);
    assert!(principal.user.is_none() && principal.actors.is_empty());
}

#[test]
fn a_local_peer_is_the_listener_s_subject_if_its_user_is_named() {
    let subject = "spiffe://example.org/ns/shop/sa/agent";
    let listener = Arc::new(LocalSubject { subject: subject.parse().unwrap(), peer_uids: vec![1000, 1001] });
    for (peer_uid, expected) in [
        (Some(1000), subject),
        (Some(1001), subject),
        (Some(0), "toolgate.identity.peer_uid"),
        (Some(1002), "toolgate.identity.peer_uid"),
        (None, "toolgate.identity.peer_unknown"),
    ] {
        check(&Evidence::Local { listener: Arc::clone(&listener), peer_uid }, expected);
    }
    let nobody = Arc::new(LocalSubject { subject: subject.parse().unwrap(), peer_uids: Vec::new() });
    check(&Evidence::Local { listener: nobody, peer_uid: Some(0) }, "toolgate.identity.peer_uid");
}

#[test]
fn a_tls_peer_without_a_certificate_is_nobody() {
    check(&Evidence::Tls { chain: Arc::new([]), svid: None }, "toolgate.identity.no_certificate");
}

//! Whether a head has one reading on its route, whatever the route speaks: who sends it, its path's case, the headers that are judged.

use crate::view::Route;
use protocol::{Flaw, Head, Malformed};
use wire::Peer;

/// Refuses a request that a page in a browser may have sent, or in which the upstream may see another path or another header than is judged.
pub(super) fn check(route: &Route, peer: &Peer, head: &Head) -> Result<(), Malformed> {
    let malformed = |flaw, message: &str| Malformed { flaw, message: message.to_owned(), speech: route.speaks.speech() };
    if let Some(why) = route.page(peer, head) {
        return Err(malformed(Flaw::Host, why));
    }
    if !route.spells(head.uri.path()) {
        return Err(malformed(Flaw::Path, "the path differs from a route's in case only: write it as the route does"));
    }
    protocol::judged(&head.headers, &route.policy_headers, route.session_header.as_ref(), &route.speaks)
}

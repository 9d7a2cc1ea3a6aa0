//! Who calls, for whom and for which tenant: what the connection, the token and the configuration say, put together.

use crate::view::{Route, View};
use canon::Micros;
use enforcement::Tenancy;
use http::header::AUTHORIZATION;
use identity::{BadToken, Disagreement, Principal, Tenant, Unidentified, bearer_token, verify_bearer};
use policy::Decision;
use protocol::Head;
use wire::{CountedAs, Peer};

/// Who calls.
pub(crate) struct Caller {
    pub(crate) kind: enforcement::Caller,
    pub(crate) principal: Principal,
    pub(crate) tenant: Result<Tenant, Disagreement>,
    /// Why the user's token is not believed, where the route asks for one.
    pub(crate) token: Option<BadToken>,
}

/// Looks at the connection's evidence and, where the route asks for it, at the user's token.
pub(crate) fn caller(view: &View, route: &Route, peer: &Peer, head: &Head, at: Micros) -> Caller {
    let evidence = peer.evidence(&view.anchors, at);
    let mut principal = identity::identify(&evidence, &view.anchors, at);
    let token = match user(view, route, head, at) {
        Ok(Some((user, actors))) => {
            (principal.user, principal.actors) = (Some(user), actors);
            None
        }
        Ok(None) => None,
        Err(bad) => Some(bad),
    };
    let kind = match (&principal.workload, &token, peer) {
        (Ok(_), None, _) => enforcement::Caller::Identified,
        (_, _, Peer::Local(_)) => enforcement::Caller::UnidentifiedNear,
        (_, _, Peer::Tls(_)) => enforcement::Caller::UnidentifiedFar,
    };
    let tenant = identity::tenant(route.tenant.as_ref(), &view.tenants, &principal);
    Caller { kind, principal, tenant, token }
}

type Person = (identity::User, Vec<identity::Actor>);

fn user(view: &View, route: &Route, head: &Head, at: Micros) -> Result<Option<Person>, BadToken> {
    let Some(issuer) = &route.bearer_issuer else { return Ok(None) };
    let header = head.headers.get(AUTHORIZATION).ok_or(BadToken::Missing)?;
    let (user, actors) = verify_bearer(bearer_token(header.as_bytes())?, &view.issuers, at)?;
    if user.issuer == *issuer { Ok(Some((user, actors))) } else { Err(BadToken::Issuer) }
}

/// A token that was meant for toolgate goes no further: an upstream that got it could act as the user elsewhere.
pub(crate) fn consume_credentials(route: &Route, head: &mut Head) {
    if route.bearer_issuer.is_some() {
        head.headers.remove(AUTHORIZATION);
    }
}

impl Caller {
    /// The tenant for which the policy is asked, or the decision that stands without asking it.
    pub(crate) fn judged(&self) -> Result<&Tenant, Decision> {
        self.tenant.as_ref().map_err(|disagreement| Decision::error(disagreement.code(), disagreement.to_string()))
    }

    /// Whether route, table and token agree on the tenant.
    pub(crate) fn tenancy(&self) -> Tenancy {
        if self.tenant.is_ok() { Tenancy::Agreed } else { Tenancy::Disagreed }
    }

    /// Whose share of the places its calls take.
    pub(crate) fn counted_as(&self, peer: &Peer) -> CountedAs {
        self.principal.workload.as_ref().map_or_else(|_| peer.counted_as(), |workload| CountedAs::Workload(workload.id.clone()))
    }

    /// Why nobody known calls, where that is so.
    pub(crate) fn why(&self) -> Option<(&'static str, String)> {
        let workload = self.principal.workload.as_ref().err().map(|why: &Unidentified| (why.code(), why.to_string()));
        workload.or_else(|| self.token.map(|bad| (bad.code(), bad.to_string())))
    }
}

//! The policy's input for one call.

use super::Facts;
use super::identify::Caller;
use crate::view::{Route, View};
use http::HeaderName;
use identity::Tenant;
use policy::{Actor, Call, Http, Input, Session, Subject, User, Value, Workload};
use protocol::ToolCall;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Everything that a policy may know of `call`. `declared` is what the upstream said of the tool when it was last listed.
pub(crate) fn of(
    view: &View,
    route: &Route,
    facts: &Facts,
    call: &ToolCall<Value>,
    caller: &Caller,
    tenant: &Tenant,
    declared: Value,
) -> Input {
    Input {
        time: facts.now.at,
        mode: view.mode.input.clone(),
        subject: subject(caller, tenant),
        session: Session { id: facts.session.clone(), training: None, labels: Vec::new() },
        call: Call {
            id: facts.id,
            protocol: call.protocol().into(),
            route: Arc::clone(&route.name),
            upstream: Arc::clone(&route.upstream_name),
            method: call.method.as_str().into(),
            tool: call.tool.as_deref().map(Into::into),
            resource: call.resource.as_deref().map(Into::into),
            arguments: call.arguments.clone(),
            arguments_digest: facts.digest.map(|digest| digest.to_string().into()),
            declared,
            definition: None,
        },
        http: http(route, facts, call),
    }
}

fn subject(caller: &Caller, tenant: &Tenant) -> Subject {
    let workload = caller.principal.workload.as_ref().ok().map(|workload| Workload {
        spiffe_id: workload.id.as_str().into(),
        trust_domain: workload.id.trust_domain().into(),
        namespace: workload.namespace.as_deref().map(Into::into),
        service_account: workload.service_account.as_deref().map(Into::into),
    });
    let user = caller.principal.user.as_ref().map(|user| User {
        issuer: user.issuer.as_str().into(),
        subject: user.subject.as_str().into(),
        claims: user.claims.clone(),
    });
    let actors = caller
        .principal
        .actors
        .iter()
        .map(|actor| Actor { issuer: Some(actor.issuer.as_str().into()), subject: actor.subject.as_str().into() });
    Subject { workload, user, actors: actors.collect(), tenant: tenant.as_str().into(), persona: None }
}

fn http(route: &Route, facts: &Facts, call: &ToolCall<Value>) -> Http {
    Http {
        method: facts.http_method.as_str().into(),
        path: call.path.as_str().into(),
        query: call.query.as_deref().map(Into::into),
        headers: headers(&route.policy_headers, call).into_iter().collect(),
    }
}

/// Those of `names` that a call has, with their values, in whatever order a route lists them.
pub(super) fn headers(names: &[HeaderName], call: &ToolCall<Value>) -> BTreeMap<Arc<str>, Vec<Arc<str>>> {
    let headers = names.iter().filter_map(|name| {
        let values: Vec<Arc<str>> = call.headers().get_all(name).iter().filter_map(|value| value.to_str().ok()).map(Into::into).collect();
        (!values.is_empty()).then(|| (Arc::from(name.as_str()), values))
    });
    headers.collect()
}

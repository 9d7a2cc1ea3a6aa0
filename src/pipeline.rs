//! The way of a call, whole: accept, identify, recognise, decide, authorise, enforce, record, forward, observe the result, record.
//!
//! Read `carry` first. Two places in it leave the process, the journal and the upstream; every line between them is given values and gives
//! values. What a skipped step would need does not exist as a value: see `gate`.

mod authorise;
mod clear;
mod digest;
mod facts;
mod fit;
mod identify;
mod input;
mod pass_on;
mod session;
mod stopped;

pub(crate) use authorise::presented;
pub(crate) use facts::Facts;
pub(crate) use stopped::{Refused, Stopped, abandon, stop};

use crate::service::House;
use crate::view::View;
use authorise::authorise;
use clear::clear;
use enforcement::{Case, Presented, Ruling, known};
use http::Response;
use pass_on::Lists;
use policy::Rego;
use protocol::Reading;
use session::Opening;
use wire::{Accepted, Load, ReplyBody};

/// Carries one request to its upstream and the answer back, or says why it stopped. `facts` gathers what becomes the decision's record.
pub(crate) async fn carry(house: &House, view: &View, facts: &mut Facts, accepted: Accepted) -> Result<Response<ReplyBody>, Stopped> {
    let Accepted { mut head, body, peer, listener, load, deadline } = accepted;
    facts.peer(&peer, &head, view);
    let route = view.route(&listener, &head).ok_or(Refused::NoRoute)?;
    facts.route(route, &head, &view.mask);
    if let Load::Over(limit) = load {
        return Err(Refused::Overload(limit).into());
    }
    let caller = identify::caller(view, route, &peer, &head, facts.now.at);
    facts.caller(&caller, &house.journal, &view.mask);
    if let Ruling::Refuse(refusal) = known(&route.rules, caller.kind) {
        return Err(Refused::Table(refusal).into());
    }
    let counted_as = caller.counted_as(&peer);
    facts.seat = Some(house.calls.take(counted_as.clone()).map_err(Refused::Overload)?);
    identify::consume_credentials(route, &mut head);
    fit::check(route, &peer, &head).map_err(Refused::Malformed)?;

    let body = body.collect(counted_as.clone()).await.map_err(Refused::Body)?;
    let call = protocol::recognise::<Rego>(&head, body, &route.speaks, &view.limits).map_err(Refused::Malformed)?;
    let declared = house.declared.of(route, &call);
    protocol::mirrored::<Rego>(&call, &declared).map_err(Refused::Malformed)?;
    facts.call(&call, &caller, route, &house.journal);

    let judged = caller.judged().and_then(|tenant| session::held(&house.sessions, &call, &caller, route).map(|()| tenant));
    let decision = match judged {
        Ok(tenant) => {
            let policy = view.policy(route);
            facts.policy(policy.as_deref());
            let input = input::of(view, route, facts, &call, &caller, tenant, declared);
            house.metrics.timed(&house.metrics.decision_time, house.evaluator.decide(policy, input)).await
        }
        Err(decision) => decision,
    };
    facts.decision(&decision, &call, &view.mask);

    let unsigned = Case {
        caller: caller.kind,
        tenancy: caller.tenancy(),
        verdict: facts::verdict(decision.verdict),
        approval: facts::approval(decision.approval),
        sensitivity: facts::sensitivity(decision.sensitive),
        overridable: facts::overridable(decision.overridable),
        presented: Presented::Nothing,
        policy: house.policy_freshness(view),
        revocations: house.revocations_freshness(view, facts.now.at),
    };
    let case = authorise(house, view, route, facts, &call, &caller, (&decision, unsigned)).await;
    let redacted = decision.redacted();
    let reading = Reading::of(&call, redacted.clone(), view.filters(route), view.limits.response_json_bytes_max);
    let lists = Lists::of(house, view, route, facts, &call, &caller);
    let opening = Opening::of(&call, &caller, route);
    let permit = gate::pass(call, facts.id, &route.rules, &case).map_err(|stopped| Refused::Table(stopped.0))?;

    let puts = house.redacted.put(&route.upstream_name, facts.request, &redacted);
    let entry = facts.forwarded(permit.passage(), puts);
    let clearance = clear(house, &route.rules, facts, permit, entry).await?;
    facts.cleared(clearance.warnings());

    let (answer, open) =
        route.upstream.send(clearance, counted_as, deadline).await.map_err(|failed| Stopped::Upstream(Box::new(failed)))?;
    if let Some(opening) = opening {
        opening.learn(&house.sessions, &answer);
    }
    pass_on::answer(house, route, facts, reading, lists, answer, open).await
}

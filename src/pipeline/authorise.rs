//! A person's permission for this call: from the header or from the deposits, verified against the call and the decision that refused it.
//!
//! Nothing is spent here. The use is a row of the decision's own transaction, and only there it is known to be the first.

use super::Facts;
use super::identify::Caller;
use crate::service::House;
use crate::view::{Route, View};
use canon::Keyed;
use enforcement::{Case, Presented, Ruling, Sensitive, judge};
use journal::{Binding as Waiting, Clock};
use permission::{Binding, Blocked, Lift, Rejected, Verified};
use policy::{Approval, Decision, Value, Verdict};
use protocol::ToolCall;

/// A permission that came with the call or waited for it.
pub(crate) enum Seen {
    /// It passed every check.
    Verified(Box<Verified>),
    /// It did not; or it may not be honoured now.
    Rejected {
        /// The reason's code.
        code: &'static str,
        /// In words, for the record's body.
        why: String,
    },
}

/// The case with what was presented for this call, as the table asks it. What was seen goes into `facts`, for the record.
pub(crate) async fn authorise(
    house: &House,
    view: &View,
    route: &Route,
    facts: &mut Facts,
    call: &ToolCall<Value>,
    caller: &Caller,
    (decision, unsigned): (&Decision, Case),
) -> Case {
    let with = |presented| Case { presented, ..unsigned };
    let blocked = blocked(route, decision);
    let (Ok(workload), Ok(tenant), Some(tool), Some(digest)) = (&caller.principal.workload, &caller.tenant, &call.tool, facts.digest)
    else {
        return with(match &call.permission {
            Some(_) => {
                rejected(facts, "toolgate.permission.unbound", "a permission is for a tool call of an identified workload".to_owned())
            }
            None => Presented::Nothing,
        });
    };
    let waiting = Waiting {
        subject: workload.id.as_str().to_owned(),
        tenant: tenant.as_str().to_owned(),
        upstream: route.upstream_name.to_string(),
        tool: tool.clone(),
    };
    let mut tokens: Vec<String> = call.permission.iter().cloned().collect();
    if blocked.is_some() {
        tokens.extend(house.journal.deposits(&waiting, &digest).into_iter().map(|deposit| deposit.token));
    }
    let mut case = unsigned;
    for token in tokens {
        let bound = Bound { caller, waiting: &waiting, digest };
        case = with(match check(house, view, facts, &bound, &token).await {
            Ok(verified) => {
                let presented = blocked.map_or(Presented::Nothing, |blocked| {
                    presented(&verified, blocked, decision.reasons.iter().map(|reason| reason.code.as_str()))
                });
                facts.permission = Some(Seen::Verified(Box::new(verified)));
                presented
            }
            Err((code, why)) => rejected(facts, code, why),
        });
        // One of another kind than the table asks for keeps none of the others from being tried.
        let valid = matches!(case.presented, Presented::Approval | Presented::Override | Presented::BreakGlass);
        if valid && matches!(judge(&route.rules, &case), Ruling::Forward(_)) {
            break;
        }
    }
    case
}

struct Bound<'a> {
    caller: &'a Caller,
    waiting: &'a Waiting,
    digest: Keyed,
}

async fn check(house: &House, view: &View, facts: &Facts, bound: &Bound<'_>, token: &str) -> Result<Verified, (&'static str, String)> {
    if let Clock::Behind(behind_ms) = facts.now.clock {
        return Err((
            "toolgate.permission.clock",
            format!("the clock is {behind_ms} ms behind the newest record: no permission is honoured until it is set"),
        ));
    }
    let said = |rejected: Rejected| (rejected.code(), rejected.to_string());
    let claimed = permission::peek(token, &house.config.permissions.settings).map_err(said)?;
    let refused = house.refused(claimed.decision_id).await.map_err(|why| ("toolgate.permission.journal", why))?;
    let user =
        bound.caller.principal.user.as_ref().map(|user| identity::Actor { issuer: user.issuer.clone(), subject: user.subject.clone() });
    let Ok(workload) = &bound.caller.principal.workload else { return Err(("toolgate.permission.unbound", String::new())) };
    let binding = Binding {
        audience: house.config.identity.trust_domain.as_str(),
        instance: house.journal.writer().instance,
        subject: &workload.id,
        user: user.as_ref(),
        actors: &bound.caller.principal.actors,
        tenant: &bound.waiting.tenant,
        upstream: &bound.waiting.upstream,
        tool: &bound.waiting.tool,
        arguments_digest: bound.digest,
        refused: refused.as_ref(),
    };
    let verified = permission::verify(token, &view.keys, &binding, facts.now.at).map_err(said)?;
    match house.used(verified.iss(), verified.jti()).await {
        Ok(false) => Ok(verified),
        Ok(true) => Err(("toolgate.permission.used", "the permission is used already".to_owned())),
        Err(why) => Err(("toolgate.permission.journal", why)),
    }
}

/// What stands in the call's way by itself; `None` for a clean allow.
fn blocked(route: &Route, decision: &Decision) -> Option<Blocked> {
    let sensitive = decision.sensitive && route.rules.sensitive == Sensitive::NeedsApproval;
    match (decision.verdict, decision.approval) {
        (Verdict::Error, _) => Some(Blocked::Error),
        (Verdict::Deny, _) => Some(Blocked::Denied),
        (Verdict::Allow, Approval::Required) => Some(Blocked::NeedsApproval),
        (Verdict::Allow, Approval::NotRequired) => sensitive.then_some(Blocked::NeedsApproval),
    }
}

/// What a verified permission is against a block with these reasons, as the table asks it.
pub(crate) fn presented<'r>(verified: &Verified, blocked: Blocked, reasons: impl IntoIterator<Item = &'r str>) -> Presented {
    match verified.lift(blocked, reasons) {
        Lift::Approval => Presented::Approval,
        Lift::Override => Presented::Override,
        Lift::BreakGlass => Presented::BreakGlass,
        Lift::Short => Presented::OverrideShort,
    }
}

fn rejected(facts: &mut Facts, code: &'static str, why: String) -> Presented {
    facts.permission = Some(Seen::Rejected { code, why });
    Presented::Rejected
}

/// The kind of block that a refusal is kept under, for the permission that may answer it.
pub(crate) fn kind(verdict: Verdict) -> Blocked {
    match verdict {
        Verdict::Allow => Blocked::NeedsApproval,
        Verdict::Deny => Blocked::Denied,
        Verdict::Error => Blocked::Error,
    }
}

//! The permissions that answer refusals: deposited, and waiting for their call.

use super::{answer, problem};
use crate::pipeline::presented;
use crate::service::House;
use enforcement::{Approval, Caller, Case, Freshness, Lift, Overridable, Ruling, Sensitivity, Tenancy, Verdict, judge};
use http::{Response, StatusCode};
use journal::{Binding, Cause, Deposit, Entry, Put, Unrecorded};
use permission::{RefusedDecision, Verified};
use record::{Event, Permission, PermissionAction, PermissionBody, Token, TokenKind};
use serde_json::{Value, json};
use wire::ReplyBody;

/// The permissions that wait for their call, without their tokens.
pub(super) fn list(house: &House) -> Value {
    let waiting = house.journal.all_deposits();
    let waiting = waiting.iter().map(|deposit| {
        json!({
            "iss": deposit.iss, "jti": deposit.jti, "subject": deposit.binding.subject, "tenant": deposit.binding.tenant, "upstream": deposit.binding.upstream,
            "tool": deposit.binding.tool, "arguments_digest": deposit.arguments_digest, "expires": deposit.exp.to_string(),
        })
    });
    json!({"permissions": waiting.collect::<Vec<_>>()})
}

/// Takes a permission whose signature and claims are good for a decision that this journal refused.
pub(super) async fn deposit(house: &House, token: &[u8]) -> Response<ReplyBody> {
    let Ok(token) = std::str::from_utf8(token).map(str::trim) else {
        return problem(StatusCode::BAD_REQUEST, "toolgate.permission.malformed", "a permission is one line of ascii");
    };
    let (verified, refused) = match verified(house, token).await {
        Ok(verified) => verified,
        Err((code, why)) => {
            house.record(Event::Permission(Box::new(rejected(house, code, &why)))).await;
            return problem(StatusCode::UNPROCESSABLE_ENTITY, code, &why);
        }
    };
    let waiting = Deposit {
        iss: verified.iss().to_owned(),
        jti: verified.jti().to_owned(),
        binding: Binding {
            subject: refused.subject.as_str().to_owned(),
            tenant: refused.tenant.clone(),
            upstream: refused.upstream.clone(),
            tool: refused.tool.clone(),
        },
        arguments_digest: refused.arguments_digest.to_string(),
        exp: verified.exp(),
        token: token.to_owned(),
    };
    let expires = waiting.exp.to_string();
    let events = vec![Event::Permission(Box::new(deposited(house, &verified, &refused)))];
    let entry = Entry { key: House::call_id(), events, claims: Vec::new(), puts: vec![Put::Deposit(waiting)] };
    match house.journal.append(entry).await {
        Ok(_) => answer(
            StatusCode::CREATED,
            &json!({"jti": verified.jti(), "decision_id": refused.id.to_string(), "tool": refused.tool, "expires": expires}),
        ),
        Err(Unrecorded::Refused(Cause::AlreadyUsed, _)) => {
            problem(StatusCode::CONFLICT, "toolgate.permission.used", "the permission is used already")
        }
        Err(why) => problem(StatusCode::SERVICE_UNAVAILABLE, "toolgate.journal_refused", &why.to_string()),
    }
}

async fn verified(house: &House, token: &str) -> Result<(Verified, RefusedDecision), (&'static str, String)> {
    let said = |rejected: permission::Rejected| (rejected.code(), rejected.to_string());
    let claimed = permission::peek(token, &house.config.permissions.settings).map_err(said)?;
    let refused = house.refused(claimed.decision_id).await.map_err(|why| ("toolgate.permission.journal", why))?;
    let unknown = || said(permission::Rejected::DecisionUnknown);
    let refused = refused.ok_or_else(unknown)?;
    let binding = refused.binding(house.config.identity.trust_domain.as_str(), house.journal.writer().instance);
    let verified = permission::verify(token, &house.view.load().keys, &binding, house.journal.now().at).map_err(said)?;
    match of_another_kind(house, &verified, &refused) {
        Some(why) => Err(("toolgate.permission.kind", why)),
        None => Ok((verified, refused)),
    }
}

/// Why a good permission would lift nothing: the table asks for another one.
fn of_another_kind(house: &House, verified: &Verified, refused: &RefusedDecision) -> Option<String> {
    let rules = house.view.load().routes.first()?.rules;
    let (verdict, approval) = match refused.blocked {
        permission::Blocked::NeedsApproval => (Verdict::Allow, Approval::Required),
        permission::Blocked::Denied => (Verdict::Deny, Approval::NotAsked),
        permission::Blocked::Error => (Verdict::Error, Approval::NotAsked),
    };
    let case = Case {
        caller: Caller::Identified,
        tenancy: Tenancy::Agreed,
        verdict,
        approval,
        sensitivity: Sensitivity::Plain,
        overridable: Overridable::Yes,
        presented: presented(verified, refused.blocked, refused.reasons.iter().map(String::as_str)),
        policy: Freshness::Fresh,
        revocations: Freshness::Fresh,
    };
    let Ruling::Refuse(refusal) = judge(&rules, &case) else { return None };
    let wanted = match refusal.lift {
        Some(Lift::Approval) => "an approval (`--kind approval`)",
        Some(Lift::Override) => "an override that names every reason (`--kind override`)",
        Some(Lift::BreakGlass) => "a break-glass override (`--kind override --break-glass`)",
        None => "no permission",
    };
    Some(format!("this permission does not lift that refusal, which {wanted} would"))
}

fn deposited(house: &House, verified: &Verified, refused: &RefusedDecision) -> Permission {
    let kind = match verified.kind() {
        permission::Kind::Override => TokenKind::Override,
        permission::Kind::Approval => TokenKind::Approval,
    };
    Permission {
        at: house.journal.now().at,
        action: PermissionAction::Deposited,
        call: None,
        token: Some(Token { kind, iss: verified.iss().to_owned(), jti: verified.jti().to_owned(), kid: verified.kid().to_owned() }),
        tenant: Some(refused.tenant.clone()),
        workload: Some(refused.subject.as_str().to_owned()),
        upstream: Some(refused.upstream.clone()),
        tool: Some(refused.tool.clone()),
        arguments_digest: Some(refused.arguments_digest.to_string()),
        decision_id: Some(refused.id),
        lifts: verified.lifts().to_vec(),
        reasons: Vec::new(),
        body: PermissionBody {
            person: Some(verified.person().to_owned()),
            reason: Some(verified.reason().to_owned()),
            ticket: verified.ticket().map(str::to_owned),
            claimed: None,
        },
    }
}

fn rejected(house: &House, code: &str, why: &str) -> Permission {
    Permission {
        at: house.journal.now().at,
        action: PermissionAction::Rejected,
        call: None,
        token: None,
        tenant: None,
        workload: None,
        upstream: None,
        tool: None,
        arguments_digest: None,
        decision_id: None,
        lifts: Vec::new(),
        reasons: vec![code.to_owned()],
        body: PermissionBody { reason: Some(why.to_owned()), ..PermissionBody::default() },
    }
}

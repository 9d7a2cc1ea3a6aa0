//! Refusals that a person may answer: found by an id or the end of one, and what a person's tool needs to sign. Where there is none, why.

use super::{answer, problem};
use crate::service::House;
use audit::table::id_end;
use canon::{CallId, Micros};
use http::{Response, StatusCode};
use journal::Reader;
use permission::RefusedDecision;
use record::Row;
use serde_json::{Value, json};
use std::path::Path;
use wire::ReplyBody;

/// Ids that are listed where one was meant.
const CANDIDATES_MAX: usize = 8;
/// So many of the newest records are looked through for a decision that no permission lifts.
const RECORDS_MAX: u32 = 200_000;
/// The code of what cannot be answered.
const CODE: &str = "toolgate.admin.decision";

/// What a person's tool needs to sign a permission for a refused call; `id` is the decision's, or the end of it.
pub(super) async fn refusal(house: &House, id: &str) -> Response<ReplyBody> {
    let Some(end) = id_end(id) else {
        return problem(StatusCode::BAD_REQUEST, CODE, "a decision's id is a uuid, or the end of one, as the audit's tables show it");
    };
    match sought(house, end).await {
        Ok(Sought::Refused(refused)) => answer(StatusCode::OK, &facts(house, &refused)),
        Ok(Sought::Not(why)) => problem(StatusCode::NOT_FOUND, CODE, &why),
        Err(why) => problem(StatusCode::SERVICE_UNAVAILABLE, "toolgate.journal_down", &why),
    }
}

enum Sought {
    Refused(Box<RefusedDecision>),
    /// And why not.
    Not(String),
}

async fn sought(house: &House, end: String) -> Result<Sought, String> {
    let found = match end.parse::<CallId>() {
        Ok(whole) => vec![whole],
        Err(_) => {
            let (dir, since, wanted) = (house.config.journal.dir.clone(), house.journal.refusals_since(), end.clone());
            tokio::task::spawn_blocking(move || ending(&dir, &wanted, since)).await.map_err(|error| error.to_string())??
        }
    };
    match found.as_slice() {
        [] => {}
        [one] => {
            if let Some(refused) = house.refused(*one).await? {
                return Ok(Sought::Refused(Box::new(refused)));
            }
        }
        several => {
            let listed: Vec<String> = several.iter().take(CANDIDATES_MAX).map(ToString::to_string).collect();
            return Ok(Sought::Not(format!("the ids of several refused decisions end so, write more of one: {}", listed.join(", "))));
        }
    }
    let dir = house.config.journal.dir.clone();
    let decision = tokio::task::spawn_blocking(move || decision(&dir, &end)).await.map_err(|error| error.to_string())??;
    Ok(Sought::Not(why_not(decision.as_ref(), house.journal.now().at, house.config.journal.refusal_keep_s)))
}

/// The refused decisions whose ids end so. On a connection of its own: calls wait for the other one.
fn ending(dir: &Path, end: &str, since: Micros) -> Result<Vec<CallId>, String> {
    let reader = Reader::open(dir).map_err(|error| error.to_string())?;
    reader.refusals_ending(end, since, CANDIDATES_MAX + 1).map_err(|error| error.to_string())
}

/// The newest decision whose id ends so. On a connection of its own as well.
fn decision(dir: &Path, end: &str) -> Result<Option<Row>, String> {
    let reader = Reader::open(dir).map_err(|error| error.to_string())?;
    let meant = |envelope: &[u8]| {
        record::read(envelope).ok().filter(|row| row.kind == "decision" && row.call.as_deref().is_some_and(|call| call.ends_with(end)))
    };
    let found = reader.newest_holding(format!("{end}\"").as_bytes(), RECORDS_MAX, |envelope| meant(envelope).is_some());
    Ok(found.map_err(|error| error.to_string())?.and_then(|envelope| meant(&envelope)))
}

/// Why there is nothing to sign.
fn why_not(decision: Option<&Row>, now: Micros, keep_s: u64) -> String {
    let Some(row) = decision else {
        return "this journal knows no such decision: was it made by this toolgate, and is the id right?".to_owned();
    };
    let (call, reasons) = (row.call.as_deref().unwrap_or_default(), row.reasons.join(", "));
    if row.done.as_deref() == Some("forward") {
        return format!("the call {call} was not refused: it went through, there is nothing to lift");
    }
    let age = Micros::parse(&row.time).map_or(0, |at| now.seconds().saturating_sub(at.seconds()));
    if u64::try_from(age).is_ok_and(|age| age > keep_s) {
        return format!("the refusal {call} is older than `journal.refusal_keep_s`: let the agent try again, and take the new one");
    }
    format!("no permission lifts the refusal {call} ({reasons}): `audit show` says why it was refused")
}

fn facts(house: &House, refused: &RefusedDecision) -> Value {
    let blocked = match refused.blocked {
        permission::Blocked::NeedsApproval => "needs_approval",
        permission::Blocked::Denied => "denied",
        permission::Blocked::Error => "error",
    };
    json!({
        "decision_id": refused.id.to_string(), "at": refused.at.to_string(), "subject": refused.subject.as_str(), "tenant": refused.tenant, "upstream": refused.upstream,
        "tool": refused.tool, "arguments_digest": refused.arguments_digest.to_string(), "blocked": blocked, "reasons": refused.reasons,
        "instance": house.journal.writer().instance.to_string(), "audience": house.config.identity.trust_domain.as_str(),
        "user": refused.user.as_ref().map(|user| json!({"issuer": user.issuer, "subject": user.subject})),
        "signers": house.view.load().keys.entries().map(|entry| (entry.kid.clone(), Value::from(entry.person.clone()))).collect::<serde_json::Map<_, _>>(),
        "ticket_required": house.config.permissions.settings.ticket == permission::Ticket::Required,
    })
}

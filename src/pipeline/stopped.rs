//! The early ends of a call: recorded and answered in one place, in the caller's own protocol.

use super::clear::watch;
use super::facts::Facts;
use super::pass_on::{count, decorate};
use crate::service::House;
use crate::telemetry::{CallLabels, CodeLabels};
use crate::view::View;
use enforcement::{Class, Code, Lift, Refusal, Ruling, Unfit};
use http::{Response, StatusCode};
use protocol::{Flaw, Malformed, Reason, Speech, refuse};
use record::{Outcome, OutcomeKind};
use wire::{BodyError, Failed, Limit, ReplyBody};

/// Seconds after which a call that met an overload or a full journal may come again.
const RETRY_AFTER_SECONDS: u32 = 1;

/// Why a call ended before its answer.
pub(crate) enum Stopped {
    /// Nothing of it left: the end is recorded, and answered.
    Refused(Refused),
    /// It was cleared, and the upstream gave no answer: its outcome is recorded, and answered.
    Upstream(Box<Failed>),
    /// It was sent, and the answer cannot be passed on: its outcome is recorded already.
    Answer {
        /// The reason's code.
        code: &'static str,
        /// In words.
        why: String,
    },
}

impl From<Refused> for Stopped {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

/// Why nothing of a call left.
pub(crate) enum Refused {
    /// There is no room for it.
    Overload(Limit),
    /// No route takes it.
    NoRoute,
    /// Its body did not arrive as it should.
    Body(BodyError),
    /// It has no single reading.
    Malformed(Malformed),
    /// The table refuses it.
    Table(Refusal),
    /// The permission's one use was spent by another call a moment before.
    Used,
    /// The receipt was of another call.
    Mixup(gate::Mixup),
}

/// A refusal before it is spelled.
struct Said {
    class: protocol::Class,
    reasons: Vec<(String, String)>,
    warnings: Vec<Code>,
    lift: Option<Lift>,
    speech: Option<Speech>,
}

impl Said {
    fn of(class: protocol::Class, code: &str, message: String) -> Self {
        Self { class, reasons: vec![(code.to_owned(), message)], warnings: Vec::new(), lift: None, speech: None }
    }
}

/// Records the end, and answers.
pub(crate) async fn stop(house: &House, view: &View, facts: &mut Facts, stopped: Stopped) -> Response<ReplyBody> {
    let said = match stopped {
        Stopped::Upstream(failed) => return unanswered(house, view, facts, *failed),
        Stopped::Answer { code, why } => {
            tracing::warn!(decision = %facts.id, route = facts.route_name(), code, why, "an upstream's answer cannot be passed on");
            return spelled(view, facts, &Said::of(protocol::Class::Upstream(StatusCode::BAD_GATEWAY), code, why), None);
        }
        Stopped::Refused(refused) => said(view, facts, refused),
    };
    facts.warnings.clone_from(&said.warnings);
    let status = spelled(view, facts, &said, None).status().as_u16();
    let entry = facts.refused(Some(status), &said.reasons, &said.warnings, said.lift.is_some());
    if let Err(unrecorded) = house.journal.append(entry).await {
        house.losses.count(&unrecorded.to_string());
    }
    let mut every = facts.reasons();
    every.retain(|(code, _)| !said.reasons.iter().any(|(known, _)| known == code));
    let ask = said.lift.map(|lift| ask(house, facts, lift));
    tell(house, facts, &said.reasons, ask.as_deref());
    // What the policy said comes first; for anyone who is not known it is not said at all.
    let reasons = match said.class {
        protocol::Class::Policy => every.into_iter().chain(said.reasons.clone()).collect(),
        protocol::Class::Malformed(_)
        | protocol::Class::Unidentified
        | protocol::Class::Unavailable { .. }
        | protocol::Class::Upstream(_) => said.reasons.clone(),
    };
    spelled(view, facts, &Said { reasons, ..said }, ask)
}

/// Records the end of a call that was dropped on its way, unless an entry of it went to the journal: then the record and its slot say all. What is
/// known so far is in the record, and it counts as any refusal of its caller.
pub(crate) fn abandon(house: &House, facts: &mut Facts) {
    if facts.is_handed() {
        return;
    }
    let said = [(
        "toolgate.abandoned".to_owned(),
        "the call was given up before its answer: the client went away, or a stop cut it off".to_owned(),
    )];
    match house.journal.note(facts.refused(None, &said, &[], false)) {
        Ok((_, waiting)) => watch(house, waiting),
        Err(unrecorded) => house.losses.count(&unrecorded.to_string()),
    }
    tell(house, facts, &said, None);
}

/// The command by which a person lets the same call through.
fn ask(house: &House, facts: &Facts, lift: Lift) -> String {
    let kind = match lift {
        Lift::Approval => "approval",
        Lift::Override => "override",
        Lift::BreakGlass => "override --break-glass",
    };
    format!(
        "toolgate permission sign --admin {} --decision {} --kind {kind} --key KEY.pem --reason \"WHY\" --deposit",
        house.admin_address(),
        facts.id
    )
}

fn said(view: &View, facts: &Facts, refused: Refused) -> Said {
    match refused {
        Refused::Overload(limit) => overload(view, format!("no room for this call now (`{}`): try again", limit.name())),
        Refused::NoRoute => {
            Said::of(protocol::Class::Upstream(StatusCode::NOT_FOUND), "toolgate.no_route", "no route takes this host and path".to_owned())
        }
        Refused::Body(error) => body(view, &error),
        Refused::Malformed(malformed) => {
            let unfit = match malformed.flaw.status() {
                StatusCode::UNSUPPORTED_MEDIA_TYPE => Unfit::UnsupportedType,
                StatusCode::PAYLOAD_TOO_LARGE => Unfit::BodyOverLimit,
                _ => Unfit::Malformed,
            };
            let said = admitted(view, unfit, malformed.flaw.code(), malformed.message, Some(malformed.flaw));
            Said { speech: Some(malformed.speech), ..said }
        }
        Refused::Table(refusal) => table(facts, refusal),
        Refused::Used => Said::of(
            protocol::Class::Policy,
            "toolgate.permission.used",
            "the permission is used already: each lets one call through".to_owned(),
        ),
        Refused::Mixup(mixup) => {
            Said::of(protocol::Class::Unavailable { retry_after_seconds: RETRY_AFTER_SECONDS }, "toolgate.mixup", mixup.to_string())
        }
    }
}

/// The table refuses what has no single reading, in every mode.
fn admitted(view: &View, unfit: Unfit, code: &str, message: String, flaw: Option<Flaw>) -> Said {
    let rules = view.routes.first().map(|route| route.rules);
    let refusal = rules.map(|rules| enforcement::admit(&rules, unfit));
    let class = match (&refusal, flaw) {
        (Some(Ruling::Refuse(refusal)), _) if refusal.class == Class::Unavailable => {
            protocol::Class::Unavailable { retry_after_seconds: RETRY_AFTER_SECONDS }
        }
        (_, Some(flaw)) => protocol::Class::Malformed(flaw),
        (_, None) => protocol::Class::Malformed(Flaw::Framing),
    };
    let mut said = Said::of(class, code, message);
    if let Some(Ruling::Refuse(refusal)) = refusal {
        let own = refusal.codes.iter().map(|code| code.as_str()).filter(|own| *own != code);
        said.reasons.extend(own.map(|own| (own.to_owned(), sentence_of(own).to_owned())));
    }
    said
}

fn overload(view: &View, message: String) -> Said {
    admitted(view, Unfit::Overload, "toolgate.overload", message, None)
}

fn body(view: &View, error: &BodyError) -> Said {
    let (unfit, code, flaw) = match error {
        BodyError::TooLarge(_) => {
            (Unfit::BodyOverLimit, canon::json::Reason::BodyTooLong.code(), Flaw::Json(canon::json::Reason::BodyTooLong))
        }
        BodyError::NoRoom(_) => return overload(view, error.to_string()),
        BodyError::Timeout => (Unfit::Malformed, "toolgate.http.body_timeout", Flaw::Framing),
        BodyError::Unsound(_) | BodyError::Trailers | BodyError::Broken(_) => (Unfit::Malformed, "toolgate.http.framing", Flaw::Framing),
    };
    admitted(view, unfit, code, error.to_string(), Some(flaw))
}

fn table(facts: &Facts, refusal: Refusal) -> Said {
    let class = match refusal.class {
        Class::Policy => protocol::Class::Policy,
        Class::Unavailable => protocol::Class::Unavailable { retry_after_seconds: RETRY_AFTER_SECONDS },
        Class::Unidentified => protocol::Class::Unidentified,
        Class::UnsupportedType | Class::BodyOverLimit | Class::Malformed => protocol::Class::Malformed(Flaw::Framing),
    };
    let reasons = refusal.codes.iter().map(|code| (code.as_str().to_owned(), sentence_of(code.as_str()).to_owned()));
    let mut reasons: Vec<_> = reasons.collect();
    if refusal.class == Class::Unidentified {
        // Why it is not known who calls is the caller's own matter; what the policy says of the call is not.
        reasons.extend(facts.reasons().into_iter().filter(|(code, _)| code.starts_with("toolgate.identity.")));
    }
    Said { class, reasons, warnings: Vec::new(), lift: refusal.lift, speech: None }
}

/// A sentence for each code of the table.
fn sentence_of(code: &str) -> &'static str {
    Code::ALL.iter().find(|known| known.as_str() == code).map_or("", |code| sentence(*code))
}

fn sentence(code: Code) -> &'static str {
    match code {
        Code::Denied => "the policy refuses this call",
        Code::Error => "the policy has no answer for this call",
        Code::ApprovalRequired => "a person must approve this call",
        Code::Sensitive => "the tool is sensitive: a person must approve this call",
        Code::TenantDisagreement => "the tenant of this call is not clear",
        Code::TrainingLock => "calls are locked outside a supervised training session",
        Code::PolicyStale => "the policy is older than its maximum age",
        Code::RevocationsStale => "the list of revoked permissions is past the time until which it may be trusted",
        Code::Overload => "there is no room for this call now",
        Code::JournalRefused => "the decision could not be recorded: the journal refused it",
        Code::JournalDown => "the decision could not be recorded: the journal is down until a restart",
        Code::Unidentified => "it is not known who calls",
        Code::UnsupportedType => "the content type or encoding is not read here",
        Code::BodyOverLimit => "the body is over the limit",
        Code::Malformed => "the request has no single reading",
    }
}

/// The call left, or tried to, and there is no answer: never sent again, its outcome recorded.
fn unanswered(house: &House, view: &View, facts: &Facts, failed: Failed) -> Response<ReplyBody> {
    let Failed { open, failure } = failed;
    let (kind, code) = if failure.left() {
        (OutcomeKind::Unknown, "toolgate.upstream.no_answer")
    } else {
        (OutcomeKind::Unsent, "toolgate.upstream.unreachable")
    };
    tracing::warn!(decision = %facts.id, route = facts.route_name(), outcome = kind.word(), why = %failure, "an upstream gave no answer");
    count(&house.metrics, kind);
    let body = record::OutcomeBody { error: Some(failure.to_string()), ..record::OutcomeBody::default() };
    open.conclude(Outcome { reasons: vec![code.to_owned()], body, ..Outcome::of(kind) });
    let word = if failure.left() { "its outcome is unknown" } else { "nothing was sent" };
    let class = if failure.status() == StatusCode::SERVICE_UNAVAILABLE {
        protocol::Class::Unavailable { retry_after_seconds: RETRY_AFTER_SECONDS }
    } else {
        protocol::Class::Upstream(failure.status())
    };
    spelled(view, facts, &Said::of(class, code, format!("{failure}; {word}")), None)
}

fn spelled(view: &View, facts: &Facts, said: &Said, ask: Option<String>) -> Response<ReplyBody> {
    let speech = said.speech.as_ref().or(facts.speech.as_ref()).unwrap_or(&Speech::Http);
    let refusal = protocol::Refusal {
        decision: facts.id,
        class: said.class,
        reasons: said.reasons.iter().map(|(code, message)| Reason { code: code.clone(), message: message.clone() }).collect(),
        mode: facts.mode().to_owned(),
        detail: view.detail,
        ask,
        arguments_digest: facts.digest.filter(|_| said.lift.is_some()).map(|digest| digest.to_string()),
    };
    let reply = refuse(speech, &refusal);
    let mut response = Response::new(ReplyBody::full(reply.body));
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    decorate(response.headers_mut(), facts);
    response
}

/// Tells people: a line in the log, the counters.
fn tell(house: &House, facts: &Facts, said: &[(String, String)], ask: Option<&str>) {
    let labels = CallLabels { route: facts.route_name().to_owned(), would: facts.would(), done: "refuse" };
    house.metrics.calls.get_or_create(&labels).inc();
    for (code, _) in said.iter().filter(|(code, _)| code.starts_with("toolgate.")) {
        house.metrics.refusals.get_or_create(&CodeLabels { code: code.clone() }).inc();
    }
    let codes: Vec<String> = facts.reasons().into_iter().map(|(code, _)| code).collect();
    let (tenant, subject, called) = facts.named();
    let (subject, called) = (canon::text::shown(subject, 200), canon::text::shown(called, 200));
    tracing::warn!(decision = %facts.id, route = facts.route_name(), tenant, subject, call = called, reasons = codes.join(" "), ask, "refused");
}

//! What is known of a call so far: it becomes the decision's record, whatever the end.

use super::Refused;
use super::authorise::{Seen, kind};
use super::identify::Caller;
use super::{digest, session};
use crate::service::Request;
use crate::view::{Route, View};
use canon::json::Pointer;
use canon::{CallId, Keyed};
use enforcement::{Code, Overridable, Passage, Sensitivity};
use journal::{Cause, Claim, Entry, Journal, Now, Put, Unrecorded};
use policy::{Approval, Decision, Obligation, Rego, Value, Verdict};
use protocol::{Head, Speaks, Speech, ToolCall};
use record::{Done, Event, Mask, Message, Permission, PermissionAction, PermissionBody, Person, Token, TokenKind, Would};
use std::sync::Arc;
use std::time::Instant;
use wire::{Peer, Seat};

/// The longest name of a tool that a permission can be for.
const TOOL_BYTES_MAX: usize = 512;

/// What is known of one call.
pub(crate) struct Facts {
    pub(crate) id: CallId,
    /// The one reading of the clock.
    pub(crate) now: Now,
    pub(crate) started: Instant,
    /// When the call was released to its upstream.
    pub(crate) released: Instant,
    pub(crate) http_method: http::Method,
    /// How to answer, once that is known.
    pub(crate) speech: Option<Speech>,
    pub(crate) session: Option<Arc<str>>,
    pub(crate) digest: Option<Keyed>,
    /// The request of a session of MCP that the call is.
    pub(crate) request: Option<Request>,
    pub(crate) permission: Option<Seen>,
    pub(crate) warnings: Vec<Code>,
    /// The mode's name for the answer's header, where it is permissive.
    pub(crate) announced: Option<&'static str>,
    pub(crate) request_bytes: u64,
    /// Its place among its caller's, until its end is recorded.
    pub(crate) seat: Option<Seat>,
    verdict: Option<Verdict>,
    /// An entry of it went to the journal.
    handed: bool,
    event: Box<record::Decision>,
}

impl Facts {
    /// A call of which only the instant is known.
    pub(crate) fn begin(id: CallId, now: Now, view: &View) -> Self {
        let unknown = record::Decision::of(now.at, id, view.mode.name, view.mode.enforcement);
        let event = record::Decision { config_digest: Some(view.config_digest), view_digest: Some(view.digest), ..unknown };
        Self {
            id,
            now,
            started: Instant::now(),
            released: Instant::now(),
            http_method: http::Method::GET,
            speech: None,
            session: None,
            digest: None,
            request: None,
            permission: None,
            warnings: Vec::new(),
            announced: view.mode.permissive.then_some(view.mode.name),
            request_bytes: 0,
            seat: None,
            verdict: None,
            handed: false,
            event: Box::new(event),
        }
    }

    pub(crate) fn peer(&mut self, peer: &Peer, head: &Head, view: &View) {
        self.http_method = head.method.clone();
        let body = &mut self.event.body;
        body.peer = peer.uid().map(|uid| format!("uid {uid}")).or_else(|| peer.address().map(|address| address.to_string()));
        let shown = head.headers.iter().filter(|(name, _)| !view.is_bearer_of_rights(name));
        body.headers = Some(view.mask.headers(shown.map(|(name, value)| (name.as_str(), value.as_bytes()))));
        body.target = head.uri.path_and_query().map(|target| view.mask.target(target.as_str()));
    }

    pub(crate) fn route(&mut self, route: &Route, head: &Head, mask: &Mask) {
        self.event.route = Some(route.name.to_string());
        self.event.upstream = Some(route.upstream_name.to_string());
        self.speech = Some(route.speaks.speech());
        // On a plain route path and query are arguments, which are recorded as such and masked by their own places.
        if let Speaks::Http(routes) = &route.speaks {
            let path = head.uri.path();
            self.event.body.target = Some(mask.target(routes.template(&head.method, path).unwrap_or(path)));
        }
    }

    pub(crate) fn caller(&mut self, caller: &Caller, journal: &Journal, mask: &Mask) {
        let principal = &caller.principal;
        self.event.workload = principal.workload.as_ref().ok().map(|workload| workload.id.as_str().to_owned());
        self.event.tenant = caller.tenant.as_ref().ok().map(|tenant| tenant.as_str().to_owned());
        let key = journal.digest_key().derive(self.event.tenant.as_deref().unwrap_or_default());
        self.event.user = principal.user.as_ref().map(|user| key.sign(&[user.issuer.as_bytes(), &[0], user.subject.as_bytes()]));
        self.event.body.user = principal.user.as_ref().map(|user| Person {
            issuer: user.issuer.clone(),
            subject: user.subject.clone(),
            claims: Some(mask.value::<canon::json::Tree>(&user.claims)),
        });
        self.event.body.actors = principal
            .actors
            .iter()
            .map(|actor| Person { issuer: actor.issuer.clone(), subject: actor.subject.clone(), claims: None })
            .collect();
        if let Some((code, message)) = caller.why() {
            self.reason(code, &message);
        }
    }

    pub(crate) fn call(&mut self, call: &ToolCall<Value>, caller: &Caller, route: &Route, journal: &Journal) {
        self.speech = Some(call.speech.clone());
        self.request_bytes = u64::try_from(call.body_bytes()).unwrap_or(u64::MAX);
        call.protocol().clone_into(&mut self.event.protocol);
        self.event.method = Some(call.method.clone());
        self.event.tool.clone_from(&call.tool);
        self.session = session::id(call, caller, route);
        self.request = session::request(call, self.id, route);
        self.event.session = self.session.as_deref().map(str::to_owned);
        let key = journal.digest_key().derive(self.event.tenant.as_deref().unwrap_or_default());
        self.digest = Some(digest::of(&key, call, &route.policy_headers));
        self.event.arguments_digest = self.digest;
    }

    pub(crate) fn policy(&mut self, policy: Option<&policy::Snapshot>) {
        self.event.policy_digest = policy.map(policy::Snapshot::digest);
        self.event.policy_revision = policy.and_then(|policy| policy.revision().map(str::to_owned));
    }

    pub(crate) fn decision(&mut self, decision: &Decision, call: &ToolCall<Value>, mask: &Mask) {
        self.verdict = Some(decision.verdict);
        self.event.would = Some(match decision.verdict {
            Verdict::Allow => Would::Allow,
            Verdict::Deny => Would::Deny,
            Verdict::Error => Would::Error,
        });
        for reason in &decision.reasons {
            self.reason(&reason.code, &reason.message);
        }
        self.event.risk = decision.risk.map(|risk| risk.name().to_owned());
        self.event.sensitive = decision.sensitive;
        self.event.approval = decision.approval == Approval::Required;
        self.event.obligations = decision.obligations.iter().map(|obligation| obligation.name().to_owned()).collect();
        let also: Vec<Pointer> = decision
            .obligations
            .iter()
            .flat_map(|obligation| match obligation {
                Obligation::Mask(paths) => paths.as_slice(),
                Obligation::RedactResponse(_) => &[],
            })
            .cloned()
            .collect();
        self.event.body.arguments = Some(mask.arguments::<Rego>(&call.arguments, &also));
        self.event.body.resource = call.resource.as_deref().map(|resource| mask.resource(resource, &also));
    }

    fn reason(&mut self, code: &str, message: &str) {
        if !self.event.reasons.iter().any(|known| known == code) {
            self.event.reasons.push(code.to_owned());
            self.event.body.messages.push(Message { code: code.to_owned(), message: message.to_owned() });
        }
    }

    /// The call goes on: its records, the use that it spends and the rows that it leaves, in one transaction.
    pub(crate) fn forwarded(&mut self, passage: &Passage, puts: Vec<Put>) -> Entry {
        self.event.done = Done::Forward;
        self.event.warnings = passage.warnings.iter().map(|code| code.as_str().to_owned()).collect();
        let (permission, claims) = self.permission_record(passage.lifted.is_some());
        Entry { key: self.id, events: self.events(permission), claims, puts }
    }

    /// The call ends here: its records, and the row that a permission may later answer. Without a status nobody was answered.
    pub(crate) fn refused(&mut self, status: Option<u16>, reasons: &[(String, String)], warnings: &[Code], liftable: bool) -> Entry {
        self.event.done = Done::Refuse;
        self.event.status = status;
        self.event.permission = None;
        if self.event.workload.is_none() {
            // Nobody who is known vouches for them, and whoever likes can send as many as he likes.
            self.event.body.headers = None;
        }
        self.event.warnings = warnings.iter().map(|code| code.as_str().to_owned()).collect();
        let policy_reasons = self.event.reasons.clone();
        for (code, message) in reasons {
            self.reason(code, message);
        }
        let (permission, _) = self.permission_record(false);
        let puts = if liftable { self.refusal(policy_reasons).into_iter().collect() } else { Vec::new() };
        Entry { key: self.id, events: self.events(permission), claims: Vec::new(), puts }
    }

    fn refusal(&self, reasons: Vec<String>) -> Option<Put> {
        let user = self.event.body.user.as_ref().map(|user| (user.issuer.clone(), user.subject.clone()));
        Some(Put::Refusal(journal::Refusal {
            call: self.id,
            at: self.now.at,
            subject: self.event.workload.clone()?,
            user,
            tenant: self.event.tenant.clone()?,
            upstream: self.event.upstream.clone()?,
            // One that is longer is nobody's to let through, and would take room for as long as the refusal is kept.
            tool: self.event.tool.clone().filter(|tool| tool.len() <= TOOL_BYTES_MAX)?,
            arguments_digest: self.digest?,
            blocked: match kind(self.verdict?) {
                permission::Blocked::NeedsApproval => journal::Blocked::NeedsApproval,
                permission::Blocked::Denied => journal::Blocked::Denied,
                permission::Blocked::Error => journal::Blocked::Error,
            },
            reasons,
        }))
    }

    fn events(&mut self, permission: Option<Permission>) -> Vec<Event> {
        self.handed = true;
        self.event.duration_us = Some(u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX));
        let mut events: Vec<Event> = permission.map(|permission| Event::Permission(Box::new(permission))).into_iter().collect();
        events.push(Event::Decision(self.event.clone()));
        events
    }

    fn permission_record(&mut self, spent: bool) -> (Option<Permission>, Vec<Claim>) {
        let Some(seen) = &self.permission else { return (None, Vec::new()) };
        let mut record = Permission {
            at: self.now.at,
            action: PermissionAction::Rejected,
            call: Some(self.id),
            token: None,
            tenant: self.event.tenant.clone(),
            workload: self.event.workload.clone(),
            upstream: self.event.upstream.clone(),
            tool: self.event.tool.clone(),
            arguments_digest: self.digest.map(|digest| digest.to_string()),
            decision_id: None,
            lifts: Vec::new(),
            reasons: Vec::new(),
            body: PermissionBody::default(),
        };
        match seen {
            Seen::Rejected { code, why } => {
                record.reasons = vec![(*code).to_owned()];
                record.body.reason = Some(why.clone());
                (Some(record), Vec::new())
            }
            Seen::Verified(verified) => {
                let kind = match verified.kind() {
                    permission::Kind::Override => TokenKind::Override,
                    permission::Kind::Approval => TokenKind::Approval,
                };
                let token = Token { kind, iss: verified.iss().to_owned(), jti: verified.jti().to_owned(), kid: verified.kid().to_owned() };
                record.action = if spent { PermissionAction::Used } else { PermissionAction::Presented };
                record.token = Some(token.clone());
                record.decision_id = Some(verified.decision_id());
                record.lifts = verified.lifts().to_vec();
                record.body = PermissionBody {
                    person: Some(verified.person().to_owned()),
                    reason: Some(verified.reason().to_owned()),
                    ticket: verified.ticket().map(str::to_owned),
                    claimed: None,
                };
                let claims = if spent {
                    self.event.permission = Some(token);
                    vec![Claim { iss: verified.iss().to_owned(), jti: verified.jti().to_owned(), exp: verified.exp() }]
                } else {
                    Vec::new()
                };
                (Some(record), claims)
            }
        }
    }

    /// A use that another call spent first is a refusal of this one, in every mode that asks for it.
    pub(crate) fn unrecorded(&mut self, why: &Unrecorded) -> Result<(), Refused> {
        if let Unrecorded::Refused(Cause::AlreadyUsed, _) = why {
            self.permission = Some(Seen::Rejected { code: "toolgate.permission.used", why: "the permission is used already".to_owned() });
            return Err(Refused::Used);
        }
        Ok(())
    }

    /// The call was cleared with these warnings: they go into the answer's header.
    pub(crate) fn cleared(&mut self, warnings: &[Code]) {
        self.warnings = warnings.to_vec();
        self.released = Instant::now();
    }

    /// Whether an entry of it went to the journal. Whoever makes one hands it on before anything is awaited.
    pub(crate) const fn is_handed(&self) -> bool {
        self.handed
    }

    /// The reasons so far, code and message.
    pub(crate) fn reasons(&self) -> Vec<(String, String)> {
        self.event.body.messages.iter().map(|said| (said.code.clone(), said.message.clone())).collect()
    }

    pub(crate) fn would(&self) -> &'static str {
        self.event.would.map_or("none", |would| would.word())
    }

    pub(crate) fn route_name(&self) -> &str {
        self.event.route.as_deref().unwrap_or("none")
    }

    /// For the log line of a warning or a refusal.
    pub(crate) fn named(&self) -> (&str, &str, &str) {
        let called = self.event.tool.as_deref().or(self.event.method.as_deref()).unwrap_or("-");
        (self.event.tenant.as_deref().unwrap_or("-"), self.event.workload.as_deref().unwrap_or("-"), called)
    }

    pub(crate) fn mode(&self) -> &str {
        &self.event.mode
    }
}

pub(crate) fn verdict(verdict: Verdict) -> enforcement::Verdict {
    match verdict {
        Verdict::Allow => enforcement::Verdict::Allow,
        Verdict::Deny => enforcement::Verdict::Deny,
        Verdict::Error => enforcement::Verdict::Error,
    }
}

pub(crate) fn approval(approval: Approval) -> enforcement::Approval {
    match approval {
        Approval::Required => enforcement::Approval::Required,
        Approval::NotRequired => enforcement::Approval::NotAsked,
    }
}

pub(crate) fn sensitivity(sensitive: bool) -> Sensitivity {
    if sensitive { Sensitivity::Sensitive } else { Sensitivity::Plain }
}

pub(crate) fn overridable(overridable: bool) -> Overridable {
    if overridable { Overridable::Yes } else { Overridable::Never }
}

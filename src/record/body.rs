//! The body: what may be personal or free text, as JSON that stands beside the envelope.
//!
//! Knows the bodies' members. What an agent, a user or an upstream wrote comes in as `Masked` only, or is cut here.

use crate::event::{DecisionBody, Event, OutcomeBody, PermissionBody, Person, SourceBody};
use crate::mask::{Masked, quote};

/// Bytes that a text of ours or of an operator (message, reason, error) keeps.
const TEXT_BYTES_MAX: usize = 2048;

/// Writes the members of one object, leaving out what is absent.
struct Members {
    out: Vec<u8>,
}

impl Members {
    fn new() -> Self {
        Self { out: vec![b'{'] }
    }

    fn raw(&mut self, key: &str, json: &[u8]) {
        if self.out.len() > 1 {
            self.out.push(b',');
        }
        quote(key, &mut self.out);
        self.out.push(b':');
        self.out.extend_from_slice(json);
    }

    fn text(&mut self, key: &str, text: Option<&str>) {
        if let Some(text) = text {
            let mut json = Vec::with_capacity(text.len() + 2);
            quote(cut(text), &mut json);
            self.raw(key, &json);
        }
    }

    fn masked(&mut self, key: &str, masked: Option<&Masked>) {
        if let Some(masked) = masked {
            self.raw(key, masked.json().as_bytes());
        }
    }

    fn list<T>(&mut self, key: &str, items: &[T], one: impl Fn(&T) -> Vec<u8>) {
        if !items.is_empty() {
            let items: Vec<_> = items.iter().map(one).collect();
            self.raw(key, &[b"[", items.join(&b","[..]).as_slice(), b"]"].concat());
        }
    }

    fn end(mut self) -> Vec<u8> {
        self.out.push(b'}');
        self.out
    }
}

fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(TEXT_BYTES_MAX)).unwrap_or(text)
}

/// The event's body; `{}` where it has nothing to say.
pub(crate) fn of(event: &Event) -> Vec<u8> {
    match event {
        Event::Genesis(_) => Members::new().end(),
        Event::Decision(event) => decision(&event.body),
        Event::Outcome(event) => outcome(&event.outcome.body),
        Event::Permission(event) => permission(&event.body),
        Event::Policy(event) => source(&event.body),
        Event::Key(event) => source(&event.body),
        Event::Lifecycle(event) => {
            let mut members = Members::new();
            members.text("detail", event.detail.as_deref());
            members.end()
        }
    }
}

fn person(person: &Person) -> Vec<u8> {
    let mut members = Members::new();
    members.masked("claims", person.claims.as_ref());
    members.text("issuer", Some(&person.issuer));
    members.text("subject", Some(&person.subject));
    members.end()
}

fn decision(body: &DecisionBody) -> Vec<u8> {
    let mut members = Members::new();
    members.list("actors", &body.actors, person);
    members.masked("arguments", body.arguments.as_ref());
    members.masked("headers", body.headers.as_ref());
    members.list("messages", &body.messages, |message| {
        let mut members = Members::new();
        members.text("code", Some(&message.code));
        members.text("message", Some(&message.message));
        members.end()
    });
    members.text("peer", body.peer.as_deref());
    members.masked("resource", body.resource.as_ref());
    members.masked("target", body.target.as_ref());
    if let Some(user) = &body.user {
        members.raw("user", &person(user));
    }
    members.end()
}

fn outcome(body: &OutcomeBody) -> Vec<u8> {
    let mut members = Members::new();
    members.text("error", body.error.as_deref());
    members.masked("headers", body.headers.as_ref());
    members.masked("response", body.response.as_ref());
    members.end()
}

fn permission(body: &PermissionBody) -> Vec<u8> {
    let mut members = Members::new();
    members.masked("claimed", body.claimed.as_ref());
    members.text("person", body.person.as_deref());
    members.text("reason", body.reason.as_deref());
    members.text("ticket", body.ticket.as_deref());
    members.end()
}

fn source(body: &SourceBody) -> Vec<u8> {
    let mut members = Members::new();
    members.list("problems", &body.problems, |problem| {
        let mut json = Vec::new();
        quote(cut(problem), &mut json);
        json
    });
    members.text("source", body.source.as_deref());
    members.end()
}

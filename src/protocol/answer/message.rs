//! One message of an answer: what is learnt of it, and what is cut out of it or replaced.

use super::hints::hints;
use super::{Broken, Id, Reading, Seen, is_reserved};
use crate::call::{Era, RequestId};
use bytes::Bytes;
use canon::Build;
use canon::json::{Json, Limits, Number, Outline, Pointer, Tree, canonical};

/// What stands where something was redacted.
const REDACTED: &str = "[redacted]";
/// Arrays and objects inside one another, in an answer that must be read.
const DEPTH_MAX: usize = 128;
/// Values in an answer that must be read: some 10 MB of outline.
const VALUES_MAX: usize = 200_000;

/// Where the result of a call stands in a message: by itself, inside the task that it ended (extension `io.modelcontextprotocol/tasks`,
/// `tasks/get`), inside the notification of that end.
const RESULTS: [&[&str]; 3] = [&["result", "result"], &["params", "result"], &["result"]];

pub(super) enum Examined {
    /// It may pass as it came.
    AsItIs(Bytes),
    /// This goes instead.
    Changed(Vec<u8>),
    /// It depends on which tools are visible.
    Ask(Asking),
}

/// A message with tools in it, all else done.
#[derive(Debug)]
pub(super) struct Asking {
    document: Bytes,
    outline: Outline,
    changed: bool,
}

/// A tool that the upstream offers: what it says of the tool, untrusted.
#[derive(Debug, Clone, PartialEq)]
pub struct Offered {
    document: Bytes,
    outline: Outline,
}

impl Offered {
    /// The tool's name, if it has one.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        self.outline.get("name").and_then(|name| name.text(&self.document))
    }

    /// Bytes of its definition, as the upstream wrote it.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match &self.outline {
            Outline::Scalar(at) | Outline::Array(at, _) | Outline::Object(at, _) => at.len(),
            Outline::Instead(text) => text.len(),
        }
    }

    /// Its definition. A number that a double does not hold is the nearest one.
    #[must_use]
    pub fn definition<B: Build>(&self) -> B::Value {
        self.outline.value::<B>(&self.document)
    }
}

pub(super) fn examine(reading: &Reading, document: Bytes, seen: &mut Seen) -> Result<Examined, Broken> {
    let hints = hints(&document);
    let redacts = reading.redacts() && (hints.result || !reading.is_mcp());
    let must = redacts || reading.is_mcp() && (hints.reserved || reading.list && hints.tools);
    let learns = reading.is_mcp() && (hints.error || hints.is_error);
    if reading.is_mcp() && hints.result {
        seen.tool_error = Some(false);
    }
    if !must && !learns {
        return Ok(Examined::AsItIs(document));
    }
    let limits = Limits { depth_max: DEPTH_MAX, values_max: VALUES_MAX, ..Limits::NONE };
    let mut outline = match Outline::of(&document, &limits) {
        Ok(outline) => outline,
        Err(rejected) if must => return Err(Broken::Unreadable(rejected)),
        Err(_) => return Ok(Examined::AsItIs(document)),
    };
    let mut changed = false;
    if reading.is_mcp() {
        changed |= outline.cut(&is_reserved);
        for message in messages(&mut outline) {
            learn(message, &document, seen);
            let earlier = if is_own(reading, message, &document) { &[][..] } else { &reading.earlier.places };
            for place in RESULTS {
                let result = place.iter().try_fold(&mut *message, |at, key| at.get_mut(key));
                changed |= result.is_some_and(|result| redact(result, &document, reading.redact.iter().chain(earlier)));
            }
            if let Some(result) = message.get_mut("result") {
                changed |= reading.list && reading.era() == Some(Era::Stateless) && make_private(result, &document);
            }
        }
    } else {
        changed |= redact(&mut outline, &document, &reading.redact);
    }
    if reading.list && messages(&mut outline).iter_mut().any(|message| tools(message).is_some_and(|tools| !tools.is_empty())) {
        return Ok(Examined::Ask(Asking { document, outline, changed }));
    }
    Ok(outcome(document, &outline, changed))
}

fn outcome(document: Bytes, outline: &Outline, changed: bool) -> Examined {
    if changed { Examined::Changed(written(outline, &document)) } else { Examined::AsItIs(document) }
}

impl Asking {
    pub(super) fn offered(&self) -> Vec<Offered> {
        let mut outline = self.outline.clone();
        let tools = messages(&mut outline).iter_mut().filter_map(tools).flat_map(std::mem::take);
        tools.map(|outline| Offered { document: self.document.clone(), outline }).collect()
    }

    /// The message without the tools that are not kept.
    pub(super) fn answered(mut self, keep: &[bool]) -> Result<Examined, Broken> {
        let changed = self.changed || keep.contains(&false);
        let mut keep = keep.iter();
        let mut told = true;
        for tools in messages(&mut self.outline).iter_mut().filter_map(tools) {
            tools.retain(|_| keep.next().copied().unwrap_or_else(|| std::mem::replace(&mut told, false)));
        }
        if !told || keep.next().is_some() {
            return Err(Broken::Untold);
        }
        Ok(outcome(self.document, &self.outline, changed))
    }
}

/// The messages of a document: it is one, or (2025-03-26) an array of them.
fn messages(outline: &mut Outline) -> &mut [Outline] {
    match outline {
        Outline::Array(_, messages) => messages,
        outline @ (Outline::Object(..) | Outline::Scalar(_) | Outline::Instead(_)) => std::slice::from_mut(outline),
    }
}

fn tools(message: &mut Outline) -> Option<&mut Vec<Outline>> {
    match message.get_mut("result")?.get_mut("tools")? {
        Outline::Array(_, tools) => Some(tools),
        Outline::Object(..) | Outline::Scalar(_) | Outline::Instead(_) => None,
    }
}

fn learn(message: &Outline, document: &[u8], seen: &mut Seen) {
    if let Some(result) = message.get("result") {
        seen.tool_error = Some(result.get("isError").map(|flag| flag.value::<Tree>(document)) == Some(Json::Bool(true)));
    }
    let code = message.get("error").and_then(|error| error.get("code")).map(|code| code.value::<Tree>(document));
    if let Some(Json::Number(Number::Int(code))) = code {
        seen.rpc_error = Some(code);
    }
}

/// A list that was filtered for one caller is not for another (MCP 2026-07-28, caching).
fn make_private(result: &mut Outline, document: &[u8]) -> bool {
    let private = || Outline::Instead("\"private\"".to_owned());
    let Outline::Object(_, members) = result else { return false };
    match members.iter_mut().find(|(key, _)| key == "cacheScope") {
        Some((_, scope)) if scope.text(document).as_deref() == Some("private") => return false,
        Some((_, scope)) => *scope = private(),
        None => members.push(("cacheScope".to_owned(), private())),
    }
    true
}

/// Whether a message answers the very call.
fn is_own(reading: &Reading, message: &Outline, document: &[u8]) -> bool {
    let id = message.get("id").map(|id| id.value::<Tree>(document));
    // A server's request has an id of the server's.
    message.get("method").is_none()
        && reading.earlier.id == Id::Own
        && match &reading.own {
            None => false,
            Some(RequestId::Int(own)) => id == Some(Json::Number(Number::Int(*own))),
            Some(RequestId::Text(own)) => id == Some(Json::String(own.clone())),
        }
}

fn redact<'a>(result: &mut Outline, document: &[u8], pointers: impl IntoIterator<Item = &'a Pointer>) -> bool {
    let mut changed = false;
    for pointer in pointers {
        changed |= replace(result, pointer);
        if let Some(inner) = inside_structured(pointer) {
            changed |= redact_texts(result, document, &inner);
        }
    }
    changed
}

fn replace(outline: &mut Outline, pointer: &Pointer) -> bool {
    let place = outline.find_mut(pointer);
    let found = place.is_some();
    if let Some(place) = place {
        *place = Outline::Instead(quoted(REDACTED));
    }
    found
}

fn inside_structured(pointer: &Pointer) -> Option<Pointer> {
    match pointer.tokens() {
        [first, inner @ ..] if first == "structuredContent" => Some(Pointer::of(&inner.iter().map(String::as_str).collect::<Vec<_>>())),
        _ => None,
    }
}

/// A server repeats its structured content as JSON in a text (MCP, tools, "Structured Content"): what is redacted in one is in the other.
fn redact_texts(result: &mut Outline, document: &[u8], pointer: &Pointer) -> bool {
    let Some(Outline::Array(_, items)) = result.get_mut("content") else { return false };
    let mut changed = false;
    for item in items.iter_mut().filter_map(|item| item.get_mut("text")) {
        let Some(text) = item.text(document) else { continue };
        let limits = Limits { depth_max: DEPTH_MAX, values_max: VALUES_MAX, ..Limits::NONE };
        let Ok(mut inner) = Outline::of(text.as_bytes(), &limits) else { continue };
        if replace(&mut inner, pointer) {
            *item = Outline::Instead(quoted(&String::from_utf8_lossy(&written(&inner, text.as_bytes()))));
            changed = true;
        }
    }
    changed
}

fn quoted(text: &str) -> String {
    let mut out = Vec::new();
    canonical::<Tree>(&Json::String(text.to_owned()), &mut out);
    String::from_utf8(out).unwrap_or_default()
}

fn written(outline: &Outline, document: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(document.len());
    outline.write(document, &mut out);
    out
}

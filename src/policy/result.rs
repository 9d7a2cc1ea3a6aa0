//! Reads what a policy's rule gave as a decision. Strict: what is not exactly understood is an error, never a guess.

use crate::decision::{Approval, Decision, Obligation, Reason, Risk, Verdict, codes};
use crate::rego::Rego;
use canon::json::Pointer;
use canon::{Build, Kind};
use regorus::Value;

/// Reasons of one result.
pub(crate) const REASONS_MAX: usize = 64;
/// Characters of one message; the rest is cut.
pub(crate) const MESSAGE_CHARS_MAX: usize = 500;
/// Obligations of one result.
pub(crate) const OBLIGATIONS_MAX: usize = 16;
/// Paths of one obligation.
pub(crate) const PATHS_MAX: usize = 64;
/// The prefix that is toolgate's own.
const RESERVED: &str = "toolgate.";
/// What a result may say.
pub const FIELDS: [&str; 7] = ["allow", "reasons", "risk", "sensitive", "approval", "overridable", "obligations"];
/// What a result may oblige to.
pub const OBLIGATIONS: [&str; 2] = ["mask", "redact_response"];

/// Why a result is no decision: one of two codes and a sentence.
#[derive(Debug)]
enum Fault {
    /// Well-formed, but more than this version enforces.
    Unsupported(String),
    /// Not what the field takes.
    Shape(String),
}

impl Decision {
    /// The decision that a rule's value spells; an error decision for everything else, with the code `toolgate.policy.undefined`, `toolgate.policy.shape`
    /// or `toolgate.unsupported`.
    #[must_use]
    pub fn from_result(value: &Value) -> Self {
        match value {
            Value::Undefined => Self::error(codes::UNDEFINED, "the policy has no value for this call: give its rule a default"),
            Value::Bool(allow) => complete(*allow, Self::bare(Verdict::Allow, Vec::new())),
            Value::Object(_) => match object(value) {
                Ok(decision) => decision,
                Err(Fault::Unsupported(message)) => Self::error(codes::UNSUPPORTED, message),
                Err(Fault::Shape(message)) => Self::error(codes::SHAPE, message),
            },
            Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Set(_) => {
                Self::error(codes::SHAPE, "the policy's result is neither a boolean nor an object")
            }
        }
    }
}

/// Sets the verdict; a deny always has a reason.
fn complete(allow: bool, mut decision: Decision) -> Decision {
    decision.verdict = if allow { Verdict::Allow } else { Verdict::Deny };
    if !allow && decision.reasons.is_empty() {
        decision.reasons.push(Reason { code: codes::DENIED.to_owned(), message: "the policy does not allow this call".to_owned() });
    }
    decision
}

fn object(value: &Value) -> Result<Decision, Fault> {
    let mut decision = Decision::bare(Verdict::Allow, Vec::new());
    let mut allow = None;
    for (name, member) in members(value, "the result")? {
        match name {
            "allow" => allow = Some(boolean(member, name)?),
            "reasons" => decision.reasons = items(member, name, REASONS_MAX)?.into_iter().map(reason).collect::<Result<_, _>>()?,
            "risk" => decision.risk = Some(risk(member)?),
            "sensitive" => decision.sensitive = boolean(member, name)?,
            "approval" => decision.approval = approval(member)?,
            "overridable" => decision.overridable = boolean(member, name)?,
            "obligations" => {
                decision.obligations = items(member, name, OBLIGATIONS_MAX)?.into_iter().map(obligation).collect::<Result<_, _>>()?;
            }
            other => return Err(unsupported("the result's field", other, &FIELDS)),
        }
    }
    let allow = allow.ok_or_else(|| shape("the result has no `allow`"))?;
    Ok(complete(allow, decision))
}

fn reason(value: &Value) -> Result<Reason, Fault> {
    let (mut code, mut message) = (None, None);
    for (name, member) in members(value, "a reason")? {
        match name {
            "code" => code = Some(string(member, "a reason's `code`")?),
            "message" => message = Some(string(member, "a reason's `message`")?),
            other => return Err(unsupported("a reason's field", other, &["code", "message"])),
        }
    }
    let code = code.ok_or_else(|| shape("a reason has no `code`"))?;
    let message = message.ok_or_else(|| shape("a reason has no `message`"))?;
    if let Some(wrong) = wrong_code(code) {
        return Err(shape(wrong));
    }
    Ok(Reason { code: code.to_owned(), message: canon::text::shown(message, MESSAGE_CHARS_MAX) })
}

fn risk(value: &Value) -> Result<Risk, Fault> {
    let name = string(value, "`risk`")?;
    let found = Risk::ALL.into_iter().find(|risk| risk.name() == name);
    found.ok_or_else(|| shape(format!("the risk `{}` is none of low, medium, high, critical", shown(name))))
}

fn approval(value: &Value) -> Result<Approval, Fault> {
    match string(value, "`approval`")? {
        "required" => Ok(Approval::Required),
        other => Err(shape(format!("the approval `{}` is not `required`: leave the field out where none is", shown(other)))),
    }
}

fn obligation(value: &Value) -> Result<Obligation, Fault> {
    let (mut kind, mut paths, mut others) = (None, None, Vec::new());
    for (name, member) in members(value, "an obligation")? {
        match name {
            "type" => kind = Some(string(member, "an obligation's `type`")?),
            "paths" => paths = Some(member),
            other => others.push(other),
        }
    }
    let make = match kind.ok_or_else(|| shape("an obligation has no `type`"))? {
        "mask" => Obligation::Mask,
        "redact_response" => Obligation::RedactResponse,
        other => return Err(unsupported("the obligation", other, &OBLIGATIONS)),
    };
    if let Some(other) = others.first() {
        return Err(unsupported("an obligation's field", other, &["type", "paths"]));
    }
    let paths = items(paths.ok_or_else(|| shape("an obligation has no `paths`"))?, "paths", PATHS_MAX)?;
    if paths.is_empty() {
        return Err(shape("an obligation's `paths` are empty"));
    }
    Ok(make(paths.into_iter().map(pointer).collect::<Result<_, _>>()?))
}

fn pointer(value: &Value) -> Result<Pointer, Fault> {
    let text = string(value, "an obligation's path")?;
    let pointer =
        Pointer::parse(text).map_err(|_| shape(format!("the path `{}` is not a JSON pointer: write `/key/0/key`", shown(text))))?;
    if pointer.tokens().iter().any(|token| token == "*" || token == "**") {
        return Err(Fault::Unsupported(format!("the path `{}` has a wildcard: name each place", shown(text))));
    }
    Ok(pointer)
}

fn members<'a>(value: &'a Value, what: &str) -> Result<Vec<(&'a str, &'a Value)>, Fault> {
    let Value::Object(object) = value else { return Err(shape(format!("{what} is not an object"))) };
    let mut out = Vec::with_capacity(object.len());
    Rego::each_member(value, &mut |name, member| out.push((name, member)));
    // The engine's objects may have keys that are no strings.
    if out.len() == object.len() { Ok(out) } else { Err(shape(format!("{what} has a key that is not a string"))) }
}

fn items<'a>(value: &'a Value, name: &str, max: usize) -> Result<Vec<&'a Value>, Fault> {
    if !matches!(Rego::kind(value), Kind::Array) {
        return Err(shape(format!("`{name}` is neither an array nor a set")));
    }
    let mut out = Vec::new();
    Rego::each_item(value, &mut |item| out.push(item));
    if out.len() <= max { Ok(out) } else { Err(shape(format!("`{name}` has {} items, at most {max} are read", out.len()))) }
}

fn boolean(value: &Value, name: &str) -> Result<bool, Fault> {
    if let Value::Bool(value) = value { Ok(*value) } else { Err(shape(format!("`{name}` is not a boolean"))) }
}

fn string<'a>(value: &'a Value, what: &str) -> Result<&'a str, Fault> {
    if let Value::String(value) = value { Ok(value) } else { Err(shape(format!("{what} is not a string"))) }
}

fn shown(text: &str) -> String {
    canon::text::shown(text, 80)
}

fn shape(message: impl Into<String>) -> Fault {
    Fault::Shape(message.into())
}

fn unsupported(what: &str, name: &str, known: &[&str]) -> Fault {
    let known: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
    Fault::Unsupported(format!("{what} `{}` is not enforced by this version; known are {}", shown(name), known.join(", ")))
}

/// Why a policy may not give this code, if it may not.
pub(crate) fn wrong_code(code: &str) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'.');
    if code.is_empty() || code.len() > 64 || !code.bytes().all(plain) {
        return Some(format!("the reason code `{}` is not `[a-z0-9_.]{{1,64}}`", shown(code)));
    }
    code.starts_with(RESERVED)
        .then(|| format!("the reason code `{code}` begins with `{RESERVED}`, which is toolgate's own: name it otherwise"))
}

#[cfg(test)]
mod tests;

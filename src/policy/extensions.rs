//! The functions that toolgate repairs, fences or takes away: one set for serving, tests and replay. The engine looks an extension up before its own.
//!
//! Repaired is what the engine answers otherwise than OPA in a way that can grant or forbid; fenced is what one call could spend seconds or gigabytes on,
//! since the engine's timer does not interrupt a builtin; taken away is input, output and chance. Where the engine merely refuses what OPA takes,
//! it stays: an error is not a grant.

mod engine;
mod fences;
mod glob;
mod net;
mod patterns;
mod regexes;
mod text;
mod time;

use crate::snapshot::BuiltinErrors;
use regorus::unstable::BUILTINS;
use regorus::{Engine, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) use patterns::Patterns;

/// A function that a policy may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Capability {
    /// Its name, as `glob.match`.
    pub name: &'static str,
    /// How many arguments it takes; 255 for any number.
    pub arity: u8,
    /// Repaired or fenced by toolgate.
    pub own: bool,
}

/// What a function answers: a value, or what is wrong.
type Answer = Result<Value, String>;
type Function = fn(&[Value], &Patterns) -> Answer;

/// Ours, by name.
const OWN: &[(&str, u8, Function)] = &[
    ("bits.lsh", 2, fences::lsh),
    ("concat", 2, text::concat),
    ("glob.match", 3, glob::matches),
    ("net.cidr_contains", 2, net::contains),
    ("net.cidr_expand", 1, net::expand),
    ("numbers.range", 2, fences::range),
    ("numbers.range_step", 3, fences::range_step),
    ("regex.find_all_string_submatch_n", 3, regexes::find_all_submatch),
    ("regex.find_n", 3, regexes::find),
    ("regex.match", 2, regexes::matches),
    ("regex.replace", 3, regexes::replace),
    ("regex.split", 2, regexes::split),
    ("replace", 3, text::replace),
    ("sprintf", 2, text::sprintf),
    ("strings.count", 2, text::count),
    ("strings.replace_n", 2, text::replace_n),
    ("time.add_date", 4, time::add_date),
    ("time.clock", 1, time::clock),
    ("time.date", 1, time::date),
    ("time.diff", 2, time::diff),
    ("time.format", 1, time::format),
    ("time.parse_rfc3339_ns", 1, time::parse_rfc3339),
    ("time.weekday", 1, time::weekday),
    ("to_number", 1, fences::to_number),
];

/// What no policy may call, how many arguments it takes, and why.
const FORBIDDEN: &[(&str, u8, &str)] = &[
    ("graph.reachable_paths", 2, "its time is exponential in the graph: use `graph.reachable`"),
    ("http.send", 1, "policies do no input or output: put what is needed into data"),
    ("net.lookup_ip_addr", 1, "policies do no input or output: put what is needed into data"),
    ("opa.runtime", 0, "the same input has to give the same result on every machine: use `input.mode.settings`"),
    ("rand.intn", 2, "the same input has to give the same result on replay"),
    ("test.sleep", 1, "a decision does not sleep"),
    ("uuid.rfc4122", 1, "the same input has to give the same result on replay: use `input.call.id`"),
];

/// The clock: added to each call's engine with the call's own instant.
pub(crate) const CLOCK: &str = "time.now_ns";
/// Takes any number of arguments.
const PRINT: &str = "print";
/// The arity of `print`.
pub(crate) const ANY_ARITY: u8 = u8::MAX;

/// Everything that a policy may call, in the order of names.
#[must_use]
pub fn capabilities() -> Vec<Capability> {
    let own = OWN.iter().map(|(name, arity, _)| (*name, *arity, true));
    let engine = BUILTINS.iter().filter(|(name, _)| !name.starts_with("__")).map(|(name, (_, arity))| (*name, *arity, false));
    // Ours come last: they stand in for the engine's.
    let mut all = engine
        .chain([(PRINT, ANY_ARITY, false)])
        .chain(own)
        .map(|(name, arity, own)| (name, Capability { name, arity, own }))
        .collect::<BTreeMap<_, _>>();
    if let Some(clock) = all.get_mut(CLOCK) {
        clock.own = true;
    }
    all.into_values().filter(|capability| forbidden(capability.name).is_none()).collect()
}

/// Why a function may not be called, if it may not.
pub(crate) fn forbidden(name: &str) -> Option<&'static str> {
    FORBIDDEN.iter().find(|(forbidden, ..)| *forbidden == name).map(|(.., why)| *why)
}

/// Adds the whole set to an engine that has none of it.
pub(crate) fn install(engine: &mut Engine, errors: BuiltinErrors, patterns: &Arc<Patterns>) -> Result<(), String> {
    for (name, arity, function) in OWN {
        let patterns = Arc::clone(patterns);
        let call = move |args: Vec<Value>| match (function(&args, &patterns), errors) {
            (Ok(value), _) => Ok(value),
            (Err(message), BuiltinErrors::Error) => Err(Refusal(format!("`{name}`: {message}")).into()),
            (Err(_), BuiltinErrors::Undefined) => Ok(Value::Undefined),
        };
        engine.add_extension((*name).to_owned(), *arity, Box::new(call)).map_err(|error| error.to_string())?;
    }
    // The check at load finds every call by name; these hold should one be reached in another way.
    for (name, arity, why) in FORBIDDEN {
        let call = move |_: Vec<Value>| Err(Refusal(format!("`{name}` may not be called: {why}")).into());
        engine.add_extension((*name).to_owned(), *arity, Box::new(call)).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// What the engine shows of an error of ours.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Refusal(String);

/// The string at a position.
fn string(args: &[Value], at: usize) -> Result<&str, String> {
    match args.get(at) {
        Some(Value::String(text)) => Ok(text),
        _ => Err(format!("argument {} is not a string", at + 1)),
    }
}

/// The strings of an array or a set at a position.
fn strings(args: &[Value], at: usize) -> Result<Vec<&str>, String> {
    let wrong = || format!("argument {} is not an array or a set of strings", at + 1);
    let texts: Option<Vec<&str>> = match args.get(at) {
        Some(Value::Array(items)) => items.as_slice().iter().map(as_str).collect(),
        Some(Value::Set(items)) => items.iter().map(as_str).collect(),
        _ => None,
    };
    texts.ok_or_else(wrong)
}

fn as_str(value: &Value) -> Option<&str> {
    if let Value::String(text) = value { Some(text) } else { None }
}

/// The integer at a position.
fn integer(args: &[Value], at: usize) -> Result<i64, String> {
    let number = args.get(at).and_then(|value| value.as_i64().ok());
    number.ok_or_else(|| format!("argument {} is not an integer", at + 1))
}

#[cfg(test)]
mod tests;

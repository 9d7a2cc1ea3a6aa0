//! The published shape of `input`: one table, from which come the JSON Schema, the check of every `input.` path of a policy and of every fixture.

use crate::rego::Rego;
use crate::result::{FIELDS, OBLIGATIONS};
use canon::{Build, Kind};
use regorus::Value;
use std::fmt::Write as _;

/// The version that `input.version` names.
pub(crate) const VERSION: i64 = 1;

/// What may stand at a path.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    /// A string.
    Text,
    /// The number `VERSION`.
    Version,
    /// Anything, and any path below.
    Open,
    /// An object with names of its own, and any path below.
    OpenObject,
    /// An object of exactly these members.
    Record(&'static [Field]),
    /// `null` or what follows.
    Or(&'static Shape),
    /// An array.
    List(&'static Shape),
    /// An object with any names and one shape of members.
    Map(&'static Shape),
}

/// A member: name, shape, what it means.
#[derive(Debug)]
pub(crate) struct Field(pub(crate) &'static str, pub(crate) Shape, pub(crate) &'static str);

use Shape::{List, Map, Open, OpenObject, Or, Record, Text, Version};

/// `input`.
pub(crate) const INPUT: Shape = Record(&[
    Field("version", Version, "version of this schema"),
    Field("time", Text, "instant of the call, RFC 3339 in UTC with six digits"),
    Field("mode", Record(MODE), "the runtime mode"),
    Field("subject", Record(SUBJECT), "who calls"),
    Field("session", Record(SESSION), "in which session"),
    Field("call", Record(CALL), "what is called"),
    Field("http", Record(HTTP), "by which request"),
    Field("relations", OpenObject, "answers to relationship questions; empty in this version"),
]);

const MODE: &[Field] = &[
    Field("name", Text, "as PRODUCTION"),
    Field("enforcement", Text, "warn, observe, strict or fail_closed"),
    Field("settings", OpenObject, "what modes.yaml sets for the mode"),
];

const SUBJECT: &[Field] = &[
    Field("workload", Or(&Record(WORKLOAD)), "the caller, proven by its certificate; null if unidentified"),
    Field("user", Or(&Record(USER)), "the person, proven by a token; null if the route asks for none"),
    Field("actors", List(&Record(ACTOR)), "delegation chain, outermost first"),
    Field("tenant", Text, "the tenant"),
    Field("persona", Or(&Text), "the persona, if the workload has one"),
];

const WORKLOAD: &[Field] = &[
    Field("spiffe_id", Text, "the whole SPIFFE id"),
    Field("trust_domain", Text, "its trust domain"),
    Field("namespace", Or(&Text), "Kubernetes namespace of its path"),
    Field("service_account", Or(&Text), "service account of its path"),
];

const USER: &[Field] = &[
    Field("issuer", Text, "the token's issuer"),
    Field("subject", Text, "the token's subject"),
    Field("claims", OpenObject, "the claims that the config lists"),
];

const ACTOR: &[Field] = &[Field("issuer", Or(&Text), "issuer, where the token names one"), Field("subject", Text, "the actor's subject")];

const SESSION: &[Field] = &[
    Field("id", Or(&Text), "derived id of the session"),
    Field("training", Or(&Record(TRAINING)), "the training session that supervises the call"),
    Field("labels", List(&Text), "labels that earlier calls added"),
];

const TRAINING: &[Field] =
    &[Field("id", Text, "id of the training session"), Field("trainer", Text, "the trainer"), Field("expires", Text, "its end, as `time`")];

const CALL: &[Field] = &[
    Field("id", Text, "UUID v7, the decision's id"),
    Field("protocol", Text, "mcp or http"),
    Field("route", Text, "name of the route"),
    Field("upstream", Text, "name of the upstream"),
    Field("method", Text, "method of the protocol, as tools/call"),
    Field("tool", Or(&Text), "the tool"),
    Field("resource", Or(&Text), "URI of the resource"),
    Field("arguments", Open, "the arguments as they were sent"),
    Field(
        "arguments_digest",
        Or(&Text),
        "hmac-sha256:<hex> over the arguments; of mcp also over what stands beside them in params and over the query, of plain http over method and path; of both over the headers in http.headers",
    ),
    Field("declared", Open, "what the upstream says of the tool: untrusted"),
    Field("definition", Or(&Record(DEFINITION)), "the tool's pinned definition"),
];

const DEFINITION: &[Field] = &[Field("digest", Text, "its digest"), Field("state", Text, "pinned, new or drifted")];

const HTTP: &[Field] = &[
    Field("method", Text, "method"),
    Field("path", Text, "path"),
    Field("query", Or(&Text), "query without its question mark"),
    Field("headers", Map(&List(&Text)), "the headers that the config lists, names in lower case"),
];

/// The JSON Schema (draft 2020-12) of `input`, as text with a line feed at its end.
#[must_use]
pub fn schema() -> String {
    let mut out = format!(
        "{{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n  \"title\": \"input of a toolgate policy\",\n  \"x-toolgate-result\": {{\n    \"fields\": {FIELDS:?},\n    \"obligations\": {OBLIGATIONS:?}\n  }},\n"
    );
    body(INPUT, 1, &mut out);
    out.push_str("\n}\n");
    out
}

/// The members of `shape`'s schema, without the braces around them.
fn body(shape: Shape, depth: usize, out: &mut String) {
    let pad = "  ".repeat(depth);
    // Writing into a String cannot fail.
    let _ = match shape {
        Text => write!(out, "{pad}\"type\": \"string\""),
        Version => write!(out, "{pad}\"const\": {VERSION}"),
        Open => write!(out, "{pad}\"type\": [\"null\", \"boolean\", \"number\", \"string\", \"array\", \"object\"]"),
        OpenObject => write!(out, "{pad}\"type\": \"object\""),
        Record(fields) => return record(fields, depth, out),
        Or(inner) => {
            let _ = writeln!(out, "{pad}\"anyOf\": [{{ \"type\": \"null\" }}, {{");
            body(*inner, depth + 1, out);
            write!(out, "\n{pad}}}]")
        }
        List(inner) => {
            let _ = write!(out, "{pad}\"type\": \"array\",\n{pad}\"items\": {{\n");
            body(*inner, depth + 1, out);
            write!(out, "\n{pad}}}")
        }
        Map(inner) => {
            let _ = write!(out, "{pad}\"type\": \"object\",\n{pad}\"additionalProperties\": {{\n");
            body(*inner, depth + 1, out);
            write!(out, "\n{pad}}}")
        }
    };
}

fn record(fields: &[Field], depth: usize, out: &mut String) {
    let pad = "  ".repeat(depth);
    let names = fields.iter().map(|Field(name, ..)| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
    let _ = write!(
        out,
        "{pad}\"type\": \"object\",\n{pad}\"additionalProperties\": false,\n{pad}\"required\": [{names}],\n{pad}\"properties\": {{\n"
    );
    for (index, Field(name, shape, meaning)) in fields.iter().enumerate() {
        let comma = if index == 0 { "" } else { ",\n" };
        let _ = write!(out, "{comma}{pad}  \"{name}\": {{\n{pad}    \"description\": \"{meaning}\",\n");
        body(*shape, depth + 2, out);
        let _ = write!(out, "\n{pad}  }}");
    }
    let _ = write!(out, "\n{pad}}}");
}

/// One step of a path that a policy reads below `input`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// A name that stands in the text.
    Name(String),
    /// A number, a variable or an expression.
    Dynamic,
}

/// The path up to the first step that is not in the schema, or none if all are.
pub(crate) fn unknown(path: &[Step]) -> Option<String> {
    let (mut shape, mut seen) = (INPUT, String::from("input"));
    for step in path {
        if let Step::Name(name) = step {
            let _ = write!(seen, ".{name}");
        } else {
            seen.push_str("[_]");
        }
        while let Or(inner) = shape {
            shape = *inner;
        }
        shape = match (shape, step) {
            (Open | OpenObject, _) => return None,
            // A computed name of a record could be any of its members.
            (Record(_), Step::Dynamic) => return None,
            (Record(fields), Step::Name(wanted)) => match fields.iter().find(|Field(name, ..)| name == wanted) {
                Some(Field(_, shape, _)) => *shape,
                None => return Some(seen),
            },
            (Map(inner), _) | (List(inner), Step::Dynamic) => *inner,
            (List(_), Step::Name(_)) | (Text | Version | Or(_), _) => return Some(seen),
        };
    }
    None
}

/// Every way in which `value` is not an `input`, each as a sentence.
pub(crate) fn mismatches(value: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    compare(INPUT, value, "input", &mut wrong);
    wrong
}

fn compare(shape: Shape, value: &Value, path: &str, wrong: &mut Vec<String>) {
    let kind = Rego::kind(value);
    match (shape, kind) {
        (Open, _) | (Text, Kind::String(_)) | (OpenObject, Kind::Object) | (Or(_), Kind::Null) => {}
        (Version, Kind::Number(canon::Number::Int(VERSION))) => {}
        (Or(inner), _) => compare(*inner, value, path, wrong),
        (Record(fields), Kind::Object) => {
            for Field(name, shape, _) in fields {
                match Rego::get(value, name) {
                    Some(member) => compare(*shape, member, &format!("{path}.{name}"), wrong),
                    None => wrong.push(format!("`{path}.{name}` is missing: write every field, `null` where it is unknown")),
                }
            }
            Rego::each_member(value, &mut |key, _| {
                if !fields.iter().any(|Field(name, ..)| *name == key) {
                    wrong.push(format!("`{path}.{key}` is not in the input's schema"));
                }
            });
        }
        (List(inner), Kind::Array) => {
            let mut index = 0;
            Rego::each_item(value, &mut |item| {
                compare(*inner, item, &format!("{path}[{index}]"), wrong);
                index += 1;
            });
        }
        (Map(inner), Kind::Object) => Rego::each_member(value, &mut |key, member| compare(*inner, member, &format!("{path}.{key}"), wrong)),
        (Text, _) => wrong.push(format!("`{path}` is not a string")),
        (Version, _) => wrong.push(format!("`{path}` is not {VERSION}")),
        (OpenObject | Record(_) | Map(_), _) => wrong.push(format!("`{path}` is not an object")),
        (List(_), _) => wrong.push(format!("`{path}` is not an array")),
    }
}

/// The input in which everything that may be unknown is `null` and every text empty.
pub(crate) fn blank() -> Value {
    blank_of(INPUT)
}

fn blank_of(shape: Shape) -> Value {
    match shape {
        Text => Value::from(""),
        Version => Value::from(VERSION),
        Open | Or(_) => Value::Null,
        OpenObject | Map(_) => Value::new_object(),
        List(_) => Value::new_array(),
        Record(fields) => Rego::object(fields.iter().map(|Field(name, shape, _)| ((*name).to_owned(), blank_of(*shape))).collect()),
    }
}

#[cfg(test)]
mod tests;

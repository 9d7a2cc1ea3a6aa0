//! What a policy reads: `input`, version 1, every field always present and `null` where unknown.
//!
//! Building it is on every call's path: fixed objects are copied from a frozen template, and what the caller shares (`Arc<str>`, the mode, arguments
//! that the request's one parse built) is moved in, not copied. What each path may hold is in `schema`.

use crate::rego::Rego;
use crate::{Problem, schema};
use canon::json::Limits;
use canon::{Json, Micros};
use regorus::Value;
use regorus::value::Object;
use std::sync::{Arc, LazyLock};

/// The mode as a policy sees it, built once and shared by every call.
#[derive(Debug, Clone)]
pub struct Mode(Value);

impl Mode {
    /// `settings` is what `modes.yaml` sets for the mode, as it is.
    #[must_use]
    pub fn new(name: &str, enforcement: &str, settings: &Json) -> Self {
        Self(record(&MODE, [Value::from(enforcement), Value::from(name), Rego::value(settings)]))
    }
}

/// The caller's workload, proven by its certificate.
#[derive(Debug, Clone)]
pub struct Workload {
    /// The whole SPIFFE id.
    pub spiffe_id: Arc<str>,
    /// Its trust domain.
    pub trust_domain: Arc<str>,
    /// The Kubernetes namespace in its path, if it has one.
    pub namespace: Option<Arc<str>>,
    /// The service account in its path, if it has one.
    pub service_account: Option<Arc<str>>,
}

/// The person for whom the workload acts, proven by a token.
#[derive(Debug, Clone)]
pub struct User {
    /// The token's issuer.
    pub issuer: Arc<str>,
    /// The token's subject.
    pub subject: Arc<str>,
    /// The claims that the config lists: an object.
    pub claims: Json,
}

/// One link of the delegation chain.
#[derive(Debug, Clone)]
pub struct Actor {
    /// The issuer, where the token names one.
    pub issuer: Option<Arc<str>>,
    /// The actor's subject.
    pub subject: Arc<str>,
}

/// Who calls.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The workload, if it is identified.
    pub workload: Option<Workload>,
    /// The user, if the route asks for one.
    pub user: Option<User>,
    /// The delegation chain, outermost first.
    pub actors: Vec<Actor>,
    /// The tenant.
    pub tenant: Arc<str>,
    /// The persona, if the workload has one.
    pub persona: Option<Arc<str>>,
}

/// A training session that supervises the call.
#[derive(Debug, Clone)]
pub struct Training {
    /// Its id.
    pub id: Arc<str>,
    /// The trainer.
    pub trainer: Arc<str>,
    /// Its end.
    pub expires: Micros,
}

/// The session that the call belongs to.
#[derive(Debug, Clone, Default)]
pub struct Session {
    /// The derived id, never the raw one.
    pub id: Option<Arc<str>>,
    /// The training session.
    pub training: Option<Training>,
    /// Labels that earlier calls added.
    pub labels: Vec<Arc<str>>,
}

/// The tool's definition as it was pinned.
#[derive(Debug, Clone)]
pub struct Definition {
    /// Its digest.
    pub digest: Arc<str>,
    /// `pinned`, `new` or `drifted`.
    pub state: Arc<str>,
}

/// What is called.
#[derive(Debug, Clone)]
pub struct Call {
    /// The call's id, a UUID of version 7.
    pub id: canon::CallId,
    /// `mcp` or `http`.
    pub protocol: Arc<str>,
    /// The route's name.
    pub route: Arc<str>,
    /// The upstream's name.
    pub upstream: Arc<str>,
    /// The protocol's method, as `tools/call`.
    pub method: Arc<str>,
    /// The tool, where the method has one.
    pub tool: Option<Arc<str>>,
    /// The resource's URI, where the method has one.
    pub resource: Option<Arc<str>>,
    /// The arguments as the request's parse built them with `Rego`.
    pub arguments: Value,
    /// `hmac-sha256:<hex>` over the arguments; none where there are none.
    pub arguments_digest: Option<Arc<str>>,
    /// What the upstream says of the tool, as it is: untrusted.
    pub declared: Value,
    /// The tool's pinned definition.
    pub definition: Option<Definition>,
}

/// The HTTP request that carried the call.
#[derive(Debug, Clone)]
pub struct Http {
    /// The method.
    pub method: Arc<str>,
    /// The path.
    pub path: Arc<str>,
    /// The query without its `?`.
    pub query: Option<Arc<str>>,
    /// The headers that the config lists, names in lower case, each once.
    pub headers: Vec<(Arc<str>, Vec<Arc<str>>)>,
}

/// Everything that a policy may know of a call.
#[derive(Debug, Clone)]
pub struct Input {
    /// The call's instant, read once.
    pub time: Micros,
    /// The mode, shared.
    pub mode: Mode,
    /// Who calls.
    pub subject: Subject,
    /// In which session.
    pub session: Session,
    /// What.
    pub call: Call,
    /// By which request.
    pub http: Http,
}

/// An input in the engine's own form, with what the evaluation needs besides: the tool (for the dispatch) and the instant (for the clock).
#[derive(Debug, Clone)]
pub struct Asked {
    pub(crate) value: Value,
    pub(crate) tool: Option<Arc<str>>,
    pub(crate) time: Micros,
}

/// A fixed object: every member `null`, keys shared by all copies.
type Template = LazyLock<Object>;

// Members in the order of their names, as the engine keeps them: values fill a template position by position. The schema's test holds both together.
static TOP: Template = LazyLock::new(|| template(&["call", "http", "mode", "relations", "session", "subject", "time", "version"]));
static MODE: Template = LazyLock::new(|| template(&["enforcement", "name", "settings"]));
static SUBJECT: Template = LazyLock::new(|| template(&["actors", "persona", "tenant", "user", "workload"]));
static WORKLOAD: Template = LazyLock::new(|| template(&["namespace", "service_account", "spiffe_id", "trust_domain"]));
static USER: Template = LazyLock::new(|| template(&["claims", "issuer", "subject"]));
static ACTOR: Template = LazyLock::new(|| template(&["issuer", "subject"]));
static SESSION: Template = LazyLock::new(|| template(&["id", "labels", "training"]));
static TRAINING: Template = LazyLock::new(|| template(&["expires", "id", "trainer"]));
static CALL: Template = LazyLock::new(|| {
    let first = ["arguments", "arguments_digest", "declared", "definition", "id", "method"];
    template(&[&first[..], &["protocol", "resource", "route", "tool", "upstream"]].concat())
});
static DEFINITION: Template = LazyLock::new(|| template(&["digest", "state"]));
static HTTP: Template = LazyLock::new(|| template(&["headers", "method", "path", "query"]));
static NO_RELATIONS: LazyLock<Value> = LazyLock::new(Value::new_object);

fn template(keys: &[&str]) -> Object {
    let null = keys.iter().map(|key| (Value::from(*key), Value::Null)).collect::<Object>().into_value();
    // `into_value` freezes: a copy is then one allocation and the keys' counts.
    null.as_object().cloned().unwrap_or_default()
}

fn record<const N: usize>(template: &Object, values: [Value; N]) -> Value {
    let mut object = template.clone();
    for ((_, place), value) in object.iter_mut().zip(values) {
        *place = value;
    }
    Value::Object(Arc::new(object))
}

fn text(value: Arc<str>) -> Value {
    Value::String(value)
}

fn optional(value: Option<Arc<str>>) -> Value {
    value.map_or(Value::Null, Value::String)
}

fn texts(values: Vec<Arc<str>>) -> Value {
    Value::from(values.into_iter().map(text).collect::<Vec<_>>())
}

impl Input {
    /// The input in the engine's own form.
    #[must_use]
    pub fn asked(self) -> Asked {
        let Self { time, mode, subject, session, call, http } = self;
        let tool = call.tool.clone();
        let values = [
            call.value(),
            http.value(),
            mode.0,
            NO_RELATIONS.clone(),
            session.value(),
            subject.value(),
            Value::from(time.to_string()),
            Value::from(schema::VERSION),
        ];
        Asked { value: record(&TOP, values), tool, time }
    }
}

impl Subject {
    fn value(self) -> Value {
        let workload = self.workload.map_or(Value::Null, |workload| {
            let Workload { spiffe_id, trust_domain, namespace, service_account } = workload;
            record(&WORKLOAD, [optional(namespace), optional(service_account), text(spiffe_id), text(trust_domain)])
        });
        let user = self
            .user
            .map_or(Value::Null, |User { issuer, subject, claims }| record(&USER, [Rego::value(&claims), text(issuer), text(subject)]));
        let actors = self.actors.into_iter().map(|Actor { issuer, subject }| record(&ACTOR, [optional(issuer), text(subject)]));
        record(&SUBJECT, [Value::from(actors.collect::<Vec<_>>()), optional(self.persona), text(self.tenant), user, workload])
    }
}

impl Session {
    fn value(self) -> Value {
        let training = self.training.map_or(Value::Null, |Training { id, trainer, expires }| {
            record(&TRAINING, [Value::from(expires.to_string()), text(id), text(trainer)])
        });
        record(&SESSION, [optional(self.id), texts(self.labels), training])
    }
}

impl Call {
    fn value(self) -> Value {
        let definition =
            self.definition.map_or(Value::Null, |Definition { digest, state }| record(&DEFINITION, [text(digest), text(state)]));
        let values = [
            self.arguments,
            optional(self.arguments_digest),
            self.declared,
            definition,
            Value::from(self.id.to_string()),
            text(self.method),
            text(self.protocol),
            optional(self.resource),
            text(self.route),
            optional(self.tool),
            text(self.upstream),
        ];
        record(&CALL, values)
    }
}

impl Http {
    fn value(self) -> Value {
        let headers = self.headers.into_iter().map(|(name, values)| (text(name), texts(values))).collect::<Object>();
        record(&HTTP, [headers.into_value(), text(self.method), text(self.path), optional(self.query)])
    }
}

impl Asked {
    /// An input that a person wrote, as `input.json` of a fixture: it must be whole, so that every engine that reads the file sees what toolgate sees.
    /// Every missing, unknown and wrong member is reported at once.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Self, Vec<Problem>> {
        let value = canon::json::parse::<Rego>(bytes, &Limits::default())
            .map_err(|rejected| vec![Problem::of_file(file, "policy.input_json", rejected.to_string())])?;
        let wrong = schema::mismatches(&value);
        if !wrong.is_empty() {
            return Err(wrong.into_iter().map(|message| Problem::of_file(file, "policy.input_shape", message)).collect());
        }
        let tool = value["call"]["tool"].as_string().ok().cloned();
        let written = value["time"].as_string().ok().and_then(|text| instant(text));
        let time = written.ok_or_else(|| {
            let message = "`time` is not an instant: write `2026-01-02T03:04:05.678901Z`";
            vec![Problem::of_file(file, "policy.input_shape", message)]
        })?;
        Ok(Self { value, tool, time })
    }

    /// The input as the engine holds it.
    #[must_use]
    pub const fn value(&self) -> &Value {
        &self.value
    }

    /// An input that knows nothing: what a policy is warmed and tried with when it is loaded.
    pub(crate) fn blank() -> Self {
        Self { value: schema::blank(), tool: None, time: Micros(0) }
    }
}

/// The instant that `text` spells exactly as `Micros` prints it. Its digits are read by position; the check of the print refuses what is no date.
fn instant(text: &str) -> Option<Micros> {
    let spelled = text.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        10 => byte == b'T',
        13 | 16 => byte == b':',
        19 => byte == b'.',
        26 => byte == b'Z',
        _ => byte.is_ascii_digit(),
    });
    if !spelled || text.len() != 27 {
        return None;
    }
    let number = |range: std::ops::Range<usize>| text.get(range).and_then(|digits| digits.parse::<i64>().ok());
    let seconds = number(11..13)? * 3600 + number(14..16)? * 60 + number(17..19)?;
    let found = Micros((days(number(0..4)?, number(5..7)?, number(8..10)?) * 86_400 + seconds) * 1_000_000 + number(20..26)?);
    (found.to_string() == text).then_some(found)
}

/// Days since the epoch of a date of the proleptic Gregorian calendar, by years that begin in March.
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + (153 * month + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
pub(crate) mod tests;

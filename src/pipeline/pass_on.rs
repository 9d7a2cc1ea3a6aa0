//! The answer on its way back: read as far as it must be, passed on as it arrives, and its end recorded.

use super::facts::Facts;
use super::identify::Caller;
use super::{Stopped, input};
use crate::service::{House, Redacted, Request};
use crate::telemetry::{Metrics, OutcomeLabels};
use crate::view::{Route, View};
use bytes::Bytes;
use canon::{Build as _, Kind as Shape};
use evaluator::Evaluator;
use gate::Open;
use http::{HeaderMap, HeaderValue, Response, header};
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;
use policy::{Input, Rego, Snapshot, Value, Visibility};
use protocol::{Answer, Broken, Kind, Offered, Reading, Step, ToolCall};
use record::{Outcome, OutcomeKind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;
use tokio::sync::mpsc;
use wire::{BoxError, ReplyBody};

/// Frames of a stream that wait for a slow client; the upstream is not read further meanwhile.
const FRAMES_WAITING_MAX: usize = 4;

/// Passes an answer on. A stream goes on in a task of its own; anything else is looked at until its first bytes are good, so that a
/// broken one can still be answered by 502.
pub(super) async fn answer(
    house: &House,
    route: &Route,
    facts: &Facts,
    mut reading: Reading,
    lists: Option<Lists>,
    answer: Response<wire::Answer>,
    open: Open,
) -> Result<Response<ReplyBody>, Stopped> {
    let (mut head, body) = answer.into_parts();
    let ending = Ending::new(house, facts, head.status.as_u16(), open);
    let (upstream, redacted, request) = (Arc::clone(&route.upstream_name), Arc::clone(&house.redacted), facts.request);
    reading.earlier(redacted.earlier(&upstream, request));
    let machine = match Answer::begin(reading, head.status, &mut head.headers) {
        Ok(machine) => machine,
        Err(broken) => return Err(ending.broken(&broken.into(), None)),
    };
    decorate(&mut head.headers, facts);
    let mut relay = Relay { body, machine, lists, upstream, redacted, request };
    if is_event_stream(&head.headers) {
        return Ok(Response::from_parts(head, streamed(relay, ending, None)));
    }
    let first = match relay.next().await {
        Ok(first) => first,
        Err(failure) => return Err(ending.broken(&failure, Some(&relay.machine))),
    };
    let body = match (first, relay.at_once()) {
        (None, _) => {
            ending.whole(&relay.machine);
            ReplyBody::empty()
        }
        (Some(bytes), Ok(None)) => {
            ending.whole(&relay.machine);
            ReplyBody::full(bytes)
        }
        (first, _) => streamed(relay, ending, first),
    };
    Ok(Response::from_parts(head, body))
}

/// The headers that say which decision this is and what a stricter mode would have refused.
pub(super) fn decorate(headers: &mut HeaderMap, facts: &Facts) {
    if let Ok(id) = HeaderValue::from_str(&facts.id.to_string()) {
        headers.insert(protocol::DECISION_ID, id);
    }
    if let Some(mode) = facts.announced {
        headers.insert(protocol::MODE, HeaderValue::from_static(mode));
    }
    if !facts.warnings.is_empty() {
        let codes: Vec<&str> = facts.warnings.iter().map(|code| code.as_str()).collect();
        if let Ok(codes) = HeaderValue::from_str(&codes.join(", ")) {
            headers.insert(protocol::WARNING, codes);
        }
    }
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    let media = headers.get(header::CONTENT_TYPE).map(|value| value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default());
    media.is_some_and(|media| media.trim_ascii().eq_ignore_ascii_case(b"text/event-stream"))
}

fn streamed(mut relay: Relay, ending: Ending, first: Option<Bytes>) -> ReplyBody {
    let (frames, body) = mpsc::channel(FRAMES_WAITING_MAX);
    tokio::spawn(async move {
        let mut next = Ok(first);
        loop {
            match next {
                Ok(Some(bytes)) => {
                    if frames.send(Ok(bytes)).await.is_err() {
                        return ending.abandoned();
                    }
                }
                // The first time round there may be nothing yet.
                Ok(None) => {}
                Err(failure) => {
                    let _ = ending.broken(&failure, Some(&relay.machine));
                    let _ = frames.send(Err(failure.to_string().into())).await;
                    return;
                }
            }
            next = tokio::select! {
                () = frames.closed() => return ending.abandoned(),
                next = relay.next() => match next {
                    Ok(None) => return ending.whole(&relay.machine),
                    other => other,
                },
            };
        }
    });
    ReplyBody::stream(Frames(body))
}

/// The body of a stream.
struct Frames(mpsc::Receiver<Result<Bytes, BoxError>>);

impl Body for Frames {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.0.poll_recv(cx).map(|item| item.map(|bytes| bytes.map(Frame::data)))
    }
}

/// Why an answer cannot be passed on.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Broken(#[from] Broken),
    #[error(transparent)]
    Lost(#[from] wire::Broken),
}

struct Relay {
    body: wire::Answer,
    machine: Answer,
    lists: Option<Lists>,
    upstream: Arc<str>,
    redacted: Arc<Redacted>,
    request: Option<Request>,
}

impl Relay {
    /// The next bytes for the client; none at the end.
    async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        loop {
            match self.machine.step()? {
                Step::Send(bytes) => return Ok(Some(bytes)),
                Step::Done => return Ok(None),
                Step::Visible(tools) => {
                    let keep = match &self.lists {
                        Some(lists) => lists.visible(tools).await,
                        None => vec![true; tools.len()],
                    };
                    self.machine.keep(&keep)?;
                }
                Step::More => match self.body.frame().await {
                    Some(Ok(frame)) => {
                        if let Ok(bytes) = frame.into_data() {
                            // A stream may be open for hours, and the next call have something else redacted.
                            self.machine.earlier(self.redacted.earlier(&self.upstream, self.request));
                            self.machine.push(bytes)?;
                        }
                    }
                    Some(Err(lost)) => return Err(lost.into()),
                    None => self.machine.finish(),
                },
            }
        }
    }

    /// Whether the answer is over, as far as that is known without waiting: `Ok(None)`.
    fn at_once(&mut self) -> Result<Option<()>, Failure> {
        if self.body.is_end_stream() {
            self.machine.finish();
        }
        match self.machine.step()? {
            Step::Done => Ok(None),
            Step::Send(_) | Step::Visible(_) | Step::More => Ok(Some(())),
        }
    }
}

/// Records how a forwarded call ended. Dropped, the call is recorded as abandoned.
struct Ending {
    open: Open,
    metrics: Arc<Metrics>,
    status: u16,
    released: Instant,
    started: Instant,
    request_bytes: u64,
}

impl Ending {
    fn new(house: &House, facts: &Facts, status: u16, open: Open) -> Self {
        Self {
            open,
            metrics: Arc::clone(&house.metrics),
            status,
            released: facts.released,
            started: facts.started,
            request_bytes: facts.request_bytes,
        }
    }

    fn whole(self, machine: &Answer) {
        self.end(OutcomeKind::Completed, machine, None);
    }

    /// The client went away: the open call says so by itself.
    fn abandoned(self) {
        count(&self.metrics, OutcomeKind::Abandoned);
    }

    fn broken(self, failure: &Failure, machine: Option<&Answer>) -> Stopped {
        let code = match failure {
            Failure::Broken(broken) => broken.code(),
            Failure::Lost(_) => "toolgate.upstream.answer_lost",
        };
        let stopped = Stopped::Answer { code, why: failure.to_string() };
        let why = Some((code, failure.to_string()));
        match machine {
            Some(machine) => self.end(OutcomeKind::Unknown, machine, why),
            None => self.conclude(Outcome::of(OutcomeKind::Unknown), why),
        }
        stopped
    }

    fn end(self, kind: OutcomeKind, machine: &Answer, why: Option<(&'static str, String)>) {
        let seen = machine.seen();
        let outcome =
            Outcome { tool_error: seen.tool_error, rpc_error: seen.rpc_error, response_bytes: Some(seen.bytes), ..Outcome::of(kind) };
        self.conclude(outcome, why);
    }

    fn conclude(self, outcome: Outcome, why: Option<(&'static str, String)>) {
        let micros = |since: Instant| u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX);
        let (reasons, error) = why.map(|(code, why)| (vec![code.to_owned()], Some(why))).unwrap_or_default();
        count(&self.metrics, outcome.kind);
        self.metrics.call_time.0.observe(self.started.elapsed().as_secs_f64());
        let body = record::OutcomeBody { error, ..outcome.body.clone() };
        self.open.conclude(Outcome {
            status: Some(self.status),
            duration_us: Some(micros(self.released)),
            request_bytes: Some(self.request_bytes),
            reasons,
            body,
            ..outcome
        });
    }
}

/// Counts how a forwarded call ended.
pub(super) fn count(metrics: &Metrics, kind: OutcomeKind) {
    metrics.outcomes.get_or_create(&OutcomeLabels { outcome: kind.word() }).inc();
}

/// Which tools a list may show to this caller.
pub(super) struct Lists {
    evaluator: Evaluator,
    policy: Option<Arc<Snapshot>>,
    input: Input,
    declared: Arc<crate::service::Declared>,
}

impl Lists {
    /// For a call whose answer may list tools; none for any other.
    pub(super) fn of(house: &House, view: &View, route: &Route, facts: &Facts, call: &ToolCall<Value>, caller: &Caller) -> Option<Self> {
        let lists = view.filters(route) && (call.method == "tools/list" || call.kind == Kind::Stream);
        let tenant = caller.tenant.as_ref().ok().filter(|_| lists)?;
        let mut input = input::of(view, route, facts, call, caller, tenant, Value::new_object());
        input.call.method = "tools/list".into();
        input.call.arguments = Value::Null;
        Some(Self { evaluator: house.evaluator.clone(), policy: view.policy(route), input, declared: Arc::clone(&house.declared) })
    }

    /// Keeps what is shown, and what the policy could not speak of where nothing is enforced on it: a hidden tool stays hidden.
    async fn visible(&self, tools: Vec<Offered>) -> Vec<bool> {
        let inputs = tools.iter().map(|tool| {
            let definition = tool.definition::<Rego>();
            let name = Rego::get(&definition, "name").and_then(|name| match Rego::kind(name) {
                Shape::String(name) => Some(Arc::<str>::from(name)),
                Shape::Null | Shape::Bool(_) | Shape::Number(_) | Shape::Array | Shape::Object => None,
            });
            let mut input = self.input.clone();
            if let Some(name) = &name {
                self.declared.put(&self.input.call.upstream, name, &definition, tool.bytes());
            }
            input.call.tool = name;
            input.call.declared = definition;
            input
        });
        let answers = self.evaluator.visible(self.policy.clone(), inputs.collect()).await;
        answers.iter().map(|answer| matches!(answer, Visibility::Shown)).collect()
    }
}

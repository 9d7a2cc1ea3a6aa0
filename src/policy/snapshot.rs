//! A bundle, loaded: prepared once, shared by every call, replaced whole.
//!
//! The dispatch is here: `data.toolgate.decision` for every call, and the package `toolgate.tools["<tool>"]` for the calls of that tool alone, so that the
//! cost of a decision does not grow with the number of tools.

use crate::decision::{Decision, Reason, Visibility, codes};
use crate::engines::{self, Engines, Parts};
use crate::extensions::Patterns;
use crate::run::{Fault, Run};
use crate::test::{self, Found};
use crate::{Asked, Problem, Source, bundle, check};
use canon::Digest;
use regorus::{Engine, PolicyLengthConfig, Value};
use std::fmt;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

/// What a builtin that fails does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BuiltinErrors {
    /// The decision is an error. OPA's default is the other one; with it, `not f(x)` grants when `f` fails.
    #[default]
    Error,
    /// The expression is undefined, for policies ported from OPA.
    Undefined,
}

/// What happens to `*_test.rego`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TestModules {
    /// Not loaded: a server needs none.
    #[default]
    Leave,
    /// Loaded and checked, for `policy test` and `policy check`.
    Load,
}

/// How a bundle is loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The rule that decides every call.
    pub entry_point: String,
    /// What a failing builtin does.
    pub builtin_errors: BuiltinErrors,
    /// What happens to test modules.
    pub tests: TestModules,
    /// Columns of one line of a policy.
    pub line_columns_max: NonZeroU32,
    /// Bytes of one policy file.
    pub file_bytes_max: NonZeroUsize,
    /// Lines of one policy file.
    pub file_lines_max: NonZeroUsize,
}

impl Default for Settings {
    fn default() -> Self {
        let lengths = PolicyLengthConfig::default();
        Self {
            entry_point: DECISION.to_owned(),
            builtin_errors: BuiltinErrors::default(),
            tests: TestModules::default(),
            line_columns_max: lengths.max_col,
            file_bytes_max: lengths.max_file_bytes,
            file_lines_max: lengths.max_lines,
        }
    }
}

impl Settings {
    /// For texts that were let in already.
    fn without_lengths(&self) -> Self {
        Self { line_columns_max: NonZeroU32::MAX, file_bytes_max: NonZeroUsize::MAX, file_lines_max: NonZeroUsize::MAX, ..self.clone() }
    }
}

/// The rule that is asked for every call, unless the settings name another.
pub(crate) const DECISION: &str = "data.toolgate.decision";
/// The rule that says whether a list shows a tool.
pub(crate) const VISIBLE: &str = "data.toolgate.visible";
/// The package under which each tool has its own.
pub(crate) const TOOLS: [&str; 3] = ["data", "toolgate", "tools"];

/// A loaded policy. Immutable; clones of its engines answer each call and are dropped after, so that no call sees another.
pub struct Snapshot {
    entry_point: String,
    /// Where the entry point's rule stands, as `file:line`.
    place: String,
    engines: Engines,
    /// With all modules, those of tests too: only where tests are loaded.
    whole: Option<Engine>,
    visible: Option<&'static str>,
    digest: Digest,
    revision: Option<String>,
    tests: Vec<Found>,
    warnings: Vec<Problem>,
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("digest", &self.digest)
            .field("revision", &self.revision)
            .field("tools", &self.tools().len())
            .finish()
    }
}

impl Snapshot {
    /// Loads a bundle or says everything that is wrong with it.
    ///
    /// Needs a large stack and may take long on a hostile policy: `evaluator::Loading` gives both a stack and a deadline.
    pub fn load(source: &Source, settings: &Settings) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let loaded = load(source, settings, &mut problems);
        problems.sort();
        problems.dedup();
        match loaded {
            Some(loaded) if problems.is_empty() => Ok(loaded),
            Some(_) | None => Err(problems),
        }
    }

    /// The policy's answer on a call. `left` says how much time the call still has; it is asked before each part.
    #[must_use]
    pub fn evaluate(&self, asked: &Asked, left: &dyn Fn() -> Duration) -> Decision {
        let base = decide(&self.engines.base, asked, &self.entry_point, left).placed(&self.place);
        match asked.tool.as_deref().and_then(|tool| self.engines.tools.get(tool)) {
            Some(tool) => base.join(decide(&tool.engine, asked, &tool.path, left).placed(&tool.place)),
            None => base,
        }
    }

    /// Whether a list shows the tool that `asked` names. Shown where the policy has no rule `visible`; hidden where that rule is undefined or false.
    #[must_use]
    pub fn visible(&self, asked: &Asked, left: &dyn Fn() -> Duration) -> Visibility {
        let Some(path) = self.visible else { return Visibility::Shown };
        let error = |code: &str, message: String| Visibility::Error(Reason { code: code.to_owned(), message });
        match Run::start(&self.engines.base, asked).rule(path, left) {
            Ok(Value::Bool(true)) => Visibility::Shown,
            Ok(Value::Bool(false) | Value::Undefined) => Visibility::Hidden,
            Ok(_) => error(codes::SHAPE, "`data.toolgate.visible` is not a boolean".to_owned()),
            Err(Fault { code, message }) => error(code, message),
        }
    }

    /// The value of any rule, as `data.toolgate.risk`: for people who look into a policy, not for deciding.
    ///
    /// # Errors
    /// A code of `codes` and what went wrong.
    pub fn rule(&self, path: &str, asked: &Asked, left: &dyn Fn() -> Duration) -> Result<Value, Reason> {
        Run::start(self.whole(), asked).rule(path, left).map_err(|fault| Reason { code: fault.code.to_owned(), message: fault.message })
    }

    /// SHA-256 over the bundle's listing.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// What the bundle calls its revision.
    #[must_use]
    pub fn revision(&self) -> Option<&str> {
        self.revision.as_deref()
    }

    /// What does not keep the policy from being loaded and is likely a mistake.
    #[must_use]
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// The tools that have a package of their own, in order.
    #[must_use]
    pub fn tools(&self) -> Vec<&str> {
        let mut tools = self.engines.tools.keys().map(String::as_str).collect::<Vec<_>>();
        tools.sort_unstable();
        tools
    }

    /// An engine that knows every rule, where tests are loaded; else the rules that every call may ask.
    pub(crate) fn whole(&self) -> &Engine {
        self.whole.as_ref().unwrap_or(&self.engines.base)
    }

    pub(crate) fn tests(&self) -> &[Found] {
        &self.tests
    }

    /// Evaluates every entry point once with an input that knows nothing: a result of the wrong shape is one for every call, and a rule without a value
    /// has none for some call.
    fn try_blank(&mut self, rules: &check::Rules, problems: &mut Vec<Problem>) {
        const CODE: &str = "policy.result";
        let left = || Duration::from_millis(TRIAL_MS);
        let tools = self.engines.tools.values().map(|tool| (tool.path.as_str(), &tool.engine));
        for (path, engine) in tools.chain([(self.entry_point.as_str(), &self.engines.base)]) {
            let decision = decide(engine, &Asked::blank(), path, &left);
            if let (Some(rule), true) = (rules.at(path), decision.reasons.iter().any(|reason| reason.code == codes::UNDEFINED)) {
                let message = format!(
                    "`{path}` has no value for a call that no body of it takes, which is the error `{}`: write `default {} := false`, or the deny that \
                     you mean",
                    codes::UNDEFINED,
                    rule.name()
                );
                self.warnings.push(rule.problem("policy.no_default", message));
            }
            for reason in decision.reasons.into_iter().filter(|reason| [codes::SHAPE, codes::UNSUPPORTED].contains(&reason.code.as_str())) {
                let message = format!("`{path}`: {}", reason.message);
                problems.push(match rules.at(path) {
                    Some(rule) => rule.problem(CODE, message),
                    None => Problem::of_file("", CODE, message),
                });
            }
        }
    }
}

/// Time of each evaluation while loading.
const TRIAL_MS: u64 = 200;

fn decide(engine: &Engine, asked: &Asked, path: &str, left: &dyn Fn() -> Duration) -> Decision {
    match Run::start(engine, asked).rule(path, left) {
        Ok(value) => Decision::from_result(&value),
        Err(Fault { code, message }) => Decision::error(code, message),
    }
}

/// The snapshot, as far as it can be made; it counts only if there is no problem.
fn load(source: &Source, settings: &Settings, problems: &mut Vec<Problem>) -> Option<Snapshot> {
    let manifest = bundle::manifest(source, problems);
    let documents = bundle::documents(source, problems);
    let mut whole = engines::empty(settings);
    let all_read = parse(&mut whole, source, settings, problems);
    let modules = whole.get_modules().clone();
    let patterns = Arc::new(Patterns::default());
    let rules = check::rules(&modules);
    let bundle = check::Bundle {
        modules: &modules,
        rules: &rules,
        documents: &documents,
        marked: source.file(bundle::MANIFEST).is_some(),
        roots: &manifest.roots,
        patterns: &patterns,
        entry_point: &settings.entry_point,
    };
    let (packages, names) = check::run(&bundle, problems);
    if !all_read {
        problems.retain(|problem| !check::MAY_FOLLOW.contains(&problem.code));
    }
    let (written, roomy) = (in_full(source, &names), settings.without_lengths());
    let (texts, settings) = written.as_ref().map_or((source, settings), |written| (written, &roomy));
    if written.is_some() && problems.is_empty() {
        whole = engines::empty(settings);
        parse(&mut whole, texts, settings, problems);
    }
    for document in documents {
        if let Err(error) = whole.add_data(document.value) {
            problems.push(Problem::from_engine(&document.file, "policy.data", &error.to_string()));
        }
    }
    if !problems.is_empty() {
        return None;
    }
    let data = whole.get_data();
    let parts = Parts { source: texts, settings, packages: &packages, rules: &rules, data: &data, patterns: &patterns };
    // All modules at once first: what no entry point reaches has to be right too.
    let engines = engines::prepare(&mut whole, settings.builtin_errors, &patterns).and_then(|()| parts.engines());
    let engines = engines.map_err(|problem| problems.push(problem)).ok()?;
    let mut snapshot = Snapshot {
        entry_point: settings.entry_point.clone(),
        place: rules.place(&settings.entry_point),
        engines,
        whole: (settings.tests == TestModules::Load).then_some(whole),
        visible: rules.has(VISIBLE).then_some(VISIBLE),
        digest: source.digest(),
        revision: manifest.revision,
        tests: test::discover(&rules),
        warnings: Vec::new(),
    };
    snapshot.try_blank(&rules, problems);
    Some(snapshot)
}

/// The same bundle with names of imports written out where the engine must see them in full; none where it need not.
fn in_full(source: &Source, names: &check::Names) -> Option<Source> {
    let written = names.iter().filter_map(|(file, names)| {
        let text = std::str::from_utf8(source.file(file)?).ok()?;
        Some((file.as_str(), check::in_full(text, names).into_bytes()))
    });
    (!names.is_empty()).then(|| source.with(written))
}

/// Parses each policy whose text the parser can read in reasonable time; whether all could be.
fn parse(engine: &mut Engine, source: &Source, settings: &Settings, problems: &mut Vec<Problem>) -> bool {
    let before = problems.len();
    for (path, bytes) in source.ending(".rego") {
        if settings.tests == TestModules::Leave && check::is_test(path) {
            continue;
        }
        let Ok(text) = std::str::from_utf8(bytes) else {
            problems.push(Problem::of_file(path, "policy.syntax", "this file is not utf-8"));
            continue;
        };
        if let Some(problem) = check::nesting(path, text) {
            problems.push(problem);
        } else if let Err(error) = engine.add_policy(path.to_owned(), text.to_owned()) {
            problems.push(Problem::from_engine(path, "policy.syntax", &error.to_string()));
        }
    }
    problems.len() == before
}

#[cfg(test)]
pub(crate) mod tests;

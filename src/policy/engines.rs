//! The engines of a snapshot: one for what every call asks, one for each tool that has a package of its own, each with the packages that it can reach.
//!
//! An evaluation costs the engine time for every module that it holds, read or not. So an engine holds no module that its entry point cannot read; that,
//! and not the dispatch alone, keeps a decision's cost apart from the number of tools.

use crate::check::{Packages, Rules};
use crate::extensions::{self, Patterns};
use crate::snapshot::{BuiltinErrors, Settings, VISIBLE};
use crate::{Problem, Source};
use regorus::{Engine, PolicyLengthConfig, Value};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// A tool's own rule and the engine that knows it.
pub(crate) struct Tool {
    pub(crate) path: String,
    /// Where the rule stands, as `file:line`.
    pub(crate) place: String,
    pub(crate) engine: Engine,
}

/// Every engine of a snapshot, prepared.
pub(crate) struct Engines {
    pub(crate) base: Engine,
    pub(crate) tools: HashMap<String, Tool>,
}

/// An engine that reads no more than the settings let it.
pub(crate) fn empty(settings: &Settings) -> Engine {
    let mut engine = Engine::new();
    engine.set_policy_length_config(PolicyLengthConfig {
        max_col: settings.line_columns_max,
        max_file_bytes: settings.file_bytes_max,
        max_lines: settings.file_lines_max,
    });
    engine
}

/// Brings an engine to where a clone of it can evaluate at once.
pub(crate) fn prepare(engine: &mut Engine, errors: BuiltinErrors, patterns: &Arc<Patterns>) -> Result<(), Problem> {
    engine.set_strict_builtin_errors(errors == BuiltinErrors::Error);
    engine.set_gather_prints(true);
    extensions::install(engine, errors, patterns).map_err(|message| Problem::of_file("", "policy.engine", message))?;
    // Any query prepares: the analysis of all modules is what can fail here.
    let prepared = engine.eval_query("true".to_owned(), false);
    prepared.map(drop).map_err(|error| Problem::from_engine("", "policy.analysis", &error.to_string()))
}

/// What engines are built from: a bundle that was checked.
pub(crate) struct Parts<'a> {
    pub(crate) source: &'a Source,
    pub(crate) settings: &'a Settings,
    pub(crate) packages: &'a Packages,
    pub(crate) rules: &'a Rules,
    pub(crate) data: &'a Value,
    pub(crate) patterns: &'a Arc<Patterns>,
}

impl Parts<'_> {
    pub(crate) fn engines(&self) -> Result<Engines, Problem> {
        let mut shared = HashMap::new();
        let base = self.engine(&[&self.settings.entry_point, VISIBLE], &mut shared)?;
        let mut tools = HashMap::new();
        for (tool, path) in self.rules.tools() {
            let engine = self.engine(&[&path], &mut shared)?;
            let place = self.rules.place(&path);
            tools.insert(tool, Tool { path, place, engine });
        }
        Ok(Engines { base, tools })
    }

    /// An engine with the packages that these rules can reach. Packages that several engines have are parsed once: clones share them.
    fn engine(&self, entries: &[&str], shared: &mut HashMap<BTreeSet<usize>, Engine>) -> Result<Engine, Problem> {
        let own = self.packages.of_rules(self.rules, entries);
        let reached = self.packages.closure(&own);
        let others = reached.difference(&own).copied().collect::<BTreeSet<_>>();
        let mut engine = match shared.get(&others) {
            Some(engine) => engine.clone(),
            None => {
                let mut engine = empty(self.settings);
                self.add(&mut engine, &others)?;
                let data = engine.add_data(self.data.clone());
                data.map_err(|error| Problem::from_engine("", "policy.data", &error.to_string()))?;
                shared.insert(others, engine.clone());
                engine
            }
        };
        self.add(&mut engine, &own)?;
        prepare(&mut engine, self.settings.builtin_errors, self.patterns)?;
        Ok(engine)
    }

    fn add(&self, engine: &mut Engine, packages: &BTreeSet<usize>) -> Result<(), Problem> {
        for file in packages.iter().flat_map(|package| self.packages.files(*package)) {
            let text = self.source.file(file).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default();
            let added = engine.add_policy(file.to_owned(), text.to_owned());
            added.map_err(|error| Problem::from_engine(file, "policy.syntax", &error.to_string()))?;
        }
        Ok(())
    }
}

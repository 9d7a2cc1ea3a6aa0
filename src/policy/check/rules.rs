//! Every rule of a bundle by its path: what calls, references and entry points are looked up in.

use super::paths::{self, canonical, module_path, names};
use super::{at, is_test};
use crate::Problem;
use crate::snapshot::TOOLS;
use regorus::unstable::{Module, Ref, Rule as Tree, RuleHead, Span};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// All rules of one path; a bundle may define a rule in several places.
#[derive(Debug)]
pub(crate) struct Rule {
    /// Up to the first part that is computed; `data` first.
    pub(crate) path: Vec<String>,
    /// How many arguments, if it is a function.
    pub(crate) arity: Option<usize>,
    /// The packages that define it.
    pub(super) packages: BTreeSet<Vec<String>>,
    /// Its first definition.
    span: Span,
    /// The head has a part in brackets, or collects: more than one value.
    partial: bool,
    last: String,
}

impl Rule {
    pub(crate) fn problem(&self, code: &'static str, message: impl Into<String>) -> Problem {
        at(&self.span, code, message)
    }

    pub(crate) fn file(&self) -> &str {
        self.span.source.file()
    }

    pub(crate) const fn line(&self) -> u32 {
        self.span.line
    }

    /// The rule's own name.
    pub(crate) fn name(&self) -> &str {
        &self.last
    }
}

/// The rules of a bundle.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    by_path: BTreeMap<Vec<String>, usize>,
    all: Vec<Rule>,
}

impl Rules {
    pub(super) fn of(modules: &[Ref<Module>]) -> Self {
        let mut rules = Self::default();
        for module in modules {
            let package = module_path(module);
            for tree in &module.policy {
                rules.add(&package, tree);
            }
        }
        rules
    }

    fn add(&mut self, package: &[String], tree: &Tree) {
        let (refr, arity, collects) = match tree {
            Tree::Spec { head: RuleHead::Compr { refr, .. }, .. } => (refr, None, false),
            Tree::Spec { head: RuleHead::Set { refr, .. }, .. } => (refr, None, true),
            Tree::Spec { head: RuleHead::Func { refr, args, .. }, .. } => (refr, Some(args.len()), false),
            Tree::Default { refr, args, .. } => (refr, Some(args.len()).filter(|count| *count > 0), false),
        };
        let Ok(chain) = paths::chain(refr) else { return };
        let mut path = package.to_vec();
        path.push(chain.root.text().to_owned());
        path.extend(names(&chain.steps));
        let partial = collects || path.len() < package.len() + 1 + chain.steps.len();
        let last = path.last().cloned().unwrap_or_default();
        match self.by_path.get(&path).and_then(|index| self.all.get_mut(*index)) {
            Some(known) => {
                known.partial |= partial;
                known.packages.insert(package.to_vec());
            }
            None => {
                let packages = BTreeSet::from([package.to_vec()]);
                let rule = Rule { path: path.clone(), arity, packages, span: chain.root.clone(), partial, last };
                self.by_path.insert(path, self.all.len());
                self.all.push(rule);
            }
        }
    }

    pub(crate) fn all(&self) -> &[Rule] {
        &self.all
    }

    /// The rule of exactly this path, spelled as the engine does.
    pub(crate) fn at(&self, path: &str) -> Option<&Rule> {
        self.all.iter().find(|rule| canonical(&rule.path) == path)
    }

    /// Where the rule of this path first stands, as `file:line`.
    pub(crate) fn place(&self, path: &str) -> String {
        self.at(path).map(|rule| format!("{}:{}", rule.file(), rule.line())).unwrap_or_default()
    }

    pub(crate) fn has(&self, path: &str) -> bool {
        self.at(path).is_some()
    }

    pub(super) fn index(&self, path: &[String]) -> Option<usize> {
        self.by_path.get(path).copied()
    }

    pub(super) fn get(&self, path: &[String]) -> Option<&Rule> {
        self.index(path).and_then(|index| self.all.get(index))
    }

    /// Every rule that a reference to `path` may read: at it, above it, below it.
    pub(super) fn touched(&self, path: &[String]) -> Vec<usize> {
        let above = (1..path.len()).filter_map(|length| path.get(..length)).filter_map(|prefix| self.index(prefix));
        let below = self.by_path.range(path.to_vec()..).take_while(|(known, _)| known.starts_with(path)).map(|(_, index)| *index);
        above.chain(below).collect()
    }

    pub(super) fn decisions_of_tools(&self) -> impl Iterator<Item = &Rule> {
        self.all.iter().filter(|rule| tool_of(rule).is_some())
    }

    /// Tool name -> path of the `decision` of its package.
    pub(crate) fn tools(&self) -> HashMap<String, String> {
        self.all.iter().filter_map(|rule| tool_of(rule).map(|tool| (tool.to_owned(), canonical(&rule.path)))).collect()
    }
}

fn tool_of(rule: &Rule) -> Option<&str> {
    match rule.path.as_slice() {
        [data, toolgate, tools, tool, decision] if [data, toolgate, tools].map(String::as_str) == TOOLS && decision == "decision" => {
            Some(tool)
        }
        _ => None,
    }
}

/// Tests that would pass here whatever they say.
pub(super) fn check(rules: &Rules, problems: &mut Vec<Problem>) {
    for rule in rules.all() {
        let test = rule.name().starts_with("test_") || rule.name().starts_with("todo_test_");
        if test && rule.partial {
            let message = format!(
                "`{}` is a table test, whose failing cases the engine does not count: write a rule for each case, or `every`",
                rule.name()
            );
            problems.push(rule.problem("policy.table_test", message));
        } else if test && rule.arity.is_none() && !is_test(rule.file()) {
            let message = format!("the test `{}` is not in a file that ends in `_test.rego`: it would be served", rule.name());
            problems.push(rule.problem("policy.test_place", message));
        }
    }
}

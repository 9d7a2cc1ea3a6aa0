//! Packages in packages. Asked for one as a whole, which an import's name asks for too, the engine takes those beneath it for evaluated before they are:
//! their rules have no value then. So a name is written out in full before the engine sees it, and no whole package with others beneath it is read.

use super::at;
use super::paths::{canonical, module_path};
use crate::Problem;
use regorus::unstable::{Module, Ref, Span};
use std::collections::{BTreeMap, BTreeSet};

/// The packages of a bundle.
pub(super) struct Nested {
    packages: BTreeSet<Vec<String>>,
}

impl Nested {
    pub(super) fn of(modules: &[Ref<Module>]) -> Self {
        Self { packages: modules.iter().map(|module| module_path(module)).collect() }
    }

    /// A package at or beneath `path` and one beneath that.
    pub(super) fn at(&self, path: &[String]) -> Option<(&[String], &[String])> {
        let beneath = self.packages.range(path.to_vec()..).take_while(|package| package.starts_with(path));
        // In their order a package stands right before the first of those beneath it.
        let pairs = beneath.clone().zip(beneath.skip(1));
        pairs.map(|(one, next)| (one.as_slice(), next.as_slice())).find(|(one, next)| next.starts_with(one))
    }

    /// The problem of reading `path`, if it is no rule but holds such packages.
    pub(super) fn problem(&self, path: &[String], span: &Span) -> Option<Problem> {
        let (one, beneath) = self.at(path).filter(|_| path.first().is_some_and(|root| root == "data") && path.len() > 1)?;
        let (path, one, beneath) = (canonical(path), canonical(one), canonical(beneath));
        let message =
            format!("`{path}` is read as a whole, and the package `{beneath}` lies beneath `{one}`: name the rule that is meant, in full");
        Some(at(span, "policy.nested_package", message))
    }
}

/// Where names of imports stand, by file: the first byte, and what they are in full.
pub(crate) type Names = BTreeMap<String, BTreeMap<usize, Name>>;

/// The name of an import where it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    alias: String,
    full: String,
}

/// Notes a name.
pub(super) fn note(names: &mut Names, span: &Span, path: &[String]) {
    let name = Name { alias: span.text().to_owned(), full: canonical(path) };
    names.entry(span.source.file().clone()).or_default().insert(span.start as usize, name);
}

/// The text with its names written out in full; lines stay.
pub(crate) fn in_full(text: &str, names: &BTreeMap<usize, Name>) -> String {
    let (mut out, mut done) = (String::with_capacity(text.len()), 0);
    for (start, Name { alias, full }) in names {
        // Where the name stands, as the parser said; nothing else is touched.
        if let (Some(before), Some(after)) = (text.get(done..*start), text.get(*start..).and_then(|rest| rest.strip_prefix(alias.as_str())))
        {
            out.push_str(before);
            out.push_str(full);
            done = text.len() - after.len();
        }
    }
    out.push_str(text.get(done..).unwrap_or_default());
    out
}

//! Which packages read which. A package is taken whole, and a name that could be a reference counts as one: leaving out a package that is read would
//! change a decision, one too many costs a microsecond.

use super::{Rules, is_test, module_path};
use regorus::unstable::{Module, Ref};
use std::collections::{BTreeMap, BTreeSet};

/// The packages of a bundle, without the modules of tests.
#[derive(Debug, Default)]
pub(crate) struct Packages {
    index: BTreeMap<Vec<String>, usize>,
    files: Vec<Vec<String>>,
    reads: Vec<BTreeSet<usize>>,
}

impl Packages {
    /// `reads` says which paths below `data` each package names.
    pub(super) fn of(modules: &[Ref<Module>], rules: &Rules, reads: &BTreeMap<Vec<String>, BTreeSet<Vec<String>>>) -> Self {
        let mut packages = Self::default();
        for module in modules.iter().filter(|module| !is_test(module.package.span.source.file())) {
            let next = packages.files.len();
            let index = *packages.index.entry(module_path(module)).or_insert(next);
            if index == next {
                packages.files.push(Vec::new());
            }
            if let Some(files) = packages.files.get_mut(index) {
                files.push(module.package.span.source.file().clone());
            }
        }
        packages.reads = vec![BTreeSet::new(); packages.files.len()];
        for (package, paths) in reads {
            let Some(from) = packages.index.get(package).copied() else { continue };
            let read = paths.iter().flat_map(|path| rules.touched(path)).filter_map(|rule| rules.all().get(rule));
            let read = read.flat_map(|rule| rule.packages.iter()).filter_map(|package| packages.index.get(package).copied()).collect();
            if let Some(known) = packages.reads.get_mut(from) {
                *known = read;
            }
        }
        packages
    }

    /// The packages that define these rules, or something below them.
    pub(crate) fn of_rules(&self, rules: &Rules, paths: &[&str]) -> BTreeSet<usize> {
        let defined = paths.iter().filter_map(|path| rules.at(path)).flat_map(|rule| rules.touched(&rule.path));
        let packages = defined.filter_map(|rule| rules.all().get(rule)).flat_map(|rule| rule.packages.iter());
        packages.filter_map(|package| self.index.get(package).copied()).collect()
    }

    /// These packages and all that they can read.
    pub(crate) fn closure(&self, start: &BTreeSet<usize>) -> BTreeSet<usize> {
        let mut reached = start.clone();
        let mut open = start.iter().copied().collect::<Vec<_>>();
        while let Some(package) = open.pop() {
            for next in self.reads.get(package).into_iter().flatten() {
                if reached.insert(*next) {
                    open.push(*next);
                }
            }
        }
        reached
    }

    /// The files of a package.
    pub(crate) fn files(&self, package: usize) -> impl Iterator<Item = &str> {
        self.files.get(package).into_iter().flatten().map(String::as_str)
    }
}

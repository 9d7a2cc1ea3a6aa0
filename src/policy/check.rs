//! The check at load.

use crate::Problem;
use crate::bundle::Document;
use crate::extensions::Patterns;
use regorus::unstable::{Module, Ref};
use std::collections::HashMap;

pub(crate) struct Bundle<'a> {
    pub(crate) modules: &'a [Ref<Module>],
    pub(crate) rules: &'a Rules,
    pub(crate) documents: &'a [Document],
    pub(crate) roots: &'a [Vec<String>],
    pub(crate) patterns: &'a Patterns,
}

pub(crate) struct Rules;

impl Rules {
    pub(crate) fn tools(&self) -> HashMap<String, String> {
        HashMap::new()
    }
    pub(crate) fn has(&self, _: &str) -> bool {
        false
    }
}

pub(crate) fn rules(_: &[Ref<Module>], _: &mut Vec<Problem>) -> Rules {
    Rules
}

pub(crate) fn run(_: &Bundle<'_>, _: &mut Vec<Problem>) {}

pub(crate) fn is_test(path: &str) -> bool {
    path.ends_with("_test.rego")
}

pub(crate) fn nesting(_: &str, _: &str) -> Option<Problem> {
    None
}

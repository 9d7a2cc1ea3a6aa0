//! The whole configuration: the reference file, its keys and defaults, mistakes across sections, and generated mutants.

mod mutants;
mod reference;
mod sections;

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use crate::problem::Found;
use crate::yaml::{Node, Value, tree};
use crate::{Active, Config, Document, Mode, Problem};

/// A file of `config/`.
fn shipped(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config").join(path)
}

fn reference() -> String {
    std::fs::read_to_string(shipped("toolgate.yaml")).expect("the reference")
}

/// The shipped modes with their own overlays, read once.
static ACTIVE: LazyLock<[Active; 4]> =
    LazyLock::new(|| Mode::ALL.map(|mode| Active::load(&shipped("modes.yaml"), None, mode).expect("the shipped modes")));

fn active(mode: Mode) -> &'static Active {
    ACTIVE.iter().find(|active| active.mode == mode).expect("each mode")
}

fn parse(text: &str, mode: Mode) -> Result<Config, Vec<Problem>> {
    let document = Document { name: "toolgate.yaml".into(), bytes: text.as_bytes().to_vec() };
    Config::parse(&document, Path::new("/etc/toolgate"), active(mode))
}

fn root(text: &str) -> Node {
    tree("toolgate.yaml", text.as_bytes(), &Found::default()).expect("yaml")
}

/// What the loader makes of a tree.
fn judge(root: &Node, mode: Mode) -> Result<Config, Vec<Problem>> {
    let found = Found::default();
    let config = Config::of_tree(root, Path::new("/etc/toolgate"), active(mode), &found);
    found.or_problems(config)
}

/// A place in a tree: the index of the child at each step.
type Steps = Vec<usize>;

/// A value of the reference: where it is in the tree, the path of its key (`[]` for an index, `*` for a name that is no key), its line.
struct Spot {
    steps: Steps,
    path: String,
    line: usize,
}

/// Every value below the root.
fn spots(root: &Node) -> Vec<Spot> {
    fn walk(node: &Node, steps: &mut Steps, path: &str, out: &mut Vec<Spot>) {
        let children: Vec<(&Node, String, usize)> = match &node.value {
            Value::Scalar(_) => Vec::new(),
            Value::List(items) => items.iter().map(|item| (item, format!("{path}[]"), item.at.line)).collect(),
            Value::Map(entries) => entries.iter().map(|entry| (&entry.node, below(path, &entry.key), entry.key_at.line)).collect(),
        };
        for (index, (child, path, line)) in children.into_iter().enumerate() {
            steps.push(index);
            out.push(Spot { steps: steps.clone(), path: path.clone(), line });
            walk(child, steps, &path, out);
            steps.pop();
        }
    }
    fn below(path: &str, key: &str) -> String {
        match path {
            "" => key.to_owned(),
            "identity.trust_bundles" | "identity.tenants" => format!("{path}.*"),
            path => format!("{path}.{key}"),
        }
    }
    let mut out = Vec::new();
    walk(root, &mut Steps::new(), "", &mut out);
    out
}

/// The value at a place.
fn at<'a>(node: &'a mut Node, steps: &[usize]) -> &'a mut Node {
    let Some((first, rest)) = steps.split_first() else { return node };
    match &mut node.value {
        Value::List(items) => at(&mut items[*first], rest),
        Value::Map(entries) => at(&mut entries[*first].node, rest),
        Value::Scalar(_) => panic!("a scalar has no children"),
    }
}

/// The tree without the value at a place, and without its key.
fn without(root: &Node, steps: &[usize]) -> Node {
    let mut root = root.clone();
    let (last, above) = steps.split_last().expect("not the root");
    match &mut at(&mut root, above).value {
        Value::List(items) => drop(items.remove(*last)),
        Value::Map(entries) => drop(entries.remove(*last)),
        Value::Scalar(_) => panic!("a scalar has no children"),
    }
    root
}

fn lines(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

/// The reference with one text replaced, which must be there once.
fn changed(from: &str, to: &str) -> String {
    let text = reference();
    assert_eq!(text.matches(from).count(), 1, "{from:?}");
    text.replacen(from, to, 1)
}

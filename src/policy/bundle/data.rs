//! Data documents: `roles/data.json` is `data.roles`. And the manifest.

use super::{Source, yaml};
use crate::Problem;
use crate::rego::Rego;
use canon::json::{Limits, Tree};
use canon::{Build, Json, Kind};
use regorus::Value;

/// What one data document may cost: more than a request, since whoever writes it writes the policy too.
const DATA: Limits =
    Limits { body_bytes_max: 64 << 20, depth_max: 64, string_bytes_max: 1 << 20, members_max: 1_000_000, values_max: 10_000_000 };

/// A data document and the folders it lies in.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) file: String,
    pub(crate) value: Value,
}

/// What a bundle says of itself (`.manifest`).
#[derive(Debug, Default)]
pub(crate) struct Manifest {
    pub(crate) revision: Option<String>,
    /// The paths that the bundle owns; empty for all.
    pub(crate) roots: Vec<Vec<String>>,
}

/// Every data document, each wrapped in objects named after its folders.
pub(crate) fn documents(source: &Source, problems: &mut Vec<Problem>) -> Vec<Document> {
    let mut out = Vec::new();
    for (path, bytes) in source.ending("") {
        let (folder, name) = path.rsplit_once('/').map_or(("", path), |(folder, name)| (folder, name));
        let value = match name {
            "data.json" => {
                canon::json::parse::<Rego>(bytes, &DATA).map_err(|rejected| Problem::of_file(path, "policy.data", rejected.to_string()))
            }
            "data.yaml" | "data.yml" => yaml::read(path, bytes, &DATA),
            _ => continue,
        };
        match value {
            Ok(value) if folder.is_empty() && !matches!(Rego::kind(&value), Kind::Object) => {
                problems.push(Problem::of_file(path, "policy.data", "data at the top of a bundle is an object"));
            }
            Ok(value) => out.push(Document { file: path.to_owned(), value: wrapped(folder, value) }),
            Err(problem) => problems.push(problem),
        }
    }
    out
}

fn wrapped(folder: &str, value: Value) -> Value {
    if folder.is_empty() {
        return value;
    }
    folder.rsplit('/').fold(value, |value, name| Rego::object(vec![(name.to_owned(), value)]))
}

/// The manifest's file, at the top of a bundle.
pub(crate) const MANIFEST: &str = ".manifest";

/// The bundle's manifest, or the empty one.
pub(crate) fn manifest(source: &Source, problems: &mut Vec<Problem>) -> Manifest {
    const FILE: &str = MANIFEST;
    let Some(bytes) = source.file(FILE) else { return Manifest::default() };
    match canon::json::parse::<Tree>(bytes, &Limits::default()) {
        Ok(json @ Json::Object(_)) => {
            let revision = match Tree::get(&json, "revision") {
                Some(Json::String(revision)) => Some(canon::text::shown(revision, 200)),
                _ => None,
            };
            let mut roots = Vec::new();
            if let Some(listed) = Tree::get(&json, "roots") {
                Tree::each_item(listed, &mut |root| match Tree::kind(root) {
                    Kind::String(root) => roots.push(root.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect()),
                    Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::Array | Kind::Object => {
                        problems.push(Problem::of_file(FILE, "policy.manifest", "`roots` is a list of strings"));
                    }
                });
            }
            Manifest { revision, roots }
        }
        Ok(_) => {
            problems.push(Problem::of_file(FILE, "policy.manifest", "the manifest is an object"));
            Manifest::default()
        }
        Err(rejected) => {
            problems.push(Problem::of_file(FILE, "policy.manifest", rejected.to_string()));
            Manifest::default()
        }
    }
}

//! The route table: methods and path templates such as `/repos/{owner}/{repo}`, found by walking the path's segments once.

use crate::malformed::{Fault, Flaw};
use http::Method;
use std::collections::BTreeMap;

/// Which tool a method and a path are. A fixed segment goes before a variable one.
#[derive(Debug, Clone, Default)]
pub struct HttpRoutes {
    root: Node,
}

/// The entries of a route table that cannot stand, by their place in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(|(place, why)| format!("route {place}: {why}")).collect::<Vec<_>>().join("; "))]
pub struct BadRoutes(pub Vec<(usize, String)>);

/// What a path is, and the values of its variables.
pub(super) struct Found<'a> {
    pub(super) tool: &'a str,
    pub(super) values: Vec<(&'a str, &'a str)>,
}

#[derive(Debug, Clone, Default)]
struct Node {
    fixed: BTreeMap<String, Node>,
    variable: Option<Box<Node>>,
    leaves: Vec<Leaf>,
}

#[derive(Debug, Clone)]
struct Leaf {
    method: Method,
    template: String,
    tool: String,
    names: Vec<String>,
}

impl HttpRoutes {
    /// The table of these `(method, template, tool)`, from 0; all mistakes at once.
    pub fn parse<'a>(entries: impl IntoIterator<Item = (&'a str, &'a str, &'a str)>) -> Result<Self, BadRoutes> {
        let (mut routes, mut wrong) = (Self::default(), Vec::new());
        for (place, (method, template, tool)) in entries.into_iter().enumerate() {
            if let Err(why) = routes.add(method, template, tool) {
                wrong.push((place, why));
            }
        }
        if wrong.is_empty() { Ok(routes) } else { Err(BadRoutes(wrong)) }
    }

    fn add(&mut self, method: &str, template: &str, tool: &str) -> Result<(), String> {
        let method = method.parse::<Method>().ok().filter(|_| method.bytes().all(|byte| byte.is_ascii_uppercase()));
        let method = method.ok_or("the method is not one in capitals, such as `GET`")?;
        if tool.is_empty() {
            return Err("the tool has no name".to_owned());
        }
        let (mut node, mut names) = (&mut self.root, Vec::new());
        let rest = template.strip_prefix('/').ok_or_else(|| format!("`{template}` does not begin with a slash"))?;
        let count = rest.split('/').count();
        for (at, segment) in rest.split('/').enumerate() {
            node = match segment.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')) {
                Some(name) if name.is_empty() || names.iter().any(|known| known == name) => {
                    return Err(format!("`{template}` has a variable without a name of its own"));
                }
                Some(name) => {
                    names.push(name.to_owned());
                    node.variable.get_or_insert_default()
                }
                None if segment.contains(['{', '}', '%', '?', '#', '\\', ';']) || matches!(segment, "." | "..") => {
                    return Err(format!("`{template}` has a segment that is neither plain text nor one `{{variable}}`"));
                }
                None if segment.is_empty() && at + 1 < count => return Err(format!("`{template}` has two slashes in a row")),
                None => node.fixed.entry(segment.to_owned()).or_default(),
            };
        }
        if node.leaves.iter().any(|leaf| leaf.method == method) {
            return Err(format!("`{method} {template}` is in the table already"));
        }
        node.leaves.push(Leaf { method, template: template.to_owned(), tool: tool.to_owned(), names });
        Ok(())
    }

    /// The template that a request's path fits: what can be told of the path without the values of its variables, which are arguments.
    #[must_use]
    pub fn template(&self, method: &Method, path: &str) -> Option<&str> {
        let segments = super::decode::path(path).ok()?;
        self.root.find(method, &segments, &mut Vec::new()).ok()?.map(|leaf| leaf.template.as_str())
    }

    pub(super) fn find<'a>(&'a self, method: &Method, segments: &'a [String]) -> Result<Option<Found<'a>>, Fault> {
        let mut values = Vec::new();
        let leaf = self.root.find(method, segments, &mut values)?;
        Ok(leaf.map(|leaf| Found { tool: &leaf.tool, values: leaf.names.iter().map(String::as_str).zip(values).collect() }))
    }
}

impl Node {
    /// Servers that compare without case would take a twin of a fixed segment for it: such a path is no variable's, wherever the fixed one leads.
    fn find<'a, 's>(&'a self, method: &Method, segments: &'s [String], values: &mut Vec<&'s str>) -> Result<Option<&'a Leaf>, Fault> {
        let Some((segment, rest)) = segments.split_first() else { return Ok(self.leaves.iter().find(|leaf| leaf.method == *method)) };
        match self.fixed.get(segment) {
            Some(node) => {
                if let Some(leaf) = node.find(method, rest, values)? {
                    return Ok(Some(leaf));
                }
            }
            None if self.fixed.keys().any(|fixed| canon::json::twins(fixed, segment)) => {
                return Err(Flaw::Path.because("a segment of the path differs from the route's in case only: write it as the route does"));
            }
            None => {}
        }
        let Some(node) = self.variable.as_ref().filter(|_| !segment.is_empty()) else { return Ok(None) };
        values.push(segment);
        let leaf = node.find(method, rest, values)?;
        if leaf.is_none() {
            values.pop();
        }
        Ok(leaf)
    }
}

#[cfg(test)]
mod tests;

//! Plain HTTP tools: a table of methods and path templates gives each request its tool; path, query and body are its arguments.

mod decode;
mod routes;

pub use decode::decoded_path;
pub use routes::{BadRoutes, HttpRoutes};

use crate::call::{Kind, Speech, ToolCall};
use crate::head::{Checked, Head, is_json};
use crate::malformed::{Fault, Flaw};
use crate::recognise::Limits;
use bytes::Bytes;
use canon::Build;

/// What Rails, Express and others read as the method of a request.
const METHOD: &str = "_method";

pub(crate) fn recognise<B: Build>(
    head: &Head,
    checked: Checked,
    body: Bytes,
    routes: &HttpRoutes,
    limits: &Limits,
) -> Result<ToolCall<B::Value>, Fault> {
    let segments = decode::path(head.uri.path())?;
    let found = routes.find(&head.method, &segments)?;
    if found.is_none() && segments.len() > 1 && segments.last().is_some_and(String::is_empty) {
        // Many servers read it as the path without the slash, which may be a tool.
        return Err(Flaw::Path.because("the path ends in a slash and no route does"));
    }
    let path = found.iter().flat_map(|found| &found.values).map(|(name, value)| ((*name).to_owned(), B::string(value)));
    let query = decode::query(head.uri.query().unwrap_or_default())?;
    let content = content::<B>(head, &body, limits)?;
    overrides::<B>(&query, &content)?;
    let query = query.into_iter().map(|(name, values)| (name, one_or_many::<B>(&values)));
    let arguments = B::object(vec![
        ("path".to_owned(), B::object(path.collect())),
        ("query".to_owned(), B::object(query.collect())),
        ("body".to_owned(), content),
    ]);
    let tool = found.map(|found| found.tool.to_owned());
    let (sealed, permission) = checked.seal(head, body);
    Ok(ToolCall {
        speech: Speech::Http,
        kind: Kind::Request,
        method: head.method.as_str().to_owned(),
        tool,
        resource: None,
        arguments,
        meta: None,
        beside: None,
        session: None,
        permission,
        path: head.uri.path().to_owned(),
        query: head.uri.query().map(str::to_owned),
        argument_headers: Vec::new(),
        sealed,
    })
}

/// Refuses a member that some frameworks take for the method, wherever they look for it.
fn overrides<B: Build>(query: &[(String, Vec<String>)], content: &B::Value) -> Result<(), Fault> {
    let is_method = |name: &str| canon::json::twins(name, METHOD);
    let mut found = query.iter().any(|(name, _)| is_method(name));
    if let canon::Kind::Object = B::kind(content) {
        B::each_member(content, &mut |name, _| found |= is_method(name));
    }
    if found { Err(Flaw::Header.because(format!("`{METHOD}` asks for another request: send that request"))) } else { Ok(()) }
}

fn one_or_many<B: Build>(values: &[String]) -> B::Value {
    match values {
        [value] => B::string(value),
        values => B::array(values.iter().map(|value| B::string(value)).collect()),
    }
}

fn content<B: Build>(head: &Head, body: &Bytes, limits: &Limits) -> Result<B::Value, Fault> {
    if body.is_empty() {
        return Ok(B::null());
    }
    if !is_json(&head.headers) {
        return Err(Flaw::ContentType.because("the body of an http tool is `content-type: application/json` in utf-8"));
    }
    Ok(canon::json::parse::<B>(body, &limits.json)?)
}

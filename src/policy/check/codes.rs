//! Reasons that are written out in a policy: an object of a code and a message, whose code is a text. Else it would be found by the call that meets it.

use super::{at, is_test};
use crate::Problem;
use crate::result::wrong_code;
use regorus::unstable::{Expr, Ref, Span};

/// Checks one object.
pub(super) fn check(fields: &[(Span, Ref<Expr>, Ref<Expr>)]) -> Option<Problem> {
    let member = |name: &str| fields.iter().find(|(_, key, _)| literal(key).is_some_and(|(key, _)| key == name)).map(|(_, _, value)| value);
    let (code, _) = (member("code")?, member("message").filter(|_| fields.len() == 2)?);
    let (code, span) = literal(code)?;
    let wrong = wrong_code(&code).filter(|_| !is_test(span.source.file()))?;
    Some(at(span, "policy.reason_code", wrong))
}

fn literal(expr: &Expr) -> Option<(String, &Span)> {
    let (Expr::String { value, span, .. } | Expr::RawString { value, span, .. }) = expr else { return None };
    value.as_string().ok().map(|text| (text.to_string(), span))
}

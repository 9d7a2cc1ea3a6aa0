//! References of the syntax tree as paths, and paths as text.

use crate::schema::Step;
use regorus::unstable::{Expr, Module, Ref, Span};
use std::fmt::Write as _;

/// A chain `root.a["b"][c]`.
pub(super) struct Chain<'a> {
    pub(super) root: &'a Span,
    pub(super) steps: Vec<Step>,
    /// The expressions in brackets that are no literal.
    pub(super) computed: Vec<&'a Ref<Expr>>,
}

/// The chain that an expression is, if it begins with a variable; else the expression that it begins with.
pub(super) fn chain(expr: &Expr) -> Result<Chain<'_>, Option<&Ref<Expr>>> {
    let (mut steps, mut computed) = (Vec::new(), Vec::new());
    let mut inner = None;
    let mut at = expr;
    let root = loop {
        let refr = if let Expr::Var { span, .. } = at {
            break span;
        } else if let Expr::RefDot { refr, field, .. } = at {
            steps.push(Step::Name(field.0.text().to_owned()));
            refr
        } else if let Expr::RefBrack { refr, index, .. } = at {
            if let Expr::String { value, .. } | Expr::RawString { value, .. } = index.as_ref() {
                steps.push(text(value));
            } else {
                computed.push(index);
                steps.push(Step::Dynamic);
            }
            refr
        } else {
            return Err(inner);
        };
        (at, inner) = (refr, Some(refr));
    };
    steps.reverse();
    Ok(Chain { root, steps, computed })
}

fn text(value: &regorus::Value) -> Step {
    value.as_string().map_or(Step::Dynamic, |text| Step::Name(text.to_string()))
}

/// The names up to the first step that is computed.
pub(super) fn names(steps: &[Step]) -> Vec<String> {
    let fixed = steps.iter().map_while(|step| match step {
        Step::Name(name) => Some(name.clone()),
        Step::Dynamic => None,
    });
    fixed.collect()
}

/// The path of a module's package, `data` first.
pub(crate) fn module_path(module: &Module) -> Vec<String> {
    let mut path = vec!["data".to_owned()];
    if let Ok(chain) = chain(&module.package.refr) {
        path.push(chain.root.text().to_owned());
        path.extend(names(&chain.steps));
    }
    path
}

/// The path as the engine spells it: `data.a["b c"].d`.
pub(crate) fn canonical(path: &[String]) -> String {
    let mut out = String::new();
    for name in path {
        let mut bytes = name.bytes();
        let word = bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
            && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        // Writing into a String cannot fail.
        let _ = match (word, out.is_empty()) {
            (true, true) => write!(out, "{name}"),
            (true, false) => write!(out, ".{name}"),
            (false, _) => write!(out, "[{}]", regorus::Value::from(name.as_str())),
        };
    }
    out
}

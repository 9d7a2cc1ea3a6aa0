//! Goes through every expression of a module and notes calls, references and replacements. What they mean is checked by `calls`, `graph` and `mocks`.

use super::nested::{self, Names, Nested};
use super::paths::{self, Chain, module_path, names};
use super::{Bundle, Functions, at, calls, codes, input_path};
use crate::Problem;
use crate::schema::Step;
use regorus::unstable::{
    AssignOp, Expr, Literal, LiteralStmt, Module, Query, Ref, Rule, RuleAssign, RuleBody, RuleHead, Span, WithModifier,
};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// What was found in all modules.
#[derive(Default)]
pub(super) struct Found {
    pub(super) problems: Vec<Problem>,
    /// Rule -> rules that it may read.
    pub(super) edges: BTreeMap<usize, BTreeSet<usize>>,
    /// Package -> paths below `data` that it names.
    pub(super) reads: BTreeMap<Vec<String>, BTreeSet<Vec<String>>>,
    /// Functions that are called by their bare name inside their package, and where first.
    pub(super) bare_calls: BTreeMap<Vec<String>, Span>,
    /// Functions that a test replaces, and where.
    pub(super) mocks: Vec<(Vec<String>, Span, bool)>,
    /// Names of imports that the engine must see in full.
    pub(super) names: Names,
}

pub(super) struct Walk<'a> {
    pub(super) bundle: &'a Bundle<'a>,
    pub(super) functions: &'a Functions,
    nested: &'a Nested,
    pub(super) found: &'a mut Found,
    pub(super) package: Vec<String>,
    /// Alias -> what it stands for.
    imports: BTreeMap<String, Vec<String>>,
    /// The rule that is being read.
    rule: Option<usize>,
    /// Names that the rule declares itself, wherever in it.
    locals: HashSet<String>,
}

pub(super) fn module(module: &Module, bundle: &Bundle<'_>, functions: &Functions, nested: &Nested, found: &mut Found) {
    let mut walk = Walk {
        bundle,
        functions,
        nested,
        found,
        package: module_path(module),
        imports: BTreeMap::new(),
        rule: None,
        locals: HashSet::new(),
    };
    for import in &module.imports {
        walk.import(import.refr.as_ref(), import.r#as.as_ref());
    }
    for rule in &module.policy {
        walk.rule(rule);
    }
}

impl Walk<'_> {
    fn import(&mut self, refr: &Expr, alias: Option<&Span>) {
        let Ok(Chain { root, steps, .. }) = paths::chain(refr) else { return };
        let mut path = vec![root.text().to_owned()];
        path.extend(names(&steps));
        if root.text() == "input" {
            self.found.problems.extend(input_path(&steps, root));
        }
        let name = alias.map(|alias| alias.text().to_owned()).or_else(|| path.last().cloned());
        if root.text() == "data" {
            self.names_data(&path);
        }
        if let Some(name) = name.filter(|_| matches!(root.text(), "data" | "input")) {
            self.imports.insert(name, path);
        }
    }

    fn rule(&mut self, rule: &Rule) {
        self.locals = super::calls::declared(rule);
        let refr = match rule {
            Rule::Spec { head: RuleHead::Compr { refr, .. } | RuleHead::Set { refr, .. } | RuleHead::Func { refr, .. }, .. }
            | Rule::Default { refr, .. } => refr,
        };
        let mut path = self.package.clone();
        if let Ok(Chain { root, steps, computed }) = paths::chain(refr) {
            path.push(root.text().to_owned());
            path.extend(names(&steps));
            self.rule = self.bundle.rules.index(&path);
            self.shadowed(root);
            computed.into_iter().for_each(|expr| self.expr(expr));
        }
        match rule {
            Rule::Spec { head, bodies, .. } => {
                match head {
                    RuleHead::Compr { assign, .. } => self.assign(assign.as_ref()),
                    RuleHead::Set { key, .. } => key.iter().for_each(|key| self.expr(key)),
                    RuleHead::Func { args, assign, .. } => {
                        args.iter().for_each(|arg| self.expr(arg));
                        self.assign(assign.as_ref());
                    }
                }
                for RuleBody { assign, query, .. } in bodies {
                    self.assign(assign.as_ref());
                    self.query(query);
                }
            }
            Rule::Default { value, .. } => self.expr(value),
        }
    }

    /// A name that is a variable somewhere in the rule cannot be written out in it.
    fn shadowed(&mut self, rule: &Span) {
        let shadowed = self.imports.iter().filter(|(name, path)| self.locals.contains(*name) && self.nested.at(path).is_some());
        for (name, path) in shadowed {
            let message =
                format!("`{name}` is a variable of this rule and the import `{}`: give one of them another name", paths::canonical(path));
            self.found.problems.push(at(rule, "policy.shadowed_import", message));
        }
    }

    /// Notes the name of an import that the engine must see in full.
    pub(super) fn named(&mut self, root: &Span) {
        let import = self.imports.get(root.text()).filter(|path| path.first().is_some_and(|root| root == "data"));
        if let Some(path) = import.filter(|path| !self.locals.contains(root.text()) && self.nested.at(path).is_some()) {
            nested::note(&mut self.found.names, root, path);
        }
    }

    fn assign(&mut self, assign: Option<&RuleAssign>) {
        if let Some(assign) = assign {
            self.expr(&assign.value);
        }
    }

    fn query(&mut self, query: &Query) {
        for LiteralStmt { literal, with_mods, .. } in &query.stmts {
            match literal {
                Literal::SomeVars { .. } => {}
                Literal::SomeIn { key, value, collection, .. } => {
                    key.iter().for_each(|key| self.expr(key));
                    self.expr(value);
                    self.expr(collection);
                }
                Literal::Expr { expr, .. } | Literal::NotExpr { expr, .. } => self.expr(expr),
                Literal::Every { domain, query, .. } => {
                    self.expr(domain);
                    self.query(query);
                }
            }
            with_mods.iter().for_each(|with| self.with(with));
        }
    }

    pub(super) fn expr(&mut self, expr: &Ref<Expr>) {
        match expr.as_ref() {
            Expr::String { .. } | Expr::RawString { .. } | Expr::Number { .. } | Expr::Bool { .. } | Expr::Null { .. } => {}
            Expr::Var { .. } | Expr::RefDot { .. } | Expr::RefBrack { .. } => self.reference(expr),
            Expr::Array { items, .. } | Expr::Set { items, .. } => items.iter().for_each(|item| self.expr(item)),
            Expr::Object { fields, .. } => {
                self.found.problems.extend(codes::check(fields));
                fields.iter().for_each(|(_, key, value)| {
                    self.expr(key);
                    self.expr(value);
                });
            }
            Expr::ArrayCompr { term, query, .. } | Expr::SetCompr { term, query, .. } => {
                self.expr(term);
                self.query(query);
            }
            Expr::ObjectCompr { key, value, query, .. } => {
                self.expr(key);
                self.expr(value);
                self.query(query);
            }
            Expr::Call { fcn, params, .. } => {
                calls::check(self, fcn, params);
                params.iter().for_each(|param| self.expr(param));
            }
            Expr::UnaryExpr { expr, .. } => self.expr(expr),
            Expr::BinExpr { lhs, rhs, .. }
            | Expr::BoolExpr { lhs, rhs, .. }
            | Expr::ArithExpr { lhs, rhs, .. }
            | Expr::AssignExpr { lhs, rhs, .. } => {
                self.expr(lhs);
                self.expr(rhs);
            }
            Expr::Membership { key, value, collection, .. } => {
                key.iter().for_each(|key| self.expr(key));
                self.expr(value);
                self.expr(collection);
            }
        }
    }

    fn reference(&mut self, expr: &Ref<Expr>) {
        match paths::chain(expr) {
            Ok(Chain { root, steps, computed }) => {
                self.reads(root, &steps);
                computed.into_iter().for_each(|expr| self.expr(expr));
            }
            // Something like `f(x).y`: what it begins with, and what stands in brackets after.
            Err(Some(_)) => self.after_expression(expr),
            Err(None) => {}
        }
    }

    fn after_expression(&mut self, expr: &Ref<Expr>) {
        if let Expr::RefDot { refr, .. } = expr.as_ref() {
            self.after_expression(refr);
        } else if let Expr::RefBrack { refr, index, .. } = expr.as_ref() {
            self.expr(index);
            self.after_expression(refr);
        } else {
            self.expr(expr);
        }
    }

    /// Notes that the package names a path below `data`, whatever the name means where it stands.
    pub(super) fn names_data(&mut self, path: &[String]) {
        self.found.reads.entry(self.package.clone()).or_default().insert(path.to_vec());
    }

    fn reads(&mut self, root: &Span, steps: &[Step]) {
        if root.text() == "data" {
            self.names_data(&std::iter::once("data".to_owned()).chain(names(steps)).collect::<Vec<_>>());
        }
        self.named(root);
        let Some((path, rest)) = self.resolve(root.text(), steps) else { return };
        if path.first().is_some_and(|first| first == "input") {
            let steps = path.into_iter().skip(1).map(Step::Name).chain(rest.iter().cloned()).collect::<Vec<_>>();
            self.found.problems.extend(input_path(&steps, root));
        } else {
            let path = path.into_iter().chain(names(rest)).collect::<Vec<_>>();
            self.found.problems.extend(self.nested.problem(&path, root));
            self.depends_on(&path);
        }
    }

    /// The path that a name stands for, and the steps after it; none for a variable.
    pub(super) fn resolve<'s>(&self, root: &str, steps: &'s [Step]) -> Option<(Vec<String>, &'s [Step])> {
        if self.locals.contains(root) {
            return None;
        }
        if matches!(root, "data" | "input") {
            return Some((vec![root.to_owned()], steps));
        }
        if let Some(path) = self.imports.get(root) {
            return Some((path.clone(), steps));
        }
        let own = self.own(root);
        (!self.bundle.rules.touched(&own).is_empty()).then_some((own, steps))
    }

    /// The path of a name of this package.
    pub(super) fn own(&self, name: &str) -> Vec<String> {
        self.package.iter().cloned().chain([name.to_owned()]).collect()
    }

    pub(super) fn depends_on(&mut self, path: &[String]) {
        if let Some(rule) = self.rule {
            self.found.edges.entry(rule).or_default().extend(self.bundle.rules.touched(path));
        }
    }

    fn with(&mut self, with: &WithModifier) {
        let WithModifier { refr, r#as, .. } = with;
        self.expr(r#as);
        let Ok(Chain { root, steps, computed }) = paths::chain(refr) else { return };
        computed.into_iter().for_each(|expr| self.expr(expr));
        self.named(root);
        let imported = self.imports.get(root.text()).cloned();
        let path = imported.clone().unwrap_or_else(|| vec![root.text().to_owned()]);
        if path.first().is_some_and(|first| first == "input") {
            let steps = path.into_iter().skip(1).map(Step::Name).chain(steps).collect::<Vec<_>>();
            self.found.problems.extend(input_path(&steps, root));
            return;
        }
        let full = path.into_iter().chain(names(&steps)).collect::<Vec<_>>();
        if full.first().is_some_and(|first| first == "data") {
            self.names_data(&full);
            if self.bundle.rules.get(&full).is_some_and(|rule| rule.arity.is_some()) {
                self.found.mocks.push((full, root.clone(), false));
            }
            return;
        }
        self.with_function(&full, root, r#as);
    }

    fn with_function(&mut self, path: &[String], target: &Span, replacement: &Ref<Expr>) {
        let own = self.package.iter().chain(path).cloned().collect::<Vec<_>>();
        if self.bundle.rules.get(&own).is_some_and(|rule| rule.arity.is_some()) {
            self.found.mocks.push((own, target.clone(), true));
            return;
        }
        let name = path.join(".");
        if let Some(problem) = calls::unknown(&name, target, self.functions) {
            self.found.problems.push(problem);
        } else if let Ok(Chain { root, steps, .. }) = paths::chain(replacement) {
            let by = std::iter::once(root.text().to_owned()).chain(names(&steps)).collect::<Vec<_>>().join(".");
            if self.resolve(root.text(), &steps).is_none() && self.functions.contains_key(by.as_str()) {
                let message = format!("`{by}` cannot stand in for `{name}`: write a function that calls it");
                self.found.problems.push(at(root, "policy.mock", message));
            }
        }
    }
}

/// Whether an assignment declares the names on its left.
pub(super) const fn declares(op: &AssignOp) -> bool {
    matches!(op, AssignOp::ColEq)
}

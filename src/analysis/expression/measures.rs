//! Formulas of metrics and of values by their path under a name of the experiment: `edp = energy * latency`, `area = space.width^2`.
//!
//! In: entries `name = formula` that speak of what has no value before a candidate is there. Out: names that goals, requirements and
//! expectations may use, each standing for its formula. Other fields do not see them.

use std::collections::BTreeSet;

use super::expr::Typed;
use super::lookup::{members, schema_head};
use super::types::Type;
use crate::analysis::context::{Cx, Local};
use crate::ir::{AUTHOR, Expr, Measure};
use crate::model::expression::rename::renamed;
use crate::model::metrics::metric;
use crate::syntax::ast::{self, Entry, EntryKind, Expr as Ast, ExprKind, Field};

/// What stands before the name of a metric of the best candidate.
const BEST: &str = "best.";

/// How many members the Pareto set has. Expectations know it, as nothing else does.
pub(in crate::analysis) const PARETO_COUNT: &str = "pareto.count";

impl Cx<'_> {
    /// The field of an entry whose formula speaks of metrics, of values by their path, or of an earlier one that does. `measured` says that an evaluator brings metrics
    /// of its own, so that unknown names may be theirs.
    pub(in crate::analysis) fn measure<'e>(
        &mut self,
        entry: &'e Entry,
        measured: bool,
        earlier: &[&Field],
    ) -> Option<&'e Field> {
        let EntryKind::Field(field) = &entry.kind else {
            return None;
        };
        field.target.as_name()?;
        let mut names = BTreeSet::new();
        names_in(&field.value, &mut names);
        let is_metric = |name: &&str| {
            if self.locals.find(name).is_some() {
                return false;
            }
            let is_earlier = earlier.iter().any(|f| f.target.head.text == **name);
            metric(name).is_some() || is_earlier || (measured && *name != "pi")
        };
        (names.iter().any(is_metric) || has_path(&field.value)).then_some(field)
    }

    /// Brings the names into scope, behind the metrics that they speak of.
    pub(in crate::analysis) fn define_measures(&mut self, fields: &[&Field]) {
        for field in fields {
            let value = self.expr(&field.value, None);
            self.locals.push(Local {
                name: field.target.head.text.clone(),
                ty: value.ty,
                span: Some(field.target.span),
                values: None,
                constant: Some(value.expr),
                used: false,
            });
        }
    }

    /// The same of the best candidate.
    pub(in crate::analysis) fn define_measures_of_best(&mut self, measures: &[Local]) {
        for measure in measures {
            let Some(formula) = &measure.constant else {
                continue;
            };
            if measure.ty == Type::Poison {
                // Who reads it has nothing to add.
                let name = format!("{BEST}{}", measure.name);
                self.locals.push(Local::built_in(name, Type::Poison));
                continue;
            }
            let of_best = renamed(formula, &|name| Some(format!("{BEST}{name}")));
            let mut is_known = true;
            crate::model::expression::rename::visit_names(&of_best, &mut |name, _| {
                let inner = name.strip_prefix(BEST).unwrap_or(name);
                let is_path = inner.contains(['.', '[']) && !inner.starts_with(AUTHOR);
                is_known &= is_path || self.locals.find(name).is_some();
            });
            if is_known {
                self.locals.push(Local {
                    name: format!("{BEST}{}", measure.name),
                    constant: Some(of_best),
                    ..measure.clone()
                });
            }
        }
    }

    /// What these names stand for, as far as an expectation has spoken of them.
    pub(in crate::analysis) fn measures_of_best(&self) -> Vec<Measure> {
        let spoken = (self.locals.iter()).filter(|l| l.used && l.name.starts_with(BEST));
        let measures = spoken.filter_map(|local| {
            Some(Measure {
                name: local.name.clone(),
                formula: local.constant.clone()?,
                unit: match &local.ty {
                    Type::Number(dimension) => dimension.base_unit(),
                    _ => String::new(),
                },
            })
        });
        measures.collect()
    }

    /// Values and decisions of the experiment as they are in the best candidate: `best.x`.
    pub(in crate::analysis) fn define_values_of_best(&mut self) {
        let own: Vec<Local> = (self.locals.iter())
            .filter(|local| local.span.is_some() && !local.name.contains('.'))
            .cloned()
            .collect();
        for local in own {
            let name = format!("{BEST}{}", local.name);
            if self.locals.find(&name).is_none() {
                self.locals.push(Local {
                    name,
                    constant: None,
                    used: false,
                    ..local
                });
            }
        }
    }

    /// `best.space.width`: what stands at a path in the best candidate, of which expectations speak.
    pub(super) fn path_of_best(&mut self, path: &ast::Path) -> Option<Typed> {
        let inner = self.behind_best(path)?;
        if members(path).is_some_and(|text| self.locals.find(&text).is_some()) {
            return None;
        }
        let is_decision = || {
            let paths = self.paths.as_ref();
            paths.is_some_and(|paths| paths.contains_key(&inner.head.text))
        };
        let is_path = match inner.as_name() {
            Some(_) => is_decision(),
            None => self.heads_decisions(&inner) || self.heads_layers(&inner),
        };
        if !is_path {
            return None;
        }
        let mut found = self.decision_path(&inner, BEST);
        if let Expr::Name(name, _) = &mut found.expr {
            name.insert_str(0, BEST);
        }
        Some(found)
    }

    /// What stands behind `best.`, where expectations speak of it.
    pub(super) fn behind_best(&self, path: &ast::Path) -> Option<ast::Path> {
        let [ast::Step::Member(head), steps @ ..] = path.steps.as_slice() else {
            return None;
        };
        let has_best = || self.locals.find(PARETO_COUNT).is_some();
        (path.head.text == "best" && has_best()).then(|| ast::Path {
            head: head.clone(),
            steps: steps.to_vec(),
            span: path.span,
        })
    }
}

/// Whether an expression is what a name of the author's stands for, and not a value.
pub(in crate::analysis) fn is_formula(expr: &Expr) -> bool {
    !matches!(expr, Expr::Value(_))
}

/// Whether an expression reads a value by its path: `space.width`.
fn has_path(expr: &Ast) -> bool {
    let is_path = match &expr.kind {
        ExprKind::Path(path) => path.as_name().is_none() && schema_head(path),
        _ => false,
    };
    is_path || expr.parts().into_iter().any(has_path)
}

/// Every name without a dot that an expression reads.
fn names_in<'a>(expr: &'a Ast, found: &mut BTreeSet<&'a str>) {
    if let ExprKind::Path(path) = &expr.kind {
        found.extend(path.as_name().map(|name| name.text.as_str()));
    }
    for part in expr.parts() {
        names_in(part, found);
    }
}

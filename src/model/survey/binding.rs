//! Requirements that exclude nothing.
//!
//! In: a template. Out: those of its space and policy, and whether one of its experiment is one. Only what is proved is said.

use std::collections::BTreeMap;

use crate::ir::{BinaryOp, Expr, Value};
use crate::model::expression::bounds::{self, Abstract};
use crate::model::expression::compare;
use crate::model::expression::evaluate;
use crate::model::metrics::metric;
use crate::model::template::Template;
use crate::source::Span;

/// The most requirements of which each is asked whether it leaves anything out.
const MOST_PROVED: usize = 200;

/// Requirements of the space and the policy that every candidate meets in every copy. Where all that one speaks of is fixed, it has nothing to exclude.
pub(super) fn idle(template: &Template) -> Vec<String> {
    let of_space = { template.claims().iter() }.filter(|c| c.require.is_none() && !c.is_part);
    let of_space: Vec<_> = of_space.collect();
    if of_space.len() > MOST_PROVED {
        return Vec::new();
    }
    let mut found: Vec<(Span, &str, bool)> = Vec::new();
    for claim in of_space {
        let holds = &template.decisions().constraints[claim.constraint];
        let is_idle = || {
            !evaluate::decisions(holds).is_empty() && bounds::always(holds, template.decisions())
        };
        match found.iter_mut().find(|(at, ..)| *at == claim.written.span) {
            Some((.., is_all)) => *is_all = *is_all && is_idle(),
            None => found.push((claim.written.span, &claim.written.text, is_idle())),
        }
    }
    found.sort_by_key(|(at, ..)| *at);
    let idle = found.into_iter().filter(|(.., is_all)| *is_all);
    idle.map(|(_, text, _)| text.to_string()).collect()
}

/// Whether every candidate meets what a requirement asks of metrics, by what they are or by their sums over layers, or of decisions.
pub(super) fn never_binds(template: &Template, holds: &Expr) -> bool {
    if template.requires().len() > MOST_PROVED {
        return is_beyond(holds, template.extremes());
    }
    let names = |name: &str| {
        let (low, high) = match (template.extremes().get(name), name) {
            (Some(ends), _) => *ends,
            (None, "accuracy") => (0.0, 1.0),
            (None, _) => (metric(name).map(|_| 0.0)?, f64::INFINITY),
        };
        Some(Abstract::interval(low, high))
    };
    is_beyond(holds, template.extremes())
        || bounds::proves(holds, template.decisions(), &names) == Some(true)
}

/// Whether an expression limits metrics from above, by more than they ever are.
fn is_beyond(expr: &Expr, extremes: &BTreeMap<&'static str, (f64, f64)>) -> bool {
    let (metric, most) = match expr {
        Expr::Binary(BinaryOp::And, x, y) => {
            return is_beyond(x, extremes) && is_beyond(y, extremes);
        }
        Expr::Binary(BinaryOp::LessEqual | BinaryOp::Less, x, y) => (x, y),
        Expr::Binary(BinaryOp::GreaterEqual | BinaryOp::Greater, x, y) => (y, x),
        _ => return false,
    };
    let (Expr::Name(name, _), Some(most)) = (&**metric, most.as_value().and_then(Value::as_number))
    else {
        return false;
    };
    (extremes.get(name.as_str()))
        .is_some_and(|(_, high)| compare::holds(BinaryOp::Less, *high, most) == Some(true))
}

//! What expectations read of the best candidate by its path: `best.space.width`, `sum(best.space.s[*].channels)`.
//!
//! In: expectations, and everything that has a path. Out: each such part as it is written, and what it is over decisions. The interpreter puts the
//! second in the place of the first where it knows what the best candidate chose.

use std::sync::Arc;

use super::asked::unknown;
use super::places::settled;
use crate::ir::{Experiment, Expr, Function};
use crate::model::expression::aggregate::Places;
use crate::model::expression::evaluate::{self, choose};
use crate::model::expression::frame::Frame;
use crate::model::expression::rename::renamed;
use crate::model::metrics::metric;
use crate::model::settling::settle::Settler;

/// Parts of expectations as they are written, and over decisions.
#[derive(Debug, Clone, Default)]
pub struct OfBest(Vec<(Expr, Expr)>);

impl OfBest {
    /// Those of every expectation. A path that nothing has is reported to the settler's sink.
    pub(super) fn new(
        experiment: &Experiment,
        names: &Frame,
        places: &Places,
        settler: &mut Settler,
    ) -> OfBest {
        let mut found = OfBest::default();
        for expect in &experiment.expects {
            found.add(&expect.holds, places, &mut |part| {
                let span = match part {
                    Expr::Name(_, span) => *span,
                    _ => expect.span,
                };
                let inner = settled(&inside(part, places), "", names, places, settler)?;
                unknown(&inner.value, span, places, &is_of_result, settler);
                // A part that the best candidate has not has no value, and neither has its name.
                Some(match part {
                    Expr::Name(..) => choose(inner.exists, inner.value, part.clone()),
                    _ => inner.value,
                })
            });
        }
        found
    }

    /// What reads the best candidate by path in an expression.
    fn add(&mut self, expr: &Expr, places: &Places, settle: &mut dyn FnMut(&Expr) -> Option<Expr>) {
        if is_part(expr, places) {
            if self.of(expr).is_none() {
                let value = settle(expr);
                self.0.extend(value.map(|value| (expr.clone(), value)));
            }
            return;
        }
        match expr {
            Expr::Unary(_, x) => self.add(x, places, settle),
            Expr::Binary(_, x, y) => {
                self.add(x, places, settle);
                self.add(y, places, settle);
            }
            Expr::If(c, x, y) => {
                for part in [c, x, y] {
                    self.add(part, places, settle);
                }
            }
            Expr::Call(_, items) | Expr::Set(items) => {
                items.iter().for_each(|e| self.add(e, places, settle));
            }
            Expr::Value(_) | Expr::Name(..) | Expr::Decision(_) | Expr::Record(..) => {}
        }
    }

    /// What a part is over decisions, if it is one that reads the best candidate by path.
    pub fn of(&self, part: &Expr) -> Option<&Expr> {
        let mut known = self.0.iter();
        known.find(|(written, _)| written == part).map(|(_, of)| of)
    }

    /// An expression with all its parts over decisions.
    pub fn settled(&self, expr: &Expr) -> Expr {
        if let Some(of) = self.of(expr) {
            return of.clone();
        }
        let inner = |e: &Arc<Expr>| Arc::new(self.settled(e));
        let all = |items: &[Expr]| items.iter().map(|e| self.settled(e)).collect();
        match expr {
            Expr::Unary(op, x) => Expr::Unary(*op, inner(x)),
            Expr::Binary(op, x, y) => Expr::Binary(*op, inner(x), inner(y)),
            Expr::If(c, x, y) => Expr::If(inner(c), inner(x), inner(y)),
            Expr::Call(function, items) => Expr::Call(*function, all(items)),
            Expr::Set(items) => Expr::Set(all(items)),
            Expr::Value(_) | Expr::Name(..) | Expr::Decision(_) | Expr::Record(..) => expr.clone(),
        }
    }

    /// The values over decisions.
    pub(super) fn values(&self) -> impl Iterator<Item = &Expr> {
        self.0.iter().map(|(_, value)| value)
    }
}

/// What the names of metrics and values of the best candidate begin with.
const BEST: &str = "best.";

/// Whether a name is of the result, and no path.
fn is_of_result(name: &str) -> bool {
    name.starts_with(BEST) || name.starts_with("pareto.")
}

/// The path that a name reads of the best candidate: `space.width` of `best.space.width`, but not `test.accuracy`.
fn path<'n>(name: &'n str, places: &Places) -> Option<&'n str> {
    let path = name.strip_prefix(BEST)?;
    let of_result = ["test.", "final.", "validation."];
    let is_long = path.contains(['.', '[']) && !of_result.iter().any(|of| path.starts_with(of));
    let is_path = is_long || metric(path).is_none() && places.find(path).is_some();
    is_path.then_some(path)
}

/// Whether an expression is a path of the best candidate, or a function of a list of such.
fn is_part(expr: &Expr, places: &Places) -> bool {
    match expr {
        Expr::Name(name, _) => path(name, places).is_some(),
        Expr::Call(Function::Over(_), items) => items.iter().any(|item| {
            let names = evaluate::names(item);
            names.iter().any(|name| path(name, places).is_some())
        }),
        _ => false,
    }
}

/// A part with paths as they are in the experiment.
fn inside(part: &Expr, places: &Places) -> Expr {
    renamed(part, &|name| path(name, places).map(str::to_string))
}

//! Expectations: what a spec says that its own result must show.
//!
//! In: `expect` lines and what is known of the best trial and the Pareto set. Out: for each line whether it holds, and the values of its
//! sub-expressions, so that a failed one explains itself.
//!
//! | name | value |
//! |---|---|
//! | `best.accuracy`, `best.energy`, … | any metric of the best trial, by validation |
//! | `best.test.accuracy` | accuracy of the best trial on the test split |
//! | `best.final.accuracy` | accuracy of the best trial on the validation split after `final` training |
//! | `pareto.count` | members of the Pareto set |
//! | `best.x`, `x` of a name of the experiment | its value, or what the best trial chose for it |
//! | `best.space.width`, `best.space.s[1].channels` | what stands at this path in the network of the best trial |

use super::result::{Expectation, Part, RunResult};
use super::store::trial::Trial;
use crate::ir::{BinaryOp, Experiment, Expr, Measure, Slot, UnaryOp, Value, show};
use crate::model::OfBest;
use crate::model::expression::evaluate::{self, Scope};
use crate::model::metrics::metric;

/// Every `expect` line of an experiment against its result.
pub(super) fn judge(
    experiment: &Experiment,
    of_best: &OfBest,
    result: &RunResult,
) -> Vec<Expectation> {
    experiment
        .expects
        .iter()
        .map(|expect| {
            let measures = &expect.measures;
            let scope = Outcome {
                experiment,
                of_best,
                result,
                measures,
            };
            let mut parts = Vec::new();
            explain(&expect.holds, &scope, &mut parts);
            Expectation {
                text: expect.text.clone(),
                holds: decides(&of_best.settled(&expect.holds), &scope).unwrap_or(false),
                parts,
            }
        })
        .collect()
}

/// Whether a condition holds. Nothing where it compares what has no value, or no finite one: of a division by 0 nothing is expected.
fn decides(expr: &Expr, scope: &Outcome) -> Option<bool> {
    let side = |e: &Expr| {
        let value = evaluate::value(e, scope).ok()?;
        let is_finite = value.as_number().is_none_or(f64::is_finite);
        is_finite.then_some(())
    };
    match expr {
        Expr::Unary(UnaryOp::Not, x) => decides(x, scope).map(|holds| !holds),
        Expr::Binary(BinaryOp::And, x, y) => Some(decides(x, scope)? && decides(y, scope)?),
        Expr::Binary(BinaryOp::Or, x, y) => Some(decides(x, scope)? || decides(y, scope)?),
        Expr::Binary(BinaryOp::Implies, x, y) => Some(!decides(x, scope)? || decides(y, scope)?),
        Expr::If(c, x, y) => match decides(c, scope)? {
            true => decides(x, scope),
            false => decides(y, scope),
        },
        Expr::Binary(op, x, y) if is_comparison(*op) => {
            side(x)?;
            side(y)?;
            evaluate::truth(expr, scope).ok()
        }
        _ => evaluate::truth(expr, scope).ok(),
    }
}

struct Outcome<'a> {
    experiment: &'a Experiment,
    of_best: &'a OfBest,
    result: &'a RunResult,
    measures: &'a [Measure],
}

impl Scope for Outcome<'_> {
    fn name(&self, name: &str) -> Option<Value> {
        if let Some(of_best) = name.strip_prefix("best.") {
            let best = self.best()?;
            let number = match of_best {
                "test.accuracy" => self.result.tests.get(&best.number),
                "final.accuracy" => {
                    let last = self.result.finals.get(&best.number)?;
                    last.metrics.0.get("accuracy")
                }
                metric => best.metrics.0.get(metric),
            };
            return match number {
                Some(number) => Some(Value::Number(*number)),
                None => self.own(of_best),
            };
        }
        if name == "pareto.count" {
            return Some(Value::Number(self.result.pareto.len() as f64));
        }
        self.own(name)
    }

    fn decision(&self, index: usize) -> Option<Value> {
        self.best()?.point.0.get(index).cloned().flatten()
    }
}

impl Outcome<'_> {
    /// The value of a name of the experiment in the best trial.
    fn own(&self, name: &str) -> Option<Value> {
        let binding = self.experiment.lets.iter().find(|l| l.name == name)?;
        match &binding.slot {
            Slot::Fixed(expr) => evaluate::value(expr, self).ok(),
            Slot::Chosen(_) => {
                let mut paths = self.result.decisions.iter();
                self.decision(paths.position(|path| path == name)?)
            }
        }
    }

    /// The name that stands for this formula.
    fn measure(&self, formula: &Expr) -> Option<&Measure> {
        self.measures.iter().find(|m| m.formula == *formula)
    }

    fn best(&self) -> Option<&Trial> {
        self.result.trial(self.result.best?)
    }
}

/// Every name and every side of a comparison, with its value, each once and in the order of the text.
fn explain(expr: &Expr, scope: &Outcome, parts: &mut Vec<Part>) {
    match expr {
        Expr::Value(_) => {}
        _ if scope.of_best.of(expr).is_some() => put(expr, scope, parts),
        Expr::Name(..) | Expr::Decision(_) => put(expr, scope, parts),
        Expr::Unary(UnaryOp::Not, x) => explain(x, scope, parts),
        Expr::Binary(op, x, y) if is_logical(*op) => {
            explain(x, scope, parts);
            explain(y, scope, parts);
        }
        Expr::Binary(op, x, y) if is_comparison(*op) => {
            for side in [x, y] {
                inner(side, scope, parts);
                if !matches!(**side, Expr::Value(_)) {
                    put(side, scope, parts);
                }
            }
        }
        _ => inner(expr, scope, parts),
    }
}

/// The names under an expression.
fn inner(expr: &Expr, scope: &Outcome, parts: &mut Vec<Part>) {
    match expr {
        Expr::Value(_) => {}
        _ if scope.of_best.of(expr).is_some() => put(expr, scope, parts),
        Expr::Name(..) | Expr::Decision(_) => put(expr, scope, parts),
        Expr::Unary(_, x) => inner(x, scope, parts),
        Expr::Binary(_, x, y) => {
            inner(x, scope, parts);
            inner(y, scope, parts);
        }
        Expr::If(c, x, y) => {
            for part in [c, x, y] {
                inner(part, scope, parts);
            }
        }
        Expr::Call(_, items) | Expr::Set(items) => {
            for item in items {
                inner(item, scope, parts);
            }
        }
        Expr::Record(_, fields, _) => {
            for (_, slot) in fields {
                if let Slot::Fixed(expr) = slot {
                    inner(expr, scope, parts);
                }
            }
        }
    }
    if scope.measure(expr).is_some() {
        put(expr, scope, parts);
    }
}

fn put(expr: &Expr, scope: &Outcome, parts: &mut Vec<Part>) {
    let measure = scope.measure(expr);
    let text = measure.map_or_else(|| show(expr), |m| m.name.clone());
    if parts.iter().any(|p| p.text == text) {
        return;
    }
    parts.push(Part {
        value: evaluate::value(&scope.of_best.settled(expr), scope).ok(),
        unit: measure.map_or_else(|| unit(expr, scope), |m| m.unit.clone()),
        text,
    });
}

/// The unit of a name; of anything else none, since dimensions are gone by now.
fn unit(expr: &Expr, scope: &Outcome) -> String {
    let Expr::Name(name, _) = expr else {
        return String::new();
    };
    if scope.of_best.of(expr).is_some() {
        let path = name.strip_prefix("best.").unwrap_or(name);
        let at = scope.result.decisions.iter().position(|p| p == path);
        let unit = at.and_then(|at| scope.result.decision_units.get(at));
        return unit.cloned().unwrap_or_default();
    }
    let experiment = scope.experiment;
    match name.rsplit('.').next() {
        // Measured by a table or a command: plain numbers.
        _ if experiment.evaluator.is_some() => String::new(),
        Some("accuracy") => "%".into(),
        Some(last) => metric(last).map_or(String::new(), |m| m.unit.into()),
        None => String::new(),
    }
}

fn is_logical(op: BinaryOp) -> bool {
    matches!(op, BinaryOp::And | BinaryOp::Or | BinaryOp::Implies)
}

fn is_comparison(op: BinaryOp) -> bool {
    use BinaryOp::*;
    matches!(
        op,
        Equal | NotEqual | Less | LessEqual | Greater | GreaterEqual
    )
}

//! The limits that a requirement sets on what layers cost.
//!
//! In: a requirement over metrics and decisions, and where layers come from. Out: [`Limits`] of sums; none where it says something else than that a
//! sum of metrics is small, or where nothing is known of what it allows.

use std::collections::BTreeSet;

use super::{Metric, Source};
use crate::ir::{BinaryOp, Expr};
use crate::model::counting::{Against, End, Sum, Term, combinations};
use crate::model::decision::Decisions;
use crate::model::expression::bounds as intervals;
use crate::model::expression::compare;
use crate::model::expression::evaluate;
use crate::model::expression::members::Values;

/// The most combinations of decisions of a limit.
const MOST_ROWS: u64 = 1_000;

/// The limits that a requirement sets.
pub struct Limits<'a> {
    pub sums: Vec<Sum<'a>>,
    /// Whether the requirement asks for nothing else.
    pub is_all: bool,
}

/// The limits that a requirement sets; none where it says something else.
pub fn bounds<'a>(require: &Expr, source: &'a Source<'a>) -> Limits<'a> {
    match require {
        Expr::Binary(BinaryOp::And, x, y) => {
            let (mut both, other) = (bounds(x, source), bounds(y, source));
            both.sums.extend(other.sums);
            both.is_all &= other.is_all;
            both
        }
        Expr::Binary(BinaryOp::Implies, condition, then)
            if evaluate::names(condition).is_empty() =>
        {
            compared(then, Some(condition), source)
        }
        other => compared(other, None, source),
    }
}

fn compared<'a>(require: &Expr, condition: Option<&Expr>, source: &'a Source<'a>) -> Limits<'a> {
    match require {
        Expr::Binary(op @ (BinaryOp::LessEqual | BinaryOp::Less), x, y) => {
            let closed = *op == BinaryOp::LessEqual;
            limit(x, y, closed, condition, source)
        }
        Expr::Binary(op @ (BinaryOp::GreaterEqual | BinaryOp::Greater), x, y) => {
            let closed = *op == BinaryOp::GreaterEqual;
            limit(y, x, closed, condition, source)
        }
        _ => nothing(),
    }
}

/// A requirement says something else.
fn nothing<'a>() -> Limits<'a> {
    Limits {
        sums: Vec::new(),
        is_all: false,
    }
}

/// `what <= most`, where something holds; `closed` says whether `most` itself is allowed.
fn limit<'a>(
    what: &Expr,
    most: &Expr,
    closed: bool,
    condition: Option<&Expr>,
    source: &'a Source<'a>,
) -> Limits<'a> {
    let mut metrics = Vec::new();
    if !metrics_of(what, &mut metrics) || !evaluate::names(most).is_empty() {
        return nothing();
    }
    let of_target = |m: &Metric| matches!(m, Metric::Energy | Metric::Latency | Metric::StoredSize);
    if metrics.iter().any(of_target) && source.bare.is_empty() {
        return nothing();
    }
    let Some(most) = Most::new(most, condition, source.decisions) else {
        return nothing();
    };
    // Where nothing is asked, 0 is not below 0.
    let is_exact = most.is_exact && (closed || condition.is_none());
    let of = |terms: Vec<Term<'a>>, is_all: bool| {
        let is_all = is_all && is_exact;
        let mut terms: Vec<Term> = terms.into_iter().map(|t| most.where_asked(t)).collect();
        terms.extend(most.term());
        Sum {
            terms,
            low: None,
            against: match most.formula {
                None => Against::End,
                Some(_) => Against::Other(0.0),
            },
            high: Some(End {
                at: most.constant,
                // What is more than the sum is not below what the sum only reaches.
                closed: closed || !is_all,
            }),
            is_all,
        }
    };
    // Of `peak_memory` the largest term counts, by itself: what is added to it is at least nothing.
    let (peaks, added): (Vec<Metric>, Vec<Metric>) =
        metrics.into_iter().partition(|m| *m == Metric::PeakMemory);
    let mut sums = Vec::new();
    if !added.is_empty() {
        let is_all = peaks.is_empty() && added.iter().all(|m| source.is_whole(*m));
        let terms = added.iter().map(|m| source.terms(*m));
        let Some(terms) = terms.collect::<Option<Vec<_>>>() else {
            return nothing();
        };
        sums.push(of(terms.into_iter().flatten().collect(), is_all));
    }
    let is_alone = added.is_empty() && peaks.len() == 1;
    let (low, high) = most.ends(closed, source.decisions);
    for _ in &peaks {
        match source.alive() {
            Some(alive) => {
                for bits in alive.within(low, high, source.decisions) {
                    let is_all = bits.is_all && is_alone;
                    sums.push(of(vec![source.known(bits.numbers())], is_all));
                }
            }
            None => {
                let terms = source.neighbors().into_iter();
                sums.extend(terms.map(|term| of(vec![term], false)));
            }
        }
    }
    Limits {
        is_all: is_exact && (peaks.is_empty() || is_alone),
        sums,
    }
}

/// The metrics of a sum; false if there is something else in it.
fn metrics_of(what: &Expr, into: &mut Vec<Metric>) -> bool {
    match what {
        Expr::Name(name, _) => {
            into.extend(Metric::named(name));
            Metric::named(name).is_some()
        }
        Expr::Binary(BinaryOp::Add, x, y) => metrics_of(x, into) && metrics_of(y, into),
        _ => false,
    }
}

/// What a limit allows: a number, or a formula of decisions whose negative is one more term of the sum.
struct Most {
    /// Whether it is not more than what is asked for.
    is_exact: bool,
    constant: f64,
    formula: Option<Expr>,
    /// Where it is asked for; elsewhere every term is 0, and so is the sum.
    condition: Option<Expr>,
}

impl Most {
    /// `None` where nothing is known of it. A formula of reals is as large as it can be.
    fn new(most: &Expr, condition: Option<&Expr>, decisions: &Decisions) -> Option<Most> {
        let is_counted = |e: &Expr| {
            let scope: Vec<usize> = evaluate::decisions(e).into_iter().collect();
            combinations(&scope, decisions).is_some_and(|rows| rows <= MOST_ROWS)
        };
        if condition.is_some_and(|c| !is_counted(c)) {
            return None;
        }
        let constant = match most.as_value() {
            Some(value) => Some(value.as_number()?),
            None if is_counted(most) => None,
            None => Some(intervals::possible(most, decisions, &|_| None).hull()?.high),
        };
        if constant.is_some_and(|c| !c.is_finite()) {
            return None;
        }
        // Where it is not asked for, the limit is 0 as the terms are.
        let is_term = constant.is_none() || condition.is_some();
        Some(Most {
            is_exact: most.as_value().is_some() || constant.is_none(),
            constant: constant.filter(|_| !is_term).unwrap_or(0.0),
            formula: is_term.then(|| constant.map_or(most.clone(), Expr::number)),
            condition: condition.cloned(),
        })
    }

    /// Whole numbers that are allowed whatever the decisions are, and beyond which none is.
    fn ends(&self, closed: bool, decisions: &Decisions) -> (u64, u64) {
        let (low, high) = match &self.formula {
            None => (self.constant, self.constant),
            Some(formula) => match intervals::possible(formula, decisions, &|_| None).hull() {
                Some(hull) => (hull.low, hull.high),
                None => (0.0, f64::INFINITY),
            },
        };
        let whole = |most: f64| compare::most_whole(most, closed).max(0.0) as u64;
        (whole(low), whole(high))
    }

    fn term<'a>(&self) -> Option<Term<'a>> {
        let formula = self.formula.clone()?;
        let work = evaluate::size(&formula);
        let term = Term {
            scope: evaluate::decisions(&formula).into_iter().collect(),
            work,
            rows: None,
            value: Box::new(move |values| Some(-evaluate::number(&formula, &Values(values)).ok()?)),
        };
        Some(self.where_asked(term))
    }

    /// A term that is 0 where nothing is asked.
    fn where_asked<'a>(&self, term: Term<'a>) -> Term<'a> {
        let Some(condition) = self.condition.clone() else {
            return term;
        };
        let mut scope: BTreeSet<usize> = term.scope.into_iter().collect();
        scope.extend(evaluate::decisions(&condition));
        Term {
            scope: scope.into_iter().collect(),
            work: term.work + evaluate::size(&condition),
            rows: None,
            value: Box::new(
                move |values| match evaluate::truth(&condition, &Values(values)) {
                    Ok(true) => (term.value)(values),
                    _ => Some(0.0),
                },
            ),
        }
    }
}

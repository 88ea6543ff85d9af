//! What an expression over decisions can be, without trying every candidate.
//!
//! In: an [`Expr`], the [`Decisions`] that it speaks of and what is known of other names. Out: an [`Abstract`] that contains every value
//! that the expression takes at any point of the space, and what that proves of a truth value. Never too small, possibly too large:
//! decisions are treated as independent where there are too many to enumerate. Constraints between decisions are not used.
//!
//! `enumeration` tries the combinations of few decisions one by one, `evaluation` walks the expression with what each decision can
//! be, `interval` does the arithmetic. Where all decisions are enumerated the answer is exact, since every operation on single values
//! is that of [`super::evaluate`].

use std::cmp::Ordering;

use super::evaluate::{self, Scope};
use crate::ir::{Expr, Record, Value};
use crate::model::decision::{Choices, Decisions};

mod enumeration;
mod evaluation;
mod interval;

pub use interval::Interval;
pub(in crate::model) use interval::call as interval_of;

use enumeration::{Limits, over_points};
use evaluation::Evaluation;

/// Members of a set of results; larger ones become intervals.
const RESULTS: usize = 4096;
/// Members of a set in the middle of an expression; larger ones become intervals.
const MEMBERS: usize = 256;

/// A set of values.
#[derive(Debug, Clone, PartialEq)]
pub enum Abstract {
    /// One of these; none if evaluation always fails. In order, each once.
    Values(Vec<Value>),
    /// A number from `low` to `high`, not NaN.
    Interval(Interval),
    /// Anything.
    Unknown,
}

/// What evaluation can give.
#[derive(Debug, Clone, PartialEq)]
struct Outcome {
    value: Abstract,
    /// Whether it may give no value at all.
    may_fail: bool,
}

/// What `expr` can be at the points of `decisions`. `names` bounds the names that are no decisions (metrics, say); what it does not
/// know may be anything.
pub fn possible(
    expr: &Expr,
    decisions: &Decisions,
    names: &dyn Fn(&str) -> Option<Abstract>,
) -> Abstract {
    over_points(expr, decisions, names, Limits::default()).value
}

/// Whether a condition on decisions holds at every point of them: that of `train.optimizer.adam.lr` where there is no other optimizer.
pub fn always(condition: &Expr, decisions: &Decisions) -> bool {
    let holds = match condition.as_value() {
        Some(value) => value.as_bool(),
        None => proves(condition, decisions, &|_| None),
    };
    holds == Some(true)
}

/// Whether a truth value is the same at all points: `Some(true)` if every point meets it, `Some(false)` if no point does (where
/// it has no value, it is not met), `None` if that is not known.
pub fn proves(
    expr: &Expr,
    decisions: &Decisions,
    names: &dyn Fn(&str) -> Option<Abstract>,
) -> Option<bool> {
    if differs(expr, decisions) {
        return None;
    }
    over_points(expr, decisions, names, Limits::default()).verdict()
}

/// Whether a truth value over decisions that always exist is one at their first members and another one at their last: then there is nothing to prove,
/// and thousands of members need not be gone through.
fn differs(expr: &Expr, decisions: &Decisions) -> bool {
    let of = evaluate::decisions(expr);
    let is_always = |index: &usize| {
        let decision = decisions.all.get(*index);
        decision.is_some_and(|decision| decision.guard == Expr::bool(true))
    };
    if !of.iter().all(is_always) {
        return false;
    }
    let truth = |is_last: bool| evaluate::truth(expr, &Corner { decisions, is_last });
    matches!((truth(false), truth(true)), (Ok(x), Ok(y)) if x != y)
}

/// The first or the last member of each decision.
struct Corner<'a> {
    decisions: &'a Decisions,
    is_last: bool,
}

impl Scope for Corner<'_> {
    fn name(&self, _: &str) -> Option<Value> {
        None
    }

    fn decision(&self, index: usize) -> Option<Value> {
        let choices = &self.decisions.all.get(index)?.choices;
        match (choices, self.is_last) {
            (Choices::Reals { low, .. }, false) => Some(Value::Number(*low)),
            (Choices::Reals { high, .. }, true) => Some(Value::Number(*high)),
            (_, false) => choices.member(0),
            (_, true) => choices.member(choices.len()?.checked_sub(1)?),
        }
    }
}

/// The same where these decisions exist and no others do, each with what it may be.
pub(in crate::model) fn proves_within(
    expr: &Expr,
    existing: impl IntoIterator<Item = (usize, Abstract)>,
) -> Option<bool> {
    let existing = existing.into_iter();
    let known = existing
        .map(|(index, values)| (index, Outcome::certain(values)))
        .collect();
    Evaluation::new(&|_| None, &known).outcome(expr).verdict()
}

impl Abstract {
    /// One number.
    pub fn number(value: f64) -> Abstract {
        Abstract::Values(vec![Value::Number(value)])
    }

    /// The numbers from `low` to `high`.
    pub fn interval(low: f64, high: f64) -> Abstract {
        match Interval::new(low, high) {
            Some(interval) => Abstract::Interval(interval),
            None => Abstract::Unknown,
        }
    }

    /// Smallest and largest number; `None` if it may be anything else than a number, NaN, or nothing at all.
    pub fn hull(&self) -> Option<Interval> {
        match self {
            Abstract::Interval(interval) => Some(*interval),
            Abstract::Unknown => None,
            Abstract::Values(values) => {
                let mut hull: Option<Interval> = None;
                for value in values {
                    let point = Interval::new(value.as_number()?, value.as_number()?)?;
                    hull = Some(hull.map_or(point, |h| h.join(point)));
                }
                hull
            }
        }
    }

    /// Whether `value` is in the set.
    pub fn contains(&self, value: &Value) -> bool {
        match self {
            Abstract::Values(values) => values.contains(value),
            Abstract::Interval(interval) => value.as_number().is_some_and(|n| interval.contains(n)),
            Abstract::Unknown => true,
        }
    }

    /// The set with these members, of at most `limit`: beyond that, the interval around them.
    fn of(mut values: Vec<Value>, limit: usize) -> Abstract {
        values.sort_by(order);
        values.dedup_by(|x, y| order(x, y) == Ordering::Equal);
        let set = Abstract::Values(values);
        match &set {
            Abstract::Values(values) if values.len() > limit => {
                set.hull().map_or(Abstract::Unknown, Abstract::Interval)
            }
            _ => set,
        }
    }

    fn join(self, other: Abstract, limit: usize) -> Abstract {
        match (self, other) {
            (Abstract::Values(mut x), Abstract::Values(y)) => {
                x.extend(y);
                Abstract::of(x, limit)
            }
            (Abstract::Values(none), x) | (x, Abstract::Values(none)) if none.is_empty() => x,
            (x, y) => match (x.hull(), y.hull()) {
                (Some(x), Some(y)) => Abstract::Interval(x.join(y)),
                _ => Abstract::Unknown,
            },
        }
    }
}

impl Outcome {
    const FAILURE: Outcome = Outcome {
        value: Abstract::Values(Vec::new()),
        may_fail: true,
    };

    fn certain(value: Abstract) -> Outcome {
        Outcome {
            value,
            may_fail: false,
        }
    }

    fn unknown() -> Outcome {
        Outcome {
            value: Abstract::Unknown,
            may_fail: true,
        }
    }

    fn join(self, other: Outcome, limit: usize) -> Outcome {
        Outcome {
            value: self.value.join(other.value, limit),
            may_fail: self.may_fail || other.may_fail,
        }
    }

    /// Whether it can be this truth value.
    fn can_be(&self, truth: bool) -> bool {
        self.value.contains(&Value::Bool(truth))
    }

    /// Whether it can be something else than a truth value, or nothing.
    fn may_be_no_truth(&self) -> bool {
        self.may_fail
            || match &self.value {
                Abstract::Values(values) => values.iter().any(|v| v.as_bool().is_none()),
                _ => true,
            }
    }

    fn verdict(&self) -> Option<bool> {
        match (self.can_be(true), self.can_be(false)) {
            (true, false) if !self.may_be_no_truth() => Some(true),
            (false, _) => Some(false),
            _ => None,
        }
    }
}

/// A total order of values, for sets without duplicates. It tells 0 from -0, which divide differently.
fn order(x: &Value, y: &Value) -> Ordering {
    let rank = |v: &Value| match v {
        Value::Bool(_) => 0,
        Value::Number(_) => 1,
        Value::Name(_) => 2,
        Value::Set(_) => 3,
        Value::Record(_) => 4,
    };
    let lists = |x: &[Value], y: &[Value]| {
        x.iter()
            .zip(y)
            .map(|(x, y)| order(x, y))
            .find(|o| o.is_ne())
            .unwrap_or(x.len().cmp(&y.len()))
    };
    match (x, y) {
        (Value::Bool(x), Value::Bool(y)) => x.cmp(y),
        (Value::Number(x), Value::Number(y)) => x.total_cmp(y),
        (Value::Name(x), Value::Name(y)) => x.cmp(y),
        (Value::Set(x), Value::Set(y)) => lists(x, y),
        (Value::Record(x), Value::Record(y)) => x.name.cmp(&y.name).then_with(|| {
            let fields = |r: &Record| -> Vec<Value> {
                let field = |(n, v): &(String, Value)| [Value::name(n), v.clone()];
                r.fields.iter().flat_map(field).collect()
            };
            lists(&fields(x), &fields(y))
        }),
        _ => rank(x).cmp(&rank(y)),
    }
}

#[cfg(test)]
mod tests;

//! One walk over an expression, with sets and intervals in place of values.
//!
//! In: an expression, and what its decisions and names can be. Out: an [`Outcome`]. Sets are combined member by member while they
//! are small; after that, numbers become intervals and everything else becomes unknown.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::interval::{self, Interval};
use super::{Abstract, MEMBERS, Outcome};
use crate::ir::{BinaryOp, Expr, Function, Record, Slot, UnaryOp, Value};
use crate::model::expression::compare;
use crate::model::expression::evaluate::{self, Failure};
use crate::model::expression::members::Values;

/// Combinations of members that an operation is applied to.
const COMBINATIONS: usize = 4096;

/// One walk over an expression with what each decision can be.
pub(super) struct Evaluation<'a> {
    names: &'a dyn Fn(&str) -> Option<Abstract>,
    known: &'a BTreeMap<usize, Outcome>,
    /// Outcomes of shared parts by address; the parts outlive the walk.
    shared: BTreeMap<usize, Outcome>,
}

impl<'a> Evaluation<'a> {
    pub fn new(
        names: &'a dyn Fn(&str) -> Option<Abstract>,
        known: &'a BTreeMap<usize, Outcome>,
    ) -> Self {
        Evaluation {
            names,
            known,
            shared: BTreeMap::new(),
        }
    }

    /// What the expression can give.
    pub fn outcome(&mut self, expr: &Expr) -> Outcome {
        match expr {
            Expr::Value(value) => Outcome::certain(Abstract::Values(vec![value.clone()])),
            Expr::Name(name, _) => {
                (self.names)(name).map_or_else(Outcome::unknown, Outcome::certain)
            }
            Expr::Decision(index) => match self.known.get(index) {
                Some(outcome) => outcome.clone(),
                None => Outcome::FAILURE,
            },
            Expr::Unary(op, x) => {
                let x = self.of_shared(x);
                unary(*op, &x)
            }
            Expr::Binary(op @ (BinaryOp::And | BinaryOp::Or | BinaryOp::Implies), x, y) => {
                self.logic(*op, x, y)
            }
            Expr::Binary(op, x, y) => {
                let (x, y) = (self.of_shared(x), self.of_shared(y));
                binary(*op, &x, &y)
            }
            Expr::If(c, x, y) => {
                let c = self.of_shared(c);
                let mut outcome = Outcome {
                    value: Abstract::Values(Vec::new()),
                    may_fail: c.may_be_no_truth(),
                };
                for (truth, branch) in [(true, x), (false, y)] {
                    if c.can_be(truth) {
                        outcome = outcome.join(self.of_shared(branch), MEMBERS);
                    }
                }
                outcome
            }
            Expr::Call(function, args) => {
                let args: Vec<_> = args.iter().map(|a| self.outcome(a)).collect();
                call(*function, &args)
            }
            Expr::Set(items) => {
                let items: Vec<_> = items.iter().map(|i| self.outcome(i)).collect();
                combine(&items, |values| Ok(Value::Set(values)))
                    .unwrap_or_else(|| widened(&items, Abstract::Unknown))
            }
            Expr::Record(name, fields, _) => {
                let mut items = Vec::with_capacity(fields.len());
                for (_, slot) in fields {
                    match slot {
                        Slot::Fixed(e) => items.push(self.outcome(e)),
                        Slot::Chosen(_) => return Outcome::FAILURE,
                    }
                }
                let record = |values: Vec<Value>| {
                    let names = fields.iter().map(|(field, _)| field.clone());
                    Ok(Value::Record(Record {
                        name: name.clone(),
                        fields: names.zip(values).collect(),
                    }))
                };
                combine(&items, record).unwrap_or_else(|| widened(&items, Abstract::Unknown))
            }
        }
    }

    fn of_shared(&mut self, expr: &Arc<Expr>) -> Outcome {
        // Leaves are cheaper to evaluate than to remember.
        if matches!(**expr, Expr::Value(_) | Expr::Decision(_)) {
            return self.outcome(expr);
        }
        let address = Arc::as_ptr(expr) as usize;
        if let Some(outcome) = self.shared.get(&address) {
            return outcome.clone();
        }
        let outcome = self.outcome(expr);
        self.shared.insert(address, outcome.clone());
        outcome
    }

    /// `and`, `or` and `implies` look at the right side only where the left one does not decide.
    fn logic(&mut self, op: BinaryOp, x: &Arc<Expr>, y: &Arc<Expr>) -> Outcome {
        let x = self.of_shared(x);
        let (deciding, result) = match op {
            BinaryOp::And => (false, false),
            BinaryOp::Or => (true, true),
            _ => (false, true),
        };
        let mut outcome = Outcome {
            value: Abstract::Values(Vec::new()),
            may_fail: x.may_be_no_truth(),
        };
        let mut truths = Vec::new();
        if x.can_be(deciding) {
            truths.push(Value::Bool(result));
        }
        if x.can_be(!deciding) {
            let y = self.of_shared(y);
            outcome.may_fail |= y.may_be_no_truth();
            // What is left is the right side's value, for all three.
            truths.extend(
                [true, false]
                    .into_iter()
                    .filter(|t| y.can_be(*t))
                    .map(Value::Bool),
            );
        }
        outcome.value = Abstract::of(truths, MEMBERS);
        outcome
    }
}

/// A value about which nothing finer is known, from operands that may fail.
fn widened(operands: &[Outcome], value: Abstract) -> Outcome {
    let may_fail = value == Abstract::Unknown || operands.iter().any(|o| o.may_fail);
    Outcome { value, may_fail }
}

/// The operation on every combination of values, if all operands are sets and the combinations are few.
fn combine(
    operands: &[Outcome],
    apply: impl Fn(Vec<Value>) -> Result<Value, Failure>,
) -> Option<Outcome> {
    let mut sets = Vec::with_capacity(operands.len());
    let mut combinations = 1_usize;
    for operand in operands {
        let Abstract::Values(values) = &operand.value else {
            return None;
        };
        combinations = combinations.checked_mul(values.len())?;
        sets.push(values);
    }
    if combinations > COMBINATIONS {
        return None;
    }
    let mut may_fail = operands.iter().any(|o| o.may_fail);
    let mut results = Vec::with_capacity(combinations);
    for mut number in 0..combinations {
        let mut values = Vec::with_capacity(sets.len());
        for set in &sets {
            values.push(set[number % set.len()].clone());
            number /= set.len();
        }
        match apply(values) {
            Ok(value) => results.push(value),
            Err(_) => may_fail = true,
        }
    }
    Some(Outcome {
        value: Abstract::of(results, MEMBERS),
        may_fail,
    })
}

/// Hulls of all operands, if all are numbers.
fn hulls(operands: &[&Outcome]) -> Option<Vec<Interval>> {
    operands.iter().map(|o| o.value.hull()).collect()
}

fn from_interval(operands: &[Outcome], result: Option<Interval>) -> Outcome {
    widened(
        operands,
        result.map_or(Abstract::Unknown, Abstract::Interval),
    )
}

fn unary(op: UnaryOp, x: &Outcome) -> Outcome {
    let operands = std::slice::from_ref(x);
    let exact = combine(operands, |values| {
        let constant = values.into_iter().map(|v| Arc::new(Expr::Value(v))).next();
        let constant = constant.expect("invariant: one operand, one value");
        evaluate::value(&Expr::Unary(op, constant), &Values(&[]))
    });
    exact.unwrap_or_else(|| match (op, x.value.hull()) {
        (UnaryOp::Negate, hull) => from_interval(operands, hull.map(Interval::negate)),
        // `not` of a number has no value.
        (UnaryOp::Not, Some(_)) => Outcome::FAILURE,
        (UnaryOp::Not, None) => Outcome {
            value: truths(true, true),
            may_fail: true,
        },
    })
}

fn truths(can_be_true: bool, can_be_false: bool) -> Abstract {
    let mut values = Vec::new();
    if can_be_false {
        values.push(Value::Bool(false));
    }
    if can_be_true {
        values.push(Value::Bool(true));
    }
    Abstract::Values(values)
}

/// All operators but `and`, `or` and `implies`.
fn binary(op: BinaryOp, x: &Outcome, y: &Outcome) -> Outcome {
    use BinaryOp::*;
    let operands = [x.clone(), y.clone()];
    let exact = combine(&operands, |values| {
        let mut constants = values.into_iter().map(|v| Arc::new(Expr::Value(v)));
        let (Some(x), Some(y)) = (constants.next(), constants.next()) else {
            unreachable!("two operands, two values")
        };
        evaluate::value(&Expr::Binary(op, x, y), &Values(&[]))
    });
    if let Some(outcome) = exact {
        return outcome;
    }
    let hulls = hulls(&[x, y]);
    let may_fail = x.may_fail || y.may_fail;
    let order = |can_be_true, can_be_false| Outcome {
        value: truths(can_be_true, can_be_false),
        may_fail,
    };
    match (op, hulls.as_deref()) {
        (Equal | NotEqual | Less | LessEqual | Greater | GreaterEqual, Some([x, y])) => {
            let (yes, no) = compare::can_be(op, *x, *y).unwrap_or((true, true));
            order(yes, no)
        }
        // Equality of whatever never fails.
        (Equal | NotEqual, _) => order(true, true),
        (Less | LessEqual | Greater | GreaterEqual, _) => Outcome {
            value: truths(true, true),
            may_fail: true,
        },
        (Add, Some([x, y])) => from_interval(&operands, x.plus(*y)),
        (Subtract, Some([x, y])) => from_interval(&operands, x.plus(y.negate())),
        (Multiply, Some([x, y])) => from_interval(&operands, x.times(*y)),
        (Divide, Some([x, y])) => from_interval(&operands, x.over(*y)),
        (Power, Some([x, y])) => from_interval(&operands, x.power(*y)),
        _ => Outcome::unknown(),
    }
}

fn call(function: Function, args: &[Outcome]) -> Outcome {
    let exact = combine(args, |values| {
        let numbers: Option<Vec<f64>> = values.iter().map(Value::as_number).collect();
        match numbers {
            Some(numbers) => evaluate::call(function, &numbers),
            None => Err(Failure::Kind("numbers", String::new())),
        }
    });
    exact.unwrap_or_else(|| {
        let hulls = hulls(&args.iter().collect::<Vec<_>>());
        from_interval(args, hulls.and_then(|h| interval::call(function, &h)))
    })
}

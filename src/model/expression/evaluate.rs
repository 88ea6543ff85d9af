//! Values of expressions.
//!
//! In: an [`Expr`] and a [`Scope`] that knows names and decisions. Out: a [`Value`], or what is missing. `and`, `or`, `implies` and
//! `if` look only at what they need, so that the rest may speak of what does not exist.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use super::compare;
pub use super::fold::{
    both, choose, combine, decisions, depth, either, expressions, fix, has_names, implies,
    is_small, names, negate, reduce, size, walk,
};
use super::plain;
use super::quick::ByAddress;
use crate::ir::{BinaryOp, Expr, Function, Record, Slot, UnaryOp, Value, as_written};
use crate::model::settling::limits::Limits;

/// Where names and decisions get their values.
pub trait Scope {
    /// The value of a dotted name.
    fn name(&self, name: &str) -> Option<Value>;

    /// The value of a decision; `None` if it does not exist at this point.
    fn decision(&self, index: usize) -> Option<Value>;

    /// The same where it is at hand.
    fn held(&self, _: usize) -> Option<&Value> {
        None
    }
}

/// Why an expression has no value.
#[derive(Debug, Clone, PartialEq)]
pub enum Failure {
    /// A name without a value here.
    Unknown(String),
    /// A decision that does not exist at this point.
    Inactive(usize),
    /// An operand of the wrong kind: what was wanted, what was found.
    Kind(&'static str, String),
    /// `in` where only a fixed value can be.
    Undecided(String),
    /// A number that a field does not take: it, and what the field takes.
    Limits(f64, Limits),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failure::Unknown(name) => write!(f, "`{}` has no value here", as_written(name)),
            Failure::Inactive(index) => write!(f, "decision {index} does not exist at this point"),
            Failure::Kind(wanted, found) => write!(f, "expected {wanted}, found {found}"),
            Failure::Undecided(name) => write!(f, "`{name}` is still to be chosen"),
            Failure::Limits(x, limits) => write!(f, "the value {x} is not {limits}"),
        }
    }
}

impl std::error::Error for Failure {}

/// The value of an expression.
pub fn value(expr: &Expr, scope: &dyn Scope) -> Result<Value, Failure> {
    if let Some(plain) = plain::value(expr, scope) {
        return Ok(plain);
    }
    let shared = ByAddress::default();
    Evaluation { scope, shared }.value(expr)
}

/// One walk over an expression. Unrolled expressions share their parts: a part with several owners is evaluated once, or a
/// chain of optional layers would take exponential time.
struct Evaluation<'a> {
    scope: &'a dyn Scope,
    shared: ByAddress<Result<Value, Failure>>,
}

impl Evaluation<'_> {
    fn value(&mut self, expr: &Expr) -> Result<Value, Failure> {
        match expr {
            Expr::Value(v) => Ok(v.clone()),
            Expr::Name(name, _) => {
                (self.scope.name(name)).ok_or_else(|| Failure::Unknown(name.clone()))
            }
            Expr::Decision(index) => self.scope.decision(*index).ok_or(Failure::Inactive(*index)),
            Expr::Unary(op, x) => unary(*op, self.part(x)?),
            Expr::Binary(op, x, y) => {
                let x = self.part(x)?;
                // The right side may be meaningless where the left one decides: `d > 0 and s[d - 1] …`.
                match (op, x.as_bool()) {
                    (BinaryOp::And, Some(false)) => Ok(Value::Bool(false)),
                    (BinaryOp::Or, Some(true)) | (BinaryOp::Implies, Some(false)) => {
                        Ok(Value::Bool(true))
                    }
                    _ => binary(*op, x, self.part(y)?),
                }
            }
            Expr::If(c, x, y) => match self.part(c)? {
                Value::Bool(true) => self.part(x),
                Value::Bool(false) => self.part(y),
                other => Err(Failure::Kind("a truth value", other.to_string())),
            },
            Expr::Call(function, args) => {
                let args = args
                    .iter()
                    .map(|a| as_number(self.value(a)?))
                    .collect::<Result<Vec<_>, _>>()?;
                call(*function, &args)
            }
            Expr::Set(items) => {
                let items = items.iter().map(|i| self.value(i));
                Ok(Value::Set(items.collect::<Result<_, _>>()?))
            }
            Expr::Record(name, fields, _) => {
                let fields = fields.iter().map(|(field, slot)| match slot {
                    Slot::Fixed(e) => Ok((field.clone(), self.value(e)?)),
                    Slot::Chosen(_) => Err(Failure::Undecided(field.clone())),
                });
                Ok(Value::Record(Record {
                    fields: fields.collect::<Result<_, _>>()?,
                    name: name.clone(),
                }))
            }
        }
    }

    fn part(&mut self, expr: &Arc<Expr>) -> Result<Value, Failure> {
        let is_leaf = matches!(**expr, Expr::Value(_) | Expr::Name(..) | Expr::Decision(_));
        if is_leaf || Arc::strong_count(expr) == 1 {
            return self.value(expr);
        }
        if let Some(known) = self.shared.get(&Arc::as_ptr(expr)) {
            return known.clone();
        }
        let value = self.value(expr);
        self.shared.insert(Arc::as_ptr(expr), value.clone());
        value
    }
}

/// The value of an expression that gives a number.
pub fn number(expr: &Expr, scope: &dyn Scope) -> Result<f64, Failure> {
    as_number(value(expr, scope)?)
}

/// The value of an expression that counts from `least`.
pub fn count(expr: &Expr, least: usize, scope: &dyn Scope) -> Result<usize, Failure> {
    let n = number(expr, scope)?;
    if n.fract() != 0.0 || n < least as f64 || n > 1e15 {
        return Err(Failure::Kind("a whole number", n.to_string()));
    }
    Ok(n as usize)
}

fn as_number(v: Value) -> Result<f64, Failure> {
    v.as_number()
        .ok_or_else(|| Failure::Kind("a number", v.to_string()))
}

/// The value of an expression that gives a truth value.
pub fn truth(expr: &Expr, scope: &dyn Scope) -> Result<bool, Failure> {
    as_truth(value(expr, scope)?)
}

fn as_truth(v: Value) -> Result<bool, Failure> {
    v.as_bool()
        .ok_or_else(|| Failure::Kind("a truth value", v.to_string()))
}

/// So many points tell that an expression is not plain.
const TELLING: u32 = 4;

/// Evaluates an expression at one point after the other, in the same memory.
#[derive(Default)]
pub struct Again {
    shared: RefCell<ByAddress<Result<Value, Failure>>>,
    /// At how many points in a row it was not plain.
    odd: Cell<u32>,
}

impl Again {
    /// What [`truth`] is.
    pub fn truth(&self, expr: &Expr, scope: &dyn Scope) -> Result<bool, Failure> {
        if self.odd.get() < TELLING {
            if let Some(plain) = plain::value(expr, scope) {
                self.odd.set(0);
                return as_truth(plain);
            }
            self.odd.set(self.odd.get() + 1);
        }
        let shared = self.shared.take();
        let mut evaluation = Evaluation { scope, shared };
        let value = evaluation.value(expr);
        evaluation.shared.clear();
        self.shared.replace(evaluation.shared);
        as_truth(value?)
    }
}

pub(in crate::model) fn unary(op: UnaryOp, x: Value) -> Result<Value, Failure> {
    match (op, &x) {
        (UnaryOp::Negate, Value::Number(x)) => Ok(Value::Number(-x)),
        (UnaryOp::Not, Value::Bool(x)) => Ok(Value::Bool(!x)),
        (UnaryOp::Negate, _) => Err(Failure::Kind("a number", x.to_string())),
        (UnaryOp::Not, _) => Err(Failure::Kind("a truth value", x.to_string())),
    }
}

/// Whether two values are equal: numbers but for rounding, everything else as it is.
pub(in crate::model) fn are_equal(x: &Value, y: &Value) -> bool {
    match (x, y) {
        (Value::Number(x), Value::Number(y)) => compare::are_equal(*x, *y),
        (x, y) => x == y,
    }
}

pub(in crate::model) fn binary(op: BinaryOp, x: Value, y: Value) -> Result<Value, Failure> {
    use BinaryOp::*;
    match op {
        Equal => return Ok(Value::Bool(are_equal(&x, &y))),
        NotEqual => return Ok(Value::Bool(!are_equal(&x, &y))),
        And | Or | Implies => {
            let (Some(a), Some(b)) = (x.as_bool(), y.as_bool()) else {
                return Err(Failure::Kind("truth values", format!("{x} and {y}")));
            };
            return Ok(Value::Bool(match op {
                And => a && b,
                Or => a || b,
                _ => !a || b,
            }));
        }
        _ => {}
    }
    let (Some(a), Some(b)) = (x.as_number(), y.as_number()) else {
        return Err(Failure::Kind("numbers", format!("{x} and {y}")));
    };
    let found = plain::of_numbers(op, a, b);
    Ok(found.expect("invariant: what is left takes numbers").into())
}

/// A built-in function of numbers. The number of arguments has been checked by analysis.
pub fn call(function: Function, args: &[f64]) -> Result<Value, Failure> {
    use Function::*;
    let x = args.first().copied().unwrap_or(f64::NAN);
    let y = args.get(1).copied().unwrap_or(f64::NAN);
    let z = args.get(2).copied().unwrap_or(f64::NAN);
    Ok(Value::Number(match function {
        Abs => x.abs(),
        Sign => {
            if x >= 0.0 {
                1.0
            } else {
                -1.0
            }
        }
        Round => x.round_ties_even(),
        Floor => x.floor(),
        Ceil => x.ceil(),
        Sqrt => x.sqrt(),
        Exp => libm::exp(x),
        Ln => libm::log(x),
        Log2 => libm::log2(x),
        Tanh => libm::tanh(x),
        Sin => libm::sin(x),
        Cos => libm::cos(x),
        Max => {
            if x > y {
                x
            } else {
                y
            }
        }
        Min => {
            if x < y {
                x
            } else {
                y
            }
        }
        Clip => x.max(y).min(z),
        MultipleOf => multiple_of(x, y),
        Within | WholeWithin => {
            let limits = Limits {
                low: y,
                high: z,
                is_whole: function == WholeWithin,
            };
            match limits.contains(x) {
                true => x,
                false => return Err(Failure::Limits(x, limits)),
            }
        }
        Stop => x,
        Peak => return Err(Failure::Unknown("peak".into())),
        Over(_) => return Err(Failure::Unknown("a value over all copies".into())),
        Reduce(..) => {
            return Err(Failure::Kind("the values of a tensor", "a number".into()));
        }
    }))
}

/// The multiple of `m` nearest to `x`, at least `m`, and never more than 10 % below `x`: the rule of MobileNet's reference code
/// (`_make_divisible`, arXiv:1801.04381).
fn multiple_of(m: f64, x: f64) -> f64 {
    let nearest = (((x + m / 2.0) / m).floor() * m).max(m);
    if nearest < 0.9 * x {
        nearest + m
    } else {
        nearest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::expression::members::Values;
    use crate::source::Span;

    fn decision(index: usize) -> Arc<Expr> {
        Arc::new(Expr::Decision(index))
    }

    fn constant(value: bool) -> Arc<Expr> {
        Arc::new(Expr::bool(value))
    }

    #[test]
    fn what_decides_keeps_the_rest_from_being_looked_at() {
        let nothing = Values(&[None]);
        let of = |op, left, right| truth(&Expr::Binary(op, left, right), &nothing);
        assert_eq!(of(BinaryOp::And, constant(false), decision(0)), Ok(false));
        assert_eq!(of(BinaryOp::Or, constant(true), decision(0)), Ok(true));
        assert_eq!(
            of(BinaryOp::Implies, constant(false), decision(0)),
            Ok(true)
        );
        let inactive = Err(Failure::Inactive(0));
        assert_eq!(of(BinaryOp::And, constant(true), decision(0)), inactive);
        assert_eq!(of(BinaryOp::Or, constant(false), decision(0)), inactive);
        assert_eq!(of(BinaryOp::Implies, constant(true), decision(0)), inactive);
        assert_eq!(of(BinaryOp::And, decision(0), constant(false)), inactive);
        let either = |c| Expr::If(constant(c), decision(0), constant(true));
        assert_eq!(truth(&either(false), &nothing), Ok(true));
        assert_eq!(truth(&either(true), &nothing), inactive);
    }

    #[test]
    fn logic_has_its_truth_table() {
        let nothing = Values(&[]);
        for (x, y) in [(false, false), (false, true), (true, false), (true, true)] {
            let of = |op| truth(&Expr::Binary(op, constant(x), constant(y)), &nothing);
            assert_eq!(of(BinaryOp::And), Ok(x && y));
            assert_eq!(of(BinaryOp::Or), Ok(x || y));
            assert_eq!(of(BinaryOp::Implies), Ok(!x || y));
        }
    }

    #[test]
    fn wrong_kinds_fail() {
        let nothing = Values(&[]);
        let one = || Arc::new(Expr::number(1.0));
        let wrong = [
            Expr::Binary(BinaryOp::And, one(), constant(true)),
            Expr::Binary(BinaryOp::Add, one(), constant(true)),
            Expr::Unary(UnaryOp::Not, one()),
            Expr::Unary(UnaryOp::Negate, constant(true)),
            Expr::If(one(), one(), one()),
            Expr::Call(Function::Abs, vec![Expr::bool(true)]),
        ];
        for expr in wrong {
            assert!(
                matches!(value(&expr, &nothing), Err(Failure::Kind(..))),
                "{expr:?}"
            );
            assert!(reduce(&expr, &|_| None).is_err(), "{expr:?}");
        }
        let name = Expr::Name("x".into(), Span::default());
        assert_eq!(value(&name, &nothing), Err(Failure::Unknown("x".into())));
    }

    /// Values of MobileNet's `_make_divisible(v, 8)`, computed with the reference code.
    #[test]
    fn multiples_are_those_of_mobile_net() {
        let reference = [
            (1.0, 8.0),
            (8.0, 8.0),
            (11.2, 16.0),
            (12.0, 16.0),
            (16.8, 16.0),
            (17.7, 16.0),
            (17.8, 24.0),
            (22.4, 24.0),
            (33.6, 32.0),
            (44.8, 48.0),
            (112.0, 112.0),
            (134.4, 136.0),
            (448.0, 448.0),
            (1792.0, 1792.0),
        ];
        for (x, expected) in reference {
            let found = call(Function::MultipleOf, &[8.0, x]);
            assert_eq!(found, Ok(Value::Number(expected)), "{x}");
        }
        // Never more than a tenth below, and always a multiple.
        for i in 1..4000 {
            let x = f64::from(i) * 0.1;
            let n = multiple_of(8.0, x);
            assert!(
                n % 8.0 == 0.0 && n >= 8.0 && n >= 0.9 * x && n <= x + 8.0,
                "{x} {n}"
            );
        }
    }

    #[test]
    fn rounding_is_half_to_even_and_the_sign_of_zero_is_positive() {
        let of = |function, x| call(function, &[x]).map(|v| v.as_number().unwrap());
        assert_eq!(of(Function::Round, 2.5), Ok(2.0));
        assert_eq!(of(Function::Round, -1.5), Ok(-2.0));
        assert_eq!(of(Function::Sign, 0.0), Ok(1.0));
        assert_eq!(of(Function::Sign, -0.0), Ok(1.0));
        assert_eq!(
            call(Function::Clip, &[3.0, -1.0, 1.0]),
            Ok(Value::Number(1.0))
        );
    }

    /// x + x, 200 times: a tree of 2^200 leaves.
    #[test]
    fn shared_parts_are_evaluated_once() {
        let mut sum = decision(0);
        for _ in 0..200 {
            sum = Arc::new(Expr::Binary(BinaryOp::Add, sum.clone(), sum));
        }
        let one = [Some(Value::Number(1.0))];
        assert_eq!(number(&sum, &Values(&one)), Ok(2f64.powi(200)));
        assert_eq!(decisions(&sum).len(), 1);
        let copy = choose(Expr::Decision(1), (*sum).clone(), (*sum).clone());
        assert!(matches!(copy, Expr::Binary(..)), "the same on both sides");
    }
}

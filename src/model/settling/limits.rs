//! The numbers that a field takes.
//!
//! In: the least, the greatest, and whether they are whole. Out: whether a number is one of them, and the same in words. A formula in a field
//! stands in [`Function::Within`], which has no value elsewhere.

use crate::ir::{Expr, Function, Value};

use crate::model::decision::{Choices, Decisions};

/// The greatest number below 1: a limit that is not reached.
pub const BELOW_ONE: f64 = 1.0 - f64::EPSILON / 2.0;

/// From `low` to `high`, both included; the largest number stands for no limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// The least.
    pub low: f64,
    /// The greatest.
    pub high: f64,
    /// Whether only whole numbers are taken.
    pub is_whole: bool,
}

impl Limits {
    /// Whether it is one of these numbers.
    pub fn contains(&self, x: f64) -> bool {
        self.low <= x && x <= self.high && (!self.is_whole || x.fract() == 0.0)
    }

    /// An expression that has a value only where it is one of these numbers.
    pub fn around(&self, expr: Expr) -> Expr {
        let function = match self.is_whole {
            true => Function::WholeWithin,
            false => Function::Within,
        };
        let end = |end: f64| Expr::number(end.clamp(-f64::MAX, f64::MAX));
        Expr::Call(function, vec![expr, end(self.low), end(self.high)])
    }
}

impl std::fmt::Display for Limits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.is_whole {
            f.write_str("a whole number ")?;
        }
        match (self.low, self.high) {
            (low, f64::MAX..) if low == f64::MIN_POSITIVE => f.write_str("above 0"),
            (low, f64::MAX..) => write!(f, "from {low} up"),
            (low, high) if low == f64::MIN_POSITIVE => write!(f, "above 0, {high} at most"),
            (low, high) if high == BELOW_ONE => write!(f, "at least {low}, below 1"),
            (low, high) => write!(f, "from {low} to {high}"),
        }
    }
}

/// Whether every value of an expression is whole, as far as that is seen without trying members.
pub(in crate::model) fn is_whole(expr: &Expr, decisions: &Decisions) -> bool {
    use crate::ir::BinaryOp::{Add, Multiply, Subtract};
    let whole = |e: &Expr| is_whole(e, decisions);
    match expr {
        Expr::Value(value) => value.as_number().is_some_and(|n| n.fract() == 0.0),
        Expr::Decision(index) => match &decisions.all[*index].choices {
            Choices::Integers { .. } => true,
            Choices::Ordered(numbers) => numbers.iter().all(|n| n.fract() == 0.0),
            Choices::Categories(values) => {
                let numbers = values.iter().map(Value::as_number);
                numbers
                    .into_iter()
                    .all(|n| n.is_some_and(|n| n.fract() == 0.0))
            }
            Choices::Reals { .. } => false,
        },
        Expr::Unary(_, x) => whole(x),
        Expr::Binary(Add | Subtract | Multiply, x, y) => whole(x) && whole(y),
        Expr::If(_, x, y) => whole(x) && whole(y),
        Expr::Call(function, args) => match function {
            Function::Round | Function::Floor | Function::Ceil => true,
            Function::Max | Function::Min | Function::Clip | Function::Abs => {
                args.iter().all(whole)
            }
            Function::MultipleOf => args.first().is_some_and(whole),
            _ => false,
        },
        _ => false,
    }
}

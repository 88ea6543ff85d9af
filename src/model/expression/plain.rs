//! Values of expressions that are numbers and truth values all through, without a copy of anything.
//!
//! In: an [`Expr`] and a [`Scope`]. Out: the value that [`evaluate::value`] gives it; nothing where an expression has many parts, or
//! others than those, or no value. Requirements are asked of hundreds of points, thousands of them at a time, and most are of this kind.

use super::compare;
use super::evaluate::{self, Scope};
use crate::ir::{BinaryOp, Expr, UnaryOp, Value};

/// So many parts are looked at without a memory of those that are shared.
const MOST_PARTS: u32 = 100;

/// The value, if it is plain.
pub fn value(expr: &Expr, scope: &dyn Scope) -> Option<Value> {
    plain(expr, scope, &mut { MOST_PARTS }).map(Value::from)
}

/// A number or a truth value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Plain {
    Number(f64),
    Truth(bool),
}

impl From<Plain> for Value {
    fn from(plain: Plain) -> Value {
        match plain {
            Plain::Number(x) => Value::Number(x),
            Plain::Truth(x) => Value::Bool(x),
        }
    }
}

fn plain(expr: &Expr, scope: &dyn Scope, left: &mut u32) -> Option<Plain> {
    use BinaryOp::*;
    use Plain::{Number, Truth};
    *left = left.checked_sub(1)?;
    let mut part = |part: &Expr| plain(part, scope, left);
    match expr {
        Expr::Name(name, _) => of_value(&scope.name(name)?),
        Expr::Value(_) | Expr::Decision(_) => of_value(at_hand(expr, scope)?),
        Expr::Unary(op, x) => match (op, part(x)?) {
            (UnaryOp::Negate, Number(x)) => Some(Number(-x)),
            (UnaryOp::Not, Truth(x)) => Some(Truth(!x)),
            _ => None,
        },
        Expr::Binary(op @ (Equal | NotEqual), x, y) => {
            let are_equal = match (at_hand(x, scope), at_hand(y, scope)) {
                (Some(x), Some(y)) => evaluate::are_equal(x, y),
                _ => match (part(x)?, part(y)?) {
                    (Number(x), Number(y)) => compare::are_equal(x, y),
                    (x, y) => x == y,
                },
            };
            Some(Truth(are_equal == (*op == Equal)))
        }
        Expr::Binary(op, x, y) => match (op, part(x)?) {
            (And, Truth(false)) => Some(Truth(false)),
            (Or, Truth(true)) | (Implies, Truth(false)) => Some(Truth(true)),
            (And | Or | Implies, Truth(_)) => match part(y)? {
                Truth(y) => Some(Truth(y)),
                Number(_) => None,
            },
            (op, Number(x)) => match part(y)? {
                Number(y) => of_numbers(*op, x, y),
                Truth(_) => None,
            },
            _ => None,
        },
        Expr::If(c, x, y) => match part(c)? {
            Truth(true) => part(x),
            Truth(false) => part(y),
            Number(_) => None,
        },
        _ => None,
    }
}

/// A value that need not be made.
fn at_hand<'a>(expr: &'a Expr, scope: &'a dyn Scope) -> Option<&'a Value> {
    match expr {
        Expr::Value(value) => Some(value),
        Expr::Decision(index) => scope.held(*index),
        _ => None,
    }
}

fn of_value(value: &Value) -> Option<Plain> {
    match value {
        Value::Number(x) => Some(Plain::Number(*x)),
        Value::Bool(x) => Some(Plain::Truth(*x)),
        _ => None,
    }
}

/// An operation on numbers; `None` if it takes none.
pub fn of_numbers(op: BinaryOp, x: f64, y: f64) -> Option<Plain> {
    use BinaryOp::*;
    Some(match op {
        Add => Plain::Number(x + y),
        Subtract => Plain::Number(x - y),
        Multiply => Plain::Number(x * y),
        Divide => Plain::Number(x / y),
        Power => Plain::Number(libm::pow(x, y)),
        Less | LessEqual | Greater | GreaterEqual | Equal | NotEqual => {
            Plain::Truth(compare::holds(op, x, y)?)
        }
        And | Or | Implies => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::expression::evaluate;
    use crate::model::expression::members::Values;

    /// Every operation over every two of these parts, and again over what comes of that.
    #[test]
    fn what_is_plain_is_what_it_is_otherwise() {
        use BinaryOp::*;
        let values = [
            Some(Value::Number(2.0)),
            Some(Value::Bool(true)),
            Some(Value::name("int8")),
            None,
        ];
        let scope = Values(&values);
        let constants = [
            Value::Number(f64::NAN),
            Value::Number(-0.0),
            Value::name("int8"),
        ];
        let decisions = (0..values.len()).map(Expr::Decision);
        let mut parts: Vec<Expr> = decisions
            .chain(constants.map(Expr::Value))
            .chain([Expr::bool(false)])
            .collect();
        let operations = [
            Add,
            Subtract,
            Multiply,
            Divide,
            Power,
            Equal,
            NotEqual,
            Less,
            LessEqual,
            Greater,
            GreaterEqual,
            And,
            Or,
            Implies,
        ];
        let mut plain = 0;
        for round in 0..2 {
            let mut next = Vec::new();
            for (i, x) in parts.iter().enumerate() {
                for (j, y) in parts.iter().enumerate() {
                    // Of what was made before, a part of the pairs will do.
                    if round == 1 && (i * 31 + j) % 97 != 0 {
                        continue;
                    }
                    let (x, y) = (Arc::new(x.clone()), Arc::new(y.clone()));
                    let both = operations.map(|op| Expr::Binary(op, x.clone(), y.clone()));
                    next.extend(both);
                }
                let x = Arc::new(x.clone());
                next.extend([UnaryOp::Not, UnaryOp::Negate].map(|op| Expr::Unary(op, x.clone())));
            }
            for expr in &next {
                // A condition is not plain, whatever it says.
                let [yes, whole, zero] = [Expr::bool(true), expr.clone(), Expr::number(0.0)];
                let long = Expr::If(Arc::new(yes), Arc::new(whole), Arc::new(zero));
                let slow = evaluate::value(&long, &scope).ok();
                if let Some(found) = value(expr, &scope) {
                    plain += 1;
                    let slow = slow.expect("it has a value");
                    assert_eq!(format!("{found:?}"), format!("{slow:?}"), "{expr:?}");
                }
            }
            parts = next;
        }
        assert!(plain > 1000, "{plain}");
    }
}

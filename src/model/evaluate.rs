//! Values of expressions.
//!
//! In: an [`Expr`] and a [`Scope`] that knows names and decisions. Out: a [`Value`], or what is missing. [`reduce`] is the
//! same with names replaced by expressions: it folds what is constant and keeps the rest, which is how a space with choices in it
//! is unrolled once for all candidates.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use crate::ir::{BinaryOp, Expr, Function, Record, Slot, UnaryOp, Value};

/// Where names and decisions get their values.
pub trait Scope {
    /// The value of a dotted name.
    fn name(&self, name: &str) -> Option<Value>;

    /// The value of a decision; `None` if it does not exist at this point.
    fn decision(&self, index: usize) -> Option<Value>;
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
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failure::Unknown(name) => write!(f, "`{name}` has no value here"),
            Failure::Inactive(index) => write!(f, "decision {index} does not exist at this point"),
            Failure::Kind(wanted, found) => write!(f, "expected {wanted}, found {found}"),
            Failure::Undecided(name) => write!(f, "`{name}` is still to be chosen"),
        }
    }
}

impl std::error::Error for Failure {}

/// The value of an expression.
pub fn value(expr: &Expr, scope: &dyn Scope) -> Result<Value, Failure> {
    match expr {
        Expr::Value(v) => Ok(v.clone()),
        Expr::Name(name, _) => scope
            .name(name)
            .ok_or_else(|| Failure::Unknown(name.clone())),
        Expr::Decision(index) => scope.decision(*index).ok_or(Failure::Inactive(*index)),
        Expr::Unary(op, x) => unary(*op, value(x, scope)?),
        Expr::Binary(op, x, y) => {
            let x = value(x, scope)?;
            // The right side may be meaningless where the left one decides: `d > 0 and s[d - 1] …`.
            match (op, x.as_bool()) {
                (BinaryOp::And, Some(false)) => return Ok(Value::Bool(false)),
                (BinaryOp::Or, Some(true)) | (BinaryOp::Implies, Some(false)) => {
                    return Ok(Value::Bool(true));
                }
                _ => {}
            }
            binary(*op, x, value(y, scope)?)
        }
        Expr::If(c, x, y) => {
            if truth(c, scope)? {
                value(x, scope)
            } else {
                value(y, scope)
            }
        }
        Expr::Call(function, args) => {
            let args = args
                .iter()
                .map(|a| number(a, scope))
                .collect::<Result<Vec<_>, _>>()?;
            call(*function, &args)
        }
        Expr::Set(items) => Ok(Value::Set(
            items
                .iter()
                .map(|i| value(i, scope))
                .collect::<Result<_, _>>()?,
        )),
        Expr::Record(name, fields, _) => {
            let mut known = Vec::with_capacity(fields.len());
            for (field, slot) in fields {
                match slot {
                    Slot::Fixed(e) => known.push((field.clone(), value(e, scope)?)),
                    Slot::Chosen(_) => return Err(Failure::Undecided(field.clone())),
                }
            }
            Ok(Value::Record(Record {
                name: name.clone(),
                fields: known,
            }))
        }
    }
}

/// The value of an expression that gives a number.
pub fn number(expr: &Expr, scope: &dyn Scope) -> Result<f64, Failure> {
    let v = value(expr, scope)?;
    v.as_number()
        .ok_or_else(|| Failure::Kind("a number", v.to_string()))
}

/// The value of an expression that gives a truth value.
pub fn truth(expr: &Expr, scope: &dyn Scope) -> Result<bool, Failure> {
    let v = value(expr, scope)?;
    v.as_bool()
        .ok_or_else(|| Failure::Kind("a truth value", v.to_string()))
}

fn unary(op: UnaryOp, x: Value) -> Result<Value, Failure> {
    match (op, &x) {
        (UnaryOp::Negate, Value::Number(x)) => Ok(Value::Number(-x)),
        (UnaryOp::Not, Value::Bool(x)) => Ok(Value::Bool(!x)),
        (UnaryOp::Negate, _) => Err(Failure::Kind("a number", x.to_string())),
        (UnaryOp::Not, _) => Err(Failure::Kind("a truth value", x.to_string())),
    }
}

fn binary(op: BinaryOp, x: Value, y: Value) -> Result<Value, Failure> {
    use BinaryOp::*;
    match op {
        Equal => return Ok(Value::Bool(x == y)),
        NotEqual => return Ok(Value::Bool(x != y)),
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
    Ok(match op {
        Add => Value::Number(a + b),
        Subtract => Value::Number(a - b),
        Multiply => Value::Number(a * b),
        Divide => Value::Number(a / b),
        Power => Value::Number(libm::pow(a, b)),
        Less => Value::Bool(a < b),
        LessEqual => Value::Bool(a <= b),
        Greater => Value::Bool(a > b),
        _ => Value::Bool(a >= b),
    })
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
        Peak => return Err(Failure::Unknown("peak".into())),
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

/// Replaces names by what `names` says (an expression over decisions), folds what is constant, keeps the rest. A name that
/// `names` does not know stays.
pub fn reduce(expr: &Expr, names: &dyn Fn(&str) -> Option<Expr>) -> Result<Expr, Failure> {
    Ok(match expr {
        Expr::Value(_) | Expr::Decision(_) => expr.clone(),
        Expr::Name(name, _) => names(name).unwrap_or_else(|| expr.clone()),
        Expr::Unary(op, x) => match reduce(x, names)? {
            Expr::Value(x) => Expr::Value(unary(*op, x)?),
            x => Expr::Unary(*op, Arc::new(x)),
        },
        Expr::Binary(op, x, y) => {
            let x = reduce(x, names)?;
            // A left side that decides keeps the right one from being looked at: `d > 0 and input.channels / d …`.
            match (op, x.as_value().and_then(Value::as_bool)) {
                (BinaryOp::And, Some(false)) => Expr::bool(false),
                (BinaryOp::Or, Some(true)) | (BinaryOp::Implies, Some(false)) => Expr::bool(true),
                _ => combine(*op, x, reduce(y, names)?)?,
            }
        }
        Expr::If(c, x, y) => match reduce(c, names)? {
            Expr::Value(Value::Bool(true)) => reduce(x, names)?,
            Expr::Value(Value::Bool(false)) => reduce(y, names)?,
            Expr::Value(v) => return Err(Failure::Kind("a truth value", v.to_string())),
            c => choose(c, reduce(x, names)?, reduce(y, names)?),
        },
        Expr::Call(function, args) => {
            let args = args
                .iter()
                .map(|a| reduce(a, names))
                .collect::<Result<Vec<_>, _>>()?;
            let constants: Option<Vec<f64>> = args
                .iter()
                .map(|a| a.as_value().and_then(Value::as_number))
                .collect();
            match constants {
                Some(numbers) if *function != Function::Peak => {
                    Expr::Value(call(*function, &numbers)?)
                }
                _ => Expr::Call(*function, args),
            }
        }
        Expr::Set(items) => {
            let items = items
                .iter()
                .map(|i| reduce(i, names))
                .collect::<Result<Vec<_>, _>>()?;
            match items
                .iter()
                .map(|i| i.as_value().cloned())
                .collect::<Option<Vec<_>>>()
            {
                Some(values) => Expr::Value(Value::Set(values)),
                None => Expr::Set(items),
            }
        }
        Expr::Record(name, fields, span) => {
            let mut reduced = Vec::with_capacity(fields.len());
            for (field, slot) in fields {
                reduced.push((
                    field.clone(),
                    match slot {
                        Slot::Fixed(e) => Slot::Fixed(reduce(e, names)?),
                        Slot::Chosen(_) => slot.clone(),
                    },
                ));
            }
            Expr::Record(name.clone(), reduced, *span)
        }
    })
}

/// `if c then x else y`, folded where the condition is constant or both are the same.
pub fn choose(c: Expr, x: Expr, y: Expr) -> Expr {
    match c {
        Expr::Value(Value::Bool(true)) => x,
        Expr::Value(Value::Bool(false)) => y,
        _ if x == y => x,
        c => Expr::If(Arc::new(c), Arc::new(x), Arc::new(y)),
    }
}

/// `x and y`, folded.
pub fn both(x: Expr, y: Expr) -> Expr {
    match (&x, &y) {
        (Expr::Value(Value::Bool(true)), _) => y,
        (_, Expr::Value(Value::Bool(true))) => x,
        (Expr::Value(Value::Bool(false)), _) | (_, Expr::Value(Value::Bool(false))) => {
            Expr::bool(false)
        }
        _ if x == y => x,
        _ => Expr::Binary(BinaryOp::And, Arc::new(x), Arc::new(y)),
    }
}

/// `not x`, folded.
pub fn negate(x: Expr) -> Expr {
    match x {
        Expr::Value(Value::Bool(b)) => Expr::bool(!b),
        Expr::Unary(UnaryOp::Not, x) => (*x).clone(),
        x => Expr::Unary(UnaryOp::Not, Arc::new(x)),
    }
}

/// `x op y` of reduced operands, folded at its root.
pub fn combine(op: BinaryOp, x: Expr, y: Expr) -> Result<Expr, Failure> {
    use BinaryOp::*;
    let truth = |e: &Expr| e.as_value().and_then(Value::as_bool);
    Ok(match (op, truth(&x), truth(&y)) {
        (And | Implies, Some(true), _) | (Or, Some(false), _) => y,
        (And, Some(false), _) | (And, _, Some(false)) => Expr::bool(false),
        (Or, Some(true), _) | (Or | Implies, _, Some(true)) | (Implies, Some(false), _) => {
            Expr::bool(true)
        }
        (And, _, Some(true)) | (Or, _, Some(false)) => x,
        _ => match (&x, &y) {
            (Expr::Value(a), Expr::Value(b)) => Expr::Value(binary(op, a.clone(), b.clone())?),
            _ => Expr::Binary(op, Arc::new(x), Arc::new(y)),
        },
    })
}

/// Every decision that an expression mentions, ascending.
pub fn decisions(expr: &Expr) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    walk(expr, &mut HashSet::new(), &mut |e| {
        if let Expr::Decision(index) = e {
            found.insert(*index);
        }
    });
    found
}

/// Every name that an expression mentions.
pub fn names(expr: &Expr) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    walk(expr, &mut HashSet::new(), &mut |e| {
        if let Expr::Name(name, _) = e {
            found.insert(name.clone());
        }
    });
    found
}

/// Visits every node once. Unrolled expressions share their parts: without `seen`, a chain of optional layers would take
/// exponential time.
fn walk(expr: &Expr, seen: &mut HashSet<*const Expr>, visit: &mut dyn FnMut(&Expr)) {
    visit(expr);
    let mut shared = |child: &Arc<Expr>| {
        if seen.insert(Arc::as_ptr(child)) {
            walk(child, seen, visit);
        }
    };
    match expr {
        Expr::Value(_) | Expr::Name(..) | Expr::Decision(_) => {}
        Expr::Unary(_, x) => shared(x),
        Expr::Binary(_, x, y) => [x, y].into_iter().for_each(shared),
        Expr::If(c, x, y) => [c, x, y].into_iter().for_each(shared),
        Expr::Call(_, items) | Expr::Set(items) => items.iter().for_each(|i| walk(i, seen, visit)),
        Expr::Record(_, fields, _) => {
            for (_, slot) in fields {
                if let Slot::Fixed(e) = slot {
                    walk(e, seen, visit);
                }
            }
        }
    }
}

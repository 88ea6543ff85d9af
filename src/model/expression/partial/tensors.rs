//! What formulas of quantizers read of all values of a tensor, and tensors to try.
//!
//! In: an expression with reductions. Out: the same with numbers in their place: those of a tensor that is tried, or of one whose values are
//! all the same.

use std::sync::Arc;

use super::bound::LEAST_STD;
use crate::ir::{Expr, Function, Reduction, Value};
use crate::model::expression::evaluate::{self, Scope};

/// Tensors as they come: values that differ, with and without a mean among them, of either sign and both.
pub const TENSORS: [&[f64]; 6] = [
    &[-1.0, 0.0, 1.0],
    &[0.5, 1.0, 3.0],
    &[-3.0, -1.0, -0.5],
    &[-2.0, -0.5, 0.25, 1.0],
    &[100.0, -100.0, 2.0, 0.0],
    &[1.0, 2.0, 3.0],
];

/// Values of decisions and names.
pub struct Tried<'a> {
    pub values: &'a [Option<Value>],
    pub names: &'a [(String, f64)],
}

impl Scope for Tried<'_> {
    fn name(&self, name: &str) -> Option<Value> {
        let found = self.names.iter().find(|(n, _)| n == name)?;
        Some(Value::Number(found.1))
    }

    fn decision(&self, index: usize) -> Option<Value> {
        self.values.get(index).cloned().flatten()
    }
}

/// Whether an expression takes something of all values of a tensor.
pub fn reduces(expr: &Expr) -> bool {
    let mut found = false;
    evaluate::walk(expr, &mut |part| {
        found |= matches!(part, Expr::Call(Function::Reduce(..), _));
    });
    found
}

/// Whether an expression reads the value itself, outside of reductions.
pub fn reads_outside(expr: &Expr) -> bool {
    match expr {
        Expr::Call(Function::Reduce(..), _) => false,
        Expr::Name(name, _) => name == "x",
        Expr::Unary(_, x) => reads_outside(x),
        Expr::Binary(_, x, y) => reads_outside(x) || reads_outside(y),
        Expr::If(c, x, y) => reads_outside(c) || reads_outside(x) || reads_outside(y),
        Expr::Call(_, args) => args.iter().any(reads_outside),
        _ => false,
    }
}

/// What an expression over a tensor is where the tensor has one value, or all of its values are the same, so that reductions are known.
pub fn of_one_value(expr: &Expr) -> Expr {
    // Unrolled expressions share their parts, which must not be copied apart.
    if !reduces(expr) {
        return expr.clone();
    }
    let again = |e: &Arc<Expr>| Arc::new(of_one_value(e));
    match expr {
        // Of one value; at least 1e-6, as training takes it.
        Expr::Call(Function::Reduce(Reduction::Std, _), _) => Expr::number(LEAST_STD),
        Expr::Call(Function::Reduce(..), args) => of_one_value(&args[0]),
        Expr::Call(f, args) => Expr::Call(*f, args.iter().map(of_one_value).collect()),
        Expr::Unary(op, x) => Expr::Unary(*op, again(x)),
        Expr::Binary(op, x, y) => Expr::Binary(*op, again(x), again(y)),
        Expr::If(c, x, y) => Expr::If(again(c), again(x), again(y)),
        _ => expr.clone(),
    }
}

/// The tensor that a value stands in, where all are written one behind the other.
pub fn holder(tensors: &[&'static [f64]], mut index: usize) -> Option<&'static [f64]> {
    for tensor in tensors {
        match index.checked_sub(tensor.len()) {
            Some(behind) => index = behind,
            None => return Some(tensor),
        }
    }
    None
}

/// An expression whose reductions are those of a tensor.
pub fn of_values(expr: &Expr, tensor: &[f64], scope: &Tried) -> Option<Expr> {
    if !reduces(expr) {
        return Some(expr.clone());
    }
    let again = |e: &Arc<Expr>| of_values(e, tensor, scope).map(Arc::new);
    Some(match expr {
        Expr::Call(Function::Reduce(reduction, _), args) => {
            let inner = of_values(&args[0], tensor, scope)?;
            let of_each = tensor.iter().map(|x| {
                let mut names = scope.names.to_vec();
                names.retain(|(name, _)| name != "x");
                names.push(("x".into(), *x));
                let scope = Tried {
                    names: &names,
                    ..*scope
                };
                evaluate::number(&inner, &scope).ok()
            });
            Expr::number(reduced(*reduction, &of_each.collect::<Option<Vec<f64>>>()?))
        }
        Expr::Call(f, args) => {
            let args = args.iter().map(|a| of_values(a, tensor, scope));
            Expr::Call(*f, args.collect::<Option<_>>()?)
        }
        Expr::Unary(op, x) => Expr::Unary(*op, again(x)?),
        Expr::Binary(op, x, y) => Expr::Binary(*op, again(x)?, again(y)?),
        Expr::If(c, x, y) => Expr::If(again(c)?, again(x)?, again(y)?),
        _ => expr.clone(),
    })
}

fn reduced(reduction: Reduction, values: &[f64]) -> f64 {
    let sum: f64 = values.iter().sum();
    let mean = sum / values.len() as f64;
    match reduction {
        Reduction::Sum => sum,
        Reduction::Mean => mean,
        Reduction::Max => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        Reduction::Min => values.iter().copied().fold(f64::INFINITY, f64::min),
        Reduction::Std => {
            let squares: f64 = values.iter().map(|x| (x - mean) * (x - mean)).sum();
            libm::sqrt(squares / (values.len() as f64 - 1.0)).max(LEAST_STD)
        }
    }
}

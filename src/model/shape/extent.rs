//! Shapes as expressions over decisions.

use crate::ir::{BinaryOp, Expr, Function, Value};
use crate::model::expression::evaluate::{self, Failure};

/// Height, width and channels as expressions over decisions.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::model) struct Extent {
    pub(in crate::model) height: Expr,
    pub(in crate::model) width: Expr,
    pub(in crate::model) channels: Expr,
}

impl Extent {
    /// This extent where `guard` holds, `other` elsewhere.
    pub(in crate::model) fn where_or(self, guard: &Expr, other: &Extent) -> Extent {
        let choose = |x: Expr, y: &Expr| evaluate::choose(guard.clone(), x, y.clone());
        Extent {
            height: choose(self.height, &other.height),
            width: choose(self.width, &other.width),
            channels: choose(self.channels, &other.channels),
        }
    }

    /// Its three sides.
    pub(in crate::model) fn sides(&self) -> [&Expr; 3] {
        [&self.height, &self.width, &self.channels]
    }
}

/// Rows from the first tap of a kernel to its last, `dilation` apart: dilation * (kernel - 1) + 1.
pub(in crate::model) fn spread(kernel: &Expr, dilation: &Expr) -> Result<Expr, Failure> {
    let one = || Expr::number(1.0);
    if *dilation == one() {
        return Ok(kernel.clone());
    }
    let gaps = evaluate::combine(BinaryOp::Subtract, kernel.clone(), one())?;
    let rows = evaluate::combine(BinaryOp::Multiply, dilation.clone(), gaps)?;
    evaluate::combine(BinaryOp::Add, rows, one())
}

/// The output of a window that moves over rows and columns: floor((n + 2 p - k) / s) + 1, and ceil(n / s) for `same` padding,
/// which an odd kernel reaches with p = (k - 1) / 2.
pub(in crate::model) fn windowed(
    flow: &Extent,
    kernel: &Expr,
    stride: &Expr,
    padding: &Expr,
    channels: Expr,
) -> Result<Extent, Failure> {
    let same = Expr::Value(Value::name("same"));
    let is_same = evaluate::combine(BinaryOp::Equal, padding.clone(), same)?;
    let along = |n: &Expr| -> Result<Expr, Failure> {
        let outside = || -> Result<Expr, Failure> {
            let both_sides =
                evaluate::combine(BinaryOp::Multiply, Expr::number(2.0), padding.clone())?;
            let padded = evaluate::combine(BinaryOp::Add, n.clone(), both_sides)?;
            let room = evaluate::combine(BinaryOp::Subtract, padded, kernel.clone())?;
            let steps = rounded(Function::Floor, &room, stride)?;
            evaluate::combine(BinaryOp::Add, steps, Expr::number(1.0))
        };
        match is_same {
            Expr::Value(Value::Bool(true)) => rounded(Function::Ceil, n, stride),
            Expr::Value(Value::Bool(false)) => outside(),
            _ => Ok(evaluate::choose(
                is_same.clone(),
                rounded(Function::Ceil, n, stride)?,
                outside()?,
            )),
        }
    };
    Ok(Extent {
        height: along(&flow.height)?,
        width: along(&flow.width)?,
        channels,
    })
}

/// A whole number over a stride, rounded.
pub(in crate::model) fn rounded(
    function: Function,
    n: &Expr,
    stride: &Expr,
) -> Result<Expr, Failure> {
    if *stride == Expr::number(1.0) {
        return Ok(n.clone());
    }
    let ratio = evaluate::combine(BinaryOp::Divide, n.clone(), stride.clone())?;
    match ratio.as_value() {
        Some(_) => evaluate::reduce(&Expr::Call(function, vec![ratio]), &|_| None),
        None => Ok(Expr::Call(function, vec![ratio])),
    }
}

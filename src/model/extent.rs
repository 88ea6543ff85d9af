//! Shapes as expressions over decisions.

use super::evaluate::{self, Failure};
use crate::ir::{BinaryOp, Expr, Function, Value};

/// Height, width and channels as expressions over decisions.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Extent {
    pub(super) height: Expr,
    pub(super) width: Expr,
    pub(super) channels: Expr,
}

/// The output of a window that moves over rows and columns: floor((n + 2 p - k) / s) + 1, and ceil(n / s) for `same` padding,
/// which an odd kernel reaches with p = (k - 1) / 2.
pub(super) fn windowed(
    flow: &Extent,
    kernel: &Expr,
    stride: &Expr,
    padding: &Expr,
    channels: Expr,
) -> Result<Extent, Failure> {
    let along = |n: &Expr| -> Result<Expr, Failure> {
        let fold = |e: Expr| evaluate::reduce(&e, &|_| None);
        if *padding == Expr::Value(Value::name("same")) {
            let ratio = evaluate::combine(BinaryOp::Divide, n.clone(), stride.clone())?;
            return match ratio.as_value() {
                Some(_) => fold(Expr::Call(Function::Ceil, vec![ratio])),
                None => Ok(Expr::Call(Function::Ceil, vec![ratio])),
            };
        }
        let both_sides = evaluate::combine(BinaryOp::Multiply, Expr::number(2.0), padding.clone())?;
        let padded = evaluate::combine(BinaryOp::Add, n.clone(), both_sides)?;
        let room = evaluate::combine(BinaryOp::Subtract, padded, kernel.clone())?;
        let ratio = evaluate::combine(BinaryOp::Divide, room, stride.clone())?;
        let steps = match ratio.as_value() {
            Some(_) => fold(Expr::Call(Function::Floor, vec![ratio]))?,
            None => Expr::Call(Function::Floor, vec![ratio]),
        };
        evaluate::combine(BinaryOp::Add, steps, Expr::number(1.0))
    };
    Ok(Extent {
        height: along(&flow.height)?,
        width: along(&flow.width)?,
        channels,
    })
}

//! Whether a forward function gives codes times a scale.
//!
//! In: the expression of `forward`. Out: its factors that are the same for a whole filter, and the one that is not, which must give codes
//! of the grid. Only because this holds may a machine compute with the codes, and the cost model count their bits.

use std::sync::Arc;

use super::compile::varies;
use crate::ir::{BinaryOp, Expr, Function, UnaryOp, Value};
use crate::model::quantization::quantizer::Grid;

/// The factors of an expression: those of the scale, and the codes.
pub fn split(forward: &Expr) -> Result<(Vec<Expr>, Expr), String> {
    let mut scales = Vec::new();
    let mut codes = None;
    factors(forward, &mut scales, &mut codes)?;
    match codes {
        Some(codes) => Ok((scales, codes)),
        None => Err("it gives the same for all values of a filter".into()),
    }
}

fn factors(expr: &Expr, scales: &mut Vec<Expr>, codes: &mut Option<Expr>) -> Result<(), String> {
    match expr {
        _ if !varies(expr) => scales.push(expr.clone()),
        Expr::Binary(BinaryOp::Multiply, x, y) => {
            factors(x, scales, codes)?;
            factors(y, scales, codes)?;
        }
        Expr::Binary(BinaryOp::Divide, x, y) if !varies(y) => {
            factors(x, scales, codes)?;
            let one = Arc::new(Expr::number(1.0));
            scales.push(Expr::Binary(BinaryOp::Divide, one, y.clone()));
        }
        Expr::Unary(UnaryOp::Negate, x) => {
            factors(x, scales, codes)?;
            scales.push(Expr::number(-1.0));
        }
        _ if codes.is_some() => {
            return Err("two of its factors differ within a filter".into());
        }
        _ => *codes = Some(expr.clone()),
    }
    Ok(())
}

/// Whole numbers from `low` to `high`.
#[derive(Clone, Copy)]
struct Whole {
    low: f64,
    high: f64,
    /// Whether 0 may be one of them.
    zero: bool,
}

/// Whether an expression gives codes of the grid only; else why not.
pub fn are_codes(expr: &Expr, grid: Grid) -> Result<(), String> {
    let (low, high) = grid.range();
    let (low, high) = (f64::from(low), f64::from(high));
    let names = |name: &str| match name {
        "low" => Some(low),
        "high" => Some(high),
        _ => None,
    };
    let Some(found) = whole(expr, &names) else {
        return Err("what differs within a filter is no whole number".into());
    };
    if grid == Grid::Binary && found.zero {
        return Err("binary codes are -1 and +1, and this may be 0".into());
    }
    if found.low < low || found.high > high {
        let width = match grid {
            Grid::Integer { bits, .. } => format!(" of {bits} bits"),
            Grid::Binary | Grid::Ternary => String::new(),
        };
        return Err(format!(
            "it is not seen to stay within the codes from {low} to {high}{width}"
        ));
    }
    Ok(())
}

/// How far a rounded product may be from the exact one, as a share of it.
const ROUNDING: f64 = 1e-6;

type Names<'a> = &'a dyn Fn(&str) -> Option<f64>;

fn whole(expr: &Expr, names: Names) -> Option<Whole> {
    let of = |low: f64, high: f64| {
        let zero = low <= 0.0 && high >= 0.0;
        (!low.is_nan() && !high.is_nan()).then_some(Whole { low, high, zero })
    };
    match expr {
        Expr::Value(Value::Number(n)) => (n.fract() == 0.0).then(|| of(*n, *n))?,
        Expr::Name(name, _) => names(name).and_then(|n| of(n, n)),
        Expr::Unary(UnaryOp::Negate, x) => {
            let x = whole(x, names)?;
            Some(Whole {
                low: -x.high,
                high: -x.low,
                zero: x.zero,
            })
        }
        Expr::Binary(op @ (BinaryOp::Add | BinaryOp::Subtract | BinaryOp::Multiply), x, y) => {
            let (x, y) = (whole(x, names)?, whole(y, names)?);
            match op {
                BinaryOp::Add => of(x.low + y.low, x.high + y.high),
                BinaryOp::Subtract => of(x.low - y.high, x.high - y.low),
                _ => {
                    let ends = [
                        x.low * y.low,
                        x.low * y.high,
                        x.high * y.low,
                        x.high * y.high,
                    ];
                    let low = ends.iter().copied().fold(f64::INFINITY, f64::min);
                    let high = ends.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    (!ends.iter().any(|e| e.is_nan())).then_some(Whole {
                        low,
                        high,
                        zero: x.zero || y.zero,
                    })
                }
            }
        }
        Expr::If(_, x, y) => {
            let (x, y) = (whole(x, names)?, whole(y, names)?);
            Some(Whole {
                low: x.low.min(y.low),
                high: x.high.max(y.high),
                zero: x.zero || y.zero,
            })
        }
        Expr::Call(Function::Sign, _) => Some(Whole {
            low: -1.0,
            high: 1.0,
            zero: false,
        }),
        Expr::Call(f @ (Function::Round | Function::Floor | Function::Ceil), args) => {
            let x = args.first()?;
            let (mut low, mut high) = bounds(x, names);
            if let Expr::Binary(..) = x {
                // Products are rounded where they are trained, in fewer bits than here.
                low -= ROUNDING * low.abs();
                high += ROUNDING * high.abs();
            }
            match f {
                Function::Round => of(low.round_ties_even(), high.round_ties_even()),
                Function::Floor => of(low.floor(), high.floor()),
                _ => of(low.ceil(), high.ceil()),
            }
        }
        Expr::Call(Function::Stop, args) => whole(args.first()?, names),
        Expr::Call(Function::Clip | Function::Max | Function::Min, args) => {
            args.iter().try_for_each(|a| whole(a, names).map(|_| ()))?;
            let (low, high) = bounds(expr, names);
            of(low, high)
        }
        _ => None,
    }
}

/// Between which numbers an expression is, as far as that is plain.
fn bounds(expr: &Expr, names: Names) -> (f64, f64) {
    const ALL: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);
    if let Some(x) = match expr {
        Expr::Call(Function::Clip | Function::Max | Function::Min, _) => None,
        _ => whole(expr, names),
    } {
        return (x.low, x.high);
    }
    match expr {
        Expr::Value(Value::Number(n)) => (*n, *n),
        Expr::Unary(UnaryOp::Negate, x) => {
            let (low, high) = bounds(x, names);
            (-high, -low)
        }
        Expr::Binary(op, x, y) => {
            let (x, y) = (bounds(x, names), bounds(y, names));
            let ends = match op {
                BinaryOp::Add => vec![x.0 + y.0, x.1 + y.1],
                BinaryOp::Subtract => vec![x.0 - y.1, x.1 - y.0],
                BinaryOp::Multiply => vec![x.0 * y.0, x.0 * y.1, x.1 * y.0, x.1 * y.1],
                BinaryOp::Divide if y.0 > 0.0 || y.1 < 0.0 => {
                    vec![x.0 / y.0, x.0 / y.1, x.1 / y.0, x.1 / y.1]
                }
                _ => return ALL,
            };
            match ends.iter().any(|e| e.is_nan()) {
                true => ALL,
                false => (
                    ends.iter().copied().fold(f64::INFINITY, f64::min),
                    ends.iter().copied().fold(f64::NEG_INFINITY, f64::max),
                ),
            }
        }
        Expr::Call(function, args) => {
            let of: Vec<(f64, f64)> = args.iter().map(|a| bounds(a, names)).collect();
            match (function, of.as_slice()) {
                (Function::Clip, [x, low, high]) => {
                    // Where the limits cross, the upper one counts.
                    (x.0.max(low.0).min(high.0), x.1.max(low.1).min(high.1))
                }
                (Function::Max, [x, y]) => (x.0.max(y.0), x.1.max(y.1)),
                (Function::Min, [x, y]) => (x.0.min(y.0), x.1.min(y.1)),
                (Function::Tanh | Function::Sin | Function::Cos, _) => (-1.0, 1.0),
                (Function::Abs, [x]) => {
                    let least = if x.0 > 0.0 { x.0 } else { (-x.1).max(0.0) };
                    (least, x.0.abs().max(x.1.abs()))
                }
                (Function::Stop, [x]) => *x,
                _ => ALL,
            }
        }
        _ => ALL,
    }
}

//! Formulas of quantizers as programs over tensors.
//!
//! In: the [`Formulas`] of a quantizer and its grid. Out: [`Programs`] that give quantized values, their gradients and scales. What a
//! formula may say, and what it means, stands in the reference (docs/language.md, Quantizers); in short:
//!
//! * A value is code times scale. Without a `scale` formula, a rule finds the scale and `forward` sees `x` in units of it; with one,
//!   `forward` sees `x` itself and multiplies by the scale.
//! * Backward, everything is differentiated exactly, reductions too, but the quantizing steps `sign`, `round`, `floor` and `ceil` of what
//!   varies within a filter: `gradient` at the step's argument takes the place of their derivative. `stop` passes nothing.
//!
//! All arithmetic is f32 with the elementary functions of [`crate::kernels::elementary`], so that the same formula gives the same bits on every
//! platform.

pub mod codes;
mod compile;
mod gradient;

pub use compile::Surrogate;
use compile::{Compiler, varies};

use super::expression::evaluate;
use super::quantization::quantizer::{Grid, Quantizer, ScaleRule};
use crate::ir::{BinaryOp, Expr, Formulas, Function, Per, Slot};
use crate::kernels::program::{Binary, Level, Op, Outcome, Program, Unary};

/// Why an expression is no formula.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormulaError {
    /// What is wrong, in words.
    pub reason: String,
}

impl std::fmt::Display for FormulaError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for FormulaError {}

fn error<T>(reason: impl Into<String>) -> Result<T, FormulaError> {
    Err(FormulaError {
        reason: reason.into(),
    })
}

/// A quantizer whose formulas say more than a surrogate gradient.
#[derive(Debug, Clone, PartialEq)]
pub struct Programs {
    /// Fills `y` with code times scale of `x`, and keeps the scales.
    pub forward: Program,
    /// Adds to `dx`. Keeps the derivative for the scale where that is learned.
    pub backward: Program,
    /// Keeps the scales.
    pub scale: Program,
    /// Fills `y` with what a rule finds a scale of.
    pub normalized: Option<Program>,
}

/// The level of a quantizer's scale.
fn scale_level(quantizer: &Quantizer) -> Level {
    match quantizer.per_channel {
        true => Level::Filter,
        false => Level::Tensor,
    }
}

/// The program of a surrogate gradient alone: adds `dy * gradient(x / scale)`.
pub fn surrogate(quantizer: &Quantizer) -> Result<Option<Program>, FormulaError> {
    let formulas = &quantizer.formulas;
    let Some(gradient) = &formulas.gradient else {
        return Ok(None);
    };
    let mut compiler = Compiler::new(formulas, quantizer.grid)?;
    let x = compiler.op(Op::X);
    let unit = compiler.in_units(x, quantizer);
    let slope = compiler.formula(gradient, unit)?;
    let dy = compiler.op(Op::Dy);
    let product = compiler.binary(Binary::Multiply, slope, dy);
    Ok(Some(compiler.finish(Some(Outcome::Add(product)), &[])))
}

/// Whether the surrogate gradient of a binary quantizer with scale 1 is the clipped straight-through estimator as it is written everywhere,
/// `if abs(x) <= 1 then 1 else 0`, which needs no program.
pub fn is_clipped_straight_through(quantizer: &Quantizer) -> bool {
    let is = |e: &Expr, number: f64| *e == Expr::number(number);
    let magnitude = |e: &Expr| match e {
        Expr::Call(Function::Abs, of) => {
            matches!(of.as_slice(), [Expr::Name(name, _)] if name == "x")
        }
        _ => false,
    };
    let inside = |e: &Expr| match e {
        Expr::Binary(BinaryOp::LessEqual, x, bound) => magnitude(x) && is(bound, 1.0),
        _ => false,
    };
    quantizer.grid == Grid::Binary
        && quantizer.scale == ScaleRule::One
        && match &quantizer.formulas.gradient {
            Some(Expr::If(c, one, zero)) => inside(c) && is(one, 1.0) && is(zero, 0.0),
            _ => false,
        }
}

/// The programs of a quantizer that has more formulas than `gradient`, or a learned scale; else nothing.
pub fn programs(
    quantizer: &Quantizer,
    default: Surrogate,
) -> Result<Option<Programs>, FormulaError> {
    let formulas = &quantizer.formulas;
    let learned = quantizer.scale.is_learned();
    if formulas.is_simple() && !learned {
        return Ok(None);
    }
    let mut compiler = Compiler::new(formulas, quantizer.grid)?;
    let (scale, value) = value(&mut compiler, quantizer)?;
    if compiler.level(scale) == Level::Element {
        return error("the scale differs within a filter");
    }
    let forward = compiler.finish(Some(Outcome::Fill(value)), &[scale]);
    let scales = compiler.finish(None, &[scale]);

    let x = compiler.op(Op::X);
    let mut wanted = vec![x];
    if learned {
        wanted.push(compiler.op(Op::Scale(scale_level(quantizer))));
    }
    let gradients = gradient::backward(&mut compiler, value, &wanted, quantizer, default)?;
    let dx = match gradients[0] {
        Some(dx) => dx,
        None => compiler.op(Op::Constant(0.0)),
    };
    let kept: Vec<usize> = gradients[1..].iter().copied().flatten().collect();
    let normalized = match &formulas.normalize {
        Some(normalize) if formulas.scale.is_none() => {
            let mut compiler = Compiler::new(formulas, quantizer.grid)?;
            let x = compiler.op(Op::X);
            let result = compiler.formula(normalize, x)?;
            Some(compiler.finish(Some(Outcome::Fill(result)), &[]))
        }
        _ => None,
    };
    Ok(Some(Programs {
        forward,
        backward: compiler.finish(Some(Outcome::Add(dx)), &kept),
        scale: scales,
        normalized,
    }))
}

/// The steps of the scale and of code times scale.
fn value(compiler: &mut Compiler, quantizer: &Quantizer) -> Result<(usize, usize), FormulaError> {
    let Formulas {
        normalize,
        scale,
        forward,
        ..
    } = &quantizer.formulas;
    let x = compiler.op(Op::X);
    let own = match scale {
        Some(scale) => Some(compiler.formula(scale, x)?),
        None => None,
    };
    let (scale, code) = match forward {
        Some(forward) => {
            let (factors, code) =
                codes::split(forward).map_err(|reason| FormulaError { reason })?;
            codes::are_codes(&code, quantizer.grid).map_err(|reason| FormulaError { reason })?;
            let (mut scale, argument) = match own {
                // The formula's own factors are the scale.
                Some(_) => (None, x),
                None => {
                    let scale = compiler.op(Op::Scale(scale_level(quantizer)));
                    (Some(scale), compiler.in_units(x, quantizer))
                }
            };
            for factor in factors {
                let factor = compiler.formula(&factor, argument)?;
                scale = Some(match scale {
                    Some(scale) => compiler.binary(Binary::Multiply, scale, factor),
                    None => factor,
                });
            }
            let scale = match scale {
                Some(scale) => scale,
                None => compiler.op(Op::Constant(1.0)),
            };
            (scale, compiler.formula(&code, argument)?)
        }
        None => {
            let normalized = match normalize {
                Some(normalize) => compiler.formula(normalize, x)?,
                None => x,
            };
            let (scale, unit) = match own {
                Some(scale) => (scale, compiler.binary(Binary::Divide, normalized, scale)),
                None => (
                    compiler.op(Op::Scale(scale_level(quantizer))),
                    compiler.in_units(normalized, quantizer),
                ),
            };
            (scale, nearest_code(compiler, quantizer.grid, unit))
        }
    };
    Ok((scale, compiler.binary(Binary::Multiply, scale, code)))
}

/// The code nearest to a value in units of the scale.
fn nearest_code(compiler: &mut Compiler, grid: Grid, unit: usize) -> usize {
    if grid == Grid::Binary {
        return compiler.op(Op::Unary(Unary::Sign, unit));
    }
    let (low, high) = grid.range();
    let low = compiler.op(Op::Constant(low as f32));
    let high = compiler.op(Op::Constant(high as f32));
    let clipped = compiler.op(Op::Clip(unit, low, high));
    compiler.op(Op::Unary(Unary::Round, clipped))
}

/// Formulas with constants in place of the names that stand for one.
pub fn constant(formulas: &Formulas) -> Formulas {
    let mut known: Vec<(String, Expr)> = Vec::new();
    let reduced = |expr: &Expr, known: &[(String, Expr)]| {
        let find = |name: &str| {
            let found = known.iter().rev().find(|(n, _)| n == name)?;
            Some(found.1.clone())
        };
        evaluate::reduce(expr, &find).unwrap_or_else(|_| expr.clone())
    };
    let mut formulas = formulas.clone();
    for binding in &mut formulas.lets {
        if let Slot::Fixed(expr) = &mut binding.slot {
            *expr = reduced(expr, &known);
            if expr.as_value().is_some() {
                known.push((binding.name.clone(), expr.clone()));
            }
        }
    }
    let all = [
        &mut formulas.normalize,
        &mut formulas.scale,
        &mut formulas.forward,
        &mut formulas.gradient,
    ];
    for formula in all.into_iter().flatten() {
        *formula = reduced(formula, &known);
    }
    formulas
}

/// Whether a formula takes anything of all values, so that activations of other images would change its result.
pub fn reduces(formulas: &Formulas) -> bool {
    let all = [
        &formulas.normalize,
        &formulas.scale,
        &formulas.forward,
        &formulas.gradient,
    ];
    all.into_iter().flatten().any(compile::reduces)
}

/// Whether an expression differs within a filter.
pub fn differs(expr: &Expr) -> bool {
    varies(expr)
}

/// Whether a scale differs from filter to filter: whether it reduces the values of one, outside of any reduction over the whole tensor.
pub fn is_per_filter(scale: &Expr) -> bool {
    match scale {
        Expr::Call(Function::Reduce(_, per), _) => *per == Per::Filter,
        Expr::Call(_, items) | Expr::Set(items) => items.iter().any(is_per_filter),
        Expr::Unary(_, x) => is_per_filter(x),
        Expr::Binary(_, x, y) => is_per_filter(x) || is_per_filter(y),
        Expr::If(c, x, y) => [c, x, y].into_iter().any(|e| is_per_filter(e)),
        Expr::Value(_) | Expr::Name(..) | Expr::Decision(_) | Expr::Record(..) => false,
    }
}

#[cfg(test)]
mod tests;

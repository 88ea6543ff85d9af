//! Facts of quantizers: a formula at a number.

use std::sync::Arc;

use super::default_number;
use crate::analysis::context::Cx;
use crate::analysis::expression::expr::Typed;
use crate::analysis::expression::types::Type;
use crate::diagnostic::Diagnostic;
use crate::ir::{BinaryOp, Codes, Expr, Function, PROGRESS, Quantizer, Slot, Value};
use crate::model::Grid;
use crate::model::expression::evaluate;
use crate::model::expression::partial::of_one_value;
use crate::source::Span;
use crate::syntax::ast::{self, Argument};

impl Cx<'_> {
    /// A formula of a quantizer at a number, at the beginning of training or at the `progress` that is given.
    pub(super) fn at_point(
        &mut self,
        quantizer: &Quantizer,
        name: &ast::Name,
        args: &[Argument],
        span: Span,
    ) -> Option<Typed> {
        let (mut x, mut progress) = (None, Some(0.0));
        for arg in args {
            match arg {
                Argument::Positional {
                    value,
                    filter: None,
                } if x.is_none() => x = self.constant(value),
                Argument::Fixed { name, value } if name.text == "progress" => {
                    progress = self.constant(value);
                }
                _ => {
                    let help = format!("write `{0}(0.5)` or `{0}(0.5, progress = 1)`", name.text);
                    let message = format!("`{}` takes a number, and perhaps `progress`", name.text);
                    self.report(
                        Diagnostic::error("bnas::type::arity", message)
                            .label(span, "takes others")
                            .help(help),
                    );
                    return None;
                }
            }
        }
        let (x, progress) = (x?, progress?);
        let mut known: Vec<(String, f64)> = (PROGRESS.iter())
            .map(|name| (name.to_string(), progress))
            .collect();
        known.extend(codes(quantizer));
        for binding in &quantizer.formulas.lets {
            if let Some(value) = default_of(&binding.slot, &known) {
                known.push((binding.name.clone(), value));
            }
        }
        known.push(("x".to_string(), x));
        let formula = match name.text.as_str() {
            "gradient" => gradient(quantizer),
            _ => forward(quantizer),
        };
        let Some(value) = number(&formula, &known) else {
            let message = format!("`{}` has no value at a number alone", name.text);
            self.report(
                Diagnostic::error("bnas::check::open", message)
                    .label(span, "depends on more than `x` and `progress`")
                    .help("state a fact of `codes` or `bits`, or of a formula over `x` alone"),
            );
            return None;
        };
        Some(Typed::new(Expr::number(value), Type::PLAIN, span))
    }

    fn constant(&mut self, e: &ast::Expr) -> Option<f64> {
        let typed = self.expr(e, None);
        let value = typed.expr.as_value().and_then(Value::as_number);
        if value.is_none() || !typed.ty.fits(&Type::PLAIN) {
            self.expected("a plain number", &typed);
            return None;
        }
        value
    }
}

/// The value of a name at its default.
fn default_of(slot: &Slot, known: &[(String, f64)]) -> Option<f64> {
    match slot {
        Slot::Fixed(expr) => number(expr, known),
        Slot::Chosen(_) => default_number(slot),
    }
}

fn number(expr: &Expr, known: &[(String, f64)]) -> Option<f64> {
    let find = |name: &str| {
        let found = known.iter().rev().find(|(n, _)| n == name)?;
        Some(Expr::number(found.1))
    };
    let reduced = evaluate::reduce(expr, &find).ok()?;
    reduced.as_value().and_then(Value::as_number)
}

/// `forward` as it is written, or what the kind of the quantizer does without it: the nearest code, times the scale if that is a formula.
fn forward(quantizer: &Quantizer) -> Expr {
    let formulas = &quantizer.formulas;
    if let Some(forward) = &formulas.forward {
        return of_one_value(forward);
    }
    let scale = formulas.scale.as_ref().map(of_one_value);
    let unit = in_units(quantizer);
    let code = match quantizer.codes {
        Codes::Binary => Expr::Call(Function::Sign, vec![unit]),
        Codes::Ternary | Codes::Uniform => {
            let end = |name: &str| Expr::Name(name.into(), Span::default());
            let clipped = Expr::Call(Function::Clip, vec![unit, end("low"), end("high")]);
            Expr::Call(Function::Round, vec![clipped])
        }
    };
    match scale {
        Some(scale) => Expr::Binary(BinaryOp::Multiply, Arc::new(scale), Arc::new(code)),
        None => code,
    }
}

/// What is rounded where no `forward` says it. With a rule for the scale, `x` is in units of it.
fn in_units(quantizer: &Quantizer) -> Expr {
    let formulas = &quantizer.formulas;
    let x = || Expr::Name("x".into(), Span::default());
    let value = (formulas.normalize.as_ref()).map_or_else(x, of_one_value);
    match formulas.scale.as_ref().map(of_one_value) {
        Some(scale) => Expr::Binary(BinaryOp::Divide, Arc::new(value), Arc::new(scale)),
        None => value,
    }
}

/// `gradient` as it is written, or what holds without it: 1 inside the range of the codes, 0 outside.
fn gradient(quantizer: &Quantizer) -> Expr {
    if let Some(gradient) = &quantizer.formulas.gradient {
        return of_one_value(gradient);
    }
    let name = |name: &str| Arc::new(Expr::Name(name.into(), Span::default()));
    let unit = match &quantizer.formulas.forward {
        Some(_) => name("x"),
        None => Arc::new(in_units(quantizer)),
    };
    let inside = Expr::Binary(
        BinaryOp::And,
        Arc::new(Expr::Binary(BinaryOp::LessEqual, name("low"), unit.clone())),
        Arc::new(Expr::Binary(BinaryOp::LessEqual, unit, name("high"))),
    );
    let (one, zero) = (Expr::number(1.0), Expr::number(0.0));
    Expr::If(Arc::new(inside), Arc::new(one), Arc::new(zero))
}

/// The smallest and the largest code at the defaults; grids are signed unless they say that they are not.
fn codes(quantizer: &Quantizer) -> Vec<(String, f64)> {
    let grid = match quantizer.codes {
        Codes::Binary => Grid::Binary,
        Codes::Ternary => Grid::Ternary,
        Codes::Uniform => {
            let bits = quantizer.bits.as_ref().and_then(default_number);
            let Some(bits) = bits else { return Vec::new() };
            Grid::Integer {
                bits: bits as u32,
                signed: quantizer.signed != Slot::Fixed(Expr::bool(false)),
            }
        }
    };
    let (low, high) = grid.range();
    vec![
        ("low".into(), f64::from(low)),
        ("high".into(), f64::from(high)),
    ]
}

//! What values must be to go together, and what is said when they are not.
//!
//! In: typed expressions. Out: diagnostics that label both sides of a conflict; constants, folded.

use super::expr::Typed;
use super::types::{Type, same_prefix, usual_unit, with_unit};
use crate::analysis::context::Cx;
use crate::diagnostic::Diagnostic;
use crate::ir::{BinaryOp, Expr, Function, Value};
use crate::model::expression::evaluate;
use crate::source::Span;
use crate::syntax::ast;
use crate::units::Dimension;

impl Cx<'_> {
    /// A truth value.
    pub(in crate::analysis) fn truth(&mut self, e: &ast::Expr, what: &str) -> Typed {
        let typed = self.expr(e, None);
        if !typed.ty.fits(&Type::Truth) {
            self.report(
                Diagnostic::error(
                    "bnas::type::mismatch",
                    format!("expected a truth value, found {}", typed.ty.name()),
                )
                .label(typed.span, typed.ty.name())
                .help(match self.by_name(&typed) {
                    Some(help) => help,
                    None if let Some(help) = self.as_truth(&typed) => help,
                    None => format!("{what} is a comparison such as `a <= b`"),
                }),
            );
            return Typed::poison(typed.span);
        }
        typed
    }

    /// What to write for a name that is 0 or 1 where a truth value stands.
    fn as_truth(&self, typed: &Typed) -> Option<String> {
        let values = typed.values.as_deref()?;
        let is_bit = |value: &Value| matches!(value.as_number(), Some(0.0 | 1.0));
        let name = self.text(typed.span);
        let is_choice = values.len() == 2 && values.iter().all(is_bit);
        (is_choice && self.local_named(&name))
            .then(|| format!("write `{name} in {{false, true}}`: a truth value is no number"))
    }

    /// An expression with what is constant folded. A constant without a finite value is reported.
    pub(in crate::analysis) fn folded(&mut self, expr: Expr, ty: Type, span: Span) -> Typed {
        match evaluate::reduce(&expr, &|_| None) {
            Ok(Expr::Value(Value::Number(n))) if !n.is_finite() => {
                let help = without_value(&expr);
                self.report(
                    Diagnostic::error("bnas::domain::not_finite", "this has no finite value")
                        .label(span, format!("it gives {n}"))
                        .help(help),
                );
                Typed::poison(span)
            }
            Ok(folded) => Typed::new(folded, ty, span),
            // An operand of the wrong kind has been reported.
            Err(_) => Typed::new(expr, ty, span),
        }
    }

    /// Whether both are numbers; says which is none.
    pub(in crate::analysis) fn both_numbers(&mut self, x: &Typed, y: &Typed) -> bool {
        for side in [x, y] {
            if !matches!(side.ty, Type::Number(_)) && !side.ty.is_open() {
                self.expected("a number", side);
                return false;
            }
        }
        true
    }

    /// A value of the wrong kind.
    pub(in crate::analysis) fn expected(&mut self, expected: &str, found: &Typed) {
        let name = found.ty.name();
        let diagnostic = Diagnostic::error(
            "bnas::type::mismatch",
            format!("expected {expected}, found {name}"),
        )
        .label(found.span, name);
        let is_counted = found.ty == Type::Truth && expected.contains("number");
        self.report(match is_counted {
            true => diagnostic.help(format!(
                "write `if {} then 1 else 0` to count it, or join truth values by `and`, `or`",
                self.text(found.span)
            )),
            false => diagnostic,
        });
    }

    /// Two values that do not go together.
    pub(in crate::analysis) fn disagree(&mut self, rule: &str, x: &Typed, y: &Typed) {
        let units = matches!((&x.ty, &y.ty), (Type::Number(_), Type::Number(_)));
        let code = if units {
            "bnas::unit::mismatch"
        } else {
            "bnas::type::mismatch"
        };
        let (a, b) = (x.ty.name(), y.ty.name());
        let help = match self
            .in_other_unit(x, y)
            .or_else(|| self.in_other_unit(y, x))
            .or_else(|| self.by_name(x))
            .or_else(|| self.by_name(y))
        {
            Some(help) => help,
            None => rule.to_string(),
        };
        self.report(
            Diagnostic::error(code, format!("{a} does not go with {b}"))
                .label(y.span, b)
                .label(x.span, a)
                .help(help),
        );
    }

    /// What to type for a number that should have the dimension of something that is no number alone.
    fn in_other_unit(&self, number: &Typed, other: &Typed) -> Option<String> {
        let text = self.text(number.span);
        let digits = text.split(' ').next()?;
        let is_literal = |t: &Typed| self.text(t.span).starts_with(|c: char| c.is_ascii_digit());
        let (Type::Number(of_number), Type::Number(wanted)) = (&number.ty, &other.ty) else {
            return None;
        };
        if is_literal(other) || digits.parse::<f64>().is_err() {
            return None;
        }
        match (of_number.is_number(), wanted.is_number()) {
            (_, true) if *of_number == Dimension::DATA && self.text(other.span) == "params" => {
                Some(format!(
                    "`params` counts them: write a number, or limit what they take, `model_size <= {text}`"
                ))
            }
            // `0.1 * model_size`, beside a plain number.
            (_, true) if text.contains(" * ") || text.contains(" / ") => Some(format!(
                "divide it by a quantity of its dimension: `{text} / (1 {})`",
                usual_unit(*of_number)
            )),
            (_, true) => Some(format!("write it without a unit: `{digits}`")),
            (true, false) if digits == text => Some(format!(
                "write a unit behind it, such as `{}`",
                match self.text(other.span).ends_with("width") {
                    // Widths are in bits, sizes in bytes.
                    true => format!("{digits} {}", wanted.base_unit()),
                    false => with_unit(digits, *wanted),
                }
            )),
            _ => {
                let written = text[digits.len()..].trim_start();
                let unit = same_prefix(written, *wanted).unwrap_or_else(|| usual_unit(*wanted));
                Some(format!(
                    "write it in a unit of {wanted}, such as `{digits} {unit}`"
                ))
            }
        }
    }
}

/// Why a constant expression has no finite value, and what to look at.
fn without_value(expr: &Expr) -> &'static str {
    match expr {
        Expr::Call(Function::Sqrt, _) => "`sqrt` takes numbers from 0 on",
        Expr::Call(Function::Ln, _) => "`ln` takes numbers above 0",
        Expr::Call(Function::Log2, _) => "`log2` takes numbers above 0",
        Expr::Call(Function::Exp, _) => "`exp` is beyond 1.8e308 from 710 on",
        Expr::Binary(BinaryOp::Divide, ..) => "check for a division by 0",
        Expr::Binary(BinaryOp::Power, base, _)
            if base
                .as_value()
                .and_then(Value::as_number)
                .is_some_and(|n| n < 0.0) =>
        {
            "a power of a negative number has a whole exponent"
        }
        _ => "check for a division by 0, and for an exponent that is too large",
    }
}

/// Whether two values may be compared; a zero without a unit has every dimension.
pub(in crate::analysis) fn alike(x: &Typed, y: &Typed) -> bool {
    let numbers = matches!((&x.ty, &y.ty), (Type::Number(_), Type::Number(_)));
    let words = |ty: &Type| matches!(ty, Type::Word | Type::Text);
    x.ty.fits(&y.ty) || numbers && (x.is_zero() || y.is_zero()) || words(&x.ty) && words(&y.ty)
}

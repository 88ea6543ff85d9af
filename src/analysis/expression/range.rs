//! Ranges: `1..4`, `1e-4..1e-1 log`, `8..64 step 8`.
//!
//! In: two ends, and how to walk between them. Out: members and what they are. Ends are constants of one dimension, in order.

use super::decimal;
use super::expr::Typed;
use super::fits::in_range;
use super::types::Type;
use crate::analysis::context::Cx;
use crate::analysis::schema::{Field, Kind};
use crate::diagnostic::Diagnostic;
use crate::ir::{DomainKind, Expr, Value};
use crate::source::Span;
use crate::syntax::ast;

impl Cx<'_> {
    /// The domain `low..high`, with `log` or `step`, and its type.
    pub(in crate::analysis) fn range(
        &mut self,
        low: &ast::Expr,
        high: &ast::Expr,
        log: bool,
        step: Option<&ast::Expr>,
        span: Span,
    ) -> (DomainKind, Typed) {
        let poison = (DomainKind::Set(Vec::new()), Typed::poison(span));
        let (x, y) = (self.expr(low, None), self.expr(high, None));
        let by = step.map(|s| self.expr(s, None));
        if x.ty.is_open() || y.ty.is_open() {
            return poison;
        }
        for side in [&x, &y] {
            if !matches!(side.ty, Type::Number(_)) {
                self.expected("a number", side);
                return poison;
            }
        }
        for other in std::iter::once(&y).chain(&by) {
            if !other.ty.fits(&x.ty) {
                let (from, to) = (self.text(low.span), self.text(high.span));
                // `100..300 MHz`.
                let whole = to.split_once(' ').and_then(|(number, unit)| {
                    in_range(&format!("{from}..{number}"), &|n| format!("{n} {unit}"))
                });
                let rule = match whole.filter(|_| by.is_none()) {
                    Some(range) => format!("write the unit at both ends: `{range}`"),
                    None => "the numbers of a range are of one dimension".into(),
                };
                self.disagree(&rule, &x, other);
                return poison;
            }
        }
        let (Some(from), Some(to)) = (constant(&x), constant(&y)) else {
            let side = if constant(&x).is_none() { &x } else { &y };
            self.report(
                Diagnostic::error(
                    "bnas::domain::not_constant",
                    "the ends of a range are constants",
                )
                .label(side.span, "depends on something else")
                .help("write numbers, and say how the two go together: `require a <= b`"),
            );
            return poison;
        };
        let (left, right) = (self.text(low.span), self.text(high.span));
        if from > to {
            let behind = Span {
                start: high.span.end.min(span.end),
                ..span
            };
            let behind = self.text(behind);
            let behind = match behind.as_str() {
                "" => String::new(),
                behind => format!(" {behind}"),
            };
            self.report(
                Diagnostic::error(
                    "bnas::domain::reversed",
                    "the range is empty: its ends are reversed",
                )
                .label(span, format!("{left} is above {right}"))
                .help(format!("write `{right}..{left}{behind}`")),
            );
            return poison;
        }
        if log && from <= 0.0 {
            self.report(
                Diagnostic::error("bnas::domain::log", "a logarithmic range starts above 0")
                    .label(x.span, "has no logarithm")
                    .help(match to > 0.0 {
                        true => format!("start it above 0, or leave `log` out: `{left}..{right}`"),
                        false => format!("leave `log` out: `{left}..{right}`"),
                    }),
            );
            return poison;
        }
        let by = match by {
            None => None,
            Some(by) => match constant(&by) {
                Some(_) if log => {
                    self.report(
                        Diagnostic::error(
                            "bnas::domain::log",
                            "a range has `log` or `step`, not both",
                        )
                        .label(span, "this one has both")
                        .help("remove one of the two"),
                    );
                    return poison;
                }
                Some(n) if n > 0.0 => Some((n, by.span)),
                _ => {
                    self.report(
                        Diagnostic::error("bnas::domain::step", "a step is a constant above 0")
                            .label(by.span, "this is none")
                            .help("write a number above 0: `0..64 step 8`"),
                    );
                    return poison;
                }
            },
        };
        let member = Typed {
            expr: Expr::number(from),
            ty: x.ty,
            span,
            values: None,
        };
        let written = whole_literal(low).zip(whole_literal(high));
        let whole = written.is_some_and(|(x, y)| x.abs().max(y.abs()) < LARGEST_WHOLE);
        if written.is_some() && !whole && by.is_none() {
            self.report(
                Diagnostic::warning(
                    "bnas::domain::not_whole",
                    "whole numbers as large as these are searched as reals",
                )
                .label(span, "beyond 9e15, numbers of 64 bits leave some out")
                .help(format!("say so with a point: `{from:?}..{to:?}`")),
            );
        }
        if let Some((n, at)) = by {
            self.reaches_end((from, to), n, at, high.span);
        }
        match by {
            Some((n, _)) if whole && n.fract() == 0.0 => (
                DomainKind::Integers {
                    low: from as i64,
                    high: to as i64,
                    step: n as i64,
                    log: false,
                },
                Typed {
                    values: few(from, to, n),
                    ..member
                },
            ),
            None if whole => (
                DomainKind::Integers {
                    low: from as i64,
                    high: to as i64,
                    step: 1,
                    log,
                },
                Typed {
                    values: few(from, to, 1.0),
                    ..member
                },
            ),
            None => (
                DomainKind::Reals {
                    low: from,
                    high: to,
                    log,
                },
                member,
            ),
            Some((n, at)) => {
                let steps = ((to - from) / n + 1e-9).floor();
                if steps > MOST_STEPS {
                    self.report(
                        Diagnostic::error(
                            "bnas::domain::step",
                            format!("the range has {steps} steps"),
                        )
                        .label(at, "too small a step")
                        .help("leave `step` out to search all reals of the range"),
                    );
                    return poison;
                }
                let values: Vec<Value> = (0..=steps as usize)
                    .map(|i| Value::Number(decimal::member(from, n, i)))
                    .collect();
                let items = values.iter().cloned().map(Expr::Value).collect();
                (
                    DomainKind::Set(items),
                    Typed {
                        values: Some(values),
                        ..member
                    },
                )
            }
        }
    }

    /// Warns of an end that no step arrives at: the text seems to say that it is a member.
    fn reaches_end(&mut self, (from, to): (f64, f64), step: f64, at: Span, end: Span) {
        let steps = (to - from) / step;
        let nearest = decimal::member(from, step, steps.round() as usize);
        if nearest == to {
            return;
        }
        let last = match nearest < to {
            true => nearest,
            false => decimal::member(from, step, (steps.round() as usize).saturating_sub(1)),
        };
        let text = self.text(end);
        let message = match steps < 1.0 {
            true => "the range has one member: its step is longer than it is".to_string(),
            false => format!("{text} is never reached"),
        };
        let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || ".eE+-".contains(c));
        // As it is written: `200 MHz`, and not so many cycles a second.
        let written = text[..text.len() - unit.len()].parse::<f64>();
        let last = match written {
            Ok(number) if number != 0.0 && !unit.trim().is_empty() => {
                let last = last / (to / number);
                format!("{last:.9}").parse().unwrap_or(last)
            }
            _ => last,
        };
        self.report(
            Diagnostic::warning("bnas::domain::step_beyond", message)
                .label(end, "no step arrives here")
                .label(at, "the step")
                .help(format!(
                    "the last member is {last}{unit}: end the range there, or change its step"
                )),
        );
    }

    /// Both ends of a range must fit the field; a count needs whole members.
    pub(in crate::analysis) fn range_fits(
        &mut self,
        kind: &DomainKind,
        member: &Typed,
        field: &Field,
        at: Span,
    ) {
        let whole = matches!(field.kind, Kind::Whole | Kind::WholeOr(_));
        let (low, high) = match kind {
            DomainKind::Reals { low, high, .. } if whole && member.ty == Type::PLAIN => {
                self.report(
                    Diagnostic::error(
                        "bnas::domain::not_whole",
                        format!("`{}` counts: the range holds fractions", field.name),
                    )
                    .label(member.span, "a range of reals")
                    .label(at, "a whole number")
                    .help(format!(
                        "write whole bounds without a point: `{}..{}`",
                        low.ceil(),
                        high.floor()
                    )),
                );
                return;
            }
            DomainKind::Reals { low, high, .. } => (*low, *high),
            DomainKind::Integers { low, high, .. } => (*low as f64, *high as f64),
            _ => {
                self.fits(member, field, at);
                return;
            }
        };
        let ends = vec![Value::Number(low), Value::Number(high)];
        let ends = Typed {
            values: Some(ends),
            ..member.clone()
        };
        self.fits(&ends, field, at);
    }
}

/// Whole numbers below this are numbers of 64 bits, and their neighbors, too.
const LARGEST_WHOLE: f64 = 9e15;

/// The most members that `step` may give to a range of reals.
const MOST_STEPS: f64 = 10_000.0;

fn constant(typed: &Typed) -> Option<f64> {
    typed.expr.as_value().and_then(Value::as_number)
}

/// The number that is written without a point, an exponent or a unit: `4`, `-2`.
fn whole_literal(e: &ast::Expr) -> Option<f64> {
    match &e.kind {
        ast::ExprKind::Number(n) => {
            let is_whole = n.unit.is_none() && n.text.bytes().all(|b| b.is_ascii_digit());
            is_whole.then_some(n.value)
        }
        ast::ExprKind::Unary {
            op: ast::UnaryOp::Neg,
            operand,
        } => whole_literal(operand).map(|n| -n),
        _ => None,
    }
}

/// The members of a range of integers, if they are few.
fn few(low: f64, high: f64, step: f64) -> Option<Vec<Value>> {
    let steps = ((high - low) / step).floor();
    (steps <= 64.0).then(|| {
        (0..=steps as usize)
            .map(|i| Value::Number(low + i as f64 * step))
            .collect()
    })
}

//! What a declaration states about itself with `check`: numbers of its paper that it must reproduce.
//!
//! In: a declaration and what it was lowered to. Out: diagnostics about facts that do not hold, with the values of both sides. Facts speak of
//! the declaration at its defaults: of a network by `params(cifar10)`, `macs(cifar10)`, of a policy by
//! `model_size(resnet20, cifar10)`, of a block by `params(cifar10, channels = 16)`, of a repair by `macs(resnet20, binary_body, cifar10)`, of a quantizer by `codes`, `forward(0)`, `gradient(0.5, progress = 1)`, of a data set by its fields. Those of
//! targets are `target`'s business.

mod formulas;
mod networks;

use std::rc::Rc;

use super::context::{Cx, Local};
use super::expression::expr::Typed;
use super::expression::types::Type;
use super::merged::Merged;
use super::structure::network::Network;
use crate::diagnostic::Diagnostic;
use crate::ir::{Block, Codes, Dataset, DomainKind, Expr, Policy, Quantizer, Repair, Slot, Value};
use crate::model::metrics::metric;
use crate::source::Span;
use crate::syntax::ast::{self, Argument, EntryKind};

/// What facts are about.
#[derive(Debug, Clone)]
pub(super) enum Subject {
    Dataset(Dataset),
    Block(Block),
    Space(Network),
    Policy(Policy),
    Quantizer(Box<Quantizer>),
    Repair(Repair),
}

impl Cx<'_> {
    /// Evaluates the facts of a declaration.
    pub(super) fn facts(&mut self, merged: &Merged, subject: Subject) {
        let claims: Vec<&ast::Claim> = merged
            .entries
            .iter()
            .filter_map(|entry| match &entry.kind {
                EntryKind::Check(claim) => Some(claim),
                _ => None,
            })
            .collect();
        if claims.is_empty() || !self.is_sound() {
            return;
        }
        self.inside(merged, false, |cx| {
            let mark = cx.locals.len();
            cx.locals.extend(names(&subject));
            cx.subject = Some(Rc::new(subject));
            for claim in claims {
                cx.fact(claim);
            }
            cx.subject = None;
            cx.memory.networks.clear();
            cx.leave(mark);
        });
    }

    fn fact(&mut self, claim: &ast::Claim) {
        let holds = self.truth(&claim.condition, "a check");
        let text = self.text(claim.condition.span);
        match holds.expr {
            _ if holds.ty == Type::Poison => {}
            Expr::Value(Value::Bool(true)) => {}
            Expr::Value(Value::Bool(false)) => {
                let mut diagnostic =
                    Diagnostic::error("bnas::check::fails", format!("the check `{text}` fails"));
                let value = |typed: &Typed| typed.expr.as_value().cloned();
                diagnostic = match self.both_sides(&claim.condition, &value) {
                    Some(sides) => sides.into_iter().fold(diagnostic, |said, (span, value)| {
                        said.label(span, format!("this is {value}"))
                    }),
                    None => diagnostic.label(claim.condition.span, "does not hold"),
                };
                self.report_fact(diagnostic.help(match &claim.message {
                    Some(message) => message.value.clone(),
                    None => "correct what is declared, or the check".to_string(),
                }));
            }
            _ => self.report_fact(
                Diagnostic::error("bnas::check::open", format!("`{text}` has no value here"))
                    .label(claim.condition.span, "depends on a choice")
                    .help("a check speaks of what is declared, at its defaults"),
            ),
        }
    }

    /// `macs(cifar10)`, `gradient(0.5)`: what only a check may call.
    pub(super) fn fact_call(
        &mut self,
        name: &ast::Name,
        args: &[Argument],
        span: Span,
    ) -> Option<Typed> {
        let subject = self.subject.clone()?;
        let known = metric(&name.text).filter(|m| m.known && !m.needs_target);
        match (&*subject, known, name.text.as_str()) {
            (Subject::Block(_), Some(metric), _) if !["params", "macs"].contains(&metric.name) => {
                let text = format!("`{}` is not known of a block alone", metric.name);
                self.report(
                    Diagnostic::error("bnas::check::open", text)
                        .label(span, "depends on the network around")
                        .help("a block's facts speak of `params(data)` and `macs(data)`"),
                );
                Some(Typed::poison(span))
            }
            (
                Subject::Block(_) | Subject::Space(_) | Subject::Policy(_) | Subject::Repair(_),
                Some(metric),
                _,
            ) => {
                // What is named is no part of the facts.
                self.subject = None;
                let found = self.measured(&subject, metric, args, span);
                self.subject = Some(subject);
                Some(found.unwrap_or(Typed::poison(span)))
            }
            (Subject::Quantizer(quantizer), _, "gradient" | "forward") => {
                let found = self.at_point(quantizer, name, args, span);
                Some(found.unwrap_or(Typed::poison(span)))
            }
            _ => None,
        }
    }
}

/// Names that have a value in the facts of a subject.
fn names(subject: &Subject) -> Vec<Local> {
    let local = |(name, value): (&str, f64)| Local {
        constant: Some(Expr::number(value)),
        ..Local::built_in(name, Type::PLAIN)
    };
    let values = match subject {
        Subject::Dataset(d) => vec![
            ("train", d.splits.train as f64),
            ("validation", d.splits.validation as f64),
            ("test", d.splits.test as f64),
            ("classes", d.classes as f64),
            ("height", d.shape[0] as f64),
            ("width", d.shape[1] as f64),
            ("channels", d.shape[2] as f64),
            ("scale", d.scale),
        ],
        Subject::Quantizer(q) => {
            let bits = match q.codes {
                Codes::Binary => Some(1.0),
                Codes::Ternary => Some(2.0),
                Codes::Uniform => q.bits.as_ref().and_then(default_number),
            };
            let codes = match q.codes {
                Codes::Binary => Some(2.0),
                Codes::Ternary => Some(3.0),
                // Signed grids are symmetric, -(2^(b-1) - 1) … 2^(b-1) - 1; others are 0 … 2^b - 1.
                Codes::Uniform => {
                    let is_unsigned = q.signed == Slot::Fixed(Expr::bool(false));
                    bits.map(|b| 2.0_f64.powi(b as i32) - f64::from(u8::from(!is_unsigned)))
                }
            };
            let known = [("bits", bits), ("codes", codes)];
            let known = known.into_iter().filter_map(|(n, v)| Some((n, v?)));
            known.collect()
        }
        Subject::Block(_) | Subject::Space(_) | Subject::Policy(_) | Subject::Repair(_) => {
            Vec::new()
        }
    };
    values.into_iter().map(local).collect()
}

/// The number of a slot in the first trial.
pub(super) fn default_number(slot: &Slot) -> Option<f64> {
    let domain = match slot {
        Slot::Fixed(expr) => return expr.as_value()?.as_number(),
        Slot::Chosen(domain) => domain,
    };
    match (&domain.default, &domain.kind) {
        (Some(default), _) => default.as_number(),
        (None, DomainKind::Set(items) | DomainKind::Categories(items)) => {
            items.first()?.as_value()?.as_number()
        }
        (None, DomainKind::Integers { low, .. }) => Some(*low as f64),
        (None, DomainKind::Reals { low, high, log }) => Some(match log {
            true => (low * high).sqrt(),
            false => low + (high - low) / 2.0,
        }),
        (None, DomainKind::Of(_)) => None,
    }
}

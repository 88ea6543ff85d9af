//! From slots to decisions.
//!
//! In: a [`Slot`] with the path that it stands at and the guard under which it exists. Out: an expression over decisions; a
//! slot that is chosen has become a [`Decision`]. Knows names only through the scope that it is given.

use std::sync::Arc;

use super::decision::{Choices, Decision, Decisions};
use super::evaluate::{self, Failure};
use crate::diagnostic::{Diagnostic, Sink};
use crate::ir::{BinaryOp, Domain, DomainKind, Expr, Quantizer, Slot, Value};
use crate::source::Span;

/// Names of one statement list, innermost last.
#[derive(Debug, Clone, Default)]
pub(super) struct Frame(Vec<(String, Expr)>);

impl Frame {
    pub(super) fn define(&mut self, name: impl Into<String>, value: Expr) {
        self.0.push((name.into(), value));
    }

    pub(super) fn get(&self, name: &str) -> Option<Expr> {
        self.0
            .iter()
            .rev()
            .find(|(n, _)| n == name)
            .map(|(_, e)| e.clone())
    }
}

/// Makes decisions out of slots, in the order in which it meets them.
pub(super) struct Settler<'a> {
    pub(super) decisions: Decisions,
    pub(super) sink: Sink,
    quantizers: &'a [Quantizer],
}

impl<'a> Settler<'a> {
    pub(super) fn new(quantizers: &'a [Quantizer]) -> Self {
        Settler {
            decisions: Decisions::default(),
            sink: Sink::default(),
            quantizers,
        }
    }

    /// The value of a slot at `path`, which exists under `guard`. After a diagnostic the value is the number 1, so that one pass
    /// finds more.
    pub(super) fn slot(&mut self, slot: &Slot, path: &str, guard: &Expr, names: &Frame) -> Expr {
        match slot {
            Slot::Fixed(expr) => self.expr(expr, path, guard, names),
            Slot::Chosen(domain) => self.domain(domain, path, guard, names),
        }
    }

    /// A fixed expression: names replaced, choices within records made decisions.
    pub(super) fn expr(&mut self, expr: &Expr, path: &str, guard: &Expr, names: &Frame) -> Expr {
        match evaluate::reduce(expr, &|name| names.get(name)) {
            Ok(reduced) => self.within(reduced, path, guard, names),
            Err(failure) => {
                self.fail(failure, span_of(expr));
                Expr::number(1.0)
            }
        }
    }

    fn fail(&mut self, failure: Failure, span: Span) {
        let code = match failure {
            Failure::Unknown(_) => "bnas::name::unknown",
            _ => "bnas::type::mismatch",
        };
        self.sink
            .push(Diagnostic::error(code, failure.to_string()).label(span, "in this expression"));
    }

    /// Opens quantizers that have a choice of their own, and settles the slots of records.
    fn within(&mut self, expr: Expr, path: &str, guard: &Expr, names: &Frame) -> Expr {
        match self.open(expr) {
            Expr::Record(name, fields, span) => {
                let fields = fields
                    .into_iter()
                    .map(|(field, slot)| {
                        let value = self.slot(&slot, &format!("{path}.{field}"), guard, names);
                        (field, Slot::Fixed(value))
                    })
                    .collect();
                Expr::Record(name, fields, span)
            }
            Expr::If(c, x, y) => {
                let yes = evaluate::both(guard.clone(), (*c).clone());
                let no = evaluate::both(guard.clone(), evaluate::negate((*c).clone()));
                let x = self.within((*x).clone(), path, &yes, names);
                let y = self.within((*y).clone(), path, &no, names);
                evaluate::choose((*c).clone(), x, y)
            }
            other => other,
        }
    }

    /// The name of a quantizer whose definition leaves its bits open becomes a record with that choice.
    fn open(&self, expr: Expr) -> Expr {
        let (name, mut fields, span) = match &expr {
            Expr::Value(Value::Name(name)) => (name.clone(), Vec::new(), Span::default()),
            Expr::Record(name, fields, span) => (name.clone(), fields.clone(), *span),
            _ => return expr,
        };
        let Some(quantizer) = self.quantizers.iter().find(|q| q.name == name) else {
            return expr;
        };
        match &quantizer.bits {
            Some(bits @ Slot::Chosen(_)) if !fields.iter().any(|(f, _)| f == "bits") => {
                fields.push(("bits".into(), bits.clone()));
                Expr::Record(name, fields, span)
            }
            _ => expr,
        }
    }

    fn domain(&mut self, domain: &Domain, path: &str, guard: &Expr, names: &Frame) -> Expr {
        let choices = match &domain.kind {
            DomainKind::Integers {
                low,
                high,
                step,
                log,
            } => Choices::Integers {
                low: *low,
                high: *high,
                step: (*step).max(1),
                log: *log,
            },
            DomainKind::Reals { low, high, log } => Choices::Reals {
                low: *low,
                high: *high,
                log: *log,
            },
            DomainKind::Set(items) => {
                return self.members(items, false, domain, path, guard, names);
            }
            DomainKind::Categories(items) => {
                return self.members(items, true, domain, path, guard, names);
            }
            DomainKind::Of(expr) => match self.expr(expr, path, guard, names) {
                Expr::Value(Value::Set(values)) => {
                    let items: Vec<Expr> = values.into_iter().map(Expr::Value).collect();
                    return self.members(&items, false, domain, path, guard, names);
                }
                Expr::Set(items) => return self.members(&items, false, domain, path, guard, names),
                Expr::Value(found) => {
                    let text = format!("expected a set to choose from, found {}", found.kind());
                    self.sink.push(
                        Diagnostic::error("bnas::domain::not_a_set", text)
                            .label(domain.span, "this is not a set"),
                    );
                    return Expr::number(1.0);
                }
                _ => {
                    let text = "a domain must be the same for every candidate";
                    self.sink.push(
                        Diagnostic::error("bnas::domain::not_constant", text)
                            .label(domain.span, "this set depends on another decision")
                            .help("write one decision per case, each with a fixed domain"),
                    );
                    return Expr::number(1.0);
                }
            },
        };
        let default = domain.default.clone().unwrap_or_else(|| middle(&choices));
        self.decide(choices, default, domain, path, guard)
    }

    /// A set of alternatives: plain values, or records with decisions of their own that exist where they are chosen.
    fn members(
        &mut self,
        items: &[Expr],
        categorical: bool,
        domain: &Domain,
        path: &str,
        guard: &Expr,
        names: &Frame,
    ) -> Expr {
        let mut opened = Vec::with_capacity(items.len());
        for item in items {
            match evaluate::reduce(item, &|name| names.get(name)) {
                Ok(reduced) => opened.push(self.open(reduced)),
                Err(failure) => self.fail(failure, domain.span),
            }
        }
        if opened.is_empty() {
            self.sink.push(
                Diagnostic::error("bnas::domain::empty", "nothing to choose from")
                    .label(domain.span, "this set is empty"),
            );
            return Expr::number(1.0);
        }
        let constants: Option<Vec<Value>> = opened.iter().map(|e| e.as_value().cloned()).collect();
        match constants {
            Some(values) => {
                let numbers: Option<Vec<f64>> = values.iter().map(Value::as_number).collect();
                let default = domain.default.clone().unwrap_or_else(|| values[0].clone());
                let choices = match numbers {
                    Some(mut numbers) if !categorical => {
                        numbers.sort_by(f64::total_cmp);
                        numbers.dedup();
                        Choices::Ordered(numbers)
                    }
                    _ => Choices::Categories(without_repeats(values)),
                };
                self.decide(choices, default, domain, path, guard)
            }
            None => self.alternatives(opened, domain, path, guard, names),
        }
    }

    /// `{sgd(lr in …), adam(lr in …)}`: which one, then the decisions of each under `path.<its name>`.
    fn alternatives(
        &mut self,
        items: Vec<Expr>,
        domain: &Domain,
        path: &str,
        guard: &Expr,
        names: &Frame,
    ) -> Expr {
        let labels = labels_of(&items);
        let default = domain.default.clone().unwrap_or_else(|| labels[0].clone());
        let which = self.decide(
            Choices::Categories(labels.clone()),
            default,
            domain,
            path,
            guard,
        );
        let mut value = None;
        for (item, label) in items.into_iter().zip(labels).rev() {
            let chosen = Expr::Binary(
                BinaryOp::Equal,
                Arc::new(which.clone()),
                Arc::new(Expr::Value(label.clone())),
            );
            let inner = self.within(
                item,
                &format!("{path}.{label}"),
                &evaluate::both(guard.clone(), chosen.clone()),
                names,
            );
            value = Some(match value {
                None => inner,
                Some(others) => evaluate::choose(chosen, inner, others),
            });
        }
        value.expect("a set of alternatives has members")
    }

    fn decide(
        &mut self,
        choices: Choices,
        default: Value,
        domain: &Domain,
        path: &str,
        guard: &Expr,
    ) -> Expr {
        if choices.is_empty() {
            self.sink.push(
                Diagnostic::error("bnas::domain::empty", "nothing to choose from")
                    .label(domain.span, "this domain is empty"),
            );
            return Expr::number(1.0);
        }
        if !choices.contains(&default) {
            let text = format!("the default {default} is not a member of its domain");
            self.sink.push(
                Diagnostic::error("bnas::domain::default", text)
                    .label(domain.span, "of this domain"),
            );
            return Expr::Value(default);
        }
        if let Some(other) = self.decisions.all.iter().find(|d| d.path == path) {
            let text = format!("two decisions have the path `{path}`");
            self.sink.push(
                Diagnostic::error("bnas::name::duplicate", text)
                    .label(domain.span, "this one")
                    .label(other.span, "and this one")
                    .help("rename one of the two"),
            );
        }
        self.decisions.all.push(Decision {
            path: path.into(),
            choices,
            default,
            guard: guard.clone(),
            span: domain.span,
        });
        Expr::Decision(self.decisions.all.len() - 1)
    }
}

/// The default of a range: its lower end for integers, its middle (in the declared scale) for reals.
fn middle(choices: &Choices) -> Value {
    Value::Number(match choices {
        Choices::Integers { low, .. } => *low as f64,
        Choices::Reals {
            low,
            high,
            log: true,
        } => libm::sqrt(low * high),
        Choices::Reals {
            low,
            high,
            log: false,
        } => (low + high) / 2.0,
        Choices::Ordered(values) => values.first().copied().unwrap_or(f64::NAN),
        Choices::Categories(_) => f64::NAN,
    })
}

/// The names of alternatives; equal names are numbered.
fn labels_of(items: &[Expr]) -> Vec<Value> {
    let plain: Vec<String> = items
        .iter()
        .map(|item| match item {
            Expr::Value(v) => v.to_string(),
            Expr::Record(name, ..) => name.clone(),
            _ => "value".into(),
        })
        .collect();
    (0..plain.len())
        .map(|i| match plain.iter().filter(|p| **p == plain[i]).count() {
            1 => Value::name(&plain[i]),
            _ => Value::name(format!(
                "{}_{}",
                plain[i],
                plain[..i].iter().filter(|p| **p == plain[i]).count() + 1
            )),
        })
        .collect()
}

fn without_repeats(values: Vec<Value>) -> Vec<Value> {
    let mut kept: Vec<Value> = Vec::with_capacity(values.len());
    for value in values {
        if !kept.contains(&value) {
            kept.push(value);
        }
    }
    kept
}

/// The first place that an expression remembers.
pub(super) fn span_of(expr: &Expr) -> Span {
    match expr {
        Expr::Name(_, span) | Expr::Record(_, _, span) => *span,
        Expr::Unary(_, x) => span_of(x),
        Expr::Binary(_, x, y) => first(&[x, y]),
        Expr::If(c, x, y) => first(&[c, x, y]),
        Expr::Call(_, items) | Expr::Set(items) => items
            .iter()
            .map(span_of)
            .find(|s| !s.is_empty())
            .unwrap_or_default(),
        Expr::Value(_) | Expr::Decision(_) => Span::default(),
    }
}

fn first(parts: &[&Arc<Expr>]) -> Span {
    parts
        .iter()
        .map(|p| span_of(p))
        .find(|s| !s.is_empty())
        .unwrap_or_default()
}

//! From domains to decisions.
//!
//! In: a [`Domain`] with the path that it stands at and the guard under which it exists. Out: an expression over decisions, of
//! which at least one is new; or a diagnostic.

use std::collections::HashSet;
use std::sync::Arc;

use super::settle::Settler;
use crate::diagnostic::Diagnostic;
use crate::ir::{BinaryOp, Domain, DomainKind, Expr, Value};
use crate::model::decision::{Choices, Decision};
use crate::model::expression::evaluate;
use crate::model::expression::frame::Frame;
use crate::model::expression::partial;

impl Settler<'_> {
    /// The value that is chosen from a domain.
    pub(in crate::model) fn domain(
        &mut self,
        domain: &Domain,
        path: &str,
        guard: &Expr,
        names: &Frame,
    ) -> Expr {
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
            // What a member reads is read where it is chosen.
            DomainKind::Of(expr) => match self.unread(|s| s.expr(expr, path, guard, names)) {
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
        let mut written = Vec::with_capacity(items.len());
        for item in items {
            match evaluate::reduce(item, &|name| names.get(name)) {
                Ok(reduced) => {
                    opened.push(self.open(reduced));
                    written.push(item);
                }
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
            None => {
                let items = opened.into_iter().zip(written).collect();
                self.alternatives(items, domain, path, guard, names)
            }
        }
    }

    /// `{sgd(lr in …), adam(lr in …)}`: which one, then the decisions of each under `path.<its name>`. Each stands beside what is written, which knows
    /// its places.
    fn alternatives(
        &mut self,
        items: Vec<(Expr, &Expr)>,
        domain: &Domain,
        path: &str,
        guard: &Expr,
        names: &Frame,
    ) -> Expr {
        let is_formula = |item: &Expr| item.as_value().is_none() && is_plain(item);
        let all: Vec<Expr> = (items.iter())
            .map(|(item, written)| match is_formula(item) {
                true => (*written).clone(),
                false => item.clone(),
            })
            .collect();
        let is_computed = items.iter().all(|(item, _)| is_plain(item));
        let (which, labels) = self.which(&all, domain, path, guard);
        let mut cases = Vec::with_capacity(items.len());
        for ((item, written), label) in items.into_iter().zip(labels) {
            let path = format!("{path}.{label}");
            let label = Arc::new(Expr::Value(label));
            let chosen = Expr::Binary(BinaryOp::Equal, Arc::new(which.clone()), label);
            let exists = evaluate::both(guard.clone(), chosen.clone());
            self.note_reads(&item, &exists, names);
            let found = partial::uses(written, &exists, &|name| names.get(name));
            self.uses.extend(found);
            cases.push((chosen, self.member(item, &path, &exists, names)));
        }
        // The last one needs no condition: one of them is chosen.
        let value = cases
            .into_iter()
            .rev()
            .reduce(|(_, others), (chosen, value)| {
                (chosen.clone(), evaluate::choose(chosen, value, others))
            });
        let value = value.expect("a set of alternatives has members").1;
        if let (true, Expr::Decision(index)) = (is_computed, &which) {
            self.computed.insert(*index, value.clone());
        }
        value
    }

    /// Which of several named alternatives is chosen, and their names.
    pub(in crate::model) fn which(
        &mut self,
        items: &[Expr],
        domain: &Domain,
        path: &str,
        guard: &Expr,
    ) -> (Expr, Vec<Value>) {
        let labels = labels_of(items);
        let default = match &domain.default {
            None => labels[0].clone(),
            Some(default) => label_of(default, items, &labels).unwrap_or(default).clone(),
        };
        let choices = Choices::Categories(labels.clone());
        let which = self.decide(choices, default, domain, path, guard);
        (which, labels)
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
        if let Some(other) = self.written.insert(path.into(), domain.span) {
            let text = format!("two decisions have the path `{path}`");
            self.sink.push(
                Diagnostic::error("bnas::name::duplicate", text)
                    .label(domain.span, "this one")
                    .label(other, "and this one")
                    .help("rename one of the two"),
            );
        }
        let decision = Decision {
            path: path.into(),
            choices,
            default,
            guard: guard.clone(),
            unit: domain.unit.clone(),
            span: domain.span,
        };
        self.add(decision, domain.default.is_some())
    }
}

/// Whether an alternative has neither fields nor parts: it is a word or a number, or a formula of such.
fn is_plain(item: &Expr) -> bool {
    let mut is_plain = true;
    evaluate::walk(item, &mut |part| {
        is_plain &= !matches!(
            part,
            Expr::Record(..) | Expr::Set(_) | Expr::Value(Value::Record(_) | Value::Set(_))
        );
    });
    is_plain
}

/// The default of a range: its lower end for integers, its middle (in the declared scale) for reals.
fn middle(choices: &Choices) -> Value {
    Value::Number(match choices {
        Choices::Integers { low, .. } => *low as f64,
        Choices::Reals { low, high, log } => {
            let middle = match log {
                true if (low * high).is_finite() => libm::sqrt(low * high),
                true => libm::sqrt(*low) * libm::sqrt(*high),
                false => low / 2.0 + high / 2.0,
            };
            // Rounding must not lead out of the range.
            middle.max(*low).min(*high)
        }
        Choices::Ordered(values) => values.first().copied().unwrap_or(f64::NAN),
        Choices::Categories(_) => f64::NAN,
    })
}

/// The label of the alternative that a default speaks of: by its label, or by its name where one alternative has it.
fn label_of<'a>(default: &Value, items: &[Expr], labels: &'a [Value]) -> Option<&'a Value> {
    if let Some(label) = labels.iter().find(|label| *label == default) {
        return Some(label);
    }
    let is_meant = |(item, _): &(&Expr, &Value)| match item {
        Expr::Record(name, ..) => Some(name.as_str()) == default.as_name(),
        _ => false,
    };
    let mut named = items.iter().zip(labels).filter(is_meant);
    let (_, label) = named.next()?;
    named.next().is_none().then_some(label)
}

/// The names of alternatives; equal names are numbered.
pub(in crate::model) fn labels_of(items: &[Expr]) -> Vec<Value> {
    Expr::labels(items).into_iter().map(Value::name).collect()
}

fn without_repeats(values: Vec<Value>) -> Vec<Value> {
    let mut kept: Vec<Value> = Vec::with_capacity(values.len());
    let mut numbers = HashSet::new();
    for value in values {
        let is_new = match &value {
            // Zero is one number with or without its sign.
            Value::Number(x) => numbers.insert((x + 0.0).to_bits()),
            _ => !kept.contains(&value),
        };
        if is_new {
            kept.push(value);
        }
    }
    kept
}

//! Quantizers as far as the size and the price of a network depend on them: their codes, and how many scales there are.
//!
//! In: where quantizers are placed. Out: the same without the choices that change neither, such as the share of a percentile, or a name that only the
//! formula of a gradient reads: the default stands in their place. What is counted and priced looks at these, so that a real number that training
//! alone sees makes no space uncountable.

use std::sync::Arc;

use super::policy::{Placed, Placements};
use crate::ir::{Expr, Function, Per, Quantizer, Slot, Value};
use crate::model::decision::Decisions;
use crate::model::expression::evaluate::{self, Scope};
use crate::model::expression::quick::ByAddress;
use crate::model::formula::is_per_filter;

/// The fields of a quantizer on which its codes and the number of its scales depend.
const OF_CODES: [&str; 3] = ["bits", "signed", "granularity"];

/// The same placements, over the decisions that change codes.
pub(in crate::model) fn placements(
    all: &Placements,
    decisions: &Decisions,
    quantizers: &[Quantizer],
) -> Placements {
    let mut coded = Coded {
        decisions,
        quantizers,
        known: ByAddress::default(),
    };
    let layers = all.layers.iter().map(|placed| {
        let placed = placed.as_ref()?;
        Some(Placed {
            weights: coded.of(&placed.weights),
            activations: coded.of(&placed.activations),
        })
    });
    Placements {
        layers: layers.collect(),
        output: coded.of(&all.output),
    }
}

struct Coded<'a> {
    decisions: &'a Decisions,
    quantizers: &'a [Quantizer],
    known: ByAddress<Arc<Expr>>,
}

impl Coded<'_> {
    fn of(&mut self, quantizer: &Expr) -> Expr {
        match quantizer {
            Expr::If(c, x, y) => {
                let (x, y) = (self.part(x), self.part(y));
                Expr::If(c.clone(), x, y)
            }
            Expr::Record(name, fields, span) => {
                let keeps_names = self.counts_scales_by_names(name);
                let fields = fields.iter().map(|(field, slot)| {
                    let matters =
                        OF_CODES.contains(&field.as_str()) || (keeps_names && field != "scale");
                    let slot = match (matters, slot) {
                        (false, Slot::Fixed(expr)) => Slot::Fixed(self.at_default(expr)),
                        _ => slot.clone(),
                    };
                    (field.clone(), slot)
                });
                let fields = fields.collect();
                Expr::Record(name.clone(), fields, *span)
            }
            other => other.clone(),
        }
    }

    /// The placements live as long as this, so that an address stays what it is.
    fn part(&mut self, expr: &Arc<Expr>) -> Arc<Expr> {
        if let Some(known) = self.known.get(&Arc::as_ptr(expr)) {
            return known.clone();
        }
        let found = Arc::new(self.of(expr));
        self.known.insert(Arc::as_ptr(expr), found.clone());
        found
    }

    /// Whether names of a quantizer may decide between one scale and one per channel: its formula has both.
    fn counts_scales_by_names(&self, name: &str) -> bool {
        let quantizer = self.quantizers.iter().find(|q| q.name == name);
        let scale = quantizer.and_then(|q| q.formulas.scale.as_ref());
        scale.is_some_and(|scale| {
            let mut per_tensor = false;
            evaluate::walk(scale, &mut |part| {
                per_tensor |= matches!(part, Expr::Call(Function::Reduce(_, Per::Tensor), _));
            });
            per_tensor && is_per_filter(scale)
        })
    }

    fn at_default(&self, expr: &Expr) -> Expr {
        at_default(expr, self.decisions)
    }
}

/// The value of an expression where every decision that it reads is its default.
pub(in crate::model) fn at_default(expr: &Expr, decisions: &Decisions) -> Expr {
    match evaluate::value(expr, &Defaults(decisions)) {
        Ok(value) => Expr::Value(value),
        Err(_) => expr.clone(),
    }
}

/// Every decision at its default, wherever it exists.
struct Defaults<'a>(&'a Decisions);

impl Scope for Defaults<'_> {
    fn name(&self, _: &str) -> Option<Value> {
        None
    }

    fn decision(&self, index: usize) -> Option<Value> {
        Some(self.0.all[index].default.clone())
    }
}

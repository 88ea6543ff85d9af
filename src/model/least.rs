//! What a network costs at least, before it is built: a sum over layers of what each costs by itself.
//!
//! In: template nodes, where quantizers are placed, targets, requirements. Out: limits of sums of small terms that every candidate meets which
//! meets a requirement `energy <= …`, `latency <= …`, `stored_size <= …` or `peak_memory <= …`, or a sum of these, perhaps behind `… implies`. The
//! limit is a number or a formula of decisions. Points are drawn within them; whoever breaks the requirement all the same is drawn again.
//!
//! Each layer is priced as a network of one layer by [`super::hardware`], so that no formula stands twice. What depends on the
//! network around it is left out, so that the sum is not above the price:
//!
//! * `energy`, `latency`: layers, additions and padded shortcuts as they are charged. Sums of parallel branches and what repairs add is left out, and
//!   the energy of what is written to memories, whose bits are those of the readers.
//! * `stored_size`: all of it.
//! * `peak_memory`: what is alive while a node is computed, exactly (`alive`, by `flow`, `places`, `table` and `tree`). Where repairs change who reads what: its
//!   input, in the codes that it reads, and its output, in the codes of whoever reads it next, or in one bit where that is not known (`memory`).

mod alive;
mod flow;
mod limits;
mod machine;
mod memory;
mod places;
mod prices;
mod table;
mod tree;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::OnceLock;

use self::alive::Alive;
pub(super) use self::limits::bounds;
use self::machine::Machine;
use self::prices::Prices;
pub(super) use self::table::Partial;
use self::table::Table;
use super::counting::{Costs, Term};
use super::decision::Decisions;
use super::expression::evaluate;
use super::expression::members::Values;
use super::hardware::FLOAT_BITS;
use super::quantization::place;
use super::quantization::policy::Placed;
use super::quantization::quantizer;
use super::shape::build;
use super::shape::operation::{How, TemplateOp};
use super::unroll::TemplateNode;
use crate::ir::{self, Expr, Quantizer, Value};

/// Work of pricing one layer, in parts of expressions.
const PRICING: u64 = 40;

/// Where layers come from, and what is paid for them.
pub(super) struct Source<'a> {
    nodes: &'a [TemplateNode],
    placed: &'a [Option<Placed>],
    quantizers: &'a [Quantizer],
    decisions: &'a Decisions,
    /// What prices layers without their memories, and with what these charge for reading.
    bare: Machine,
    charging: Machine,
    repairs: &'a [ir::Repair],
    shape: [usize; 3],
    /// The quantizer of what leaves an addition or the network.
    output: &'a Expr,
    /// Whether samples can be negative.
    signed_input: bool,
    /// What is alive at each step, once that was wanted.
    alive: &'a OnceLock<Option<Alive>>,
    /// What each layer costs, without memories and with what these charge, once that was wanted.
    prices: &'a OnceLock<Vec<Option<Table<Prices>>>>,
    charged: &'a OnceLock<Vec<Option<Table<Prices>>>>,
    /// Quantizers by the value that names them.
    named: RefCell<Vec<(Value, Option<Option<quantizer::Quantizer>>)>>,
    /// Whether every skip connection of the space is there in the end.
    keeps_skips: bool,
    /// Whether there is nothing to pay for but layers and what is added to them.
    is_whole: bool,
}

/// What a template says of its network.
pub(super) struct Parts<'a> {
    pub nodes: &'a [TemplateNode],
    pub placed: &'a [Option<Placed>],
    pub quantizers: &'a [Quantizer],
    pub decisions: &'a Decisions,
    pub targets: &'a [(Expr, ir::Target)],
    pub repairs: &'a [ir::Repair],
    pub shape: [usize; 3],
    pub output: &'a Expr,
    pub signed_input: bool,
    pub known: &'a Known,
}

/// What is found out once it is wanted.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    alive: OnceLock<Option<Alive>>,
    prices: OnceLock<Vec<Option<Table<Prices>>>>,
    charged: OnceLock<Vec<Option<Table<Prices>>>>,
}

/// The metrics that cost at least what layers do.
pub(super) const NAMES: [&str; 4] = ["energy", "latency", "stored_size", "peak_memory"];

/// The metrics that have a least value by layers.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Metric {
    Macs,
    Params,
    ModelSize,
    Energy,
    Latency,
    StoredSize,
    PeakMemory,
}

impl Metric {
    fn named(name: &str) -> Option<Metric> {
        Some(match name {
            "macs" => Metric::Macs,
            "params" => Metric::Params,
            "model_size" => Metric::ModelSize,
            "energy" => Metric::Energy,
            "latency" => Metric::Latency,
            "stored_size" => Metric::StoredSize,
            "peak_memory" => Metric::PeakMemory,
            _ => return None,
        })
    }
}

impl<'a> Source<'a> {
    pub(super) fn new(parts: Parts<'a>) -> Source<'a> {
        let Parts {
            nodes,
            placed,
            quantizers,
            decisions,
            targets,
            repairs,
            shape,
            output,
            signed_input,
            known,
        } = parts;
        let any = |edit: ir::Edit| repairs.iter().any(|r| r.edits.contains(&edit));
        let adds = |node: &TemplateNode| matches!(node.op, TemplateOp::Join(How::Sum, _));
        Source {
            nodes,
            placed,
            quantizers,
            decisions,
            bare: Machine::bare(targets),
            charging: Machine::charging(targets),
            repairs,
            shape,
            output,
            signed_input,
            alive: &known.alive,
            prices: &known.prices,
            charged: &known.charged,
            named: RefCell::default(),
            keeps_skips: !any(ir::Edit::RemoveSkips),
            is_whole: !any(ir::Edit::RemoveSkips)
                && !any(ir::Edit::ShortcutAroundBinaryConvs)
                && !nodes.iter().any(adds),
        }
    }

    /// What each layer costs at least of a metric, and how that becomes what a network does.
    pub(super) fn of(&self, name: &str) -> Option<(Vec<Term<'_>>, Costs)> {
        let metric = Metric::named(name)?;
        Some(match (metric, self.alive()) {
            (Metric::PeakMemory, Some(alive)) => {
                let steps = alive.least(self.decisions).into_iter();
                let terms = steps.map(|bits| self.known(bits.numbers()));
                (terms.collect(), Costs::Largest)
            }
            (Metric::PeakMemory, None) => (self.neighbors(), Costs::Largest),
            _ => (self.terms(metric)?, Costs::Added),
        })
    }

    /// What a metric is at most, where some candidate has `known`; absent if that is not known.
    pub(super) fn most(&self, name: &str, known: f64) -> Option<(Vec<Term<'_>>, Costs)> {
        let metric = Metric::named(name)?;
        if metric != Metric::PeakMemory {
            let terms = self.is_whole(metric).then(|| self.terms(metric))?;
            return Some((terms?, Costs::Added));
        }
        let steps = self.alive()?.most(known as u64, self.decisions)?;
        let terms = steps.into_iter().map(|bits| self.known(bits.numbers()));
        Some((terms.collect(), Costs::Largest))
    }

    /// Whether the sum of what layers cost is all that a network does.
    fn is_whole(&self, metric: Metric) -> bool {
        let is_projection = |node: &TemplateNode| matches!(node.op, TemplateOp::Project(_));
        match metric {
            // Nothing but layers is stored.
            Metric::StoredSize | Metric::Macs | Metric::Params | Metric::ModelSize => {
                self.keeps_skips || !self.nodes.iter().any(is_projection)
            }
            Metric::Energy => self.is_whole && !self.charging.leaves_out,
            _ => self.is_whole,
        }
    }

    fn alive(&self) -> Option<&Alive> {
        self.alive.get_or_init(|| Alive::new(self)).as_ref()
    }

    /// A table as a term.
    fn known(&self, table: Table<f64>) -> Term<'_> {
        Term {
            scope: table.scope.clone(),
            work: 1,
            rows: Some(table.rows.clone()),
            value: Box::new(move |values| table.of(self.decisions, values)),
        }
    }

    /// What each layer costs; none where one depends on too much.
    fn terms(&self, metric: Metric) -> Option<Vec<Term<'_>>> {
        let price = move |p: Prices| {
            Some(match metric {
                Metric::Macs => p.macs,
                Metric::Params => p.params,
                Metric::ModelSize => p.model_size,
                Metric::Energy => p.on_target?.energy,
                Metric::Latency => p.on_target?.latency,
                Metric::StoredSize => p.on_target?.stored_size,
                Metric::PeakMemory => return None,
            })
        };
        if metric == Metric::PeakMemory {
            return Some(self.neighbors());
        }
        let prices = match metric == Metric::Energy && self.charging.charges() {
            true => (self.charged).get_or_init(|| prices::of_layers(self, &self.charging)),
            false => self
                .prices
                .get_or_init(|| prices::of_layers(self, &self.bare)),
        };
        let mut terms = Vec::with_capacity(prices.len());
        for table in prices {
            let table = table.as_ref()?.map(price).reduced();
            if table.values().any(|x| x != 0.0) || table.rows.contains(&None) {
                terms.push(self.known(table));
            }
        }
        Some(terms)
    }

    /// What enters each layer and what it gives, where repairs change who reads what.
    fn neighbors(&self) -> Vec<Term<'_>> {
        let mut terms = Vec::new();
        for (index, (node, placed)) in self.nodes.iter().zip(self.placed).enumerate() {
            let counts = match &node.op {
                TemplateOp::Convolution { .. } | TemplateOp::Linear { .. } => true,
                TemplateOp::Project(_) => self.keeps_skips,
                _ => false,
            };
            if !counts {
                continue;
            }
            let parts = self.parts(index);
            let work = work(&parts);
            terms.push(Term {
                scope: scope(&parts),
                work,
                rows: None,
                value: Box::new(move |values| {
                    let scope = Values(values);
                    if evaluate::truth(&node.guard, &scope) != Ok(true) {
                        return Some(0.0);
                    }
                    let input = build::extent(&node.input, &scope).ok()?;
                    let (_, shape) = build::operation(node, input, &scope).ok()?;
                    let read = placed.as_ref().map(|p| &p.activations);
                    let bits = bits(read, self.quantizers, &scope)?;
                    Some((input.len() as u64 * bits + shape.len() as u64) as f64)
                }),
            });
        }
        terms.extend(self.pairs());
        terms
    }

    /// Everything that a layer by itself depends on.
    fn parts(&self, index: usize) -> Vec<&Expr> {
        let node = &self.nodes[index];
        let mut parts = vec![&node.guard];
        parts.extend(node.input.sides());
        parts.extend(node.op.parts());
        if let Some(placed) = &self.placed[index] {
            parts.extend([&placed.weights, &placed.activations]);
        }
        parts
    }

    /// The quantizer that a value names; `None` if it names none.
    fn quantizer(&self, value: &Value) -> Option<Option<quantizer::Quantizer>> {
        let mut known = self.named.borrow_mut();
        if let Some((_, found)) = known.iter().find(|(other, _)| other == value) {
            return found.clone();
        }
        let found = place::quantizer(value, self.quantizers).ok();
        known.push((value.clone(), found.clone()));
        found
    }
}

/// The bits of a value that is read by this quantizer; `None` if it is none.
fn bits(quantizer: Option<&Expr>, quantizers: &[Quantizer], scope: &Values) -> Option<u64> {
    let Some(quantizer) = quantizer else {
        return Some(FLOAT_BITS);
    };
    let value = evaluate::value(quantizer, scope).ok()?;
    let quantizer = place::quantizer(&value, quantizers).ok()?;
    let bits = quantizer.map_or(FLOAT_BITS, |q| u64::from(q.grid.bits()));
    Some(bits.min(FLOAT_BITS))
}

/// The decisions of expressions, ascending.
fn scope(parts: &[&Expr]) -> Vec<usize> {
    let all = parts.iter().flat_map(|e| evaluate::decisions(e));
    let all: BTreeSet<usize> = all.collect();
    all.into_iter().collect()
}

/// The work of one value of a layer.
fn work(parts: &[&Expr]) -> u64 {
    PRICING + parts.iter().map(|e| evaluate::size(e)).sum::<u64>()
}

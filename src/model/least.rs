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
//! * `peak_memory`: what is alive while a node is computed, exactly (`alive`, by `flow`, `table` and `tree`). Where repairs change who reads what: its
//!   input, in the codes that it reads, and its output, in the codes of whoever reads it next, or in one bit where that is not known (`memory`).

mod alive;
mod flow;
mod machine;
mod memory;
mod prices;
mod table;
mod tree;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::OnceLock;

use self::alive::Alive;
use self::machine::Machine;
use self::prices::Prices;
use self::table::Table;
use super::bounds;
use super::build;
use super::counting::{Costs, End, Sum, Term, combinations};
use super::decision::Decisions;
use super::evaluate;
use super::hardware::FLOAT_BITS;
use super::members::Values;
use super::operation::{How, TemplateOp};
use super::place;
use super::policy::Placed;
use super::quantizer;
use super::unroll::TemplateNode;
use crate::ir::{self, BinaryOp, Expr, Quantizer, Value};

/// The most combinations of decisions of a limit.
const MOST_ROWS: u64 = 1_000;
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

/// The limits that a requirement sets.
pub(super) struct Limits<'a> {
    pub sums: Vec<Sum<'a>>,
    /// Whether the requirement asks for nothing else.
    pub is_all: bool,
}

/// The limits that a requirement sets; none where it says something else.
pub(super) fn bounds<'a>(require: &Expr, source: &'a Source<'a>) -> Limits<'a> {
    match require {
        Expr::Binary(BinaryOp::And, x, y) => {
            let (mut both, other) = (bounds(x, source), bounds(y, source));
            both.sums.extend(other.sums);
            both.is_all &= other.is_all;
            both
        }
        Expr::Binary(BinaryOp::Implies, condition, then)
            if evaluate::names(condition).is_empty() =>
        {
            compared(then, Some(condition), source)
        }
        other => compared(other, None, source),
    }
}

fn compared<'a>(require: &Expr, condition: Option<&Expr>, source: &'a Source<'a>) -> Limits<'a> {
    match require {
        Expr::Binary(op @ (BinaryOp::LessEqual | BinaryOp::Less), x, y) => {
            let closed = *op == BinaryOp::LessEqual;
            limit(x, y, closed, condition, source)
        }
        Expr::Binary(op @ (BinaryOp::GreaterEqual | BinaryOp::Greater), x, y) => {
            let closed = *op == BinaryOp::GreaterEqual;
            limit(y, x, closed, condition, source)
        }
        _ => nothing(),
    }
}

/// A requirement says something else.
fn nothing<'a>() -> Limits<'a> {
    Limits {
        sums: Vec::new(),
        is_all: false,
    }
}

/// `what <= most`, where something holds; `closed` says whether `most` itself is allowed.
fn limit<'a>(
    what: &Expr,
    most: &Expr,
    closed: bool,
    condition: Option<&Expr>,
    source: &'a Source<'a>,
) -> Limits<'a> {
    let mut metrics = Vec::new();
    if !metrics_of(what, &mut metrics) || !evaluate::names(most).is_empty() {
        return nothing();
    }
    let of_target = |m: &Metric| matches!(m, Metric::Energy | Metric::Latency | Metric::StoredSize);
    if metrics.iter().any(of_target) && source.bare.is_empty() {
        return nothing();
    }
    let Some(most) = Most::new(most, condition, source.decisions) else {
        return nothing();
    };
    // Where nothing is asked, 0 is not below 0.
    let is_exact = most.is_exact && (closed || condition.is_none());
    let of = |terms: Vec<Term<'a>>, is_all: bool| {
        let is_all = is_all && is_exact;
        let mut terms: Vec<Term> = terms.into_iter().map(|t| most.where_asked(t)).collect();
        terms.extend(most.term());
        Sum {
            terms,
            low: None,
            high: Some(End {
                at: most.constant,
                // What is more than the sum is not below what the sum only reaches.
                closed: closed || !is_all,
            }),
            is_all,
        }
    };
    // Of `peak_memory` the largest term counts, by itself: what is added to it is at least nothing.
    let (peaks, added): (Vec<Metric>, Vec<Metric>) =
        metrics.into_iter().partition(|m| *m == Metric::PeakMemory);
    let mut sums = Vec::new();
    if !added.is_empty() {
        let is_all = peaks.is_empty() && added.iter().all(|m| source.is_whole(*m));
        let terms = added.iter().map(|m| source.terms(*m));
        let Some(terms) = terms.collect::<Option<Vec<_>>>() else {
            return nothing();
        };
        sums.push(of(terms.into_iter().flatten().collect(), is_all));
    }
    let is_alone = added.is_empty() && peaks.len() == 1;
    let (low, high) = most.ends(closed, source.decisions);
    for _ in &peaks {
        match source.alive() {
            Some(alive) => {
                for bits in alive.within(low, high, source.decisions) {
                    let is_all = bits.is_all && is_alone;
                    sums.push(of(vec![source.known(bits.numbers())], is_all));
                }
            }
            None => {
                let terms = source.neighbors().into_iter();
                sums.extend(terms.map(|term| of(vec![term], false)));
            }
        }
    }
    Limits {
        is_all: is_exact && (peaks.is_empty() || is_alone),
        sums,
    }
}

/// The metrics of a sum; false if there is something else in it.
fn metrics_of(what: &Expr, into: &mut Vec<Metric>) -> bool {
    match what {
        Expr::Name(name, _) => {
            into.extend(Metric::named(name));
            Metric::named(name).is_some()
        }
        Expr::Binary(BinaryOp::Add, x, y) => metrics_of(x, into) && metrics_of(y, into),
        _ => false,
    }
}

/// What a limit allows: a number, or a formula of decisions whose negative is one more term of the sum.
struct Most {
    /// Whether it is not more than what is asked for.
    is_exact: bool,
    constant: f64,
    formula: Option<Expr>,
    /// Where it is asked for; elsewhere every term is 0, and so is the sum.
    condition: Option<Expr>,
}

impl Most {
    /// `None` where nothing is known of it. A formula of reals is as large as it can be.
    fn new(most: &Expr, condition: Option<&Expr>, decisions: &Decisions) -> Option<Most> {
        let is_counted = |e: &Expr| {
            let scope: Vec<usize> = evaluate::decisions(e).into_iter().collect();
            combinations(&scope, decisions).is_some_and(|rows| rows <= MOST_ROWS)
        };
        if condition.is_some_and(|c| !is_counted(c)) {
            return None;
        }
        let constant = match most.as_value() {
            Some(value) => Some(value.as_number()?),
            None if is_counted(most) => None,
            None => Some(bounds::possible(most, decisions, &|_| None).hull()?.high),
        };
        if constant.is_some_and(|c| !c.is_finite()) {
            return None;
        }
        // Where it is not asked for, the limit is 0 as the terms are.
        let is_term = constant.is_none() || condition.is_some();
        Some(Most {
            is_exact: most.as_value().is_some() || constant.is_none(),
            constant: constant.filter(|_| !is_term).unwrap_or(0.0),
            formula: is_term.then(|| constant.map_or(most.clone(), Expr::number)),
            condition: condition.cloned(),
        })
    }

    /// Whole numbers that are allowed whatever the decisions are, and beyond which none is.
    fn ends(&self, closed: bool, decisions: &Decisions) -> (u64, u64) {
        let (low, high) = match &self.formula {
            None => (self.constant, self.constant),
            Some(formula) => match bounds::possible(formula, decisions, &|_| None).hull() {
                Some(hull) => (hull.low, hull.high),
                None => (0.0, f64::INFINITY),
            },
        };
        let whole = |most: f64| match closed {
            true => most.floor().max(0.0) as u64,
            false => (most.ceil() - 1.0).max(0.0) as u64,
        };
        (whole(low), whole(high))
    }

    fn term<'a>(&self) -> Option<Term<'a>> {
        let formula = self.formula.clone()?;
        let work = evaluate::size(&formula);
        let term = Term {
            scope: evaluate::decisions(&formula).into_iter().collect(),
            work,
            rows: None,
            value: Box::new(move |values| Some(-evaluate::number(&formula, &Values(values)).ok()?)),
        };
        Some(self.where_asked(term))
    }

    /// A term that is 0 where nothing is asked.
    fn where_asked<'a>(&self, term: Term<'a>) -> Term<'a> {
        let Some(condition) = self.condition.clone() else {
            return term;
        };
        let mut scope: BTreeSet<usize> = term.scope.into_iter().collect();
        scope.extend(evaluate::decisions(&condition));
        Term {
            scope: scope.into_iter().collect(),
            work: term.work + evaluate::size(&condition),
            rows: None,
            value: Box::new(
                move |values| match evaluate::truth(&condition, &Values(values)) {
                    Ok(true) => (term.value)(values),
                    _ => Some(0.0),
                },
            ),
        }
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

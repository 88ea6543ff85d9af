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
//! * `peak_memory`: while a layer is computed, its input, in the codes that it reads, and its output, in the codes of whoever reads it next,
//!   or in one bit where that is not known, are alive (`memory`).

mod machine;
mod memory;

use std::collections::BTreeSet;

use self::machine::Machine;
use super::bounds;
use super::build;
use super::counting::{Costs, End, Sum, Term, combinations};
use super::decision::Decisions;
use super::evaluate;
use super::hardware::{self, FLOAT_BITS};
use super::members::Values;
use super::network::{Network, Node, Op, Placement};
use super::operation::{How, TemplateOp};
use super::place;
use super::policy::Placed;
use super::unroll::TemplateNode;
use crate::ir::{self, BinaryOp, Expr, Quantizer};

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
    /// Whether every skip connection of the space is there in the end.
    keeps_skips: bool,
    /// Whether there is nothing to pay for but layers and what is added to them.
    is_whole: bool,
}

/// The metrics that cost at least what layers do.
pub(super) const NAMES: [&str; 4] = ["energy", "latency", "stored_size", "peak_memory"];

/// The metrics that have a least value by layers.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Metric {
    Energy,
    Latency,
    StoredSize,
    PeakMemory,
}

impl Metric {
    fn named(name: &str) -> Option<Metric> {
        Some(match name {
            "energy" => Metric::Energy,
            "latency" => Metric::Latency,
            "stored_size" => Metric::StoredSize,
            "peak_memory" => Metric::PeakMemory,
            _ => return None,
        })
    }
}

/// The limits that a requirement sets; none where it says something else.
pub(super) fn bounds<'a>(require: &Expr, source: &'a Source<'a>) -> Vec<Sum<'a>> {
    match require {
        Expr::Binary(BinaryOp::And, x, y) => {
            let mut both = bounds(x, source);
            both.extend(bounds(y, source));
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

fn compared<'a>(require: &Expr, condition: Option<&Expr>, source: &'a Source<'a>) -> Vec<Sum<'a>> {
    match require {
        Expr::Binary(BinaryOp::LessEqual | BinaryOp::Less, x, y) => limit(x, y, condition, source),
        Expr::Binary(BinaryOp::GreaterEqual | BinaryOp::Greater, x, y) => {
            limit(y, x, condition, source)
        }
        _ => Vec::new(),
    }
}

/// `what <= most`, where something holds.
fn limit<'a>(
    what: &Expr,
    most: &Expr,
    condition: Option<&Expr>,
    source: &'a Source<'a>,
) -> Vec<Sum<'a>> {
    let mut metrics = Vec::new();
    if !metrics_of(what, &mut metrics) || !evaluate::names(most).is_empty() {
        return Vec::new();
    }
    let of_target = |m: &Metric| *m != Metric::PeakMemory;
    if metrics.iter().any(of_target) && source.bare.is_empty() {
        return Vec::new();
    }
    let Some(most) = Most::new(most, condition, source.decisions) else {
        return Vec::new();
    };
    let of = |terms: Vec<Term<'a>>| {
        let mut terms: Vec<Term> = terms.into_iter().map(|t| most.where_asked(t)).collect();
        terms.extend(most.term());
        Sum {
            terms,
            low: None,
            high: Some(End {
                at: most.constant,
                closed: true,
            }),
        }
    };
    // Of `peak_memory` the largest term counts, by itself: what is added to it is at least nothing.
    let (peaks, added): (Vec<Metric>, Vec<Metric>) =
        metrics.into_iter().partition(|m| *m == Metric::PeakMemory);
    let mut sums = Vec::new();
    if !added.is_empty() {
        let terms = added.into_iter().flat_map(|m| source.terms(m));
        sums.push(of(terms.collect()));
    }
    for term in peaks.into_iter().flat_map(|m| source.terms(m)) {
        sums.push(of(vec![term]));
    }
    sums
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
            constant: constant.filter(|_| !is_term).unwrap_or(0.0),
            formula: is_term.then(|| constant.map_or(most.clone(), Expr::number)),
            condition: condition.cloned(),
        })
    }

    fn term<'a>(&self) -> Option<Term<'a>> {
        let formula = self.formula.clone()?;
        let work = evaluate::size(&formula);
        let term = Term {
            scope: evaluate::decisions(&formula).into_iter().collect(),
            work,
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
    pub(super) fn new(
        nodes: &'a [TemplateNode],
        placed: &'a [Option<Placed>],
        quantizers: &'a [Quantizer],
        decisions: &'a Decisions,
        targets: &'a [(Expr, ir::Target)],
        repairs: &[ir::Repair],
    ) -> Source<'a> {
        let any = |edit: ir::Edit| repairs.iter().any(|r| r.edits.contains(&edit));
        let adds = |node: &TemplateNode| matches!(node.op, TemplateOp::Join(How::Sum, _));
        Source {
            nodes,
            placed,
            quantizers,
            decisions,
            bare: Machine::bare(targets),
            charging: Machine::charging(targets),
            keeps_skips: !any(ir::Edit::RemoveSkips),
            is_whole: !any(ir::Edit::RemoveSkips)
                && !any(ir::Edit::ShortcutAroundBinaryConvs)
                && !nodes.iter().any(adds),
        }
    }

    /// What each layer costs at least of a metric, and how that becomes what a network does.
    pub(super) fn of(&self, name: &str) -> Option<(Vec<Term<'_>>, Costs)> {
        let metric = Metric::named(name)?;
        let costs = match metric {
            Metric::PeakMemory => Costs::Largest,
            _ => Costs::Added,
        };
        Some((self.terms(metric), costs))
    }

    /// Whether the sum of what layers cost of a metric is all that a network does.
    pub(super) fn is_whole(&self, name: &str) -> bool {
        self.is_whole && (name != "energy" || !self.charging.leaves_out)
    }

    fn terms(&self, metric: Metric) -> Vec<Term<'_>> {
        let mut terms = Vec::new();
        for (index, (node, placed)) in self.nodes.iter().zip(self.placed).enumerate() {
            let counts = match &node.op {
                TemplateOp::Convolution { .. } | TemplateOp::Linear { .. } => true,
                TemplateOp::Project(_) => self.keeps_skips,
                TemplateOp::Add(..) | TemplateOp::Pad(_) => {
                    self.keeps_skips && matches!(metric, Metric::Energy | Metric::Latency)
                }
                _ => false,
            };
            if !counts {
                continue;
            }
            let parts = self.parts(index);
            let mut scope: BTreeSet<usize> = scope(&parts).into_iter().collect();
            if metric != Metric::PeakMemory {
                scope.extend(&self.machine(metric).decisions);
            }
            let work = work(&parts);
            terms.push(Term {
                scope: scope.into_iter().collect(),
                work,
                value: Box::new(move |values| {
                    let scope = Values(values);
                    match evaluate::truth(&node.guard, &scope) {
                        Ok(true) => self.price(metric, node, placed.as_ref(), &scope),
                        _ => Some(0.0),
                    }
                }),
            });
        }
        if metric == Metric::PeakMemory {
            terms.extend(self.pairs());
        }
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

    /// What a node costs by itself; `None` if it cannot be, or has no price.
    fn price(
        &self,
        metric: Metric,
        node: &TemplateNode,
        placed: Option<&Placed>,
        scope: &Values,
    ) -> Option<f64> {
        let input = build::extent(&node.input, scope).ok()?;
        let (op, shape) = build::operation(node, input, scope).ok()?;
        let quantizer = |e: &Expr| {
            let value = evaluate::value(e, scope).ok()?;
            place::quantizer(&value, self.quantizers).ok()
        };
        let placement = match placed {
            None => None,
            Some(placed) => Some(Placement {
                weights: quantizer(&placed.weights)?,
                activations: quantizer(&placed.activations)?,
            }),
        };
        if metric == Metric::PeakMemory {
            let bits = bits(placed.map(|p| &p.activations), self.quantizers, scope)?;
            return Some((input.len() as u64 * bits + shape.len() as u64) as f64);
        }
        let inputs = match op {
            Op::Add => vec![0, 0],
            _ => vec![0],
        };
        let of = |op, inputs, shape, placement| Node {
            layer: node.layer.clone(),
            op,
            inputs,
            shape,
            placement,
        };
        let network = Network {
            nodes: vec![
                of(Op::Input, Vec::new(), input, None),
                of(op, inputs, shape, placement),
            ],
        };
        let target = self.machine(metric).at(scope)?;
        Some(match metric {
            Metric::StoredSize => hardware::stored_size(&network, &target).ok()? as f64,
            Metric::Energy => hardware::price(&network, &target).ok()?.energy,
            _ => hardware::price(&network, &target).ok()?.latency,
        })
    }

    /// What prices a metric.
    fn machine(&self, metric: Metric) -> &Machine {
        match metric {
            Metric::Energy => &self.charging,
            _ => &self.bare,
        }
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

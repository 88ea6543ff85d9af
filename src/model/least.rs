//! What a network costs at least, before it is built: a sum over layers of what each costs by itself.
//!
//! In: template nodes, where quantizers are placed, targets, requirements. Out: limits of sums of small terms that every candidate meets which
//! meets a requirement `energy <= …`, `latency <= …`, `stored_size <= …` or `peak_memory <= …`. Points are drawn within them; whoever breaks the
//! requirement all the same is drawn again.
//!
//! Each layer is priced as a network of one layer by [`super::hardware`], so that no formula stands twice. What depends on the
//! network around it is left out, so that the sum is not above the price:
//!
//! * `energy`, `latency`: layers, additions and padded shortcuts as they are charged. Sums of parallel branches and what repairs add is left out.
//! * `stored_size`: all of it.
//! * `peak_memory`: while a layer is computed, its input, in the codes that it reads, and its output, in the codes of whoever reads it next,
//!   or in one bit where that is not known, are alive (`memory`).

mod memory;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use super::build;
use super::counting::{Costs, End, Sum, Term};
use super::decision::Decisions;
use super::evaluate::{self, Scope};
use super::hardware::{self, FLOAT_BITS, Target};
use super::members::Values;
use super::network::{Network, Node, Op, Placement};
use super::operation::{How, TemplateOp};
use super::place;
use super::policy::Placed;
use super::unroll::TemplateNode;
use crate::ir::{self, BinaryOp, Expr, Quantizer, Slot, Value};

/// Work of pricing one layer, in parts of expressions.
const PRICING: u64 = 40;

/// Where layers come from, and what is paid for them.
pub(super) struct Source<'a> {
    nodes: &'a [TemplateNode],
    placed: &'a [Option<Placed>],
    quantizers: &'a [Quantizer],
    decisions: &'a Decisions,
    targets: &'a [(Expr, ir::Target)],
    /// The decisions on which the fields of targets depend, and which target it is.
    of_targets: BTreeSet<usize>,
    /// Targets by the values of these decisions.
    known: RefCell<BTreeMap<String, Option<Target>>>,
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
        Expr::Binary(BinaryOp::LessEqual | BinaryOp::Less, x, y) => limit(x, y, source),
        Expr::Binary(BinaryOp::GreaterEqual | BinaryOp::Greater, x, y) => limit(y, x, source),
        _ => Vec::new(),
    }
}

fn limit<'a>(metric: &Expr, most: &Expr, source: &'a Source<'a>) -> Vec<Sum<'a>> {
    let Expr::Name(name, _) = metric else {
        return Vec::new();
    };
    let most = most.as_value().and_then(Value::as_number);
    let (Some(metric), Some(most)) = (Metric::named(name), most) else {
        return Vec::new();
    };
    if metric != Metric::PeakMemory && source.targets.is_empty() {
        return Vec::new();
    }
    let end = End {
        at: most,
        closed: true,
    };
    let of = |terms| Sum {
        terms,
        low: None,
        high: Some(end),
    };
    let terms = source.terms(metric);
    match metric {
        // The largest of them counts.
        Metric::PeakMemory => terms.into_iter().map(|term| of(vec![term])).collect(),
        _ => vec![of(terms)],
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
        let mut of_targets = BTreeSet::new();
        for (chosen, target) in targets {
            of_targets.extend(evaluate::decisions(chosen));
            let exprs = slots(target).into_iter().flat_map(evaluate::expressions);
            exprs.for_each(|e| of_targets.extend(evaluate::decisions(e)));
        }
        let any = |edit: ir::Edit| repairs.iter().any(|r| r.edits.contains(&edit));
        let adds = |node: &TemplateNode| matches!(node.op, TemplateOp::Join(How::Sum, _));
        Source {
            nodes,
            placed,
            quantizers,
            decisions,
            targets,
            of_targets,
            known: RefCell::default(),
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

    /// Whether the sum of what layers cost is all that a network does.
    pub(super) fn is_whole(&self) -> bool {
        self.is_whole
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
                scope.extend(&self.of_targets);
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
        let target = self.target(scope)?;
        Some(match metric {
            Metric::StoredSize => hardware::stored_size(&network, &target).ok()? as f64,
            Metric::Energy => hardware::price(&network, &target).ok()?.energy,
            _ => hardware::price(&network, &target).ok()?.latency,
        })
    }

    /// The target that is there, evaluated once for all layers.
    fn target(&self, scope: &Values) -> Option<Target> {
        let decided: Vec<Option<Value>> =
            self.of_targets.iter().map(|i| scope.decision(*i)).collect();
        let key = format!("{decided:?}");
        if let Some(target) = self.known.borrow().get(&key) {
            return target.clone();
        }
        let chosen = |(chosen, _): &&(Expr, ir::Target)| evaluate::truth(chosen, scope) == Ok(true);
        let target = self.targets.iter().find(chosen);
        let target = target.and_then(|(_, target)| Target::from_ir(target, scope).ok());
        self.known.borrow_mut().insert(key, target.clone());
        target
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

/// Every field of a target.
fn slots(target: &ir::Target) -> Vec<&Slot> {
    let mut slots = vec![
        &target.op_per_mac,
        &target.clock,
        &target.vector_width,
        &target.lanes,
        &target.idle,
    ];
    for precision in &target.precisions {
        slots.extend([&precision.energy, &precision.macs]);
    }
    slots
}

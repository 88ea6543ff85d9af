//! What each layer costs by itself, for every combination of the decisions that it depends on: priced once for all metrics.
//!
//! In: template nodes. Out: a table for each node that costs anything.

use super::Source;
use super::machine::Machine;
use super::table::{Order, Partial, Table};
use crate::model::expression::evaluate::{self, Scope};
use crate::model::hardware;
use crate::model::network::{Network, Node, Op, Placement};
use crate::model::quantization::policy::Placed;
use crate::model::shape::build;
use crate::model::shape::operation::TemplateOp;
use crate::model::unroll::TemplateNode;

/// The most combinations of the decisions of one layer.
const MOST_ROWS: usize = 20_000;
/// The most where several other layers have more.
const FEW_ROWS: usize = 100;

/// What one layer costs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Prices {
    pub macs: f64,
    pub params: f64,
    pub model_size: f64,
    /// Absent where it has no price on the target, or there is none.
    pub on_target: Option<OnTarget>,
}

/// What one layer costs on the target.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct OnTarget {
    pub stored_size: f64,
    pub energy: f64,
    pub latency: f64,
}

/// A layer that is not there.
const NOTHING: Prices = Prices {
    macs: 0.0,
    params: 0.0,
    model_size: 0.0,
    on_target: Some(OnTarget {
        stored_size: 0.0,
        energy: 0.0,
        latency: 0.0,
    }),
};

/// The prices of all layers, of each node that has any. `None` where one depends on a real, or on too much.
pub(super) fn of_layers(source: &Source, machine: &Machine) -> Vec<Option<Table<Prices>>> {
    let partial = Partial::new(source.decisions);
    // Nothing is left out, so that there is nothing to compare.
    let order = Order {
        least: |x, _| x,
        most: |x, _| x,
    };
    let mut found = Vec::new();
    // Where one layer depends on too much, those behind it mostly do, too, and all are bounds anyway: each gets less to try.
    let mut most = MOST_ROWS;
    for (node, placed) in source.nodes.iter().zip(source.placed) {
        let costs = match &node.op {
            TemplateOp::Convolution { .. } | TemplateOp::Linear { .. } => true,
            TemplateOp::Project(_) | TemplateOp::Add(..) | TemplateOp::Pad(_) => source.keeps_skips,
            _ => false,
        };
        if !costs {
            continue;
        }
        let answers = partial.answers(most, MOST_ROWS, &order, &|| {
            if !partial.holds(&node.guard)? {
                return Ok(NOTHING);
            }
            for decision in &machine.decisions {
                partial.ask(|scope| Ok::<_, ()>(scope.decision(*decision)))?;
            }
            partial.ask(|scope| price(source, machine, node, placed.as_ref(), scope).ok_or(()))
        });
        let table = answers.filter(|a| a.is_exact).map(|a| a.table);
        if table.is_none() {
            most = (most / 4).max(FEW_ROWS);
        }
        found.push(table);
    }
    found
}

/// What a node costs by itself; `None` if it cannot be.
fn price(
    source: &Source,
    machine: &Machine,
    node: &TemplateNode,
    placed: Option<&Placed>,
    scope: &dyn Scope,
) -> Option<Prices> {
    let input = build::extent(&node.input, scope).ok()?;
    let (op, shape) = build::operation(node, input, scope).ok()?;
    let quantizer = |e| source.quantizer(&evaluate::value(e, scope).ok()?);
    let placement = match placed {
        None => None,
        Some(placed) => Some(Placement {
            weights: quantizer(&placed.weights)?,
            activations: quantizer(&placed.activations)?,
        }),
    };
    let inputs = match op {
        Op::Add => vec![0, 0],
        _ => vec![0],
    };
    let of = |op, inputs, shape, placement| Node {
        layer: String::new(),
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
    let on_target = || {
        let target = machine.at(scope)?;
        let cost = hardware::price(&network, &target).ok()?;
        let found = OnTarget {
            stored_size: hardware::stored_size(&network, &target).ok()? as f64,
            energy: cost.energy,
            latency: cost.latency,
        };
        (found.energy.is_finite() && found.latency.is_finite()).then_some(found)
    };
    Some(Prices {
        macs: network.total_macs() as f64,
        params: network.params() as f64,
        model_size: hardware::model_size(&network) as f64,
        on_target: on_target(),
    })
}

//! The network of an experiment: its space, unrolled, with its policy's quantizers.
//!
//! In: an experiment and its settler. Out: a [`Body`]; what the space requires becomes constraints over decisions. What does not fit goes
//! to the settler's sink. Knows nothing of what the experiment itself asks for.

use super::asked::unknown;
use std::sync::Arc;

use super::places::{add_decisions, add_sides, settled};
use crate::ir::{BinaryOp, Experiment, Expr, Require, Space, Value};
use crate::model::expression::aggregate::Places;
use crate::model::expression::evaluate::{self, both, choose, either, negate};
use crate::model::expression::frame::Frame;
use crate::model::expression::partial;
use crate::model::findings::rescaled;
use crate::model::quantization::coded;
use crate::model::quantization::grids;
use crate::model::quantization::policy::{self, FLOAT, Placements};
use crate::model::settling::settle::Settler;
use crate::model::shape::extent::Extent;
use crate::model::shape::fit;
use crate::model::unroll::{self, TemplateNode};

/// Every node that may be there, and what is placed on it. Without a space there is none.
#[derive(Debug, Clone)]
pub(in crate::model) struct Body {
    pub(in crate::model) nodes: Vec<TemplateNode>,
    pub(in crate::model) placed: Placements,
    /// The same as far as sizes and prices depend on it.
    pub(in crate::model) coded: Placements,
    /// Of one sample: height, width, channels.
    pub(super) shape: [usize; 3],
    pub(super) classes: usize,
    /// Whether samples can be negative.
    pub(super) signed_input: bool,
    /// What the last node gives; absent without a space, and where the space itself has errors.
    end: Option<Extent>,
}

impl Body {
    /// Unrolls the space, whose values and decisions join `places` by their paths, and places quantizers on its nodes.
    pub(super) fn new(
        experiment: &Experiment,
        names: &Frame,
        places: &mut Places,
        settler: &mut Settler,
    ) -> Body {
        let data = experiment.data.as_ref();
        let mut body = Body {
            nodes: Vec::new(),
            placed: Placements::none(0),
            coded: Placements::none(0),
            shape: data.map_or([0; 3], |d| d.shape),
            classes: data.map_or(0, |d| d.classes),
            signed_input: data.is_some_and(|d| d.normalize.is_some()),
            end: None,
        };
        let Some(space) = &experiment.space else {
            return body;
        };
        let found = unroll::unroll(space, body.shape, body.classes, names, settler);
        body.end = (!settler.sink.has_errors()).then_some(found.output);
        places.extend(found.places);
        let of_copies = found.asked.iter().map(|r| &*r.holds);
        let spoken_of = asked(experiment, space).chain(of_copies);
        add_sides(places, &found.ends, spoken_of);
        add_decisions(places, settler);
        let requires = space.requires.iter().chain(&found.asked);
        require(requires, &found.names, places, settler);
        let placements = placements(experiment, &found.nodes, names, settler);
        body.nodes = found.nodes;
        body.coded = coded::placements(&placements, &settler.decisions, settler.quantizers);
        body.placed = placements;
        body
    }

    /// Whether there is anything to train.
    pub(super) fn has_space(&self) -> bool {
        self.end.is_some()
    }

    /// Everything that the network is made of. What quantizers read is noted where they are settled: their records hold names that no formula reads.
    pub(super) fn mentioned(&self) -> impl Iterator<Item = &Expr> {
        let nodes = self.nodes.iter();
        nodes.flat_map(|node| node.op.parts().into_iter().chain([&node.guard]))
    }

    /// Where any operand is quantized.
    pub(super) fn is_quantized(&self) -> Expr {
        let layers = self.nodes.iter().zip(&self.placed.layers);
        let layers = layers.filter_map(|(node, placed)| {
            let placed = placed.as_ref()?;
            let operand = either(
                is_quantizer(&placed.weights),
                is_quantizer(&placed.activations),
            );
            Some(both(node.guard.clone(), operand))
        });
        let output = is_quantizer(&self.placed.output);
        layers.fold(output, either)
    }

    /// Reports what is no network for some member of the space. Only members have to be networks, so this comes behind everything that
    /// constrains them.
    pub(super) fn check_fit(&self, experiment: &Experiment, settler: &mut Settler) {
        if let (Some(space), Some(end)) = (&experiment.space, &self.end) {
            let (decisions, sink) = (&settler.decisions, &mut settler.sink);
            fit::check(space, &self.nodes, end, self.classes, decisions, sink);
        }
    }
}

/// Everything that may speak of a part of the network by its path.
fn asked<'a>(experiment: &'a Experiment, space: &'a Space) -> impl Iterator<Item = &'a Expr> {
    let requires = experiment.requires.iter().chain(&space.requires);
    let goals = experiment.goals.iter().map(|g| &*g.expr);
    let expects = experiment.expects.iter().map(|e| &*e.holds);
    requires.map(|r| &*r.holds).chain(goals).chain(expects)
}

/// Where what gives a quantizer's name or record is not `float`.
fn is_quantizer(expr: &Expr) -> Expr {
    match expr {
        Expr::If(c, x, y) => choose((**c).clone(), is_quantizer(x), is_quantizer(y)),
        Expr::Value(value) => Expr::bool(value.as_name() != Some(FLOAT)),
        Expr::Record(..) => Expr::bool(true),
        other => {
            let float = Arc::new(Expr::Value(Value::name(FLOAT)));
            negate(Expr::Binary(
                BinaryOp::Equal,
                Arc::new(other.clone()),
                float,
            ))
        }
    }
}

/// Makes constraints of what a space requires; `names` are its own.
pub(super) fn require<'a>(
    requires: impl Iterator<Item = &'a Require>,
    names: &Frame,
    places: &Places,
    settler: &mut Settler,
) {
    for require in requires {
        let mark = settler.uses.len();
        let found = settler.unread(|s| settled(&require.holds, "space", names, places, s));
        let Some(found) = found else {
            continue;
        };
        unknown(&found.value, require.span, places, &|_| false, settler);
        partial::belong_to(&mut settler.uses[mark..], require.span, &require.holds);
        settler.require(require, &evaluate::implies(found.exists, found.value));
    }
}

/// Where the policy puts quantizers; without one, everything stays float.
fn placements(
    experiment: &Experiment,
    nodes: &[TemplateNode],
    names: &Frame,
    settler: &mut Settler,
) -> Placements {
    let placements = match &experiment.policy {
        Some(first) => {
            let choice = experiment.policy_choice.as_ref();
            let all = settler.one_of(first, choice, "policy", |p| &p.name);
            policy::place(&all, nodes, names, settler)
        }
        None => Placements::none(nodes.len()),
    };
    for (node, placed) in nodes.iter().zip(&placements.layers) {
        for value in placed.iter().flat_map(|p| [&p.weights, &p.activations]) {
            partial::of_amended(value, &node.guard, settler);
        }
    }
    grids::check_uses(nodes, &placements, settler);
    let others = experiment.policy_choice.iter().flat_map(|c| &c.others);
    let policies = experiment.policy.iter().chain(others);
    grids::check_weights(policies.clone(), nodes, &placements, settler);
    rescaled::check(policies, &placements, settler);
    placements
}

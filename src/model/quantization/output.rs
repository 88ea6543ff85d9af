//! What leaves an addition or the network, quantized: the `output` of a policy.
//!
//! In: a concrete network whose operands have their quantizers, repairs applied. Out: the same with a [`Op::Quantize`] behind every addition, and
//! behind its activation where nothing else reads the sum, and behind the last node. What is kept between layers then has few bits, too. Knows
//! nothing of policies.

use super::place;
use super::quantizer::Quantizer;
use crate::model::network::{Network, Node, Op, Placement};

/// Adds the quantizations. `signed` is what the quantizer says of its grid; without a word, a grid is unsigned where no value is negative.
pub(in crate::model) fn quantize(
    network: &mut Network,
    quantizer: &Quantizer,
    signed: Option<bool>,
    signed_input: bool,
) {
    let non_negative = place::non_negative(network, signed_input);
    let readers = network.all_readers();
    let last = network.nodes.len().saturating_sub(1);
    let mut ends = vec![false; network.nodes.len()];
    for (index, node) in network.nodes.iter().enumerate() {
        if matches!(node.op, Op::Add | Op::Sum) {
            ends[end_of(network, &readers, index)] = true;
        }
    }
    if let Some(end) = ends.last_mut() {
        *end = last > 0;
    }
    let mut nodes: Vec<Node> = Vec::with_capacity(network.nodes.len());
    // Where each node's result, quantized or not, stands now.
    let mut moved = Vec::with_capacity(network.nodes.len());
    for (index, mut node) in std::mem::take(&mut network.nodes).into_iter().enumerate() {
        node.inputs
            .iter_mut()
            .for_each(|input| *input = moved[*input]);
        let (layer, shape) = (node.layer.clone(), node.shape);
        nodes.push(node);
        if ends[index] {
            let mut settled = quantizer.clone();
            place::settle(&mut settled, signed.unwrap_or(!non_negative[index]));
            nodes.push(Node {
                layer,
                op: Op::Quantize,
                inputs: vec![nodes.len() - 1],
                shape,
                placement: Some(Placement {
                    weights: None,
                    activations: Some(settled),
                }),
            });
        }
        moved.push(nodes.len() - 1);
    }
    network.nodes = nodes;
}

/// The node whose values a sum's readers get: an activation that alone reads it is computed with it.
fn end_of(network: &Network, readers: &[Vec<usize>], sum: usize) -> usize {
    match readers[sum].as_slice() {
        [only] if matches!(network.nodes[*only].op, Op::Activation(_)) => *only,
        _ => sum,
    }
}

//! What planning and the kernels rely on.
//!
//! In: a [`Network`] from anywhere. Out: nothing, or the first node whose inputs or shape can't be, so that a malformed network is
//! an error and no panic.

use super::PlanError;
use crate::model::{Network, Op};

/// Checks the order of nodes, the number of their inputs and their shapes.
pub fn check(network: &Network) -> Result<(), PlanError> {
    let fail = |layer: &str, reason: &str| {
        Err(PlanError {
            layer: layer.to_owned(),
            reason: reason.to_owned(),
        })
    };
    if network.nodes.len() < 2 || network.nodes[0].op != Op::Input {
        return fail(
            "input",
            "a network starts with its input and does something",
        );
    }
    for (index, node) in network.nodes.iter().enumerate().skip(1) {
        let right = match (&node.op, node.inputs.len()) {
            (Op::Input, _) => false,
            (Op::Add | Op::Sum, found) => found == 2,
            (Op::Concat, found) => found >= 2,
            (_, found) => found == 1,
        };
        if !right {
            return fail(&node.layer, "the number of its inputs is wrong");
        }
        if node.inputs.iter().any(|i| *i >= index) {
            return fail(&node.layer, "it reads a node that comes later");
        }
        let input = network.input_shape(node);
        let shape = match &node.op {
            Op::Convolution(c) => {
                if c.kernel == 0 || c.dilation == 0 {
                    return fail(&node.layer, "its kernel or its dilation is zero");
                }
                let out = |n: usize| {
                    (n + 2 * c.padding)
                        .checked_sub(c.extent())
                        .filter(|_| c.stride > 0)
                        .map(|n| n / c.stride + 1)
                };
                if c.groups == 0
                    || !input.channels.is_multiple_of(c.groups)
                    || !node.shape.channels.is_multiple_of(c.groups)
                {
                    return fail(&node.layer, "its groups don't divide its channels");
                }
                out(input.height)
                    .zip(out(input.width))
                    .map(|(h, w)| (h, w, node.shape.channels))
            }
            Op::Linear => Some((1, 1, node.shape.channels)),
            Op::Flatten => Some((1, 1, input.len())),
            Op::Pool { kernel, stride, .. } => {
                let out = |n: usize, k: usize| {
                    n.checked_sub(k)
                        .filter(|_| *stride > 0 && k > 0)
                        .map(|n| n / stride + 1)
                };
                out(input.height, kernel.0)
                    .zip(out(input.width, kernel.1))
                    .map(|(h, w)| (h, w, input.channels))
            }
            Op::PadShortcut { stride } if *stride > 0 => Some((
                input.height.div_ceil(*stride),
                input.width.div_ceil(*stride),
                node.shape.channels.max(input.channels),
            )),
            Op::PadShortcut { .. } => None,
            Op::Add | Op::Sum if network.nodes[node.inputs[1]].shape != input => None,
            Op::Concat => {
                let shapes = || node.inputs.iter().map(|i| network.nodes[*i].shape);
                let fit = shapes().all(|s| (s.height, s.width) == (input.height, input.width));
                let channels = shapes().map(|s| s.channels).sum();
                fit.then_some((input.height, input.width, channels))
            }
            _ => Some((input.height, input.width, input.channels)),
        };
        let found = (node.shape.height, node.shape.width, node.shape.channels);
        if shape != Some(found) || node.shape.is_empty() {
            return fail(
                &node.layer,
                &format!(
                    "its shape {} doesn't follow from its input {input}",
                    node.shape
                ),
            );
        }
    }
    Ok(())
}

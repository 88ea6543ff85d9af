//! Repairs as edits of a concrete network, after quantizers are placed and before anything is folded.

use super::place::NotAQuantizer;
use super::quantizer::{Grid, Quantizer};
use crate::ir::{Edit, Quantizer as Definition, Repair};
use crate::model::network::{LayerKind, Network, Node, Op, Placement, Shape};

/// Applies repairs. Residual additions of the space are taken out first, so that the order of repairs never decides whether a
/// shortcut that another one adds stays; what two repairs both say is done once. `declared` has an entry for each node with weights, and loses those
/// of layers that go.
pub(in crate::model) fn apply(
    repairs: &[&Repair],
    network: &mut Network,
    declared: &mut Vec<Option<bool>>,
    definitions: &[Definition],
) -> Result<(), NotAQuantizer> {
    let mut edits: Vec<&Edit> = Vec::new();
    for edit in repairs.iter().flat_map(|repair| &repair.edits) {
        if !edits.contains(&edit) {
            edits.push(edit);
        }
    }
    edits.sort_by_key(|edit| **edit != Edit::RemoveSkips);
    for edit in edits {
        match edit {
            Edit::Features(name) => surrogate(network, name, definitions, |placement| {
                placement.activations.as_mut()
            })?,
            Edit::Weights(name) => surrogate(network, name, definitions, |placement| {
                placement.weights.as_mut()
            })?,
            Edit::RemoveSkips => {
                remove_skips(network);
                remove_unread(network, declared);
            }
            Edit::ShortcutAroundBinaryConvs => shortcuts(network),
        }
    }
    Ok(())
}

/// Binary operands take the gradient of another quantizer.
fn surrogate(
    network: &mut Network,
    name: &str,
    definitions: &[Definition],
    operand: impl Fn(&mut Placement) -> Option<&mut Quantizer>,
) -> Result<(), NotAQuantizer> {
    let source = definitions
        .iter()
        .find(|d| d.name == name)
        .ok_or_else(|| NotAQuantizer(format!("`{name}` is no quantizer")))?;
    for placement in network
        .nodes
        .iter_mut()
        .filter_map(|n| n.placement.as_mut())
    {
        if let Some(quantizer) = operand(placement).filter(|q| q.grid == Grid::Binary) {
            quantizer.name.clone_from(&source.name);
            quantizer.formulas.clone_from(&source.formulas);
        }
    }
    Ok(())
}

/// Takes residual additions out: what read the sum now reads its first operand.
fn remove_skips(network: &mut Network) {
    let mut edited = Editor::default();
    for node in &network.nodes {
        match node.op {
            Op::Add => {
                let first = edited.moved[node.inputs[0]];
                edited.moved.push(first);
            }
            _ => edited.keep(node),
        }
    }
    network.nodes = edited.nodes;
}

/// Takes out what nobody reads any more: the projections of skips.
fn remove_unread(network: &mut Network, declared: &mut Vec<Option<bool>>) {
    let Some(last) = network.nodes.len().checked_sub(1) else {
        return;
    };
    let mut is_read = vec![false; network.nodes.len()];
    (is_read[0], is_read[last]) = (true, true);
    for index in (0..=last).rev() {
        if is_read[index] {
            (network.nodes[index].inputs.iter()).for_each(|input| is_read[*input] = true);
        }
    }
    let mut entries = std::mem::take(declared).into_iter();
    let mut edited = Editor::default();
    for (index, node) in network.nodes.iter().enumerate() {
        let entry = network.layer_kind(node).and_then(|_| entries.next());
        if is_read[index] {
            edited.keep(node);
            declared.extend(entry);
        } else {
            // Never looked up: only nodes that are not read have read it.
            edited.moved.push(index);
        }
    }
    network.nodes = edited.nodes;
}

/// A shortcut around every convolution with binary weights: from what enters it to behind its norm (or behind itself, without
/// one). Where shapes differ, every stride-th pixel with zero channels appended; a convolution that narrows gets none, since channels
/// cannot be dropped without losing information.
fn shortcuts(network: &mut Network) {
    let mut edited = Editor::default();
    // Source of a shortcut by the (old) node that it joins.
    let mut joins: Vec<(usize, usize)> = Vec::new();
    for index in network.weighted() {
        let node = &network.nodes[index];
        let binary = node
            .placement
            .as_ref()
            .and_then(|p| p.weights.as_ref())
            .is_some_and(|q| q.grid == Grid::Binary);
        if binary && network.layer_kind(node) == Some(LayerKind::Conv) {
            let norm = network
                .readers(index)
                .find(|r| network.nodes[*r].op == Op::Norm);
            joins.push((norm.unwrap_or(index), node.inputs[0]));
        }
    }
    for (index, node) in network.nodes.iter().enumerate() {
        edited.keep(node);
        let Some((_, source)) = joins.iter().find(|(at, _)| *at == index) else {
            continue;
        };
        let from = network.nodes[*source].shape;
        let Some(stride) = shortcut_stride(from, node.shape) else {
            continue;
        };
        let mut skip = edited.moved[*source];
        if from != node.shape {
            skip = edited.add(node, Op::PadShortcut { stride }, vec![skip]);
        }
        let sum = edited.add(node, Op::Add, vec![edited.moved[index], skip]);
        edited.moved[index] = sum;
    }
    network.nodes = edited.nodes;
}

/// The stride that takes `from` to `to` by leaving out pixels and appending channels, if there is one.
fn shortcut_stride(from: Shape, to: Shape) -> Option<usize> {
    let stride = from.height.div_ceil(to.height.max(1)).max(1);
    let fits = from.height.div_ceil(stride) == to.height
        && from.width.div_ceil(stride) == to.width
        && from.channels <= to.channels;
    fits.then_some(stride)
}

/// Copies nodes in order, with inputs renumbered.
#[derive(Default)]
struct Editor {
    nodes: Vec<Node>,
    /// New index by old index.
    moved: Vec<usize>,
}

impl Editor {
    fn keep(&mut self, node: &Node) {
        let inputs = node.inputs.iter().map(|i| self.moved[*i]).collect();
        self.nodes.push(Node {
            inputs,
            ..node.clone()
        });
        self.moved.push(self.nodes.len() - 1);
    }

    /// A new node with the layer and shape of `like`.
    fn add(&mut self, like: &Node, op: Op, inputs: Vec<usize>) -> usize {
        self.nodes.push(Node {
            layer: like.layer.clone(),
            op,
            inputs,
            shape: like.shape,
            placement: None,
        });
        self.nodes.len() - 1
    }
}

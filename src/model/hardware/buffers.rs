//! Activations that are alive at once.
//!
//! In: a [`Network`], or a [`Flow`] of which some is not known yet. Out: bits, or what has to be known first.

use std::borrow::Cow;
use std::convert::Infallible;

use super::storage::FLOAT_BITS;
use crate::model::network::{Network, Node, Op};
use crate::model::quantization::quantizer::Quantizer;

/// Largest sum of bits of activations alive at once. While a node is computed, its operands and its result are alive. Norms,
/// activations and flattening are done in place where they alone read what comes before. A value is kept once for each
/// different quantizer that reads it, and in 32 bits if anything else reads it (or if that would be less); what leaves an addition or the network
/// quantized has those bits for all. A concatenation whose
/// parts nobody else reads has no buffer of its own: each part is written to its place in one.
pub fn peak_memory(network: &Network) -> u64 {
    let built = Built::new(network);
    // What comes to life and what dies, by step.
    let mut born = vec![0; network.nodes.len()];
    let mut dead = vec![0; network.nodes.len()];
    for (birth, node) in network.nodes.iter().enumerate() {
        let Ok(buffer) = buffer(&built, birth);
        if let Some(Buffer { death, bits }) = buffer {
            let bits = node.shape.len() as u64 * bits;
            born[birth] += bits;
            dead[death] += bits;
        }
    }
    let mut alive = 0;
    let mut peak = 0;
    for (born, dead) in born.into_iter().zip(dead) {
        alive += born;
        peak = peak.max(alive);
        alive -= dead;
    }
    peak
}

/// How values go from node to node, as far as what is kept of them depends on it. Nodes are numbered in the order of execution. What is not known yet
/// has no answer.
pub(in crate::model) trait Flow {
    /// Why there is no answer.
    type Unknown;
    /// How a node represents what it reads.
    type Codes;

    /// The nodes that a node reads, as often as it does.
    fn inputs(&self, node: usize) -> Result<Vec<usize>, Self::Unknown>;

    /// The nodes that read a node, ascending, each once.
    fn readers(&self, node: usize) -> Result<Cow<'_, [usize]>, Self::Unknown>;

    /// How a node treats what it reads.
    fn treats(&self, node: usize) -> Treats;

    /// Whether a node may read codes. One that does not multiply never does.
    fn has_codes(&self, node: usize) -> bool;

    /// The codes as which a node reads, and their bits. `None`: as they are.
    fn codes(&self, node: usize) -> Result<Option<(Self::Codes, u64)>, Self::Unknown>;

    /// Whether two nodes that read as these codes read the same ones.
    fn same(&self, x: &Self::Codes, y: &Self::Codes) -> Result<bool, Self::Unknown>;

    /// The bits of a value that is quantized for whoever reads it.
    fn quantized(&self, node: usize) -> Result<Option<u64>, Self::Unknown>;
}

/// What a node does to what it reads, as far as memory is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::model) enum Treats {
    /// Value by value, so that the result can take its place.
    InPlace,
    /// One after the other, so that each can be written to its place at once.
    Concatenates,
    Otherwise,
}

/// What is kept of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::model) struct Buffer {
    /// The last step at which it is alive.
    pub death: usize,
    /// Of one value.
    pub bits: u64,
}

/// The buffer that comes to life with a node; `None` if it takes the place of another one.
pub(in crate::model) fn buffer<F: Flow>(
    flow: &F,
    birth: usize,
) -> Result<Option<Buffer>, F::Unknown> {
    if is_in_place(flow, birth)? {
        return Ok(None);
    }
    let end = fused_end(flow, birth)?;
    let read = flow.readers(end)?.last().copied();
    // Nobody reads the result. It lives to the end, which is its own.
    let death = read.unwrap_or(end);
    let bits = kept_bits(flow, end)?;
    Ok(Some(Buffer { death, bits }))
}

/// Bits of one value that node `index` gives.
fn kept_bits<F: Flow>(flow: &F, index: usize) -> Result<u64, F::Unknown> {
    if let Some(bits) = flow.quantized(index)? {
        return Ok(bits);
    }
    let mut all: Vec<F::Codes> = Vec::new();
    let mut sum = 0;
    let users = users(flow, index)?;
    if users.iter().any(|reader| !flow.has_codes(*reader)) {
        return Ok(FLOAT_BITS);
    }
    for reader in users {
        match flow.codes(reader)? {
            Some((codes, bits)) => {
                let mut is_new = true;
                for other in &all {
                    is_new &= !flow.same(other, &codes)?;
                }
                if is_new {
                    all.push(codes);
                    sum += bits;
                }
            }
            None => return Ok(FLOAT_BITS),
        }
    }
    match all.is_empty() || sum > FLOAT_BITS {
        true => Ok(FLOAT_BITS),
        false => Ok(sum),
    }
}

/// The nodes that read a value, through concatenations: what reads one of those reads its parts. Ascending.
pub(super) fn users<F: Flow>(flow: &F, index: usize) -> Result<Vec<usize>, F::Unknown> {
    let mut found = Vec::new();
    for &reader in flow.readers(index)?.iter() {
        if flow.treats(reader) == Treats::Concatenates && !flow.readers(reader)?.is_empty() {
            found.extend(users(flow, reader)?);
        } else {
            found.push(reader);
        }
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// Whether a node takes the place of what it reads.
fn is_in_place<F: Flow>(flow: &F, index: usize) -> Result<bool, F::Unknown> {
    let alone = |input: usize| Ok(flow.readers(input)?.len() == 1);
    match flow.treats(index) {
        Treats::InPlace => alone(flow.inputs(index)?[0]),
        Treats::Concatenates => {
            let mut inputs = flow.inputs(index)?;
            let all = inputs.len();
            inputs.sort_unstable();
            inputs.dedup();
            if inputs.len() < all {
                return Ok(false);
            }
            for input in inputs {
                if !alone(input)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Treats::Otherwise => Ok(false),
    }
}

/// The node that gives the final values of the buffer that node `index` writes: the last of those done in place after it.
pub(super) fn fused_end<F: Flow>(flow: &F, index: usize) -> Result<usize, F::Unknown> {
    let mut end = index;
    loop {
        let first = flow.readers(end)?.first().copied();
        match first {
            Some(reader) if is_in_place(flow, reader)? => end = reader,
            _ => return Ok(end),
        }
    }
}

/// A network, of which everything is known.
pub(super) struct Built<'a> {
    network: &'a Network,
    readers: Vec<Vec<usize>>,
}

impl<'a> Built<'a> {
    pub(super) fn new(network: &'a Network) -> Built<'a> {
        Built {
            network,
            readers: network.all_readers(),
        }
    }
}

impl<'a> Flow for Built<'a> {
    type Unknown = Infallible;
    type Codes = &'a Quantizer;

    fn inputs(&self, node: usize) -> Result<Vec<usize>, Infallible> {
        Ok(self.network.nodes[node].inputs.clone())
    }

    fn readers(&self, node: usize) -> Result<Cow<'_, [usize]>, Infallible> {
        Ok(Cow::Borrowed(&self.readers[node]))
    }

    fn treats(&self, node: usize) -> Treats {
        match self.network.nodes[node].op {
            Op::Norm | Op::Activation(_) | Op::Flatten | Op::Quantize => Treats::InPlace,
            Op::Concat => Treats::Concatenates,
            _ => Treats::Otherwise,
        }
    }

    fn has_codes(&self, node: usize) -> bool {
        self.network.nodes[node].placement.is_some()
    }

    fn codes(&self, node: usize) -> Result<Option<(&'a Quantizer, u64)>, Infallible> {
        let placement = self.network.nodes[node].placement.as_ref();
        let quantizer = placement.and_then(|p| p.activations.as_ref());
        Ok(quantizer.map(|q| (q, u64::from(q.grid.bits()))))
    }

    fn same(&self, x: &&Quantizer, y: &&Quantizer) -> Result<bool, Infallible> {
        Ok(x == y)
    }

    fn quantized(&self, node: usize) -> Result<Option<u64>, Infallible> {
        Ok(quantized_bits(&self.network.nodes[node]))
    }
}

/// Bits of a value that has been quantized for whoever reads it.
pub(super) fn quantized_bits(node: &Node) -> Option<u64> {
    let quantizer = node.placement.as_ref()?.activations.as_ref()?;
    (node.op == Op::Quantize).then(|| u64::from(quantizer.grid.bits()))
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{INT4, add_node, conv, grid_int8, input, quantized, quantizer};
    use super::*;
    use crate::model::network::{Activation, Convolution, Placement, Shape};
    use crate::model::quantization::quantizer::Grid;

    /// input 4x4x2 -> conv (4 channels) -> norm -> relu -> conv (8) -> norm -> [+ conv of relu (8)] -> linear (10)
    fn residual(float: bool) -> Network {
        let shape = |channels| Shape {
            height: 4,
            width: 4,
            channels,
        };
        let three = Op::Convolution(Convolution {
            kernel: 3,
            stride: 1,
            padding: 1,
            dilation: 1,
            groups: 1,
        });
        let place = |grid| {
            (!float).then(|| Placement {
                weights: Some(quantizer(grid)),
                activations: Some(quantizer(grid)),
            })
        };
        let mut n = input((4, 4, 2));
        add_node(&mut n, three.clone(), &[0], shape(4), place(grid_int8())); // 1
        add_node(&mut n, Op::Norm, &[1], shape(4), None); // 2
        add_node(
            &mut n,
            Op::Activation(Activation::Relu),
            &[2],
            shape(4),
            None,
        ); // 3
        add_node(&mut n, three.clone(), &[3], shape(8), place(Grid::Binary)); // 4
        add_node(&mut n, Op::Norm, &[4], shape(8), None); // 5
        add_node(&mut n, three, &[3], shape(8), place(INT4)); // 6
        add_node(&mut n, Op::Add, &[5, 6], shape(8), None); // 7
        let classes = Shape {
            height: 1,
            width: 1,
            channels: 10,
        };
        add_node(&mut n, Op::Linear, &[7], classes, place(grid_int8())); // 8
        n
    }

    #[test]
    fn liveness_by_hand() {
        // Values: input 32, first 64, two branches and their sum 128 each, classes 10.
        // Float: 32 bits each; the sum needs both branches and itself.
        assert_eq!(peak_memory(&residual(true)), (128 * 3) * 32);
        // Quantized: the branches are added, so 32 bits; the sum is read as int8.
        assert_eq!(peak_memory(&residual(false)), 128 * 32 * 2 + 128 * 8);
    }

    #[test]
    fn a_value_is_kept_for_each_quantizer_that_reads_it() {
        let n = residual(false);
        assert_eq!(kept_bits(&Built::new(&n), 3), Ok(1 + 4));
        assert_eq!(kept_bits(&Built::new(&n), 0), Ok(8));
        assert_eq!(kept_bits(&Built::new(&n), 5), Ok(32));
        assert_eq!(kept_bits(&Built::new(&n), 8), Ok(32));
        assert_eq!(fused_end(&Built::new(&n), 1), Ok(3));
        assert_eq!(fused_end(&Built::new(&n), 4), Ok(5));
        assert_eq!(fused_end(&Built::new(&n), 6), Ok(6));
    }

    /// Two branches of 4 and 8 channels, put together and read as 4 bits.
    fn branches(reads_a_part_again: bool) -> Network {
        let shape = |channels| Shape {
            height: 4,
            width: 4,
            channels,
        };
        let place = |grid| {
            Some(Placement {
                weights: Some(quantizer(grid)),
                activations: Some(quantizer(grid)),
            })
        };
        let three = Op::Convolution(Convolution {
            kernel: 3,
            stride: 1,
            padding: 1,
            dilation: 1,
            groups: 1,
        });
        let mut n = input((4, 4, 2));
        add_node(&mut n, three.clone(), &[0], shape(4), place(grid_int8())); // 1
        add_node(&mut n, three.clone(), &[0], shape(8), place(grid_int8())); // 2
        let parts: &[usize] = if reads_a_part_again {
            &[1, 2, 1]
        } else {
            &[1, 2]
        };
        let channels = if reads_a_part_again { 16 } else { 12 };
        add_node(&mut n, Op::Concat, parts, shape(channels), None); // 3
        add_node(&mut n, three, &[3], shape(1), place(INT4)); // 4
        n
    }

    #[test]
    fn a_concatenation_has_a_buffer_only_if_it_is_a_copy() {
        let n = branches(false);
        assert_eq!(users(&Built::new(&n), 1), Ok(vec![4]));
        assert_eq!(kept_bits(&Built::new(&n), 1), Ok(4));
        assert_eq!(fused_end(&Built::new(&n), 2), Ok(3));
        // At the last step: 12 channels of 4 bits, and the result's 32.
        assert_eq!(peak_memory(&n), 16 * (12 * 4 + 32));
        // The first part stands there twice: both parts and the copy are alive.
        let n = branches(true);
        assert_eq!(fused_end(&Built::new(&n), 2), Ok(2));
        assert_eq!(peak_memory(&n), 16 * (12 + 16) * 4);
    }

    #[test]
    fn a_chain_needs_two_buffers() {
        // 4x4x8 int4 input and 4x4x16 accumulators.
        let network = quantized(conv((4, 4, 8), 16, 3, 1, 1), INT4);
        assert_eq!(peak_memory(&network), 128 * 4 + 256 * 32);
    }
}

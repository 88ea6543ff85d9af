//! Sizes of the weights.
//!
//! In: a [`Network`], and a [`Target`] where codes are as wide as it holds them. Out: bits; no size where a layer has no price on the target.

use super::Target;
use super::price::{Unpriceable, layer_precision};
use crate::model::network::{Network, Node};
use crate::model::quantization::quantizer::Quantizer;

/// Bits of a value without a quantizer, of a bias, of a scale and of an accumulator.
pub(in crate::model) const FLOAT_BITS: u64 = 32;

/// Packed bits of the network as the spec represents it: weights at the bits of their grid (32 without a quantizer), one bias of 32
/// bits per output channel (batch norm folded), and scales of 32 bits: one per output channel, or one if the quantizer is
/// per tensor. Scales of activations are folded into those of the weights.
pub fn model_size(network: &Network) -> u64 {
    network
        .weighted()
        .map(|i| &network.nodes[i])
        .map(|node| {
            let bits = weight_quantizer(node).map_or(FLOAT_BITS, |q| u64::from(q.grid.bits()));
            network.weights(node) as u64 * bits + extra_bits(node)
        })
        .sum()
}

/// The same as the target holds it: weights at the bits of the precision that their layer runs as, since the two operands of a
/// multiply-accumulate are codes of one width.
pub fn stored_size(network: &Network, target: &Target) -> Result<u64, Unpriceable> {
    network
        .weighted()
        .map(|i| &network.nodes[i])
        .map(|node| {
            let bits = u64::from(layer_precision(target, node)?.bits);
            Ok(network.weights(node) as u64 * bits + extra_bits(node))
        })
        .sum()
}

fn weight_quantizer(node: &Node) -> Option<&Quantizer> {
    node.placement.as_ref()?.weights.as_ref()
}

/// Bits of a layer's biases and scales.
fn extra_bits(node: &Node) -> u64 {
    let channels = node.shape.channels as u64;
    let scales = match weight_quantizer(node) {
        None => 0,
        Some(q) if q.per_channel => channels,
        Some(_) => 1,
    };
    (channels + scales) * FLOAT_BITS
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{INT4, braintta, conv, grid_int8, linear, quantized, quantizer};
    use super::*;
    use crate::model::quantization::quantizer::Grid;

    #[test]
    fn sizes_by_hand() {
        // 3·3·8·16 = 1152 weights; 16 biases and 16 scales of 32 bits.
        let mut network = quantized(conv((4, 4, 8), 16, 3, 1, 1), INT4);
        assert_eq!(model_size(&network), 1152 * 4 + 32 * 32);
        assert_eq!(stored_size(&network, &braintta()), Ok(1152 * 8 + 32 * 32));
        let weights = network.nodes[1].placement.as_mut().unwrap();
        weights.weights.as_mut().unwrap().per_channel = false;
        assert_eq!(model_size(&network), 1152 * 4 + 17 * 32);
        network.nodes[1].placement = None;
        assert_eq!(model_size(&network), 1152 * 32 + 16 * 32);
        assert!(stored_size(&network, &braintta()).is_err());
    }

    #[test]
    fn codes_are_held_as_they_run() {
        for (grid, bits) in [(Grid::Binary, 1), (Grid::Ternary, 2), (grid_int8(), 8)] {
            let network = quantized(linear((1, 1, 100), 10), grid);
            assert_eq!(
                stored_size(&network, &braintta()),
                Ok(1000 * bits + 20 * 32)
            );
        }
        // Binary weights that meet 8-bit activations run, and are held, as int8.
        let mut network = quantized(linear((1, 1, 100), 10), Grid::Binary);
        network.nodes[1].placement.as_mut().unwrap().activations = Some(quantizer(grid_int8()));
        assert_eq!(stored_size(&network, &braintta()), Ok(8000 + 20 * 32));
        assert_eq!(model_size(&network), 1000 + 20 * 32);
    }
}

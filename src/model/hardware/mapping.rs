//! How a layer lies on the vector unit: what is busy, and what is left over.
//!
//! In: a node with weights and the precision that it runs as. Out: [`Work`]. The mapping is this project's assumption; the
//! published figures fix only what happens at full utilization (`docs/decisions/0001-mapping-and-idle-lanes.md`).

use super::{Precision, Target};
use crate::model::network::{LayerKind, Network, Node, Op};

/// What a layer asks of the vector unit for one sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Work {
    /// Multiply-accumulates that the layer needs.
    pub macs: u64,
    /// Cycles of the vector unit.
    pub cycles: f64,
    /// Multiply-accumulates that the unit could do in these cycles.
    pub slots: f64,
}

impl Work {
    /// macs / slots, 0 to 1.
    pub fn utilization(&self) -> f64 {
        self.macs as f64 / self.slots
    }
}

/// The work of a node with weights. One vector operation takes, for `lanes` output channels, one word of input channels of one
/// pixel and one tap of the kernel. Where a target states another `macs` than lanes · codes per word, cycles scale so that
/// full utilization is `macs` per cycle.
pub(super) fn work(network: &Network, node: &Node, target: &Target, precision: &Precision) -> Work {
    let macs = network.macs(node);
    let per_word = target.codes_per_word(precision);
    let operations = vector_operations(network, node, target.lanes as u64, per_word as u64);
    let cycles = operations as f64 * (target.lanes * per_word / precision.macs);
    Work {
        macs,
        cycles,
        slots: cycles * precision.macs,
    }
}

/// Number of vector operations of a node.
///
/// * convolution: Ho·Wo · ceil(Co/groups / lanes) · groups · ceil(Ci/groups / codes per word) · K²
/// * depthwise: Ho·Wo · ceil(C / lanes) · K²: each lane holds a channel and one code of its word is used
/// * linear: ceil(Co / lanes) · ceil(Ci / codes per word)
fn vector_operations(network: &Network, node: &Node, lanes: u64, per_word: u64) -> u64 {
    let input = network.input_shape(node);
    let channels = node.shape.channels as u64;
    let pixels = node.shape.pixels() as u64;
    match (&node.op, network.layer_kind(node)) {
        (Op::Convolution(c), Some(LayerKind::Depthwise)) => {
            pixels * channels.div_ceil(lanes) * (c.kernel * c.kernel) as u64
        }
        (Op::Convolution(c), _) => {
            let groups = c.groups as u64;
            pixels
                * (channels / groups).div_ceil(lanes)
                * groups
                * (input.channels as u64 / groups).div_ceil(per_word)
                * (c.kernel * c.kernel) as u64
        }
        (Op::Linear, _) => channels.div_ceil(lanes) * (input.len() as u64).div_ceil(per_word),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{braintta, conv, grid_int8, linear, quantized};
    use super::*;
    use crate::model::quantization::quantizer::Grid;

    /// Work of node 1 of a network with one layer.
    fn of(network: &Network, precision: &str) -> Work {
        let target = braintta();
        work(
            network,
            &network.nodes[1],
            &target,
            target.precision(precision).unwrap(),
        )
    }

    #[test]
    fn full_utilization_is_the_published_peak() {
        // 32 output channels fill the lanes; 32, 16 and 4 input channels fill the words.
        for (precision, grid, channels, peak) in [
            ("binary", Grid::Binary, 32, 1024.0),
            ("ternary", Grid::Ternary, 16, 512.0),
            ("int8", grid_int8(), 4, 128.0),
        ] {
            let network = quantized(conv((8, 8, channels), 64, 3, 1, 1), grid);
            let w = of(&network, precision);
            // 64 pixels · 2 groups of lanes · 1 word · 9 taps
            assert_eq!(w.cycles, 64.0 * 2.0 * 9.0);
            assert_eq!(w.macs as f64 / w.cycles, peak);
            assert_eq!(w.utilization(), 1.0);
        }
    }

    #[test]
    fn what_does_not_fill_lanes_or_words_is_idle() {
        // 10 outputs in 32 lanes, 40 inputs in 2 words of 32: 16 pixels · 1 · 2 · 25 taps.
        let network = quantized(conv((4, 4, 40), 10, 5, 1, 1), Grid::Binary);
        let w = of(&network, "binary");
        assert_eq!(w.cycles, 800.0);
        assert_eq!(w.macs, 16 * 10 * 40 * 25);
        assert_eq!(w.utilization(), (10.0 * 40.0) / (32.0 * 64.0));
    }

    #[test]
    fn groups_run_one_after_another() {
        // 2 groups of 8 -> 16 channels: 9 pixels · ceil(16/32) · 2 · ceil(8/4) · 9 taps.
        let network = quantized(conv((3, 3, 16), 32, 3, 1, 2), grid_int8());
        let w = of(&network, "int8");
        assert_eq!(w.cycles, 9.0 * 1.0 * 2.0 * 2.0 * 9.0);
        assert_eq!(w.utilization(), 0.5);
    }

    #[test]
    fn depthwise_uses_one_code_of_each_word() {
        // 48 channels in 2 rounds of 32 lanes, one of 4 int8 codes: 25 pixels · 2 · 9 taps.
        let network = quantized(conv((5, 5, 48), 48, 3, 1, 48), grid_int8());
        let w = of(&network, "int8");
        assert_eq!(w.cycles, 450.0);
        assert_eq!(w.utilization(), 0.75 / 4.0);
    }

    #[test]
    fn stride_leaves_fewer_pixels() {
        let network = quantized(conv((8, 8, 32), 32, 3, 2, 1), Grid::Binary);
        assert_eq!(of(&network, "binary").cycles, 16.0 * 9.0);
    }

    #[test]
    fn linear_reads_its_input_as_one_pixel() {
        // 4x4x8 = 128 inputs in 8 words of 16; 10 outputs in one round.
        let network = quantized(linear((4, 4, 8), 10), Grid::Ternary);
        let w = of(&network, "ternary");
        assert_eq!(w.cycles, 8.0);
        assert_eq!(w.utilization(), 10.0 / 32.0);
    }

    #[test]
    fn another_peak_scales_cycles() {
        // A unit that needs two cycles for what lanes and words would do in one.
        let network = quantized(conv((8, 8, 32), 32, 3, 1, 1), Grid::Binary);
        let mut target = braintta();
        target.precisions[0].macs = 512.0;
        let w = work(&network, &network.nodes[1], &target, &target.precisions[0]);
        assert_eq!(w.cycles, 2.0 * 64.0 * 9.0);
        assert_eq!(w.utilization(), 1.0);
    }
}

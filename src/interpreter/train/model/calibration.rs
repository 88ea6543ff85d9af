//! Where quantizers start and what batch norm ends with: scales of activations and statistics from images.

use super::Model;
use crate::interpreter::train::batch;
use crate::interpreter::train::data::Split;
use crate::interpreter::train::forward::{Norms, Pass, Scales};
use crate::interpreter::train::plan::Operands;
use crate::interpreter::train::schedule::Moment;
use crate::ir::Quantize;

/// Images of calibration at most.
const CALIBRATION_IMAGES: usize = 1024;

/// Values of the largest activation in calibration at most: 64 MiB.
const CALIBRATION_VALUES: usize = 1 << 24;

impl Model {
    /// Switches quantizers on and off: finds the scales of activations and the statistics of batch norm.
    ///
    /// One pass over the first training images, node by node: a quantizer takes its scale from what really arrives,
    /// everything before it being quantized already, and a batch norm takes its statistics from the same pass. Statistics of
    /// the float network would be wrong behind binary and ternary layers, whose outputs have another variance.
    pub(in crate::interpreter::train) fn calibrate(&mut self, split: &Split, quantize: Quantize) {
        let count = self.images_of_calibration().min(split.len());
        let mut scales = vec![1.0; self.plan.scale_names.len()];
        self.quantized_weights = quantize.weights();
        let images = self.tensor(batch::images(split, 0..count));
        let operands = self.plan.operands_of_steps();
        let operands: Vec<(usize, Operands)> = operands
            .filter_map(|(w, o)| Some((w?, o.clone())))
            .collect();
        // Learned scales start where a rule would put them.
        for (weight, operands) in &operands {
            if let (Some(quantizer), Some(scale)) = (&operands.weights, operands.weight_scale) {
                let weight = self.parameters.get(*weight);
                let channels = weight.value.axes().last().copied().unwrap_or(1);
                let fit = quantizer.fit_weights(weight.value.values(), channels, Moment::END);
                self.parameters.set(scale, fit.scales);
            }
        }
        let pass = Pass {
            plan: &self.plan,
            parameters: &self.parameters,
            norms: Norms::Measured(&mut self.statistics),
            scales: match quantize.activations() {
                true => Scales::Measured(&mut scales),
                false => Scales::Off,
            },
            quantized_weights: self.quantized_weights,
            moment: Moment::END,
            watch: None,
        };
        pass.run(images);
        for (_, operands) in &operands {
            if let (Some((_, index)), Some(scale)) =
                (&operands.activations, operands.activation_scale)
            {
                self.parameters.set(scale, vec![scales[*index]]);
            }
        }
        self.scales = quantize.activations().then_some(scales);
    }
    /// Takes the statistics of batch norm anew from the first images of these batches, as many as calibration takes, in one pass, quantizers
    /// being as they are.
    ///
    /// The moving averages of training mix networks of several steps. Behind few bits, a small step flips signs and codes, and what
    /// is remembered belongs to no network that ever was (batch norm re-estimation: Nagel et al. 2022, arXiv:2203.08086). In one pass,
    /// every layer is measured behind layers that are normalized as they will be at inference.
    pub(in crate::interpreter::train) fn measure_norms(
        &mut self,
        batches: impl Iterator<Item = Vec<f32>>,
    ) {
        let most = self.images_of_calibration() * self.plan.shapes[0].len();
        let mut images: Vec<f32> = Vec::new();
        for batch in batches {
            images.extend(batch);
            if images.len() >= most {
                break;
            }
        }
        images.truncate(most);
        let images = self.tensor(images);
        let pass = Pass {
            plan: &self.plan,
            parameters: &self.parameters,
            norms: Norms::Measured(&mut self.statistics),
            scales: self.scales.as_deref().into(),
            quantized_weights: self.quantized_weights,
            moment: Moment::END,
            watch: None,
        };
        pass.run(images);
    }

    /// How many images calibration takes at most.
    fn images_of_calibration(&self) -> usize {
        let largest = self.plan.shapes.iter().map(|s| s.len()).max().unwrap_or(1);
        (CALIBRATION_VALUES / largest.max(1)).clamp(1, CALIBRATION_IMAGES)
    }
}

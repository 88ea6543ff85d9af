//! How a quantizer fits values: which scales and thresholds it has for them.

use super::{FakeQuantizer, inputs, scale};
use crate::interpreter::train::schedule::Moment;
use crate::kernels::Isa;
use crate::model::{Grid, ScaleRule};

/// How a quantizer fits some values: one scale for all, or one per member of the last axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    /// What one code step stands for.
    pub scales: Vec<f32>,
    /// Ternary weights (TWN): as many magnitudes up to which a value becomes 0. Empty: the nearest code counts.
    pub(super) thresholds: Vec<f32>,
    /// Members of the last axis, for formulas.
    pub(super) filters: usize,
    /// Where the stage is, for formulas.
    pub(super) moment: Moment,
}

impl Fit {
    /// One scale for all values.
    pub fn scale(scale: f32, moment: Moment) -> Fit {
        Fit {
            scales: vec![scale],
            thresholds: Vec::new(),
            filters: 1,
            moment,
        }
    }

    /// Learned scales of weights with as many filters, kept above 0.
    pub fn learned(scales: &[f32], filters: usize, moment: Moment) -> Fit {
        let positive = |s: &f32| if *s < LEAST_SCALE { LEAST_SCALE } else { *s };
        Fit {
            scales: scales.iter().map(positive).collect(),
            filters,
            ..Fit::scale(1.0, moment)
        }
    }
}

/// A learned scale does not get below this.
const LEAST_SCALE: f32 = 1e-6;

/// Values that percentiles and least errors look at: those of the first images.
const SAMPLE: usize = 1 << 18;

impl FakeQuantizer {
    /// How the quantizer fits weights (…, channels): each channel by itself, or all as one.
    pub fn fit_weights(&self, weights: &[f32], channels: usize, moment: Moment) -> Fit {
        let mut fit = Fit {
            scales: Vec::new(),
            filters: channels,
            ..Fit::scale(1.0, moment)
        };
        if self.own_scale {
            fit.scales = self.scales(weights, channels, moment);
            return fit;
        }
        let mut normalized = Vec::new();
        let weights = match self.programs.as_ref().and_then(|p| p.normalized.as_ref()) {
            Some(program) => {
                normalized.resize(weights.len(), 0.0);
                let inputs = inputs(weights, &[], &[1.0], channels, moment);
                program.run(Isa::current(), inputs, &mut normalized);
                &normalized
            }
            None => weights,
        };
        let channels = if self.per_channel { channels } else { 1 };
        fit.scales = scale::find(self.rule, self.grid, weights, channels);
        let formulas = self.programs.is_some();
        if (self.rule, self.grid, formulas) == (ScaleRule::MeanAbs, Grid::Ternary, false) {
            fit.thresholds = scale::ternary_thresholds(weights, channels);
        }
        fit
    }

    /// The scales that the quantizer's own formula gives.
    fn scales(&self, x: &[f32], filters: usize, moment: Moment) -> Vec<f32> {
        let program = self.programs.as_ref().map(|p| &p.scale);
        let program = program.expect("invariant: a formula for the scale has a program");
        let mut kept = program.run(
            Isa::current(),
            inputs(x, &[], &[1.0], filters, moment),
            &mut [],
        );
        kept.swap_remove(0)
    }

    /// The scale of activations: by its own formula, or by its rule from a sample of them.
    pub fn fit_activations(&self, x: &[f32], moment: Moment) -> f32 {
        if self.own_scale {
            return self.scales(x, 1, moment)[0];
        }
        let sample = match self.rule {
            ScaleRule::Percentile(_) | ScaleRule::MeanSquaredError => &x[..x.len().min(SAMPLE)],
            // Extremes and means are cheap.
            _ => x,
        };
        scale::find(self.rule, self.grid, sample, 1)[0]
    }
}

//! Fake quantization: values are replaced by code times scale, gradients pass by a surrogate.
//!
//! In: a [`Quantizer`] with every choice made, values and scales. Out: quantized values, codes, and what goes back. Weights
//! have their output channel as the last axis, so that one scale per channel is a row of scales; a single scale
//! serves a whole tensor. A scale is held constant in the backward pass. Knows nothing of layers or of the tape.

pub mod scale;

use super::schedule::Moment;
use crate::kernels::{Isa, elementwise, quantize};
use crate::model::formula::{Formula, FormulaError};
use crate::model::{Grid, Quantizer, ScaleRule};

/// Adding and taking away this number (1.5 · 2^23) rounds half to even wherever |x| < 2^22, in one vector addition each.
const ROUND: f32 = 12_582_912.0;

/// The code of a value in units of the scale. NaN stays NaN, so that divergence is seen.
#[inline(always)]
pub fn code(grid: Grid, z: f32) -> f32 {
    match grid {
        Grid::Binary => {
            if z >= 0.0 {
                1.0
            } else if z < 0.0 {
                -1.0
            } else {
                z
            }
        }
        _ => {
            let (low, high) = bounds(grid);
            round(z, low, high)
        }
    }
}

/// Clips, then rounds half to even.
#[inline(always)]
fn round(z: f32, low: f32, high: f32) -> f32 {
    let z = if z < low { low } else { z };
    let z = if z > high { high } else { z };
    (z + ROUND) - ROUND
}

/// A quantizer that is ready to run.
#[derive(Debug, Clone, PartialEq)]
pub struct FakeQuantizer {
    /// The codes.
    pub grid: Grid,
    /// How scales are found.
    pub rule: ScaleRule,
    /// Whether weights have a scale per output channel.
    pub per_channel: bool,
    surrogate: Surrogate,
}

/// What stands for the derivative of the staircase.
#[derive(Debug, Clone, PartialEq)]
enum Surrogate {
    /// 1 inside the range of the codes, 0 outside.
    Straight,
    /// 1 everywhere.
    Identity,
    /// A formula over `x` in units of the scale.
    Formula(Formula),
}

/// How a quantizer fits some values: one scale for all, or one per member of the last axis.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Fit {
    /// What one code step stands for.
    pub scales: Vec<f32>,
    /// Ternary weights (TWN): as many magnitudes up to which a value becomes 0. Empty: the nearest code counts.
    thresholds: Vec<f32>,
}

impl Fit {
    /// One scale for all values.
    pub fn scale(scale: f32) -> Fit {
        Fit {
            scales: vec![scale],
            thresholds: Vec::new(),
        }
    }
}

impl FakeQuantizer {
    /// The quantizer of activations. Straight through: values beyond the codes get no gradient.
    pub fn of_activations(quantizer: &Quantizer) -> Result<FakeQuantizer, FormulaError> {
        FakeQuantizer::new(quantizer, Surrogate::Straight)
    }

    /// The quantizer of weights. Every weight gets its gradient: one beyond the largest code must be able to come back, and a
    /// binary one to change its sign, although half of all weights are above the mean that is their scale.
    pub fn of_weights(quantizer: &Quantizer) -> Result<FakeQuantizer, FormulaError> {
        FakeQuantizer::new(quantizer, Surrogate::Identity)
    }

    fn new(quantizer: &Quantizer, default: Surrogate) -> Result<FakeQuantizer, FormulaError> {
        Ok(FakeQuantizer {
            grid: quantizer.grid,
            rule: quantizer.scale,
            per_channel: quantizer.per_channel,
            surrogate: match &quantizer.gradient {
                Some(expr) => Surrogate::Formula(Formula::compile(expr, &quantizer.lets)?),
                None => default,
            },
        })
    }

    /// How the quantizer fits weights (…, channels): each channel by itself, or all as one.
    pub fn fit_weights(&self, weights: &[f32], channels: usize) -> Fit {
        let mut fit = Fit::default();
        if !self.per_channel {
            self.fit(weights, &mut fit);
            return fit;
        }
        let mut column = vec![0.0; weights.len() / channels];
        for channel in 0..channels {
            for (value, row) in column.iter_mut().zip(weights.chunks_exact(channels)) {
                *value = row[channel];
            }
            self.fit(&column, &mut fit);
        }
        fit
    }

    fn fit(&self, weights: &[f32], fit: &mut Fit) {
        fit.scales.push(scale::find(self.rule, self.grid, weights));
        if (self.rule, self.grid) == (ScaleRule::MeanAbs, Grid::Ternary) {
            fit.thresholds.push(scale::ternary_threshold(weights));
        }
    }

    /// Writes code times scale of each value.
    pub fn forward(&self, fit: &Fit, x: &[f32], out: &mut [f32]) {
        let isa = Isa::current();
        match self.grid {
            Grid::Binary => quantize::sign(isa, x, &fit.scales, out),
            Grid::Ternary if !fit.thresholds.is_empty() => {
                quantize::ternary(isa, x, &fit.thresholds, &fit.scales, out);
            }
            grid => {
                let (low, high) = bounds(grid);
                quantize::uniform(isa, x, &fit.scales, low, high, out);
            }
        }
    }

    /// The codes alone, as an integer machine stores them.
    #[cfg(test)]
    pub fn codes(&self, fit: &Fit, x: &[f32]) -> Vec<i32> {
        let mut values = vec![0.0; x.len()];
        self.forward(fit, x, &mut values);
        let scales = fit.scales.iter().cycle();
        values
            .iter()
            .zip(scales)
            .map(|(v, s)| (v / s).round() as i32)
            .collect()
    }

    /// Adds to `dx` what passes of `dy` at a moment of a stage of training.
    pub fn backward(&self, fit: &Fit, moment: Moment, x: &[f32], dy: &[f32], dx: &mut [f32]) {
        let isa = Isa::current();
        let scales = &fit.scales;
        match &self.surrogate {
            Surrogate::Identity => elementwise::accumulate(isa, dx, dy),
            Surrogate::Straight => {
                let (low, high) = bounds(self.grid);
                quantize::uniform_backward(isa, x, scales, low, high, dy, dx);
            }
            Surrogate::Formula(formula) => {
                let z: Vec<f32> = x
                    .iter()
                    .zip(scales.iter().cycle())
                    .map(|(x, s)| x / s)
                    .collect();
                let mut slope = vec![0.0; x.len()];
                formula.eval(&z, moment.progress as f32, &mut slope);
                for ((dx, dy), slope) in dx.iter_mut().zip(dy).zip(&slope) {
                    *dx += dy * slope;
                }
            }
        }
    }
}

/// Smallest and largest code.
fn bounds(grid: Grid) -> (f32, f32) {
    let (low, high) = grid.range();
    (low as f32, high as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::Expr;

    fn quantizer(grid: Grid) -> Quantizer {
        Quantizer {
            name: "q".into(),
            grid,
            per_channel: true,
            scale: ScaleRule::MaxAbs,
            gradient: None,
            lets: vec![],
        }
    }

    fn values(grid: Grid, scale: f32, x: &[f32]) -> Vec<f32> {
        let q = FakeQuantizer::of_activations(&quantizer(grid)).unwrap();
        let mut out = vec![0.0; x.len()];
        q.forward(&Fit::scale(scale), x, &mut out);
        let codes: Vec<f32> = q
            .codes(&Fit::scale(scale), x)
            .iter()
            .map(|c| *c as f32 * scale)
            .collect();
        assert_eq!(out, codes);
        out
    }

    #[test]
    fn values_are_rounded_half_to_even_and_clipped() {
        let int3 = Grid::Integer {
            bits: 3,
            signed: true,
        };
        let x = [-9.0, -1.25, -0.75, -0.25, 0.0, 0.25, 0.75, 1.25, 1.26, 9.0];
        assert_eq!(
            values(int3, 0.5, &x),
            [-1.5, -1.0, -1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.5, 1.5]
        );
        let uint2 = Grid::Integer {
            bits: 2,
            signed: false,
        };
        assert_eq!(
            values(uint2, 2.0, &[-5.0, 0.9, 1.0, 1.1, 3.0, 5.0, 99.0]),
            [0.0, 0.0, 0.0, 2.0, 4.0, 4.0, 6.0]
        );
        assert_eq!(
            values(Grid::Ternary, 1.0, &[-0.51, -0.5, 0.0, 0.5, 0.51, 7.0]),
            [-1.0, 0.0, 0.0, 0.0, 1.0, 1.0]
        );
        assert_eq!(
            values(Grid::Binary, 0.25, &[-3.0, -1e-30, -0.0, 0.0, 1e-30]),
            [-0.25, -0.25, 0.25, 0.25, 0.25]
        );
    }

    #[test]
    fn rounding_agrees_with_the_standard_library() {
        let int8 = Grid::Integer {
            bits: 8,
            signed: true,
        };
        for i in -5200..5200 {
            let z = i as f32 / 40.0;
            let wanted = z.round_ties_even().clamp(-127.0, 127.0);
            assert_eq!(code(int8, z), wanted, "at {z}");
        }
        assert!(code(int8, f32::NAN).is_nan() && code(Grid::Binary, f32::NAN).is_nan());
    }

    #[test]
    fn channels_have_their_own_scales() {
        let q = FakeQuantizer::of_weights(&quantizer(Grid::Ternary)).unwrap();
        let weights = [4.0, 0.1, -2.1, 0.2]; // (2, 2)
        let fit = q.fit_weights(&weights, 2);
        assert_eq!(fit.scales, [4.0, 0.2]);
        let mut out = [0.0; 4];
        q.forward(&fit, &weights, &mut out);
        assert_eq!(out, [4.0, 0.0, -4.0, 0.2]);
        let whole = FakeQuantizer {
            per_channel: false,
            ..q
        };
        assert_eq!(whole.fit_weights(&weights, 2).scales, [4.0]);
    }

    #[test]
    fn ternary_weights_have_the_threshold_of_their_paper() {
        let q = FakeQuantizer {
            rule: ScaleRule::MeanAbs,
            ..FakeQuantizer::of_weights(&quantizer(Grid::Ternary)).unwrap()
        };
        // 0.7 mean |w| = 1.75, the mean above it is 4.5: 2.0 is nearer to 0 than to 4.5, and still not 0.
        let weights = [7.0, -2.0, 0.5, 0.5]; // (4, 1)
        let fit = q.fit_weights(&weights, 1);
        assert_eq!(fit.scales, [4.5]);
        assert_eq!(q.codes(&fit, &weights), [1, -1, 0, 0]);
        // A scale that was found once has no threshold.
        assert_eq!(q.codes(&Fit::scale(4.5), &weights), [1, 0, 0, 0]);
    }

    #[test]
    fn gradients_pass_inside_the_range() {
        let q = FakeQuantizer::of_activations(&quantizer(Grid::Ternary)).unwrap();
        let x = [-2.1, -2.0, 0.3, 2.0, 2.1];
        let mut dx = [1.0; 5];
        q.backward(&Fit::scale(2.0), Moment::END, &x, &[10.0; 5], &mut dx);
        assert_eq!(dx, [1.0, 11.0, 11.0, 11.0, 1.0]);
        let weights = FakeQuantizer::of_weights(&quantizer(Grid::Ternary)).unwrap();
        let mut dx = [1.0; 5];
        weights.backward(&Fit::scale(2.0), Moment::END, &x, &[10.0; 5], &mut dx);
        assert_eq!(dx, [11.0; 5]);
    }

    #[test]
    fn a_formula_sees_units_of_the_scale() {
        let mut definition = quantizer(Grid::Binary);
        definition.gradient = Some(Expr::Name("x".into(), Default::default()));
        let q = FakeQuantizer::of_weights(&definition).unwrap();
        let mut dx = [0.0; 4];
        let fit = Fit {
            scales: vec![2.0, 4.0],
            thresholds: vec![],
        };
        q.backward(&fit, Moment::END, &[1.0, 1.0, 2.0, 2.0], &[1.0; 4], &mut dx);
        assert_eq!(dx, [0.5, 0.25, 1.0, 0.5]);
        definition.gradient = Some(Expr::Name("y".into(), Default::default()));
        assert!(FakeQuantizer::of_weights(&definition).is_err());
    }
}

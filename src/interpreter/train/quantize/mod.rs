//! Fake quantization: values are replaced by code times scale, gradients pass by a surrogate.
//!
//! In: a [`Quantizer`] with every choice made, values and scales. Out: quantized values, codes, and what goes back. Weights
//! have their output channel as the last axis, so that one scale per channel is a row of scales; a single scale
//! serves a whole tensor. A scale is held constant in the backward pass. Knows nothing of layers or of the tape.

pub mod scale;

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

impl FakeQuantizer {
    /// The quantizer of activations. Straight through: values beyond the codes get no gradient.
    pub fn of_activations(quantizer: &Quantizer) -> Result<FakeQuantizer, FormulaError> {
        FakeQuantizer::new(quantizer, Surrogate::Straight)
    }

    /// The quantizer of weights.
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

    /// The scales of weights (…, channels): one per channel or one.
    pub fn weight_scales(&self, weights: &[f32], channels: usize) -> Vec<f32> {
        if !self.per_channel {
            return vec![scale::find(self.rule, self.grid, weights)];
        }
        let rows = weights.len() / channels;
        let mut column = vec![0.0; rows];
        (0..channels)
            .map(|channel| {
                for (value, row) in column.iter_mut().zip(weights.chunks_exact(channels)) {
                    *value = row[channel];
                }
                scale::find(self.rule, self.grid, &column)
            })
            .collect()
    }

    /// Writes code times scale of each value. `scales` is one scale, or one per member of the last axis.
    pub fn forward(&self, scales: &[f32], x: &[f32], out: &mut [f32]) {
        match self.grid {
            Grid::Binary => quantize::sign(Isa::current(), x, scales, out),
            grid => {
                let (low, high) = bounds(grid);
                quantize::uniform(Isa::current(), x, scales, low, high, out);
            }
        }
    }

    /// The codes alone, as an integer machine stores them.
    #[cfg(test)]
    pub fn codes(&self, scales: &[f32], x: &[f32]) -> Vec<i32> {
        x.iter()
            .zip(scales.iter().cycle())
            .map(|(x, s)| code(self.grid, x / s) as i32)
            .collect()
    }

    /// Adds to `dx` what passes of `dy`. `progress` goes from 0 to 1 over a stage of training.
    pub fn backward(&self, scales: &[f32], progress: f32, x: &[f32], dy: &[f32], dx: &mut [f32]) {
        let isa = Isa::current();
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
                formula.eval(&z, progress, &mut slope);
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
        q.forward(&[scale], x, &mut out);
        let codes: Vec<f32> = q
            .codes(&[scale], x)
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
        let scales = q.weight_scales(&weights, 2);
        assert_eq!(scales, [4.0, 0.2]);
        let mut out = [0.0; 4];
        q.forward(&scales, &weights, &mut out);
        assert_eq!(out, [4.0, 0.0, -4.0, 0.2]);
        let whole = FakeQuantizer {
            per_channel: false,
            ..q
        };
        assert_eq!(whole.weight_scales(&weights, 2), [4.0]);
    }

    #[test]
    fn gradients_pass_inside_the_range() {
        let q = FakeQuantizer::of_activations(&quantizer(Grid::Ternary)).unwrap();
        let x = [-2.1, -2.0, 0.3, 2.0, 2.1];
        let mut dx = [1.0; 5];
        q.backward(&[2.0], 0.0, &x, &[10.0; 5], &mut dx);
        assert_eq!(dx, [1.0, 11.0, 11.0, 11.0, 1.0]);
        let weights = FakeQuantizer::of_weights(&quantizer(Grid::Ternary)).unwrap();
        let mut dx = [1.0; 5];
        weights.backward(&[2.0], 0.0, &x, &[10.0; 5], &mut dx);
        assert_eq!(dx, [11.0; 5]);
    }

    #[test]
    fn a_formula_sees_units_of_the_scale() {
        let mut definition = quantizer(Grid::Binary);
        definition.gradient = Some(Expr::Name("x".into(), Default::default()));
        let q = FakeQuantizer::of_weights(&definition).unwrap();
        let mut dx = [0.0; 4];
        q.backward(&[2.0, 4.0], 0.0, &[1.0, 1.0, 2.0, 2.0], &[1.0; 4], &mut dx);
        assert_eq!(dx, [0.5, 0.25, 1.0, 0.5]);
        definition.gradient = Some(Expr::Name("y".into(), Default::default()));
        assert!(FakeQuantizer::of_weights(&definition).is_err());
    }
}

//! Fake quantization: values are replaced by code times scale, gradients pass by a surrogate.
//!
//! In: a [`Quantizer`] with every choice made, values and scales. Out: quantized values, codes, and what goes back. Weights
//! have their output channel as the last axis, so that one scale per channel is a row of scales; a single scale
//! serves a whole tensor. A scale that a rule finds is held constant in the backward pass. Knows nothing of layers or of the tape.

mod fit;
mod scale;

pub use self::fit::Fit;
use super::schedule::Moment;
use crate::kernels::program::{Inputs, Program};
use crate::kernels::{Isa, quantize};
use crate::model::formula::{self, FormulaError, Programs};
use crate::model::{Grid, Quantizer, ScaleRule};

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
    /// What its formulas compute, where they say more than a surrogate gradient.
    programs: Option<Programs>,
    /// Whether a formula gives the scale.
    own_scale: bool,
}

/// What stands for the derivative of the staircase.
#[derive(Debug, Clone, PartialEq)]
enum Surrogate {
    /// 1 inside the range of the codes, 0 outside.
    Straight,
    /// 1 everywhere.
    Identity,
    /// A formula over `x` in units of the scale.
    Formula(Program),
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
        let in_formulas = match default {
            Surrogate::Straight => formula::Surrogate::Straight,
            _ => formula::Surrogate::Identity,
        };
        Ok(FakeQuantizer {
            grid: quantizer.grid,
            rule: quantizer.scale,
            per_channel: quantizer.per_channel,
            programs: formula::programs(quantizer, in_formulas)?,
            surrogate: match formula::surrogate(quantizer)? {
                Some(_) if formula::is_clipped_straight_through(quantizer) => Surrogate::Straight,
                Some(program) => Surrogate::Formula(program),
                None => default,
            },
            own_scale: quantizer.formulas.scale.is_some(),
        })
    }

    /// Whether its scales are parameters of the network.
    pub fn is_learned(&self) -> bool {
        self.rule.is_learned() && !self.own_scale
    }

    /// What the derivative for a learned scale of `count` values is multiplied by. A step (LSQ, arXiv:1902.08153, section 2.2) is to move
    /// as fast as weights do; where to clip (PACT, arXiv:1805.06085) is the scale times the largest code, and moves as if it were the
    /// parameter itself.
    pub fn scale_factor(&self, count: usize) -> f32 {
        let largest = self.grid.range().1 as f32;
        match self.rule {
            ScaleRule::LearnedClip => 1.0 / (largest * largest),
            _ => 1.0 / (count as f32 * largest).sqrt(),
        }
    }

    /// Code times scale of each value.
    pub fn forward(&self, fit: &Fit, x: &[f32]) -> Vec<f32> {
        let isa = Isa::current();
        if let Some(programs) = &self.programs {
            let mut out = vec![0.0; x.len()];
            let inputs = inputs(x, &[], &fit.scales, fit.filters, fit.moment);
            programs.forward.run(isa, inputs, &mut out);
            return out;
        }
        if !fit.thresholds.is_empty() {
            return quantize::ternary(isa, x, &fit.thresholds, &fit.scales);
        }
        quantize::quantize(isa, codes(self.grid), x, &fit.scales)
    }

    /// What kernels do on the way, with this scale, where nothing is learned and no formula is computed.
    pub fn fused(&self, scale: f32) -> Option<quantize::Quantizer> {
        let plain = self.programs.is_none() && self.surrogate == Surrogate::Straight;
        (plain && !self.is_learned()).then(|| quantize::Quantizer {
            codes: codes(self.grid),
            scale,
        })
    }

    /// The codes alone, as an integer machine stores them.
    #[cfg(test)]
    pub fn codes(&self, fit: &Fit, x: &[f32]) -> Vec<i32> {
        let values = self.forward(fit, x);
        let scales = fit.scales.iter().cycle();
        values
            .iter()
            .zip(scales)
            .map(|(v, s)| (v / s).round() as i32)
            .collect()
    }

    /// What passes of `dy`, and the derivatives for learned scales, else nothing.
    pub fn backward(&self, fit: &Fit, x: &[f32], dy: Vec<f32>) -> (Vec<f32>, Vec<f32>) {
        let isa = Isa::current();
        let scales = &fit.scales;
        let run = |program: &Program| {
            let mut dx = vec![0.0; x.len()];
            let inputs = inputs(x, &dy, scales, fit.filters, fit.moment);
            let kept = program.run(isa, inputs, &mut dx);
            (dx, kept.into_iter().next().unwrap_or_default())
        };
        match (&self.programs, &self.surrogate) {
            (Some(programs), _) => run(&programs.backward),
            (None, Surrogate::Formula(program)) => run(program),
            (None, Surrogate::Identity) => (dy, Vec::new()),
            (None, Surrogate::Straight) => {
                let dx = quantize::straight_through(isa, codes(self.grid), x, scales, dy);
                (dx, Vec::new())
            }
        }
    }
}

fn inputs<'a>(
    x: &'a [f32],
    dy: &'a [f32],
    scales: &'a [f32],
    filters: usize,
    moment: Moment,
) -> Inputs<'a> {
    Inputs {
        x,
        dy,
        scales,
        filters,
        progress: [moment.progress as f32, moment.step_progress as f32],
    }
}

/// The codes as kernels know them.
fn codes(grid: Grid) -> quantize::Codes {
    let (low, high) = grid.range();
    match grid {
        Grid::Binary => quantize::Codes::Sign,
        _ => quantize::Codes::Uniform {
            low: low as f32,
            high: high as f32,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use crate::ir::{BinaryOp, Expr, Function};

    fn quantizer(grid: Grid) -> Quantizer {
        Quantizer {
            name: "q".into(),
            grid,
            per_channel: true,
            scale: ScaleRule::MaxAbs,
            formulas: Default::default(),
        }
    }

    fn values(grid: Grid, scale: f32, x: &[f32]) -> Vec<f32> {
        let q = FakeQuantizer::of_activations(&quantizer(grid)).unwrap();
        let out = q.forward(&Fit::scale(scale, Moment::END), x);
        let codes: Vec<f32> = q
            .codes(&Fit::scale(scale, Moment::END), x)
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
    fn channels_have_their_own_scales() {
        let q = FakeQuantizer::of_weights(&quantizer(Grid::Ternary)).unwrap();
        let weights = [4.0, 0.1, -2.1, 0.2]; // (2, 2)
        let fit = q.fit_weights(&weights, 2, Moment::END);
        assert_eq!(fit.scales, [4.0, 0.2]);
        let out = q.forward(&fit, &weights);
        assert_eq!(out, [4.0, 0.0, -4.0, 0.2]);
        let whole = FakeQuantizer {
            per_channel: false,
            ..q
        };
        assert_eq!(whole.fit_weights(&weights, 2, Moment::END).scales, [4.0]);
    }

    #[test]
    fn ternary_weights_have_the_threshold_of_their_paper() {
        let q = FakeQuantizer {
            rule: ScaleRule::MeanAbs,
            ..FakeQuantizer::of_weights(&quantizer(Grid::Ternary)).unwrap()
        };
        // 0.7 mean |w| = 1.75, the mean above it is 4.5: 2.0 is nearer to 0 than to 4.5, and still not 0.
        let weights = [7.0, -2.0, 0.5, 0.5]; // (4, 1)
        let fit = q.fit_weights(&weights, 1, Moment::END);
        assert_eq!(fit.scales, [4.5]);
        assert_eq!(q.codes(&fit, &weights), [1, -1, 0, 0]);
        // A scale that was found once has no threshold.
        assert_eq!(
            q.codes(&Fit::scale(4.5, Moment::END), &weights),
            [1, 0, 0, 0]
        );
    }

    #[test]
    fn gradients_pass_inside_the_range() {
        let q = FakeQuantizer::of_activations(&quantizer(Grid::Ternary)).unwrap();
        let x = [-2.1, -2.0, 0.3, 2.0, 2.1];
        let (dx, _) = q.backward(&Fit::scale(2.0, Moment::END), &x, vec![10.0; 5]);
        assert_eq!(dx, [0.0, 10.0, 10.0, 10.0, 0.0]);
        let weights = FakeQuantizer::of_weights(&quantizer(Grid::Ternary)).unwrap();
        let (dx, _) = weights.backward(&Fit::scale(2.0, Moment::END), &x, vec![10.0; 5]);
        assert_eq!(dx, [10.0; 5]);
    }

    #[test]
    fn a_formula_sees_units_of_the_scale() {
        let mut definition = quantizer(Grid::Binary);
        definition.formulas.gradient = Some(Expr::Name("x".into(), Default::default()));
        let q = FakeQuantizer::of_weights(&definition).unwrap();
        let fit = Fit {
            scales: vec![2.0, 4.0],
            filters: 2,
            ..Fit::scale(1.0, Moment::END)
        };
        let (dx, _) = q.backward(&fit, &[1.0, 1.0, 2.0, 2.0], vec![1.0; 4]);
        assert_eq!(dx, [0.5, 0.25, 1.0, 0.5]);
        definition.formulas.gradient = Some(Expr::Name("y".into(), Default::default()));
        assert!(FakeQuantizer::of_weights(&definition).is_err());
    }

    #[test]
    fn the_clipped_estimator_of_the_library_needs_no_program() {
        let x = || Expr::Name("x".into(), Default::default());
        let number = |n: f64| Arc::new(Expr::number(n));
        let clipped = |bound: f64| {
            let magnitude = Arc::new(Expr::Call(Function::Abs, vec![x()]));
            let inside = Expr::Binary(BinaryOp::LessEqual, magnitude, number(bound));
            Expr::If(Arc::new(inside), number(1.0), number(0.0))
        };
        let mut definition = Quantizer {
            scale: ScaleRule::One,
            ..quantizer(Grid::Binary)
        };
        let mut found = Vec::new();
        for bound in [1.0, 1.5] {
            definition.formulas.gradient = Some(clipped(bound));
            let q = FakeQuantizer::of_activations(&definition).unwrap();
            assert_eq!(q.fused(1.0).is_some(), bound == 1.0);
            let x = [-1.5, -1.25, -1.0, -0.0, 0.5, 1.0, 1.25];
            found.push(
                q.backward(&Fit::scale(1.0, Moment::END), &x, vec![3.0; 7])
                    .0,
            );
        }
        assert_eq!(found[0], [0.0, 0.0, 3.0, 3.0, 3.0, 3.0, 0.0]);
        assert_eq!(found[1], [3.0; 7]);
        // With another scale, rounding of the quotient could tell the two apart.
        definition.formulas.gradient = Some(clipped(1.0));
        definition.scale = ScaleRule::MeanAbs;
        assert!(!formula::is_clipped_straight_through(&definition));
    }
}

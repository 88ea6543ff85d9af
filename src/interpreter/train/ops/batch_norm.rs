//! Batch normalization, fused with an optional residual, an activation and a quantizer.

use dfdx::{
    shapes::HasShape,
    tensor::{NoneTape, PutTape, SplitTape, TensorFromVec},
};

use super::{
    Activation, AnyTape, Quantizer, Tensor1, Tensor4,
    gradient::{give, take},
    values,
};
use crate::kernels::{
    Isa,
    batch_norm::{self, Backward, Upstream},
};

/// Added to variances before the square root.
const EPSILON: f64 = 1e-5;

/// What a new batch counts for in the running statistics.
const MOMENTUM: f32 = 0.1;

/// Mean and variance of each channel as inference uses them: moving averages over the batches of training.
#[derive(Clone, PartialEq, Debug)]
pub struct RunningStatistics {
    /// Moving average of batch means.
    pub mean: Vec<f32>,
    /// Moving average of unbiased batch variances.
    pub variance: Vec<f32>,
}

impl RunningStatistics {
    /// Mean 0 and variance 1, before any batch.
    pub fn new(channels: usize) -> Self {
        RunningStatistics {
            mean: vec![0.0; channels],
            variance: vec![1.0; channels],
        }
    }

    /// Moves the averages toward a batch of `rows` rows.
    fn update(&mut self, batch: &batch_norm::Statistics, rows: usize) {
        // one row has no unbiased variance; it then counts with the biased one, zero
        let unbiased = (rows as f64 / rows.saturating_sub(1).max(1) as f64) as f32;
        for (running, mean) in self.mean.iter_mut().zip(&batch.mean) {
            *running = (1.0 - MOMENTUM) * *running + MOMENTUM * mean;
        }
        for (running, variance) in self.variance.iter_mut().zip(&batch.variance) {
            *running = (1.0 - MOMENTUM) * *running + MOMENTUM * variance * unbiased;
        }
    }
}

/// What comes after normalization.
#[derive(Debug)]
pub struct Tail<T> {
    /// What is added; it has the shape of the input and may be a fork of it.
    pub residual: Option<Tensor4<T>>,
    /// What clips the sum.
    pub activation: Activation,
    /// What rounds the clipped sum. Its gradient is the clipped straight-through estimator.
    pub quantizer: Option<Quantizer>,
    /// Whether the clipped sum is wanted besides. Without a quantizer it is the result.
    pub plain: bool,
}

impl<T> Tail<T> {
    /// An activation alone.
    pub fn activation(activation: Activation) -> Tail<T> {
        Tail {
            residual: None,
            activation,
            quantizer: None,
            plain: true,
        }
    }
}

impl<T: AnyTape> Tail<T> {
    /// The same, recording nothing.
    pub fn without_tape(self) -> Tail<NoneTape> {
        Tail {
            residual: self.residual.map(|residual| residual.split_tape().0),
            activation: self.activation,
            quantizer: self.quantizer,
            plain: self.plain,
        }
    }
}

/// Batch norm with its tail.
#[derive(Debug)]
pub struct Normalized<T> {
    /// The clipped sum, if it is wanted.
    pub plain: Option<Tensor4<T>>,
    /// The rounded one, if there is a quantizer.
    pub quantized: Option<Tensor4<T>>,
}

/// `clip(gamma * (x - mean) / sqrt(variance + 1e-5) + beta + residual)` and what a quantizer makes of it, with mean and
/// variance of this batch, which also move the running statistics.
pub fn batch_norm<T: AnyTape>(
    x: Tensor4<T>,
    gamma: Tensor1<T>,
    beta: Tensor1<T>,
    running: &mut RunningStatistics,
    tail: Tail<T>,
) -> Normalized<T> {
    let (x, tape) = x.split_tape();
    let (gamma, tape_gamma) = gamma.split_tape();
    let (beta, tape_beta) = beta.split_tape();
    let mut tape = tape.merge(tape_gamma).merge(tape_beta);
    let Tail {
        residual,
        activation,
        quantizer,
        plain,
    } = tail;
    let residual = residual.map(|residual| {
        assert_eq!(residual.shape(), x.shape());
        let (residual, tape_residual) = residual.split_tape();
        tape = std::mem::take(&mut tape).merge(tape_residual);
        residual
    });
    let channels = x.shape().3;
    assert!(values(&gamma).len() == channels && values(&beta).len() == channels);
    let batch = batch_norm::statistics(Isa::current(), values(&x), channels);
    running.update(&batch, values(&x).len() / channels);
    let inverse_deviation: Vec<f32> = inverse_deviation(&batch.variance);
    let mean = batch.mean;
    let (scale, shift) = affine(&gamma, &beta, &mean, &inverse_deviation);
    let found = batch_norm::apply(
        Isa::current(),
        values(&x),
        &batch_norm::Tail {
            scale: &scale,
            shift: &shift,
            residual: residual.as_ref().map(values),
            activation,
            quantizer,
        },
        plain,
    );
    let out = |y: Vec<f32>| x.device().tensor_from_vec(y, *x.shape());
    let (plain, quantized) = (found.plain.map(out), found.quantized.map(out));
    let (y, q) = (
        plain.as_ref().map(|y| y.ghost()),
        quantized.as_ref().map(|q| q.ghost()),
    );
    let residual_ghost = residual.as_ref().map(|residual| residual.ghost());
    // only what clips or rounds needs its summand again
    let clips = T::OWNS_TAPE && (activation != Activation::None || quantizer.is_some());
    let residual = residual.filter(|_| clips);
    let beta = beta.ghost();
    tape.add_backward_op(move |gradients| {
        let upstream = Upstream {
            plain: match &y {
                Some(y) => Some(take!(gradients, y)),
                None => None,
            },
            quantized: match &q {
                Some(q) => Some(take!(gradients, q)),
                None => None,
            },
        };
        let pass = Backward {
            x: values(&x),
            tail: batch_norm::Tail {
                scale: &scale,
                shift: &shift,
                residual: residual.as_ref().map(values),
                activation,
                quantizer,
            },
            mean: &mean,
            inverse_deviation: &inverse_deviation,
            gamma: values(&gamma),
            residual: residual_ghost.is_some(),
        };
        let found = batch_norm::backward(Isa::current(), &pass, upstream);
        give!(gradients, &gamma, found.gamma);
        give!(gradients, &beta, found.beta);
        // one after the other, so that x and the residual may be the same
        give!(gradients, &x, found.x);
        if let (Some(residual), Some(gradient)) = (&residual_ghost, found.residual) {
            give!(gradients, residual, gradient);
        }
        Ok(())
    });
    let mut tape = Some(tape);
    let mut with_tape = |out: Tensor4| out.put_tape(tape.take().unwrap_or_default());
    Normalized {
        quantized: quantized.map(&mut with_tape),
        plain: plain.map(&mut with_tape),
    }
}

/// [`batch_norm()`] with the running statistics instead of the batch's.
pub fn batch_norm_inference(
    x: Tensor4,
    gamma: &Tensor1,
    beta: &Tensor1,
    running: &RunningStatistics,
    tail: Tail<NoneTape>,
) -> Normalized<NoneTape> {
    let inverse_deviation = inverse_deviation(&running.variance);
    let (scale, shift) = affine(gamma, beta, &running.mean, &inverse_deviation);
    let found = batch_norm::apply(
        Isa::current(),
        values(&x),
        &batch_norm::Tail {
            scale: &scale,
            shift: &shift,
            residual: tail.residual.as_ref().map(values),
            activation: tail.activation,
            quantizer: tail.quantizer,
        },
        tail.plain,
    );
    let out = |y: Vec<f32>| x.device().tensor_from_vec(y, *x.shape());
    Normalized {
        plain: found.plain.map(out),
        quantized: found.quantized.map(out),
    }
}

/// `1 / sqrt(variance + 1e-5)`
fn inverse_deviation(variance: &[f32]) -> Vec<f32> {
    let inverse = |v: &f32| (1.0 / (f64::from(*v) + EPSILON).sqrt()) as f32;
    variance.iter().map(inverse).collect()
}

/// Normalization as one factor and one summand per channel.
fn affine(
    gamma: &Tensor1,
    beta: &Tensor1,
    mean: &[f32],
    inverse_deviation: &[f32],
) -> (Vec<f32>, Vec<f32>) {
    let pairs = |a: &[f32], b: &[f32], f: fn(f32, f32) -> f32| -> Vec<f32> {
        a.iter().zip(b).map(|(&a, &b)| f(a, b)).collect()
    };
    let scale = pairs(values(gamma), inverse_deviation, |gamma, inv| gamma * inv);
    let offset = pairs(mean, &scale, |mean, scale| mean * scale);
    let shift = pairs(values(beta), &offset, |beta, offset| beta - offset);
    (scale, shift)
}

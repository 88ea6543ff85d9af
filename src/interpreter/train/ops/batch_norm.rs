//! Batch normalization, fused with an optional residual and an activation.

use dfdx::{
    shapes::HasShape,
    tensor::{PutTape, SplitTape, TensorFromVec},
};

use super::{
    Activation, AnyTape, Tensor1, Tensor4,
    gradient::{put, take},
    values,
};
use crate::kernels::{
    Isa,
    batch_norm::{self, Backward},
    elementwise,
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

/// `clip(gamma * (x - mean) / sqrt(variance + 1e-5) + beta + residual)` with mean and variance of this batch, which also
/// move the running statistics. The residual has the shape of `x` and may be a fork of it.
pub fn batch_norm<T: AnyTape>(
    x: Tensor4<T>,
    gamma: Tensor1<T>,
    beta: Tensor1<T>,
    running: &mut RunningStatistics,
    residual: Option<Tensor4<T>>,
    activation: Activation,
) -> Tensor4<T> {
    let (x, tape) = x.split_tape();
    let (gamma, tape_gamma) = gamma.split_tape();
    let (beta, tape_beta) = beta.split_tape();
    let mut tape = tape.merge(tape_gamma).merge(tape_beta);
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
    let y = normalize(
        &x,
        &gamma,
        &beta,
        &mean,
        &inverse_deviation,
        residual.as_ref(),
        activation,
    );
    let out = x.device().tensor_from_vec(y, *x.shape());
    let y_ghost = out.ghost();
    // only what clips needs its result again
    let y = (T::OWNS_TAPE && activation != Activation::None).then(|| out.clone());
    let residual = residual.map(|residual| residual.ghost());
    let beta = beta.ghost();
    tape.add_backward_op(move |gradients| {
        let isa = Isa::current();
        let dy = take!(gradients, &y_ghost);
        let pass = Backward {
            x: values(&x),
            y: y.as_ref().map_or(&[], values),
            dy: &dy,
            mean: &mean,
            inverse_deviation: &inverse_deviation,
            gamma: values(&gamma),
            activation,
        };
        let mut dgamma = take!(gradients, &gamma);
        let mut dbeta = take!(gradients, &beta);
        let mut dx = take!(gradients, &x);
        match residual {
            None => batch_norm::backward(isa, &pass, &mut dgamma, &mut dbeta, &mut dx, None),
            Some(residual) => {
                let mut dresidual = take!(gradients, &residual);
                // x's gradient has just been taken: an empty one means that the residual is x
                let is_x = dresidual.is_empty();
                if is_x {
                    dresidual = vec![0.0; dx.len()];
                }
                let d = Some(&mut dresidual[..]);
                batch_norm::backward(isa, &pass, &mut dgamma, &mut dbeta, &mut dx, d);
                if is_x {
                    elementwise::accumulate(isa, &mut dx, &dresidual);
                } else {
                    put!(gradients, &residual, dresidual);
                }
            }
        }
        put!(gradients, &gamma, dgamma);
        put!(gradients, &beta, dbeta);
        put!(gradients, &x, dx);
        Ok(())
    });
    out.put_tape(tape)
}

/// [`batch_norm()`] with the running statistics instead of the batch's.
pub fn batch_norm_inference(
    x: Tensor4,
    gamma: &Tensor1,
    beta: &Tensor1,
    running: &RunningStatistics,
    residual: Option<Tensor4>,
    activation: Activation,
) -> Tensor4 {
    let inverse_deviation = inverse_deviation(&running.variance);
    let y = normalize(
        &x,
        gamma,
        beta,
        &running.mean,
        &inverse_deviation,
        residual.as_ref(),
        activation,
    );
    x.device().tensor_from_vec(y, *x.shape())
}

/// `1 / sqrt(variance + 1e-5)`
fn inverse_deviation(variance: &[f32]) -> Vec<f32> {
    let inverse = |v: &f32| (1.0 / (f64::from(*v) + EPSILON).sqrt()) as f32;
    variance.iter().map(inverse).collect()
}

/// The affine form of normalization.
fn normalize(
    x: &Tensor4,
    gamma: &Tensor1,
    beta: &Tensor1,
    mean: &[f32],
    inverse_deviation: &[f32],
    residual: Option<&Tensor4>,
    activation: Activation,
) -> Vec<f32> {
    let pairs = |a: &[f32], b: &[f32], f: fn(f32, f32) -> f32| -> Vec<f32> {
        a.iter().zip(b).map(|(&a, &b)| f(a, b)).collect()
    };
    let scale = pairs(values(gamma), inverse_deviation, |gamma, inv| gamma * inv);
    let offset = pairs(mean, &scale, |mean, scale| mean * scale);
    let shift = pairs(values(beta), &offset, |beta, offset| beta - offset);
    let residual = residual.map(values);
    batch_norm::apply(
        Isa::current(),
        values(x),
        &scale,
        &shift,
        residual,
        activation,
    )
}

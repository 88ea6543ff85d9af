//! Batch normalization, fused with an optional residual, an activation and a quantizer.

use dfdx::{
    shapes::HasShape,
    tensor::{CpuError, NoneTape, TensorFromVec},
};

use super::{
    Activation, AnyTape, Gradients, Node, Node1, Node4, Quantizer, Tensor1, Tensor4, node::Place,
    values,
};
use crate::kernels::{
    Isa,
    batch_norm::{self, Backward, Summing, Upstream},
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
pub struct Tail<T> {
    /// What is added; it has the shape of the input and may be a fork of it.
    pub residual: Option<Node4<T>>,
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
            residual: self.residual.map(|residual| residual.without_tape().0),
            activation: self.activation,
            quantizer: self.quantizer,
            plain: self.plain,
        }
    }
}

/// Batch norm with its tail.
pub struct Normalized<T> {
    /// The clipped sum, if it is wanted.
    pub plain: Option<Node4<T>>,
    /// The rounded one, if there is a quantizer.
    pub quantized: Option<Node4<T>>,
}

/// Batch norm with an activation and a quantizer that nobody but a convolution reads: it is never stored.
pub struct Deferred<T> {
    /// What is normalized.
    pub(super) x: Node4<T>,
    pub(super) normalization: Normalization,
}

/// Batch norm with the statistics of a batch.
pub(super) struct Normalization {
    gamma: Tensor1,
    /// Of the gradients to gamma and beta.
    places: [Place; 2],
    mean: Vec<f32>,
    inverse_deviation: Vec<f32>,
    scale: Vec<f32>,
    shift: Vec<f32>,
    activation: Activation,
    quantizer: Option<Quantizer>,
}

impl Normalization {
    /// Measures `x` and moves the running statistics. Gives the tape of the parameters, too.
    fn new<T: AnyTape>(
        x: &Node4,
        [gamma, beta]: [Node1<T>; 2],
        running: &mut RunningStatistics,
        activation: Activation,
        quantizer: Option<Quantizer>,
    ) -> (Self, T) {
        let (gamma, place_gamma, tape_gamma) = gamma.split();
        let (beta, place_beta, tape_beta) = beta.split();
        let channels = values(&gamma).len();
        assert!(values(&beta).len() == channels);
        let batch = x.statistics(channels);
        running.update(&batch, x.values().len() / channels);
        let inverse_deviation = inverse_deviation(&batch.variance);
        let (scale, shift) = affine(&gamma, &beta, &batch.mean, &inverse_deviation);
        let normalization = Normalization {
            gamma,
            places: [place_gamma, place_beta],
            mean: batch.mean.clone(),
            inverse_deviation,
            scale,
            shift,
            activation,
            quantizer,
        };
        (normalization, tape_gamma.merge(tape_beta))
    }

    /// What becomes of each number.
    pub(super) fn tail<'a>(&'a self, residual: Option<&'a [f32]>) -> batch_norm::Tail<'a> {
        batch_norm::Tail {
            scale: &self.scale,
            shift: &self.shift,
            residual,
            activation: self.activation,
            quantizer: self.quantizer,
        }
    }

    /// What the backward pass reads.
    fn pass<'a>(
        &'a self,
        x: &'a [f32],
        tail: batch_norm::Tail<'a>,
        residual: bool,
    ) -> Backward<'a> {
        Backward {
            x,
            tail,
            mean: &self.mean,
            inverse_deviation: &self.inverse_deviation,
            gamma: values(&self.gamma),
            clipped: None,
            residual,
        }
    }

    /// The sums that the gradients need, of the one result.
    pub(super) fn summing<'a>(&'a self, x: &'a [f32]) -> Summing<'a> {
        Summing::new(Isa::current(), self.pass(x, self.tail(None), false))
    }

    /// Puts the gradients to gamma and beta in their places.
    pub(super) fn give(
        &self,
        gradients: &mut Gradients,
        gamma: Vec<f32>,
        beta: Vec<f32>,
    ) -> Result<(), CpuError> {
        self.places[0].give(gradients, gamma)?;
        self.places[1].give(gradients, beta)
    }
}

/// Batch norm with an activation and a quantizer for a convolution alone.
pub fn defer_batch_norm<T: AnyTape>(
    x: Node4<T>,
    gamma: Node1<T>,
    beta: Node1<T>,
    running: &mut RunningStatistics,
    activation: Activation,
    quantizer: Option<Quantizer>,
) -> Deferred<T> {
    let (x, tape) = x.without_tape();
    let (normalization, parameters) =
        Normalization::new(&x, [gamma, beta], running, activation, quantizer);
    Deferred {
        x: x.put_tape(tape.merge(parameters)),
        normalization,
    }
}

/// `clip(gamma * (x - mean) / sqrt(variance + 1e-5) + beta + residual)` and what a quantizer makes of it, with mean and
/// variance of this batch, which also move the running statistics.
pub fn batch_norm<T: AnyTape>(
    x: Node4<T>,
    gamma: Node1<T>,
    beta: Node1<T>,
    running: &mut RunningStatistics,
    tail: Tail<T>,
) -> Normalized<T> {
    let (x, tape) = x.without_tape();
    let Tail {
        residual,
        activation,
        quantizer,
        plain,
    } = tail;
    assert_eq!(x.shape().3, gamma.shape().0);
    let (normalization, parameters) =
        Normalization::new(&x, [gamma, beta], running, activation, quantizer);
    let (x, place, _) = x.split();
    let mut tape = tape.merge(parameters);
    let (residual, place_residual) = match residual {
        None => (None, None),
        Some(residual) => {
            assert_eq!(residual.shape(), x.shape());
            let (residual, place, other) = residual.split();
            tape = tape.merge(other);
            (Some(residual), Some(place))
        }
    };
    let tail = normalization.tail(residual.as_ref().map(values));
    let found = batch_norm::apply(Isa::current(), values(&x), &tail, plain);
    let out = |y: Vec<f32>| x.device().tensor_from_vec(y, *x.shape());
    let (plain, quantized) = (found.plain.map(out), found.quantized.map(out));
    let places: [Place; 2] = Default::default();
    if T::OWNS_TAPE {
        // only what clips or rounds needs its summand again, or its result, which somebody else will keep
        let clips = activation != Activation::None || quantizer.is_some();
        let residual = residual.filter(|_| clips);
        let clipped = plain.clone().filter(|_| residual.is_some());
        let residual = residual.filter(|_| clipped.is_none());
        let [y, q] = places.clone();
        tape.add_backward_op(move |gradients| {
            let upstream = Upstream {
                plain: y.take(gradients)?,
                quantized: q.take(gradients)?,
            };
            if upstream.plain.is_none() && upstream.quantized.is_none() {
                return Ok(()); // nothing depends on it
            }
            let tail = normalization.tail(residual.as_ref().map(values));
            let wants = place_residual.is_some();
            let pass = Backward {
                clipped: clipped.as_ref().map(values),
                ..normalization.pass(values(&x), tail, wants)
            };
            let found = batch_norm::backward(Isa::current(), &pass, upstream);
            normalization.give(gradients, found.gamma, found.beta)?;
            // one after the other, so that x and the residual may be the same
            place.give(gradients, found.x)?;
            match (place_residual, found.residual) {
                (Some(place), Some(gradient)) => place.give(gradients, gradient),
                _ => Ok(()),
            }
        });
    }
    let mut tape = Some(tape);
    let mut with_tape =
        |place: &Place, out: Tensor4| Node::at(place.clone(), out, tape.take().unwrap_or_default());
    let [y, q] = &places;
    Normalized {
        quantized: quantized.map(|out| with_tape(q, out)),
        plain: plain.map(|out| with_tape(y, out)),
    }
}

/// [`batch_norm()`] with the running statistics instead of the batch's.
pub fn batch_norm_inference(
    x: Node4,
    gamma: &Tensor1,
    beta: &Tensor1,
    running: &RunningStatistics,
    tail: Tail<NoneTape>,
) -> Normalized<NoneTape> {
    let (x, ..) = x.split();
    let inverse_deviation = inverse_deviation(&running.variance);
    let (scale, shift) = affine(gamma, beta, &running.mean, &inverse_deviation);
    let found = batch_norm::apply(
        Isa::current(),
        values(&x),
        &batch_norm::Tail {
            scale: &scale,
            shift: &shift,
            residual: tail.residual.as_ref().map(Node::values),
            activation: tail.activation,
            quantizer: tail.quantizer,
        },
        tail.plain,
    );
    let out = |y: Vec<f32>| Node::from(x.device().tensor_from_vec(y, *x.shape()));
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

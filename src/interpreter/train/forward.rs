//! The forward pass of a planned network, for training, calibration and inference.
//!
//! In: a plan, parameters, images (images, height, width, channels). Out: logits (images, classes) with the tape of the images.
//! Where batch norm has its statistics from and where quantized inputs have their scales from is the caller's choice;
//! what is measured in a pass is used at once. Knows nothing of losses.

use std::sync::Arc;

use dfdx::prelude::{
    Cpu, HasShape, PutTape, ReshapeTo, Shape, SplitTape, Tensor, TensorFromVec, WithEmptyTape,
};

use super::ops::{
    self, AnyTape, ConvOptions, PoolOptions, RunningStatistics, Tensor1, Tensor2, Tensor4,
};
use super::parameters::Parameters;
use super::plan::{Operands, Plan, Step, Work};
use super::quantize::{FakeQuantizer, Fit};
use super::schedule::Moment;
use crate::kernels::{Isa, batch_norm};
use crate::model::{Activation, PoolKind};

/// Where batch norm has its statistics from.
pub enum Norms<'a> {
    /// The batch; running averages move.
    Learning(&'a mut [RunningStatistics]),
    /// The batch, and they are kept.
    Measured(&'a mut [RunningStatistics]),
    /// They are known. Not for training.
    Fixed(&'a [RunningStatistics]),
}

/// Where quantized inputs have their scales from.
pub enum Scales<'a> {
    /// Quantizers of inputs are off.
    Off,
    /// The values that arrive; they are kept.
    Measured(&'a mut [f32]),
    /// They are known.
    Fixed(&'a [f32]),
}

impl<'a> From<Option<&'a [f32]>> for Scales<'a> {
    fn from(scales: Option<&'a [f32]>) -> Scales<'a> {
        scales.map_or(Scales::Off, Scales::Fixed)
    }
}

/// Is shown every step with what it read first, what it read next (to add it), and its result.
pub type Watch<'a> = &'a mut dyn FnMut(&Step, &[f32], Option<&[f32]>, &[f32]);

/// One run of a network.
pub struct Pass<'a> {
    /// What to do.
    pub plan: &'a Plan,
    /// With which numbers.
    pub parameters: &'a Parameters,
    /// Statistics of batch norm.
    pub norms: Norms<'a>,
    /// Scales of quantized inputs.
    pub scales: Scales<'a>,
    /// Whether weights go through their quantizers.
    pub quantized_weights: bool,
    /// How far the stage is, for formulas of quantizers.
    pub moment: Moment,
    /// Who wants to see the steps.
    pub watch: Option<Watch<'a>>,
}

impl Pass<'_> {
    /// The logits (images, classes) of `images`.
    pub fn run<T: AnyTape>(mut self, images: Tensor4<T>) -> Tensor2<T> {
        let mut values = Values {
            tensors: self.plan.shapes.iter().map(|_| None).collect(),
            reads: self.plan.reads.clone(),
        };
        values.tensors[0] = Some(images);
        for step in &self.plan.steps {
            let x = values.read(step.input);
            let others: Vec<_> = step
                .others()
                .iter()
                .map(|node| values.read(*node))
                .collect();
            let seen = self.watch.is_some().then(|| {
                (
                    x.with_empty_tape(),
                    others.first().map(Tensor::with_empty_tape),
                )
            });
            let y = self.step(step, x, others);
            if let (Some(watch), Some((x, other))) = (&mut self.watch, seen) {
                let other = other.as_ref().map(|o| ops::values(o));
                watch(step, ops::values(&x), other, ops::values(&y));
            }
            values.tensors[step.node] = Some(y);
        }
        flat(values.read(self.plan.shapes.len() - 1))
    }

    fn step<T: AnyTape>(
        &mut self,
        step: &Step,
        x: Tensor4<T>,
        mut others: Vec<Tensor4<T>>,
    ) -> Tensor4<T> {
        if let Work::Concat(_) = step.work {
            others.insert(0, x);
            return ops::concat(others);
        }
        match (&step.work, others.pop()) {
            (
                Work::Convolution {
                    convolution: c,
                    weight,
                    operands,
                },
                _,
            ) => {
                let weight = self.parameters.kernel(*weight).retaped::<T>();
                let options = ConvOptions {
                    stride: [c.stride; 2],
                    padding: [c.padding; 2],
                    groups: c.groups,
                    // Nobody learns the images.
                    input_gradient: step.input != 0,
                };
                let (x, weight) = (self.input(x, operands), self.weights(weight, operands));
                ops::conv2d(x, weight, options)
            }
            (
                Work::Linear {
                    weight,
                    bias,
                    operands,
                },
                _,
            ) => {
                let weight = self.parameters.matrix(*weight).retaped::<T>();
                let bias = self.parameters.vector(*bias).retaped::<T>();
                let (x, weight) = (self.input(x, operands), self.weights(weight, operands));
                let y = ops::linear(flat(x), weight, Some(bias));
                let (batch, channels) = *y.shape();
                y.reshape_like(&(batch, 1, 1, channels))
            }
            (
                Work::Norm {
                    norm,
                    gain,
                    bias,
                    activation,
                    ..
                },
                residual,
            ) => {
                let gain = self.parameters.vector(*gain);
                let bias = self.parameters.vector(*bias);
                let activation = clipping(*activation);
                let statistics = match &mut self.norms {
                    Norms::Learning(all) => {
                        let (gain, bias) = (gain.retaped::<T>(), bias.retaped::<T>());
                        let running = &mut all[*norm];
                        return ops::batch_norm(x, gain, bias, running, residual, activation);
                    }
                    Norms::Measured(all) => {
                        let channels = x.shape().3;
                        let found =
                            batch_norm::statistics(Isa::current(), ops::values(&x), channels);
                        all[*norm] = RunningStatistics {
                            mean: found.mean,
                            variance: found.variance,
                        };
                        &all[*norm]
                    }
                    Norms::Fixed(all) => &all[*norm],
                };
                let (x, tape) = x.split_tape();
                let residual = residual.map(|r| r.split_tape().0);
                ops::batch_norm_inference(x, gain, bias, statistics, residual, activation)
                    .put_tape(tape)
            }
            (Work::Activation(activation), _) => ops::activate(x, clipping(Some(*activation))),
            (
                Work::Pool {
                    kind,
                    kernel,
                    stride,
                },
                _,
            ) => {
                let options = PoolOptions {
                    kernel: [kernel.0, kernel.1],
                    stride: [*stride; 2],
                    padding: [0, 0],
                };
                match kind {
                    PoolKind::Average => ops::average_pool(x, options),
                    PoolKind::Max => ops::max_pool(x, options),
                }
            }
            (Work::Add(_), Some(other)) => ops::add(x, other),
            (Work::Add(_) | Work::Concat(_), _) => unreachable!("an addition reads two nodes"),
            (Work::PadShortcut { stride }, _) => {
                pad_shortcut(x, *stride, self.plan.shapes[step.node].channels)
            }
            (Work::Flatten, _) => {
                let (batch, height, width, channels) = *x.shape();
                x.reshape_like(&(batch, 1, 1, height * width * channels))
            }
        }
    }

    /// The input of a product as its quantizer lets it through.
    fn input<T: AnyTape>(&mut self, x: Tensor4<T>, operands: &Operands) -> Tensor4<T> {
        let Some((quantizer, index)) = &operands.activations else {
            return x;
        };
        let scale = match &mut self.scales {
            Scales::Off => return x,
            Scales::Fixed(scales) => match operands.activation_scale {
                Some(parameter) => {
                    // Features of one image (LSQ, section 2.2).
                    let features = ops::values(&x).len() / x.shape().0.max(1);
                    let scale = self.parameters.vector(parameter).retaped::<T>();
                    return learned(x, scale, quantizer, 1, features, self.moment);
                }
                None => scales[*index],
            },
            Scales::Measured(scales) => {
                scales[*index] = quantizer.fit_activations(ops::values(&x), self.moment);
                scales[*index]
            }
        };
        fake_quantize(x, quantizer, Fit::scale(scale, self.moment))
    }

    /// The weights of a product as their quantizer lets them through.
    fn weights<S: Shape, T: AnyTape>(
        &self,
        weights: Tensor<S, f32, Cpu, T>,
        operands: &Operands,
    ) -> Tensor<S, f32, Cpu, T> {
        let Some(quantizer) = &operands.weights else {
            return weights;
        };
        if !self.quantized_weights {
            return weights;
        }
        // The output channel is the last axis of all weights.
        let channels = weights.shape().concrete().into_iter().last().unwrap_or(1);
        match operands.weight_scale {
            Some(parameter) => {
                let scales = self.parameters.vector(parameter);
                let count = ops::values(&weights).len() / scales.shape().0;
                let scales = scales.retaped::<T>();
                learned(weights, scales, quantizer, channels, count, self.moment)
            }
            None => {
                let fit = quantizer.fit_weights(ops::values(&weights), channels, self.moment);
                fake_quantize(weights, quantizer, fit)
            }
        }
    }
}

/// Results of nodes, as long as somebody will read them.
struct Values<T> {
    tensors: Vec<Option<Tensor4<T>>>,
    reads: Vec<usize>,
}

impl<T: AnyTape> Values<T> {
    /// A fork of a node's result; the result itself for its last reader, with its tape.
    fn read(&mut self, node: usize) -> Tensor4<T> {
        self.reads[node] -= 1;
        let slot = &mut self.tensors[node];
        let tensor = if self.reads[node] == 0 {
            slot.take()
        } else {
            slot.as_ref().map(Tensor::with_empty_tape)
        };
        tensor.expect("invariant: a step reads what earlier steps made")
    }
}

/// (batch, height, width, channels) as (batch, values).
fn flat<T: AnyTape>(x: Tensor4<T>) -> Tensor2<T> {
    let (batch, height, width, channels) = *x.shape();
    x.reshape_like(&(batch, height * width * channels))
}

fn clipping(activation: Option<Activation>) -> ops::Activation {
    match activation {
        None => ops::Activation::None,
        Some(Activation::Relu) => ops::Activation::Relu,
        Some(Activation::Relu6) => ops::Activation::Relu6,
        Some(Activation::Hardtanh) => ops::Activation::Hardtanh,
    }
}

fn fake_quantize<S: Shape, T: AnyTape>(
    x: Tensor<S, f32, Cpu, T>,
    quantizer: &Arc<FakeQuantizer>,
    fit: Fit,
) -> Tensor<S, f32, Cpu, T> {
    let (forth, back) = (fit.clone(), quantizer.clone());
    ops::surrogate(
        x,
        |x, y| quantizer.forward(&forth, x, y),
        move |x, dy, dx| {
            back.backward(&fit, x, dy, dx);
        },
    )
}

/// The same with learned scales, each of `count` values.
fn learned<S: Shape, T: AnyTape>(
    x: Tensor<S, f32, Cpu, T>,
    scales: Tensor1<T>,
    quantizer: &Arc<FakeQuantizer>,
    filters: usize,
    count: usize,
    moment: Moment,
) -> Tensor<S, f32, Cpu, T> {
    let back = quantizer.clone();
    let factor = quantizer.scale_factor(count);
    ops::surrogate_with_parameter(
        x,
        scales,
        |x, scales, y| quantizer.forward(&Fit::learned(scales, filters, moment), x, y),
        move |x, scales, dy, dx, dscales| {
            let found = back.backward(&Fit::learned(scales, filters, moment), x, dy, dx);
            for (d, found) in dscales.iter_mut().zip(found) {
                *d += factor * found;
            }
        },
    )
}

/// Every `stride`-th pixel with zeros as further channels.
fn pad_shortcut<T: AnyTape>(x: Tensor4<T>, stride: usize, outputs: usize) -> Tensor4<T> {
    let (x, mut tape) = x.split_tape();
    let (batch, height, width, channels) = *x.shape();
    let (out_h, out_w) = (height.div_ceil(stride), width.div_ceil(stride));
    // Where the channels of each pixel come from and go to.
    let moves = move || {
        (0..batch * out_h * out_w).map(move |pixel| {
            let (image, place) = (pixel / (out_h * out_w), pixel % (out_h * out_w));
            let (row, column) = (place / out_w * stride, place % out_w * stride);
            let from = (image * height + row) * width + column;
            (from * channels, pixel * outputs)
        })
    };
    let mut y = vec![0.0; batch * out_h * out_w * outputs];
    for (from, to) in moves() {
        y[to..to + channels].copy_from_slice(&ops::values(&x)[from..from + channels]);
    }
    let out = x
        .device()
        .tensor_from_vec(y, (batch, out_h, out_w, outputs));
    let (x, y) = (x.ghost(), out.ghost());
    tape.add_backward_op(move |gradients| {
        let dy = std::mem::take(&mut **gradients.get_or_alloc_mut(&y)?);
        let dx = gradients.get_or_alloc_mut(&x)?;
        for (to, from) in moves() {
            for (dx, dy) in dx[to..to + channels].iter_mut().zip(&dy[from..]) {
                *dx += dy;
            }
        }
        Ok(())
    });
    out.put_tape(tape)
}

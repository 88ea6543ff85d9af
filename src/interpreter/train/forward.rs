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
    self, AnyTape, ConvOptions, PoolOptions, Quantizer, RunningStatistics, Tail, Tensor1, Tensor2,
    Tensor4,
};
use super::parameters::Parameters;
use super::plan::{Operands, Plan, Step, View, Work};
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
        let mut values = Values::new(self.plan, self.quantizes(), self.watch.is_some());
        self.store(&mut values, 0, Some(images));
        for step in &self.plan.steps {
            self.step(step, &mut values);
            if let Some(watch) = &mut self.watch {
                let seen = |node: usize| ops::values(values.kept(node));
                let other = step.others().first().map(|node| seen(*node));
                watch(step, seen(step.input), other, seen(step.node));
            }
        }
        flat(values.read(self.plan.shapes.len() - 1))
    }

    /// Whether quantizers of inputs are on.
    fn quantizes(&self) -> bool {
        !matches!(self.scales, Scales::Off)
    }

    /// Keeps the result of a node, and makes the views of it that are not there yet.
    fn store<T: AnyTape>(&mut self, values: &mut Values<T>, node: usize, y: Option<Tensor4<T>>) {
        values.tensors[node] = y;
        if !self.quantizes() {
            return;
        }
        for (index, view) in self.plan.views.iter().enumerate() {
            if view.node == node && values.views[index].is_none() {
                let y = values.read(node);
                values.views[index] = Some(self.view(view, y));
            }
        }
    }

    fn step<T: AnyTape>(&mut self, step: &Step, values: &mut Values<T>) {
        let x = match step.view().filter(|_| self.quantizes()) {
            Some(view) => values.read_view(view),
            None => values.read(step.input),
        };
        let others = step.others().iter();
        let mut others: Vec<_> = others.map(|node| values.read(*node)).collect();
        let y = match &step.work {
            Work::Convolution {
                convolution: c,
                weight,
                operands,
            } => {
                let weight = self.parameters.kernel(*weight).retaped::<T>();
                let options = ConvOptions {
                    stride: [c.stride; 2],
                    padding: [c.padding; 2],
                    dilation: [c.dilation; 2],
                    groups: c.groups,
                    // Nobody learns the images, but somebody may learn their scale.
                    input_gradient: step.input != 0 || operands.activation_scale.is_some(),
                };
                ops::conv2d(x, self.weights(weight, operands), options)
            }
            Work::Linear {
                weight,
                bias,
                operands,
            } => {
                let weight = self.parameters.matrix(*weight).retaped::<T>();
                let bias = self.parameters.vector(*bias).retaped::<T>();
                let y = ops::linear(flat(x), self.weights(weight, operands), Some(bias));
                let (batch, channels) = *y.shape();
                y.reshape_like(&(batch, 1, 1, channels))
            }
            Work::Norm { .. } => {
                let y = self.norm(step, x, others.pop(), values);
                return self.store(values, step.node, y);
            }
            Work::Activation(activation) => ops::activate(x, clipping(Some(*activation))),
            Work::Pool {
                kind,
                kernel,
                stride,
            } => {
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
            Work::Add(_) => {
                let other = others.pop();
                ops::add(x, other.expect("invariant: an addition reads two nodes"))
            }
            // Its input is the view of it.
            Work::Quantize { .. } => x,
            Work::Concat(_) => {
                others.insert(0, x);
                ops::concat(others)
            }
            Work::PadShortcut { stride } => {
                ops::pad_shortcut(x, *stride, self.plan.shapes[step.node].channels)
            }
            Work::Flatten => {
                let (batch, height, width, channels) = *x.shape();
                x.reshape_like(&(batch, 1, 1, height * width * channels))
            }
        };
        self.store(values, step.node, Some(y));
    }

    /// Batch norm with what is fused with it, a view of its result included. Gives the result itself if somebody reads it.
    fn norm<T: AnyTape>(
        &mut self,
        step: &Step,
        x: Tensor4<T>,
        residual: Option<Tensor4<T>>,
        values: &mut Values<T>,
    ) -> Option<Tensor4<T>> {
        let Work::Norm {
            norm,
            gain,
            bias,
            activation,
            ..
        } = &step.work
        else {
            unreachable!("only for batch norm")
        };
        let view = self.fused_view(step.node);
        if view.is_some() {
            values.reads[step.node] -= 1;
        }
        let tail = Tail {
            residual,
            activation: clipping(*activation),
            quantizer: view.map(|(_, quantizer)| quantizer),
            plain: values.reads[step.node] > 0,
        };
        let gain = self.parameters.vector(*gain);
        let bias = self.parameters.vector(*bias);
        let statistics = match &mut self.norms {
            Norms::Learning(all) => {
                let (gain, bias) = (gain.retaped::<T>(), bias.retaped::<T>());
                let found = ops::batch_norm(x, gain, bias, &mut all[*norm], tail);
                if let Some((view, _)) = view {
                    values.views[view] = found.quantized;
                }
                return found.plain;
            }
            Norms::Measured(all) => {
                let channels = x.shape().3;
                let found = batch_norm::statistics(Isa::current(), ops::values(&x), channels);
                all[*norm] = RunningStatistics {
                    mean: found.mean,
                    variance: found.variance,
                };
                &all[*norm]
            }
            Norms::Fixed(all) => &all[*norm],
        };
        let (x, tape) = x.split_tape();
        let tail = tail.without_tape();
        let found = ops::batch_norm_inference(x, gain, bias, statistics, tail);
        let mut tape = Some(tape);
        let mut with_tape = |out: Tensor4| out.put_tape(tape.take().unwrap_or_default());
        if let Some((view, _)) = view {
            values.views[view] = found.quantized.map(&mut with_tape);
        }
        found.plain.map(&mut with_tape)
    }

    /// The first view of a node that batch norm makes on the way, and how.
    fn fused_view(&self, node: usize) -> Option<(usize, Quantizer)> {
        let Scales::Fixed(scales) = &self.scales else {
            return None;
        };
        let views = self.plan.views.iter().enumerate();
        let mut fused = views
            .filter(|(_, view)| view.node == node)
            .filter_map(|(index, view)| {
                let quantizer = view.quantizer.fused(scales[view.scales[0]])?;
                Some((index, quantizer))
            });
        fused.next()
    }

    /// What a view shows of its node.
    fn view<T: AnyTape>(&mut self, view: &View, x: Tensor4<T>) -> Tensor4<T> {
        let scale = match &mut self.scales {
            Scales::Off => return x,
            Scales::Fixed(scales) => match view.learned {
                Some(parameter) => {
                    // Features of one image (LSQ, section 2.2).
                    let features = ops::values(&x).len() / x.shape().0.max(1);
                    let scale = self.parameters.vector(parameter).retaped::<T>();
                    return learned(x, scale, &view.quantizer, 1, features, self.moment);
                }
                None => scales[view.scales[0]],
            },
            Scales::Measured(scales) => {
                let found = view.quantizer.fit_activations(ops::values(&x), self.moment);
                view.scales.iter().for_each(|index| scales[*index] = found);
                found
            }
        };
        let fit = Fit::scale(scale, self.moment);
        if view.node == 0 {
            // Nobody learns the images.
            let (x, tape) = x.split_tape();
            let y = view.quantizer.forward(&fit, ops::values(&x));
            return x.device().tensor_from_vec(y, *x.shape()).put_tape(tape);
        }
        fake_quantize(x, &view.quantizer, fit)
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

/// Results of nodes and views of them, as long as somebody will read them.
struct Values<T> {
    tensors: Vec<Option<Tensor4<T>>>,
    reads: Vec<usize>,
    views: Vec<Option<Tensor4<T>>>,
    view_reads: Vec<usize>,
}

impl<T: AnyTape> Values<T> {
    /// Nothing yet. A view reads its node once, for all of its readers; what is `kept` is never let go.
    fn new(plan: &Plan, quantizes: bool, kept: bool) -> Values<T> {
        let mut values = Values {
            tensors: plan.shapes.iter().map(|_| None).collect(),
            reads: plan.reads.clone(),
            views: plan.views.iter().map(|_| None).collect(),
            view_reads: plan.views.iter().map(|view| view.scales.len()).collect(),
        };
        if quantizes {
            for view in &plan.views {
                values.reads[view.node] -= view.scales.len() - 1;
            }
        }
        if kept {
            values.reads.iter_mut().for_each(|reads| *reads += 1);
        }
        values
    }

    fn read(&mut self, node: usize) -> Tensor4<T> {
        read(&mut self.tensors[node], &mut self.reads[node])
    }

    fn read_view(&mut self, view: usize) -> Tensor4<T> {
        read(&mut self.views[view], &mut self.view_reads[view])
    }

    /// A result that is kept.
    fn kept(&self, node: usize) -> &Tensor4<T> {
        (self.tensors[node].as_ref()).expect("invariant: a watched pass keeps everything")
    }
}

/// A fork of a result; the result itself for its last reader, with its tape.
fn read<T: AnyTape>(slot: &mut Option<Tensor4<T>>, reads: &mut usize) -> Tensor4<T> {
    *reads -= 1;
    let tensor = if *reads == 0 {
        slot.take()
    } else {
        slot.as_ref().map(Tensor::with_empty_tape)
    };
    tensor.expect("invariant: a step reads what earlier steps made")
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
        |x| quantizer.forward(&forth, x),
        move |x, dy| back.backward(&fit, x, dy).0,
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
        |x, scales| quantizer.forward(&Fit::learned(scales, filters, moment), x),
        move |x, scales, dy| {
            let fit = Fit::learned(scales, filters, moment);
            let (dx, mut dscales) = back.backward(&fit, x, dy);
            dscales.iter_mut().for_each(|d| *d *= factor);
            (dx, dscales)
        },
    )
}

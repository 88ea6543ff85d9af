//! The forward pass of a planned network, for training, calibration and inference.
//!
//! In: a plan, parameters, images (images, height, width, channels). Out: logits (images, classes) with the tape of the images.
//! Where batch norm has its statistics from and where quantized inputs have their scales from is the caller's choice;
//! what is measured in a pass is used at once. Knows nothing of losses.
//!
//! Steps are here, batch norm with what is fused with it in [`norm`], quantized operands in [`quantized`], and what waits for its
//! readers in [`values`].

mod norm;
mod quantized;
mod values;

use self::values::{Values, stored};
use super::ops::{
    self, AnyTape, ConvOptions, Node2, Node4, PoolOptions, RunningStatistics, Tensor4,
};
use super::parameters::Parameters;
use super::plan::{Plan, Step, Work};
use super::schedule::Moment;
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
    pub fn run<T: AnyTape>(mut self, images: Tensor4<T>) -> Node2<T> {
        let mut values = Values::new(self.plan, self.quantizes(), self.watch.is_some());
        self.store(&mut values, 0, Some(images.into()));
        for step in &self.plan.steps {
            self.step(step, &mut values);
            if let Some(watch) = &mut self.watch {
                let seen = |node: usize| values.kept(node).values();
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
    fn store<T: AnyTape>(&mut self, values: &mut Values<T>, node: usize, y: Option<Node4<T>>) {
        if let Some(y) = y {
            values.results[node] = Some(y.into());
        }
        if !self.quantizes() {
            return;
        }
        for (index, view) in self.plan.views.iter().enumerate() {
            if view.node == node && values.views[index].is_none() {
                let y = values.read(node);
                values.views[index] = Some(self.view(view, y).into());
            }
        }
    }

    fn step<T: AnyTape>(&mut self, step: &Step, values: &mut Values<T>) {
        let x = match step.view().filter(|_| self.quantizes()) {
            Some(view) => values.read_view(view),
            None => values.read_source(step.input),
        };
        if let Work::Convolution {
            convolution: c,
            weight,
            operands,
        } = &step.work
        {
            let weight = self.parameters.kernel(*weight).retaped::<T>().into();
            let options = ConvOptions {
                stride: [c.stride; 2],
                padding: [c.padding; 2],
                dilation: [c.dilation; 2],
                groups: c.groups,
                // Nobody learns the images, but somebody may learn their scale.
                input_gradient: step.input != 0 || operands.activation_scale.is_some(),
                statistics: self.measures(step.node),
            };
            let y = ops::conv2d(x, self.weights(weight, operands), options);
            return self.store(values, step.node, Some(y));
        }
        let x = stored(x);
        let others = step.others().iter();
        let mut others: Vec<_> = others.map(|node| values.read(*node)).collect();
        let y = match &step.work {
            Work::Convolution { .. } => unreachable!("it has had its turn"),
            Work::Linear {
                weight,
                bias,
                operands,
            } => {
                let weight = self.parameters.matrix(*weight).retaped::<T>().into();
                let bias = self.parameters.vector(*bias).retaped::<T>().into();
                let y = ops::linear(flat(x), self.weights(weight, operands), Some(bias));
                let (batch, channels) = *y.shape();
                y.reshape(&(batch, 1, 1, channels))
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
                x.reshape(&(batch, 1, 1, height * width * channels))
            }
        };
        self.store(values, step.node, Some(y));
    }
}

/// (batch, height, width, channels) as (batch, values).
fn flat<T: AnyTape>(x: Node4<T>) -> Node2<T> {
    let (batch, height, width, channels) = *x.shape();
    x.reshape(&(batch, height * width * channels))
}

fn clipping(activation: Option<Activation>) -> ops::Activation {
    match activation {
        None => ops::Activation::None,
        Some(Activation::Relu) => ops::Activation::Relu,
        Some(Activation::Relu6) => ops::Activation::Relu6,
        Some(Activation::Hardtanh) => ops::Activation::Hardtanh,
    }
}

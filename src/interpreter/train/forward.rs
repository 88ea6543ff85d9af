//! The forward pass of a planned network, for training, calibration and inference.
//!
//! In: a plan, parameters, images (images, height, width, channels). Out: logits (images, classes) with the tape of the images.
//! Where batch norm has its statistics from and where quantized inputs have their scales from is the caller's choice;
//! what is measured in a pass is used at once. Knows nothing of losses.

use std::sync::Arc;

use dfdx::prelude::{Cpu, Shape, TensorFromVec};

use super::ops::{
    self, AnyTape, ConvOptions, Node, Node1, Node2, Node4, PoolOptions, Quantizer,
    RunningStatistics, Source, Tail, Tensor4,
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

    /// Batch norm with what is fused with it, a view of its result included. Gives the result itself if somebody reads it.
    fn norm<T: AnyTape>(
        &mut self,
        step: &Step,
        x: Node4<T>,
        residual: Option<Node4<T>>,
        values: &mut Values<T>,
    ) -> Option<Node4<T>> {
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
        let (quantizer, view) = (
            view.map(|(_, quantizer)| quantizer),
            view.map(|(view, _)| view),
        );
        let deferred = residual.is_none() && self.only_convolved(step.node, view);
        let tail = Tail {
            residual,
            activation: clipping(*activation),
            quantizer,
            plain: values.reads[step.node] > 0,
        };
        let gain = self.parameters.vector(*gain);
        let bias = self.parameters.vector(*bias);
        let statistics = match &mut self.norms {
            Norms::Learning(all) => {
                let (gain, bias) = (gain.retaped::<T>().into(), bias.retaped::<T>().into());
                let running = &mut all[*norm];
                if deferred {
                    let (activation, quantizer) = (tail.activation, tail.quantizer);
                    let found =
                        ops::defer_batch_norm(x, gain, bias, running, activation, quantizer);
                    let slot = match view {
                        Some(view) => &mut values.views[view],
                        None => &mut values.results[step.node],
                    };
                    *slot = Some(Source::Deferred(found));
                    return None;
                }
                let found = ops::batch_norm(x, gain, bias, running, tail);
                if let Some(view) = view {
                    values.views[view] = found.quantized.map(Source::Stored);
                }
                return found.plain;
            }
            Norms::Measured(all) => {
                let channels = x.shape().3;
                let found = batch_norm::statistics(Isa::current(), x.values(), channels);
                all[*norm] = RunningStatistics {
                    mean: found.mean,
                    variance: found.variance,
                };
                &all[*norm]
            }
            Norms::Fixed(all) => &all[*norm],
        };
        let (x, tape) = x.without_tape();
        let tail = tail.without_tape();
        let found = ops::batch_norm_inference(x, gain, bias, statistics, tail);
        let mut tape = Some(tape);
        let mut with_tape = |out: Node4| out.put_tape(tape.take().unwrap_or_default());
        if let Some(view) = view {
            let quantized = found.quantized.map(&mut with_tape);
            values.views[view] = quantized.map(Source::Stored);
        }
        found.plain.map(&mut with_tape)
    }

    /// Whether batch norm will want the statistics of a node.
    fn measures(&self, node: usize) -> bool {
        let norms = |s: &Step| s.input == node && matches!(s.work, Work::Norm { .. });
        matches!(self.norms, Norms::Learning(_)) && self.plan.steps.iter().any(norms)
    }

    /// Whether nobody but one convolution reads a node, through `view` if there is one: it can compute batch norm on the way.
    fn only_convolved(&self, node: usize, view: Option<usize>) -> bool {
        let plan = self.plan;
        let read_once = plan.reads[node] == 1 && self.watch.is_none();
        let mut views = plan.views.iter().enumerate();
        let viewed = self.quantizes() && views.any(|(i, v)| v.node == node && Some(i) != view);
        let mut steps = plan.steps.iter();
        let reader = steps.find(|s| s.input == node || s.others().contains(&node));
        let convolution = |s: &Step| matches!(s.work, Work::Convolution { .. });
        read_once && !viewed && reader.is_some_and(convolution)
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
    fn view<T: AnyTape>(&mut self, view: &View, x: Node4<T>) -> Node4<T> {
        let scale = match &mut self.scales {
            Scales::Off => return x,
            Scales::Fixed(scales) => match view.learned {
                Some(parameter) => {
                    // Features of one image (LSQ, section 2.2).
                    let features = x.values().len() / x.shape().0.max(1);
                    let scale = self.parameters.vector(parameter).retaped::<T>().into();
                    return learned(x, scale, &view.quantizer, 1, features, self.moment);
                }
                None => scales[view.scales[0]],
            },
            Scales::Measured(scales) => {
                let found = view.quantizer.fit_activations(x.values(), self.moment);
                view.scales.iter().for_each(|index| scales[*index] = found);
                found
            }
        };
        let fit = Fit::scale(scale, self.moment);
        if view.node == 0 {
            // Nobody learns the images.
            let (x, tape) = x.without_tape();
            let y = view.quantizer.forward(&fit, x.values());
            let y = Cpu::default().tensor_from_vec(y, *x.shape());
            return Node::from(y).put_tape(tape);
        }
        fake_quantize(x, &view.quantizer, fit)
    }

    /// The weights of a product as their quantizer lets them through.
    fn weights<S: Shape, T: AnyTape>(
        &self,
        weights: Node<S, T>,
        operands: &Operands,
    ) -> Node<S, T> {
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
                let scales = Node::from(self.parameters.vector(parameter).retaped::<T>());
                let count = weights.values().len() / scales.shape().0;
                learned(weights, scales, quantizer, channels, count, self.moment)
            }
            None => {
                let fit = quantizer.fit_weights(weights.values(), channels, self.moment);
                fake_quantize(weights, quantizer, fit)
            }
        }
    }
}

/// Results of nodes and views of them, as long as somebody will read them.
struct Values<T> {
    results: Vec<Option<Source<T>>>,
    reads: Vec<usize>,
    views: Vec<Option<Source<T>>>,
    view_reads: Vec<usize>,
}

impl<T: AnyTape> Values<T> {
    /// Nothing yet. A view reads its node once, for all of its readers; what is `kept` is never let go.
    fn new(plan: &Plan, quantizes: bool, kept: bool) -> Values<T> {
        let mut values = Values {
            results: plan.shapes.iter().map(|_| None).collect(),
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

    fn read(&mut self, node: usize) -> Node4<T> {
        stored(self.read_source(node))
    }

    fn read_source(&mut self, node: usize) -> Source<T> {
        read(&mut self.results[node], &mut self.reads[node])
    }

    fn read_view(&mut self, view: usize) -> Source<T> {
        read(&mut self.views[view], &mut self.view_reads[view])
    }

    /// A result that is kept.
    fn kept(&self, node: usize) -> &Node4<T> {
        match &self.results[node] {
            Some(Source::Stored(result)) => result,
            _ => unreachable!("a watched pass keeps everything"),
        }
    }
}

/// A fork of a result; the result itself for its last reader, with its tape.
fn read<T: AnyTape>(slot: &mut Option<Source<T>>, reads: &mut usize) -> Source<T> {
    *reads -= 1;
    match slot {
        Some(Source::Stored(result)) if *reads > 0 => Source::Stored(result.fork()),
        _ => (slot.take()).expect("invariant: a step reads what earlier steps made"),
    }
}

/// What is not for a convolution.
fn stored<T>(source: Source<T>) -> Node4<T> {
    match source {
        Source::Stored(result) => result,
        Source::Deferred(_) => unreachable!("only what a convolution reads is deferred"),
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

fn fake_quantize<S: Shape, T: AnyTape>(
    x: Node<S, T>,
    quantizer: &Arc<FakeQuantizer>,
    fit: Fit,
) -> Node<S, T> {
    let (forth, back) = (fit.clone(), quantizer.clone());
    ops::surrogate(
        x,
        |x| quantizer.forward(&forth, x),
        move |x, dy| back.backward(&fit, x, dy).0,
    )
}

/// The same with learned scales, each of `count` values.
fn learned<S: Shape, T: AnyTape>(
    x: Node<S, T>,
    scales: Node1<T>,
    quantizer: &Arc<FakeQuantizer>,
    filters: usize,
    count: usize,
    moment: Moment,
) -> Node<S, T> {
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

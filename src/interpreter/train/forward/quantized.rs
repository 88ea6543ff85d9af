//! Quantized operands in a pass: inputs as views of nodes, and weights.

use std::sync::Arc;

use dfdx::prelude::{Cpu, Shape, TensorFromVec};

use super::{Pass, Scales};
use crate::interpreter::train::ops::{self, AnyTape, Node, Node1, Node4};
use crate::interpreter::train::plan::{Operands, View};
use crate::interpreter::train::quantize::{FakeQuantizer, Fit};
use crate::interpreter::train::schedule::Moment;

impl Pass<'_> {
    /// What a view shows of its node.
    pub(super) fn view<T: AnyTape>(&mut self, view: &View, x: Node4<T>) -> Node4<T> {
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
    pub(super) fn weights<S: Shape, T: AnyTape>(
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

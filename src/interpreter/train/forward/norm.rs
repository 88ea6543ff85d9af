//! Batch norm in a pass, with what is fused with it.

use super::values::Values;
use super::{Norms, Pass, Scales, clipping};
use crate::interpreter::train::ops::{
    self, AnyTape, Node4, Quantizer, RunningStatistics, Source, Tail,
};
use crate::interpreter::train::plan::{Step, Work};
use crate::kernels::{Isa, batch_norm};

impl Pass<'_> {
    /// Batch norm with what is fused with it, a view of its result included. Gives the result itself if somebody reads it.
    pub(super) fn norm<T: AnyTape>(
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
    pub(super) fn measures(&self, node: usize) -> bool {
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
}

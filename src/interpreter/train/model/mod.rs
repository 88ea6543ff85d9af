//! A network with numbers in it.
//!
//! In: a candidate and random numbers, or bytes that were saved. Out: logits, accuracies, gradients, bytes. Knows nothing of
//! epochs and optimizers.

mod calibration;
mod saved;

use dfdx::prelude::{Backward, Cpu, CpuError, TensorFromVec, Trace};

use super::batch;
use super::data::{Data, Split};
use super::forward::{Norms, Pass, Watch};
use super::ops::{self, Gradients, RunningStatistics, Tensor4};
use super::parameters::{Parameter, Parameters, Value};
use super::plan::{Plan, Role};
use super::quantize::Fit;
use super::schedule::Moment;
use super::{PlanError, TrainError};
use crate::model::{Candidate, Loss, Shape};
use crate::stream::{Key, Purpose};

/// Images of one pass of inference.
const INFERENCE_BATCH: usize = 128;

/// What a batch is trained for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Objective<'a> {
    /// The class of each image.
    pub labels: &'a [usize],
    /// Label smoothing.
    pub smoothing: f64,
    /// What is minimized.
    pub loss: Loss,
    /// Who is asked what it thinks of the images.
    pub teacher: Option<&'a Model>,
}

/// A network with parameters, statistics of batch norm and, once it is quantized, scales of activations.
#[derive(Debug, Clone)]
pub struct Model {
    pub(super) plan: Plan,
    pub(super) parameters: Parameters,
    pub(super) statistics: Vec<RunningStatistics>,
    /// Scales of quantized inputs; `None`: their quantizers are off.
    pub(super) scales: Option<Vec<f32>>,
    /// Whether the quantizers of weights are on.
    pub(super) quantized_weights: bool,
}

impl Model {
    /// The network before training. Quantizers are off.
    pub fn new(candidate: &Candidate, key: Key) -> Result<Model, PlanError> {
        let plan = Plan::new(&candidate.network)?;
        let mut rng = key.stream(Purpose::Init);
        let parameters = plan.parameters.iter().map(|p| {
            let count: usize = p.axes.iter().product();
            let (value, decays) = match p.role {
                Role::Weight => (Value::weights(&p.axes, candidate.init, 2.0, &mut rng), true),
                Role::LastWeight => (Value::weights(&p.axes, candidate.init, 1.0, &mut rng), true),
                Role::Gain | Role::Scale => (Value::new(&p.axes, vec![1.0; count]), false),
                Role::Bias => (Value::new(&p.axes, vec![0.0; count]), false),
            };
            Parameter::new(p.name.clone(), value, decays)
        });
        let mut parameters: Vec<Parameter> = parameters.collect();
        for (weight, operands) in plan.operands_of_steps() {
            if let (Some(weight), Some(_)) = (weight, &operands.weights) {
                parameters[weight].is_latent = true;
            }
        }
        Ok(Model {
            parameters: parameters.into_iter().collect(),
            statistics: plan
                .norms
                .iter()
                .map(|channels| RunningStatistics::new(*channels))
                .collect(),
            scales: None,
            quantized_weights: false,
            plan,
        })
    }

    /// Whether the network can be trained on the data.
    pub(super) fn check(&self, data: &Data) -> Result<(), TrainError> {
        let input = self.plan.shapes[0];
        let outputs = self.outputs();
        let [height, width, channels] = data.train().shape();
        let fits = [input.height, input.width, input.channels] == data.train().shape()
            && outputs == data.classes();
        if fits {
            return Ok(());
        }
        Err(TrainError::Mismatch {
            network: format!("images of {input} and {outputs} classes"),
            data: format!(
                "images of {height}x{width}x{channels} and {} classes",
                data.classes()
            ),
        })
    }

    /// Whether everything that training changes is finite.
    pub(super) fn is_finite(&self) -> bool {
        let parameters = self.parameters.iter().map(|p| p.value.values());
        let statistics = self.statistics.iter();
        let statistics = statistics.flat_map(|s| [&s.mean[..], &s.variance[..]]);
        let mut all = parameters.chain(statistics);
        all.all(|values| values.iter().all(|x| x.is_finite()))
    }

    /// Whether any operand has a quantizer.
    pub fn has_quantizers(&self) -> bool {
        self.plan.is_quantized()
    }

    /// Number of classes.
    pub fn outputs(&self) -> usize {
        self.plan.shapes.last().map_or(0, |s| s.len())
    }

    /// The logits (images, classes) of images (images, height, width, channels), as they are at inference.
    pub fn logits(&self, images: Vec<f32>) -> Vec<f32> {
        self.watched(images, None)
    }

    /// The same, showing every step to `watch`.
    pub(super) fn watched<'a>(&'a self, images: Vec<f32>, watch: Option<Watch<'a>>) -> Vec<f32> {
        let pass = Pass {
            plan: &self.plan,
            parameters: &self.parameters,
            norms: Norms::Fixed(&self.statistics),
            scales: self.scales.as_deref().into(),
            quantized_weights: self.quantized_weights,
            moment: Moment::END,
            watch,
        };
        pass.run(self.tensor(images)).values().to_vec()
    }

    /// Images as a tensor.
    fn tensor(&self, images: Vec<f32>) -> Tensor4 {
        let Shape {
            height,
            width,
            channels,
        } = self.plan.shapes[0];
        let count = images.len() / self.plan.shapes[0].len();
        Cpu::default().tensor_from_vec(images, (count, height, width, channels))
    }

    /// The share of samples whose class has the largest logit. The first of equals counts, NaN never does.
    pub fn accuracy(&self, split: &Split) -> f64 {
        let mut right = 0_usize;
        for start in (0..split.len()).step_by(INFERENCE_BATCH) {
            let samples = start..split.len().min(start + INFERENCE_BATCH);
            let logits = self.logits(batch::images(split, samples.clone()));
            for (row, sample) in logits.chunks_exact(self.outputs()).zip(samples) {
                right += usize::from(largest(row) == Some(split.label(sample)));
            }
        }
        right as f64 / split.len() as f64
    }

    /// Mean loss of a batch and its gradients; running statistics move. `moment` is for formulas of quantizers.
    pub(super) fn gradients(
        &mut self,
        images: Vec<f32>,
        objective: &Objective,
        moment: Moment,
    ) -> Result<(f64, Gradients), CpuError> {
        let Objective {
            labels,
            smoothing,
            loss,
            teacher,
        } = *objective;
        let taught = (loss != Loss::default()).then(|| match teacher {
            Some(teacher) => teacher.logits(images.clone()),
            // Nobody is asked, so that it does not matter what the answer would be.
            None => vec![0.0; labels.len() * self.outputs()],
        });
        let images = self.tensor(images).traced(Gradients::leaky());
        let pass = Pass {
            plan: &self.plan,
            parameters: &self.parameters,
            norms: Norms::Learning(&mut self.statistics),
            scales: self.scales.as_deref().into(),
            quantized_weights: self.quantized_weights,
            moment,
            watch: None,
        };
        let (logits, smoothing) = (pass.run(images), smoothing as f32);
        let loss = match taught {
            None => ops::softmax_cross_entropy(logits, labels, smoothing),
            Some(teacher) => ops::distillation(logits, labels, smoothing, &teacher, loss),
        };
        let value = f64::from(ops::values(&loss)[0]);
        Ok((value, loss.try_backward()?))
    }

    /// The scale of a quantized input: learned, or found by calibration.
    pub(super) fn activation_scale(&self, scales: &[f32], index: usize) -> f32 {
        let mut learned = self.plan.operands_of_steps().filter_map(|(_, operands)| {
            let (_, of) = operands.activations.as_ref()?;
            (*of == index).then_some(operands.activation_scale?)
        });
        match learned.next() {
            Some(parameter) => {
                let learned = self.parameters.get(parameter).value.values();
                Fit::learned(learned, 1, Moment::END).scales[0]
            }
            None => scales[index],
        }
    }
}

/// The index of the first largest number; `None` if a number is NaN.
fn largest(row: &[f32]) -> Option<usize> {
    if row.iter().any(|x| x.is_nan()) {
        return None;
    }
    let mut best = 0;
    for (i, x) in row.iter().enumerate() {
        if *x > row[best] {
            best = i;
        }
    }
    Some(best)
}

//! A network with numbers in it.
//!
//! In: a candidate and random numbers, or bytes that were saved. Out: logits, accuracies, gradients, bytes. Knows nothing of
//! epochs and optimizers.

use std::collections::BTreeMap;

use dfdx::prelude::{Backward, Cpu, CpuError, TensorFromVec, Trace};

use super::batch;
use super::data::{Data, Split};
use super::forward::{Norms, Pass, Scales, Watch};
use super::ops::{self, Gradients, RunningStatistics, Tensor4};
use super::parameters::{Parameter, Parameters, Value};
use super::plan::{Operands, Plan, Role};
use super::quantize::Fit;
use super::schedule::Moment;
use super::storage::{self, Entry, StorageError};
use super::{PlanError, TrainError};
use crate::ir::Quantize;
use crate::model::{Candidate, Loss, Shape};
use crate::stream::{Key, Purpose};

/// Images of one pass of inference.
const INFERENCE_BATCH: usize = 128;

/// Images of calibration at most.
const CALIBRATION_IMAGES: usize = 1024;

/// Values of the largest activation in calibration at most: 64 MiB.
const CALIBRATION_VALUES: usize = 1 << 24;

/// Names of what is no parameter in [`Model::state`]; layers have no such names.
const SCALES: &str = "<scales>";
const QUANTIZED_WEIGHTS: &str = "<quantized weights>";

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

    /// Switches quantizers on and off: finds the scales of activations and the statistics of batch norm.
    ///
    /// One pass over the first training images, node by node: a quantizer takes its scale from what really arrives,
    /// everything before it being quantized already, and a batch norm takes its statistics from the same pass. Statistics of
    /// the float network would be wrong behind binary and ternary layers, whose outputs have another variance.
    pub(super) fn calibrate(&mut self, split: &Split, quantize: Quantize) {
        let largest = self.plan.shapes.iter().map(|s| s.len()).max().unwrap_or(1);
        let count = (CALIBRATION_VALUES / largest.max(1))
            .clamp(1, CALIBRATION_IMAGES)
            .min(split.len());
        let mut scales = vec![1.0; self.plan.scale_names.len()];
        self.quantized_weights = quantize.weights();
        let images = self.tensor(batch::images(split, 0..count));
        let operands = self.plan.operands_of_steps();
        let operands: Vec<(usize, Operands)> = operands
            .filter_map(|(w, o)| Some((w?, o.clone())))
            .collect();
        // Learned scales start where a rule would put them.
        for (weight, operands) in &operands {
            if let (Some(quantizer), Some(scale)) = (&operands.weights, operands.weight_scale) {
                let weight = self.parameters.get(*weight);
                let channels = weight.value.axes().last().copied().unwrap_or(1);
                let fit = quantizer.fit_weights(weight.value.values(), channels, Moment::END);
                self.parameters.set(scale, fit.scales);
            }
        }
        let pass = Pass {
            plan: &self.plan,
            parameters: &self.parameters,
            norms: Norms::Measured(&mut self.statistics),
            scales: match quantize.activations() {
                true => Scales::Measured(&mut scales),
                false => Scales::Off,
            },
            quantized_weights: self.quantized_weights,
            moment: Moment::END,
            watch: None,
        };
        pass.run(images);
        for (_, operands) in &operands {
            if let (Some((_, index)), Some(scale)) =
                (&operands.activations, operands.activation_scale)
            {
                self.parameters.set(scale, vec![scales[*index]]);
            }
        }
        self.scales = quantize.activations().then_some(scales);
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

    /// Everything that inference needs as a safetensors file with `metadata`: the same bytes for the same model.
    ///
    /// Weights are the float ones that quantizers start from, (kernel, kernel, channels in / groups, channels out) or (in,
    /// out); their scales follow from them. A quantized model also has one `activation_scale` per quantized input.
    pub fn to_safetensors(&self, metadata: &BTreeMap<String, String>) -> Vec<u8> {
        storage::write(&self.entries(), metadata)
    }

    fn entries(&self) -> Vec<Entry> {
        let mut entries: Vec<Entry> = self
            .parameters
            .iter()
            .map(|p| Entry {
                name: p.name.clone(),
                axes: p.value.axes(),
                values: p.value.values().to_vec(),
            })
            .collect();
        let mut vector = |name: String, values: &[f32]| {
            entries.push(Entry {
                name,
                axes: vec![values.len()],
                values: values.to_vec(),
            });
        };
        for (name, statistics) in self.plan.norm_names.iter().zip(&self.statistics) {
            vector(format!("{name}.mean"), &statistics.mean);
            vector(format!("{name}.variance"), &statistics.variance);
        }
        if let Some(scales) = &self.scales {
            // Marks a quantized model, even where no activation has a scale.
            vector("quantized".into(), &[1.0]);
            for (index, name) in self.plan.scale_names.iter().enumerate() {
                let scale = self.activation_scale(scales, index);
                vector(format!("{name}.activation_scale"), &[scale]);
            }
        }
        entries
    }

    /// Everything that training changes, under names that begin with `prefix`: unlike [`Model::to_safetensors`], as it is in the middle of a
    /// training, with quantizers half on, scales as they were calibrated.
    pub(super) fn state(&self, prefix: &str) -> Vec<Entry> {
        let mut entries = Vec::new();
        let mut put = |name: &str, values: &[f32]| {
            entries.push(Entry::vector(format!("{prefix}{name}"), values.to_vec()));
        };
        for parameter in self.parameters.iter() {
            put(&parameter.name, parameter.value.values());
        }
        for (name, statistics) in self.plan.norm_names.iter().zip(&self.statistics) {
            put(&format!("{name}.mean"), &statistics.mean);
            put(&format!("{name}.variance"), &statistics.variance);
        }
        if let Some(scales) = &self.scales {
            put(SCALES, scales);
        }
        if self.quantized_weights {
            put(QUANTIZED_WEIGHTS, &[]);
        }
        entries
    }

    /// Takes what [`Model::state`] gave out of `entries`.
    pub(super) fn restore(
        &mut self,
        prefix: &str,
        entries: &mut BTreeMap<String, Entry>,
    ) -> Result<(), StorageError> {
        let scales = format!("{prefix}{SCALES}");
        let mut take =
            |name: &str, len: usize| storage::take(entries, &format!("{prefix}{name}"), len);
        for parameter in self.parameters.iter_mut() {
            let axes = parameter.value.axes();
            let values = take(&parameter.name, axes.iter().product())?;
            parameter.value = Value::new(&axes, values);
        }
        for (name, statistics) in self.plan.norm_names.iter().zip(&mut self.statistics) {
            statistics.mean = take(&format!("{name}.mean"), statistics.mean.len())?;
            statistics.variance = take(&format!("{name}.variance"), statistics.variance.len())?;
        }
        self.quantized_weights = take(QUANTIZED_WEIGHTS, 0).is_ok();
        let count = self.plan.scale_names.len();
        self.scales = match entries.contains_key(&scales) {
            true => Some(storage::take(entries, &scales, count)?),
            false => None,
        };
        Ok(())
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

    /// The model that [`Model::to_safetensors`] saved, for the same candidate.
    pub fn from_safetensors(candidate: &Candidate, bytes: &[u8]) -> Result<Model, StorageError> {
        let (entries, _) = storage::read(bytes)?;
        let mut entries: BTreeMap<String, Entry> =
            entries.into_iter().map(|e| (e.name.clone(), e)).collect();
        let mut model = match Model::new(candidate, Key::default()) {
            Ok(model) => model,
            Err(e) => return storage::error(e.to_string()),
        };
        if entries.contains_key("quantized") {
            model.scales = Some(vec![1.0; model.plan.scale_names.len()]);
            model.quantized_weights = true;
        }
        let mut found = Vec::new();
        for wanted in model.entries() {
            match entries.remove(&wanted.name) {
                Some(entry) if entry.axes == wanted.axes => found.push(entry),
                Some(entry) => {
                    return storage::error(format!(
                        "tensor `{}` has axes {:?}, the candidate wants {:?}",
                        wanted.name, entry.axes, wanted.axes
                    ));
                }
                None => {
                    return storage::error(format!("tensor `{}` is missing", wanted.name));
                }
            }
        }
        if let Some(name) = entries.keys().next() {
            return storage::error(format!("tensor `{name}` is none of the candidate's"));
        }
        let mut found = found.into_iter();
        for parameter in model.parameters.iter_mut() {
            if let Some(entry) = found.next() {
                parameter.value = Value::new(&entry.axes, entry.values);
            }
        }
        for statistics in &mut model.statistics {
            if let (Some(mean), Some(variance)) = (found.next(), found.next()) {
                statistics.mean = mean.values;
                statistics.variance = variance.values;
            }
        }
        if let Some(scales) = &mut model.scales {
            for (scale, entry) in scales.iter_mut().zip(found.skip(1)) {
                *scale = entry.values[0];
            }
        }
        Ok(model)
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

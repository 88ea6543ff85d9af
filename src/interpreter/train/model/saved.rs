//! A network as named tensors: what inference needs, in a file for others, and what training changes, to go on from.

use std::collections::BTreeMap;

use super::Model;
use crate::interpreter::train::parameters::Value;
use crate::interpreter::train::storage::{self, Entry, StorageError};
use crate::model::Candidate;
use crate::stream::Key;

/// Names of what is no parameter in [`Model::state`]; layers have no such names.
const SCALES: &str = "<scales>";
const QUANTIZED_WEIGHTS: &str = "<quantized weights>";

impl Model {
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
            entries.push(Entry::vector(name, values.to_vec()));
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

    /// Everything that training changes, under names that begin with `prefix`: unlike [`Model::to_safetensors`], as it is in the middle of a
    /// training, with quantizers half on, scales as they were calibrated.
    pub(in crate::interpreter::train) fn state(&self, prefix: &str) -> Vec<Entry> {
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
    pub(in crate::interpreter::train) fn restore(
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
}

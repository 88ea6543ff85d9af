//! What a stage does besides stepping: clips gradients and weights, averages parameters, ends early.
//!
//! In: parameters, gradients, accuracies. Out: the same, changed, or the news that a stage should end. All sums run in the order of the
//! network.

use dfdx::prelude::{Cpu, CpuError, Gradients};

use super::model::Model;
use super::parameters::Parameters;

/// Shortens all gradients together, as one vector, to a length of at most `longest`.
pub fn clip_gradient(
    parameters: &Parameters,
    gradients: &mut Gradients<f32, Cpu>,
    longest: f64,
) -> Result<(), CpuError> {
    let mut squares = 0.0;
    for parameter in parameters.iter() {
        let of = |g: &[f32]| g.iter().map(|g| f64::from(*g) * f64::from(*g)).sum::<f64>();
        squares += of(parameter.value.of(gradients)?);
    }
    let length = squares.sqrt();
    if length > longest {
        let factor = (longest / length) as f32;
        for parameter in parameters.iter() {
            for g in parameter.value.of(gradients)? {
                *g *= factor;
            }
        }
    }
    Ok(())
}

/// Keeps latent weights, those behind a quantizer, within `limit` of 0.
pub fn clip_weights(parameters: &mut Parameters, limit: f64) {
    let limit = limit as f32;
    for parameter in parameters.iter_mut().filter(|p| p.is_latent) {
        let values = parameter.value.values();
        if values.iter().any(|w| w.abs() > limit) {
            let clipped: Vec<f32> = values.iter().map(|w| w.clamp(-limit, limit)).collect();
            parameter.value.assign(&clipped);
        }
    }
}

/// The exponential moving average of parameters over steps. It begins with the first that it sees.
pub struct Average {
    decay: f64,
    values: Vec<Vec<f32>>,
}

impl Average {
    /// Of nothing so far.
    pub fn new(decay: f64) -> Average {
        Average {
            decay,
            values: Vec::new(),
        }
    }

    /// With what it was.
    pub fn of(decay: f64, values: Vec<Vec<f32>>) -> Average {
        Average { decay, values }
    }

    /// What it is, parameter by parameter; nothing before the first step.
    pub fn values(&self) -> &[Vec<f32>] {
        &self.values
    }

    /// average = decay · average + (1 − decay) · parameters.
    pub fn add(&mut self, parameters: &Parameters) {
        let now = parameters.iter().map(|p| p.value.values());
        if self.values.is_empty() {
            self.values = now.map(<[f32]>::to_vec).collect();
            return;
        }
        let (old, new) = (self.decay as f32, (1.0 - self.decay) as f32);
        for (average, now) in self.values.iter_mut().zip(now) {
            for (average, now) in average.iter_mut().zip(now) {
                *average = old * *average + new * now;
            }
        }
    }

    /// Gives parameters the average; what they were before comes back.
    pub fn exchange(&mut self, parameters: &mut Parameters) {
        for (average, parameter) in self.values.iter_mut().zip(parameters.iter_mut()) {
            let before = parameter.value.values().to_vec();
            parameter.value.assign(average);
            *average = before;
        }
    }
}

/// Waits for a better accuracy.
pub struct Patience {
    epochs: usize,
    waited: usize,
    best: Option<(f64, Model)>,
}

impl Patience {
    /// For so many epochs.
    pub fn new(epochs: f64) -> Patience {
        Patience {
            epochs: epochs as usize,
            waited: 0,
            best: None,
        }
    }

    /// With what it was.
    pub fn of(epochs: f64, waited: usize, best: Option<(f64, Model)>) -> Patience {
        Patience {
            waited,
            best,
            ..Patience::new(epochs)
        }
    }

    /// Sees the accuracy of another epoch. Of equally good ones the first counts.
    pub fn see(&mut self, accuracy: f64, model: &Model) {
        if self.best.as_ref().is_none_or(|(best, _)| accuracy > *best) {
            self.best = Some((accuracy, model.clone()));
            self.waited = 0;
        } else {
            self.waited += 1;
        }
    }

    /// Whether it has run out.
    pub fn is_over(&self) -> bool {
        self.waited >= self.epochs
    }

    /// Epochs since the best one.
    pub fn waited(&self) -> usize {
        self.waited
    }

    /// The best epoch's accuracy and model.
    pub fn best(&self) -> Option<&(f64, Model)> {
        self.best.as_ref()
    }

    /// The model of the best epoch.
    pub fn into_best(self) -> Option<Model> {
        self.best.map(|(_, model)| model)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interpreter::train::parameters::{Parameter, Value};

    fn parameters(weight: f32, bias: f32) -> Parameters {
        let mut weight = Parameter::new("weight", Value::vector(vec![weight]), true);
        weight.is_latent = true;
        let bias = Parameter::new("bias", Value::vector(vec![bias]), false);
        Parameters::from_iter([weight, bias])
    }

    fn values(parameters: &Parameters) -> Vec<f32> {
        parameters.iter().map(|p| p.value.values()[0]).collect()
    }

    #[test]
    fn gradients_are_shortened_together() {
        let parameters = parameters(0.0, 0.0);
        let clipped = |g: [f32; 2], longest: f64| -> Vec<f32> {
            let mut gradients = Gradients::leaky();
            for (p, g) in parameters.iter().zip(g) {
                p.value.of(&mut gradients).unwrap()[0] = g;
            }
            clip_gradient(&parameters, &mut gradients, longest).unwrap();
            let mut of = |p: &Parameter| p.value.of(&mut gradients).unwrap()[0];
            parameters.iter().map(&mut of).collect()
        };
        assert_eq!(clipped([3.0, 4.0], 1.0), [0.6, 0.8]);
        assert_eq!(clipped([3.0, 4.0], 5.0), [3.0, 4.0]);
        assert_eq!(clipped([0.0, 0.0], 1.0), [0.0, 0.0]);
    }

    #[test]
    fn only_latent_weights_are_clipped() {
        let mut p = parameters(-3.0, 3.0);
        clip_weights(&mut p, 1.5);
        assert_eq!(values(&p), [-1.5, 3.0]);
        p.iter_mut().for_each(|p| p.is_latent = false);
        clip_weights(&mut p, 0.5);
        assert_eq!(values(&p), [-1.5, 3.0]);
    }

    #[test]
    fn an_average_is_its_recurrence() {
        let mut average = Average::new(0.75);
        let mut p = parameters(0.0, 0.0);
        for (w, b) in [(4.0, 8.0), (8.0, 8.0), (0.0, 8.0)] {
            p = parameters(w, b);
            average.add(&p);
        }
        average.exchange(&mut p);
        // 4, then 0.75 · 4 + 0.25 · 8 = 5, then 0.75 · 5.
        assert_eq!(values(&p), [3.75, 8.0]);
        average.exchange(&mut p);
        assert_eq!(values(&p), [0.0, 8.0]);
    }
}

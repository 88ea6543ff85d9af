//! One step of an optimizer over all parameters: dfdx's update rules, and the state that they need.
//!
//! In: parameters, their gradients and a factor on the learning rate. Out: changed parameters. Weight decay spares batch norm and
//! biases: it would pull scales to 0, and they are not what overfits.

use dfdx::optim::{AdamConfig, Momentum, SgdConfig, WeightDecay};
use dfdx::prelude::{Cpu, CpuError, Gradients, Shape, Tensor};

use super::parameters::{Parameter, Parameters, Value};
use crate::model::Optimizer;

/// First and second moments, parameter by parameter.
pub type Moments = (Vec<Vec<f32>>, Vec<Vec<f32>>);

/// An optimizer with its moving averages, for one stage.
pub struct Stepper {
    optimizer: Optimizer,
    /// Steps taken, for Adam's correction of the start.
    steps: i32,
    /// Velocity or first moment by tensor.
    first: Gradients<f32, Cpu>,
    /// Second moment by tensor.
    second: Gradients<f32, Cpu>,
}

impl Stepper {
    /// Starts from rest.
    pub fn new(optimizer: Optimizer) -> Stepper {
        Stepper {
            optimizer,
            steps: 0,
            first: Gradients::leaky(),
            second: Gradients::leaky(),
        }
    }

    /// Goes on from what it was: steps taken, first and second moments of each parameter.
    pub fn of(
        optimizer: Optimizer,
        steps: i32,
        parameters: &Parameters,
        (first, second): Moments,
    ) -> Result<Stepper, CpuError> {
        let mut stepper = Stepper::new(optimizer);
        stepper.steps = steps;
        for ((parameter, first), second) in parameters.iter().zip(first).zip(second) {
            let value = &parameter.value;
            value.of(&mut stepper.first)?.copy_from_slice(&first);
            value.of(&mut stepper.second)?.copy_from_slice(&second);
        }
        Ok(stepper)
    }

    /// Steps taken.
    pub fn steps(&self) -> i32 {
        self.steps
    }

    /// First and second moments of each parameter; 0 where an optimizer has none.
    pub fn moments(&mut self, parameters: &Parameters) -> Result<Moments, CpuError> {
        let all = |gradients: &mut Gradients<f32, Cpu>| {
            let of = |p: &Parameter| Ok(p.value.of(gradients)?.to_vec());
            parameters.iter().map(of).collect::<Result<_, CpuError>>()
        };
        Ok((all(&mut self.first)?, all(&mut self.second)?))
    }

    /// Moves every parameter along its gradient, with `factor` times the learning rate.
    pub fn step(
        &mut self,
        parameters: &mut Parameters,
        gradients: &mut Gradients<f32, Cpu>,
        factor: f64,
    ) -> Result<(), CpuError> {
        self.steps = self.steps.saturating_add(1);
        for parameter in parameters.iter_mut() {
            let decays = parameter.decays;
            match &mut parameter.value {
                Value::Kernel(t) => self.update(t, gradients, factor, decays)?,
                Value::Matrix(t) => self.update(t, gradients, factor, decays)?,
                Value::Vector(t) => self.update(t, gradients, factor, decays)?,
            }
        }
        Ok(())
    }

    fn update<S: Shape>(
        &mut self,
        tensor: &mut Tensor<S, f32, Cpu>,
        gradients: &mut Gradients<f32, Cpu>,
        factor: f64,
        decays: bool,
    ) -> Result<(), CpuError> {
        let gradient = gradients.get_or_alloc_mut(tensor)?;
        let first = self.first.get_or_alloc_mut(tensor)?;
        match self.optimizer {
            Optimizer::Sgd {
                lr,
                momentum,
                weight_decay,
            } => {
                let config = SgdConfig {
                    lr: lr * factor,
                    momentum: (momentum > 0.0).then_some(Momentum::Classic(momentum)),
                    weight_decay: (decays && weight_decay > 0.0)
                        .then_some(WeightDecay::L2(weight_decay)),
                };
                config.try_update(tensor, first, gradient)
            }
            Optimizer::Adam {
                lr,
                beta1,
                beta2,
                weight_decay,
            }
            | Optimizer::AdamW {
                lr,
                beta1,
                beta2,
                weight_decay,
            } => {
                let second = self.second.get_or_alloc_mut(tensor)?;
                let decay = match self.optimizer {
                    Optimizer::AdamW { .. } => WeightDecay::Decoupled(weight_decay),
                    _ => WeightDecay::L2(weight_decay),
                };
                let config = AdamConfig {
                    lr: lr * factor,
                    betas: [beta1, beta2],
                    eps: 1e-8,
                    weight_decay: (decays && weight_decay > 0.0).then_some(decay),
                };
                config.try_update(self.steps, tensor, first, second, gradient)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A weight and a bias, both with value 2.
    fn parameters() -> Parameters {
        Parameters::from_iter([
            Parameter::new("weight", Value::vector(vec![2.0]), true),
            Parameter::new("bias", Value::vector(vec![2.0]), false),
        ])
    }

    /// Steps with gradients given per step for both parameters; the values of both after them.
    fn run(optimizer: Optimizer, steps: &[(f32, f64)]) -> (f64, f64) {
        let mut parameters = parameters();
        let mut stepper = Stepper::new(optimizer);
        for (gradient, factor) in steps {
            let mut gradients = Gradients::leaky();
            for p in parameters.iter_mut() {
                let Value::Vector(t) = &p.value else {
                    unreachable!()
                };
                gradients.get_or_alloc_mut(t).unwrap()[0] = *gradient;
            }
            stepper
                .step(&mut parameters, &mut gradients, *factor)
                .unwrap();
        }
        let values: Vec<f64> = parameters
            .iter()
            .map(|p| f64::from(p.value.values()[0]))
            .collect();
        (values[0], values[1])
    }

    fn close(x: f64, y: f64) {
        assert!((x - y).abs() < 1e-6, "{x} is not {y}");
    }

    #[test]
    fn sgd_is_its_closed_form() {
        let sgd = |momentum, weight_decay| Optimizer::Sgd {
            lr: 0.1,
            momentum,
            weight_decay,
        };
        let (w, b) = run(sgd(0.0, 0.0), &[(3.0, 1.0)]);
        close(w, 2.0 - 0.3);
        close(b, 2.0 - 0.3);
        // v1 = 3, v2 = 0.9 · 3 + 1 = 3.7, the second step at half the rate.
        let (w, _) = run(sgd(0.9, 0.0), &[(3.0, 1.0), (1.0, 0.5)]);
        close(w, 2.0 - 0.3 - 0.05 * 3.7);
        // Decay adds 0.5 · 2 to the gradient of the weight alone.
        let (w, b) = run(sgd(0.0, 0.5), &[(3.0, 1.0)]);
        close(w, 2.0 - 0.1 * 4.0);
        close(b, 2.0 - 0.3);
    }

    #[test]
    fn adam_is_its_closed_form() {
        let adam = |weight_decay| Optimizer::Adam {
            lr: 0.01,
            beta1: 0.9,
            beta2: 0.999,
            weight_decay,
        };
        let adamw = |weight_decay| Optimizer::AdamW {
            lr: 0.01,
            beta1: 0.9,
            beta2: 0.999,
            weight_decay,
        };
        // The first step is lr · g / |g|, whatever the gradient.
        let (w, b) = run(adam(0.0), &[(5.0, 1.0)]);
        close(w, 1.99);
        close(b, 1.99);
        // Decoupled decay: lr · wd · w on top, for the weight alone.
        let (w, b) = run(adamw(0.1), &[(5.0, 1.0)]);
        close(w, 1.99 - 0.01 * 0.1 * 2.0);
        close(b, 1.99);
        // An L2 penalty of 4 turns the gradient of the weight round: -5 + 4 · 2 = 3.
        let (w, b) = run(adam(4.0), &[(-5.0, 1.0)]);
        close(w, 1.99);
        close(b, 2.01);
        // A second step by hand.
        let (m, v) = (0.9 * 0.5 - 0.1, 0.999 * 0.025 + 0.001 * 1.0);
        let (m, v) = (m / (1.0 - 0.81), v / (1.0 - 0.999_f64.powi(2)));
        let (w, _) = run(adam(0.0), &[(5.0, 1.0), (-1.0, 1.0)]);
        close(w, 1.99 - 0.01 * m / (v.sqrt() + 1e-8));
    }

    /// Every optimizer over many steps, against its published recurrence in double precision, scalar by scalar.
    #[test]
    fn optimizers_follow_their_recurrences() {
        let gradients: Vec<(f32, f64)> = (0..50)
            .map(|i| {
                let i = f64::from(i);
                ((3.0 * (0.7 * i).sin() + 0.5) as f32, 1.0 - i / 60.0)
            })
            .collect();
        let (lr, wd, momentum) = (0.02, 0.05, 0.8);
        let (b1, b2) = (0.85_f64, 0.97_f64);
        let slow = |kind: &str, decays: bool| {
            let (mut x, mut m, mut v) = (2.0_f64, 0.0_f64, 0.0_f64);
            for (t, (g, factor)) in gradients.iter().enumerate() {
                let (mut g, rate) = (f64::from(*g), lr * factor);
                if decays && kind != "adamw" {
                    g += wd * x;
                }
                if kind == "sgd" {
                    m = momentum * m + g;
                    x -= rate * m;
                    continue;
                }
                let t = t as i32 + 1;
                m = b1 * m + (1.0 - b1) * g;
                v = b2 * v + (1.0 - b2) * g * g;
                let (m, v) = (m / (1.0 - b1.powi(t)), v / (1.0 - b2.powi(t)));
                if decays && kind == "adamw" {
                    x -= rate * wd * x;
                }
                x -= rate * m / (v.sqrt() + 1e-8);
            }
            x
        };
        let (beta1, beta2, weight_decay) = (b1, b2, wd);
        for (kind, optimizer) in [
            (
                "sgd",
                Optimizer::Sgd {
                    lr,
                    momentum,
                    weight_decay,
                },
            ),
            (
                "adam",
                Optimizer::Adam {
                    lr,
                    beta1,
                    beta2,
                    weight_decay,
                },
            ),
            (
                "adamw",
                Optimizer::AdamW {
                    lr,
                    beta1,
                    beta2,
                    weight_decay,
                },
            ),
        ] {
            let (w, b) = run(optimizer, &gradients);
            for (found, wanted) in [(w, slow(kind, true)), (b, slow(kind, false))] {
                assert!((found - wanted).abs() < 2e-5, "{kind}: {found}, {wanted}");
            }
        }
    }
}

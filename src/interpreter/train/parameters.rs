//! Learned numbers: dfdx tensors with a name, and where they start.
//!
//! Weights of a convolution are (kernel, kernel, channels in / groups, channels out), of a linear layer (in, out): the output
//! channel is always the last axis. Knows nothing of the order in which a network uses them.

use dfdx::prelude::{Cpu, CpuError, Gradients, HasShape, TensorFromVec};
use rand_chacha::ChaCha8Rng;

use super::ops::{self, Tensor1, Tensor2, Tensor4};
use crate::ir::Init;
use crate::stream::{normal, uniform};

/// All learned numbers of a network, in the order of its nodes.
#[derive(Debug, Clone, Default)]
pub struct Parameters(Vec<Parameter>);

/// One tensor of them.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// A name that no other parameter of the network has.
    pub name: String,
    /// The numbers.
    pub value: Value,
    /// Whether weight decay pulls it to 0: weights, not batch norm and biases.
    pub decays: bool,
    /// Whether it is behind a quantizer's codes: latent weights.
    pub is_latent: bool,
}

/// A tensor by its number of axes.
#[derive(Debug, Clone)]
pub enum Value {
    /// (kernel, kernel, channels in / groups, channels out).
    Kernel(Tensor4),
    /// (in, out).
    Matrix(Tensor2),
    /// (channels).
    Vector(Tensor1),
}

impl Parameter {
    /// A parameter with its start value.
    pub fn new(name: impl Into<String>, value: Value, decays: bool) -> Parameter {
        Parameter {
            name: name.into(),
            value,
            decays,
            is_latent: false,
        }
    }
}

impl Value {
    /// A tensor with these axes (1, 2 or 4 of them) and values in C order.
    pub fn new(axes: &[usize], values: Vec<f32>) -> Value {
        let device = Cpu::default();
        match *axes {
            [n] => Value::Vector(device.tensor_from_vec(values, (n,))),
            [i, o] => Value::Matrix(device.tensor_from_vec(values, (i, o))),
            [a, b, c, d] => Value::Kernel(device.tensor_from_vec(values, (a, b, c, d))),
            _ => unreachable!("parameters have 1, 2 or 4 axes"),
        }
    }

    /// A tensor with one axis.
    #[cfg(test)]
    pub fn vector(values: Vec<f32>) -> Value {
        Value::new(&[values.len()], values)
    }

    /// Weights as they start; the output channel is the last axis. `gain` is the variance that [`Init::HeNormal`] divides: 2 before a
    /// nonlinearity, 1 before logits.
    pub fn weights(axes: &[usize], init: Init, gain: f64, rng: &mut ChaCha8Rng) -> Value {
        let count: usize = axes.iter().product();
        // The last two axes are inputs and outputs (of a group); before them stands the kernel.
        let outputs = axes.last().copied().unwrap_or(1).max(1);
        let inputs = axes.iter().rev().nth(1).copied().unwrap_or(1).max(1);
        let (fan_in, fan_out) = (
            (count / outputs).max(1) as f64,
            (count / inputs).max(1) as f64,
        );
        let (normally, variance) = match init {
            Init::UniformFanIn => (false, 1.0 / (3.0 * fan_in)),
            Init::HeNormal => (true, gain / fan_in),
            Init::GlorotUniform => (false, 2.0 / (fan_in + fan_out)),
        };
        let mut draw = |_| match normally {
            true => normal(rng) * variance.sqrt(),
            // A uniform distribution within ± b has the variance b² / 3.
            false => (2.0 * uniform(rng) - 1.0) * (3.0 * variance).sqrt(),
        };
        let values = (0..count).map(|i| draw(i) as f32);
        Value::new(axes, values.collect())
    }

    /// Sizes of the axes.
    pub fn axes(&self) -> Vec<usize> {
        match self {
            Value::Kernel(t) => {
                let (a, b, c, d) = *t.shape();
                vec![a, b, c, d]
            }
            Value::Matrix(t) => vec![t.shape().0, t.shape().1],
            Value::Vector(t) => vec![t.shape().0],
        }
    }

    /// Other numbers in the same tensor: what an optimizer knows of it stays.
    pub fn assign(&mut self, values: &[f32]) {
        match self {
            Value::Kernel(t) => t.copy_from(values),
            Value::Matrix(t) => t.copy_from(values),
            Value::Vector(t) => t.copy_from(values),
        }
    }

    /// What `gradients` holds for this tensor; zeros if it held nothing.
    pub fn of<'g>(
        &self,
        gradients: &'g mut Gradients<f32, Cpu>,
    ) -> Result<&'g mut [f32], CpuError> {
        Ok(match self {
            Value::Kernel(t) => gradients.get_or_alloc_mut(t)?,
            Value::Matrix(t) => gradients.get_or_alloc_mut(t)?,
            Value::Vector(t) => gradients.get_or_alloc_mut(t)?,
        })
    }

    /// The numbers in C order.
    pub fn values(&self) -> &[f32] {
        match self {
            Value::Kernel(t) => ops::values(t),
            Value::Matrix(t) => ops::values(t),
            Value::Vector(t) => ops::values(t),
        }
    }
}

impl Parameters {
    /// In the order of the network.
    pub fn iter(&self) -> impl Iterator<Item = &Parameter> {
        self.0.iter()
    }

    /// In the order of the network, to change them.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Parameter> {
        self.0.iter_mut()
    }

    /// A parameter by its index.
    pub fn get(&self, index: usize) -> &Parameter {
        &self.0[index]
    }

    /// Gives a parameter other numbers, as many as it has.
    pub fn set(&mut self, index: usize, values: Vec<f32>) {
        let axes = self.0[index].value.axes();
        self.0[index].value = Value::new(&axes, values);
    }

    /// The numbers of a parameter.
    #[cfg(test)]
    pub fn values(&self, index: usize) -> &[f32] {
        self.0[index].value.values()
    }

    /// The tensor of a convolution's weights.
    pub fn kernel(&self, index: usize) -> &Tensor4 {
        match &self.0[index].value {
            Value::Kernel(t) => t,
            _ => unreachable!("a convolution has weights with four axes"),
        }
    }

    /// The tensor of a linear layer's weights.
    pub fn matrix(&self, index: usize) -> &Tensor2 {
        match &self.0[index].value {
            Value::Matrix(t) => t,
            _ => unreachable!("a linear layer has weights with two axes"),
        }
    }

    /// A tensor of one number per channel.
    pub fn vector(&self, index: usize) -> &Tensor1 {
        match &self.0[index].value {
            Value::Vector(t) => t,
            _ => unreachable!("a number per channel makes one axis"),
        }
    }
}

impl FromIterator<Parameter> for Parameters {
    fn from_iter<I: IntoIterator<Item = Parameter>>(items: I) -> Parameters {
        Parameters(items.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::{Purpose, stream};

    #[test]
    fn weights_start_with_the_variance_of_their_distribution() {
        let (fan_in, fan_out) = (9.0 * 32.0_f64, 9.0 * 64.0_f64);
        for (init, wanted, bound) in [
            (
                Init::UniformFanIn,
                1.0 / (3.0 * fan_in),
                1.0 / f64::sqrt(fan_in),
            ),
            (Init::HeNormal, 2.0 / fan_in, f64::INFINITY),
            (
                Init::GlorotUniform,
                2.0 / (fan_in + fan_out),
                f64::sqrt(6.0 / (fan_in + fan_out)),
            ),
        ] {
            let mut rng = stream(1, 0, Purpose::Init);
            let weights = Value::weights(&[3, 3, 32, 64], init, 2.0, &mut rng);
            assert_eq!(weights.axes(), [3, 3, 32, 64]);
            let values = weights.values();
            let variance = values.iter().map(|v| f64::from(v * v)).sum::<f64>();
            let variance = variance / values.len() as f64;
            // The standard error of a variance is at most sqrt(2 / n) = 1 % of it here.
            assert!(
                (variance / wanted - 1.0).abs() < 0.04,
                "{init:?} {variance}"
            );
            let largest = values.iter().fold(0.0_f32, |most, v| most.max(v.abs()));
            assert!(
                f64::from(largest) <= bound * (1.0 + 1e-6),
                "{init:?} {largest}"
            );
        }
    }
}

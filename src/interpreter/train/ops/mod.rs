//! Differentiable operations on dfdx's tape.
//!
//! Each operation takes [`Node`]s, tensors with a tape `T`, computes its result with [`kernels`](crate::kernels), and leaves on
//! the tape how gradients flow back. With `NoneTape` nothing is recorded: the same operations serve inference. Operations
//! know nothing about layers, quantizers or networks.
//!
//! A parameter is a tensor without a tape; `parameter.retaped::<T>()` hands it to an operation, and its gradient is
//! found under the parameter's own tensor. What is used twice is forked with [`Node::fork`]; both uses add
//! to its gradient, also when one operation gets both.
//!
//! Shapes that do not fit are bugs of the caller and panic. The gradient of a tensor that an operation made is gone after
//! that operation's turn in the backward pass: only gradients of parameters and inputs remain at the end.

use dfdx::tensor::{Cpu, NoneTape, OwnedTape, Tape, Tensor};

mod activation;
mod add;
mod batch_norm;
mod bias;
mod concat;
mod conv;
mod linear;
mod node;
mod pad_shortcut;
mod pool;
mod raw;
mod softmax_cross_entropy;
mod surrogate;
#[cfg(test)]
mod tests;

pub use activation::activate;
pub use add::add;
pub use batch_norm::{
    Deferred, Normalized, RunningStatistics, Tail, batch_norm, batch_norm_inference,
    defer_batch_norm,
};
pub use bias::add_bias;
pub use concat::concat;
pub use conv::{ConvOptions, Source, conv2d};
pub use linear::linear;
pub use node::Node;
pub use pad_shortcut::pad_shortcut;
pub use pool::{PoolOptions, average_pool, global_average_pool, max_pool};
pub use raw::values;
pub use softmax_cross_entropy::{distillation, softmax_cross_entropy};
pub use surrogate::{surrogate, surrogate_with_parameter};

pub use crate::kernels::elementwise::Activation;
pub use crate::kernels::quantize::Quantizer;

/// A tape that records.
pub type Recording = OwnedTape<f32, Cpu>;

/// Gradients by tensor.
pub type Gradients = dfdx::tensor::Gradients<f32, Cpu>;

/// Images: (batch, height, width, channels). Also the weights of a convolution: (kernel height, kernel width,
/// channels / groups, outputs).
pub type Tensor4<T = NoneTape> = Tensor<(usize, usize, usize, usize), f32, Cpu, T>;

/// Rows of features: (batch, features). Also the weights of a linear layer: (inputs, outputs).
pub type Tensor2<T = NoneTape> = Tensor<(usize, usize), f32, Cpu, T>;

/// One number per channel.
pub type Tensor1<T = NoneTape> = Tensor<(usize,), f32, Cpu, T>;

/// A tensor of images on its way through operations.
pub type Node4<T = NoneTape> = Node<(usize, usize, usize, usize), T>;

/// Rows of features on their way through operations.
pub type Node2<T = NoneTape> = Node<(usize, usize), T>;

/// One number per channel on their way through operations.
pub type Node1<T = NoneTape> = Node<(usize,), T>;

/// A single number.
pub type Tensor0<T = NoneTape> = Tensor<(), f32, Cpu, T>;

/// A tape of our element type and device, recording or not.
pub trait AnyTape: Tape<f32, Cpu> {}

impl<T: Tape<f32, Cpu>> AnyTape for T {}

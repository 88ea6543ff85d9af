//! The fast loops of training: slices in, slices out, and nothing about networks.
//!
//! Images are stored (batch, height, width, channels), weights of a convolution (kernel height, kernel width,
//! channels / groups, outputs). Each file opens with the loop nest that it implements. Lengths are asserted at the
//! door: a wrong one is a bug of the caller and panics.
//!
//! Every function gives the same bits on every instruction set ([`Isa`]): vector lanes run across outputs, and what is
//! summed is summed in one fixed order, with one fused multiply-add per step. Long sums over pixels run in blocks of
//! fixed size whose results are combined in order.
//!
//! NaN is never hidden: minimum, maximum and clipping let a NaN input through.

#![allow(unsafe_code)] // vector instructions and unchecked strides
#![allow(unsafe_op_in_unsafe_fn)] // bodies of unsafe functions here are pointer arithmetic from end to end

pub mod batch_norm;
mod buffer;
pub mod conv;
pub mod elementary;
pub mod elementwise;
#[cfg(test)]
mod int_quant;
pub mod memory;
pub mod parallel;
pub mod pool;
pub mod program;
pub mod quantize;
pub mod simd;
pub mod softmax;
mod tile;

#[cfg(test)]
pub(crate) mod testing;

pub use simd::Isa;

//! One learned number per channel, added to every row.

use dfdx::{
    shapes::{HasShape, Shape},
    tensor::{Cpu, PutTape, SplitTape, Tensor, TensorFromVec},
};

use super::{AnyTape, Tensor1, gradient::take, values};
use crate::kernels::{Isa, elementwise};

/// `x + bias` along the last axis of `x`.
pub fn add_bias<S: Shape, T: AnyTape>(
    x: Tensor<S, f32, Cpu, T>,
    bias: Tensor1<T>,
) -> Tensor<S, f32, Cpu, T> {
    let (x, tape_x) = x.split_tape();
    let (bias, tape_bias) = bias.split_tape();
    let mut tape = tape_x.merge(tape_bias);
    let y = elementwise::add_rows(Isa::current(), values(&x), values(&bias));
    let out = x.device().tensor_from_vec(y, *x.shape());
    let (x, bias, y) = (x.ghost(), bias.ghost(), out.ghost());
    tape.add_backward_op(move |gradients| {
        let dy = take!(gradients, &y);
        elementwise::accumulate(Isa::current(), gradients.get_or_alloc_mut(&x)?, &dy);
        elementwise::accumulate_rows(Isa::current(), gradients.get_or_alloc_mut(&bias)?, &dy);
        Ok(())
    });
    out.put_tape(tape)
}

//! The sum of two tensors of one shape.

use dfdx::{
    shapes::{HasShape, Shape},
    tensor::{Cpu, PutTape, SplitTape, Tensor, TensorFromVec},
};

use super::{AnyTape, gradient::take, values};
use crate::kernels::{Isa, elementwise};

/// `a + b`; `b` may be a fork of `a`, which dfdx's own addition does not survive.
pub fn add<S: Shape, T: AnyTape>(
    a: Tensor<S, f32, Cpu, T>,
    b: Tensor<S, f32, Cpu, T>,
) -> Tensor<S, f32, Cpu, T> {
    assert_eq!(a.shape(), b.shape());
    let (a, tape_a) = a.split_tape();
    let (b, tape_b) = b.split_tape();
    let mut tape = tape_a.merge(tape_b);
    let y = elementwise::sum(Isa::current(), values(&a), values(&b));
    let out = a.device().tensor_from_vec(y, *a.shape());
    let (a, b, y) = (a.ghost(), b.ghost(), out.ghost());
    tape.add_backward_op(move |gradients| {
        let dy = take!(gradients, &y);
        // one after the other, so that a and b may be the same
        elementwise::accumulate(Isa::current(), gradients.get_or_alloc_mut(&a)?, &dy);
        elementwise::accumulate(Isa::current(), gradients.get_or_alloc_mut(&b)?, &dy);
        Ok(())
    });
    out.put_tape(tape)
}

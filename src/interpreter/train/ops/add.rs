//! The sum of two tensors of one shape.

use dfdx::{
    shapes::{HasShape, Shape},
    tensor::TensorFromVec,
};

use super::{AnyTape, Node, values};
use crate::kernels::{Isa, elementwise};

/// `a + b`; `b` may be a fork of `a`, which dfdx's own addition does not survive.
pub fn add<S: Shape, T: AnyTape>(a: Node<S, T>, b: Node<S, T>) -> Node<S, T> {
    assert_eq!(a.shape(), b.shape());
    let (a, place_a, tape_a) = a.split();
    let (b, place_b, tape_b) = b.split();
    let tape = tape_a.merge(tape_b);
    let y = elementwise::sum(Isa::current(), values(&a), values(&b));
    let out = a.device().tensor_from_vec(y, *a.shape());
    Node::made(out, tape, move |gradients, dy| {
        // one after the other, so that a and b may be the same
        place_a.give(gradients, dy.clone())?;
        place_b.give(gradients, dy)
    })
}

//! One learned number per channel, added to every row.

use dfdx::{
    shapes::{HasShape, Shape},
    tensor::TensorFromVec,
};

use super::{AnyTape, Node, Node1, values};
use crate::kernels::{Isa, elementwise};

/// `x + bias` along the last axis of `x`.
pub fn add_bias<S: Shape, T: AnyTape>(x: Node<S, T>, bias: Node1<T>) -> Node<S, T> {
    let (x, place, tape_x) = x.split();
    let (bias, place_bias, tape_bias) = bias.split();
    let tape = tape_x.merge(tape_bias);
    let y = elementwise::add_rows(Isa::current(), values(&x), values(&bias));
    let out = x.device().tensor_from_vec(y, *x.shape());
    let channels = bias.shape().0;
    Node::made(out, tape, move |gradients, dy| {
        place_bias.add(gradients, channels, |dbias| {
            elementwise::accumulate_rows(Isa::current(), dbias, &dy);
        })?;
        place.give(gradients, dy)
    })
}

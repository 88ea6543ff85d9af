//! Activations: ReLU, ReLU6, hardtanh.

use dfdx::{
    shapes::{HasShape, Shape},
    tensor::TensorFromVec,
};

use super::{Activation, AnyTape, Node, values};
use crate::kernels::{Isa, elementwise};

/// `clip(x)`. The gradient passes where the result lies strictly inside the activation's interval.
pub fn activate<S: Shape, T: AnyTape>(x: Node<S, T>, activation: Activation) -> Node<S, T> {
    if activation == Activation::None {
        return x;
    }
    let (x, place, tape) = x.split();
    let y = elementwise::clip(Isa::current(), activation, values(&x));
    let out = x.device().tensor_from_vec(y, *x.shape());
    let y = out.clone();
    Node::made(out, tape, move |gradients, mut dy| {
        elementwise::clip_backward(Isa::current(), activation, values(&y), &mut dy);
        place.give(gradients, dy)
    })
}

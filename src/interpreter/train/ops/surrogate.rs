//! Operations whose values and gradients the caller gives: fake quantization, signs, surrogate gradients.
//!
//! The same functions serve activations and weights: a weight is handed in with `retaped::<T>()`, and its gradient arrives
//! at the parameter.

use dfdx::{
    shapes::{HasShape, Shape},
    tensor::TensorFromVec,
};

use super::{AnyTape, Node, Node1, values};

/// `y = forward(x)`. `backward(x, dy)` gives the gradient to `x`, in the buffer of `dy` where that is possible.
pub fn surrogate<S: Shape, T: AnyTape>(
    x: Node<S, T>,
    forward: impl FnOnce(&[f32]) -> Vec<f32>,
    backward: impl FnOnce(&[f32], Vec<f32>) -> Vec<f32> + 'static,
) -> Node<S, T> {
    let (x, place, tape) = x.split();
    let out = x.device().tensor_from_vec(forward(values(&x)), *x.shape());
    Node::made(out, tape, move |gradients, dy| {
        place.give(gradients, backward(values(&x), dy))
    })
}

/// `y = forward(x, p)` with a learned parameter, such as a step size. `backward(x, p, dy)` gives the gradients to `x` and `p`.
/// The parameter is not `x` itself.
pub fn surrogate_with_parameter<S: Shape, T: AnyTape>(
    x: Node<S, T>,
    parameter: Node1<T>,
    forward: impl FnOnce(&[f32], &[f32]) -> Vec<f32>,
    backward: impl FnOnce(&[f32], &[f32], Vec<f32>) -> (Vec<f32>, Vec<f32>) + 'static,
) -> Node<S, T> {
    let (x, place, tape_x) = x.split();
    let (parameter, place_parameter, tape_parameter) = parameter.split();
    let tape = tape_x.merge(tape_parameter);
    let y = forward(values(&x), values(&parameter));
    let out = x.device().tensor_from_vec(y, *x.shape());
    Node::made(out, tape, move |gradients, dy| {
        let (dx, dp) = backward(values(&x), values(&parameter), dy);
        place.give(gradients, dx)?;
        place_parameter.give(gradients, dp)
    })
}

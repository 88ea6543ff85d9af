//! Operations whose values and gradients the caller gives: fake quantization, signs, surrogate gradients.
//!
//! The same functions serve activations and weights: a weight is handed in with `retaped::<T>()`, and its gradient arrives
//! at the parameter.

use dfdx::{
    shapes::{HasShape, Shape},
    tensor::{Cpu, PutTape, SplitTape, Tensor, TensorFromVec},
};

use super::{
    AnyTape, Tensor1,
    gradient::{give, take},
    values,
};

/// `y = forward(x)`. `backward(x, dy)` gives the gradient to `x`, in the buffer of `dy` where that is possible.
pub fn surrogate<S: Shape, T: AnyTape>(
    x: Tensor<S, f32, Cpu, T>,
    forward: impl FnOnce(&[f32]) -> Vec<f32>,
    backward: impl FnOnce(&[f32], Vec<f32>) -> Vec<f32> + 'static,
) -> Tensor<S, f32, Cpu, T> {
    let (x, mut tape) = x.split_tape();
    let out = x.device().tensor_from_vec(forward(values(&x)), *x.shape());
    let y = out.ghost();
    tape.add_backward_op(move |gradients| {
        let dy = take!(gradients, &y);
        give!(gradients, &x, backward(values(&x), dy));
        Ok(())
    });
    out.put_tape(tape)
}

/// `y = forward(x, p)` with a learned parameter, such as a step size. `backward(x, p, dy)` gives the gradients to `x` and `p`.
/// The parameter is not `x` itself.
pub fn surrogate_with_parameter<S: Shape, T: AnyTape>(
    x: Tensor<S, f32, Cpu, T>,
    parameter: Tensor1<T>,
    forward: impl FnOnce(&[f32], &[f32]) -> Vec<f32>,
    backward: impl FnOnce(&[f32], &[f32], Vec<f32>) -> (Vec<f32>, Vec<f32>) + 'static,
) -> Tensor<S, f32, Cpu, T> {
    let (x, tape_x) = x.split_tape();
    let (parameter, tape_parameter) = parameter.split_tape();
    let mut tape = tape_x.merge(tape_parameter);
    let y = forward(values(&x), values(&parameter));
    let out = x.device().tensor_from_vec(y, *x.shape());
    let y = out.ghost();
    tape.add_backward_op(move |gradients| {
        let dy = take!(gradients, &y);
        let (dx, dp) = backward(values(&x), values(&parameter), dy);
        give!(gradients, &x, dx);
        give!(gradients, &parameter, dp);
        Ok(())
    });
    out.put_tape(tape)
}

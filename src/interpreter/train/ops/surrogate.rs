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
    gradient::{put, take},
    values,
};
use crate::kernels::{Isa, elementwise};

/// `y = forward(x)`. `forward(x, y)` writes all of `y`, which starts as zeros; `backward(x, dy, dx)` adds to `dx`.
pub fn surrogate<S: Shape, T: AnyTape>(
    x: Tensor<S, f32, Cpu, T>,
    forward: impl FnOnce(&[f32], &mut [f32]),
    backward: impl FnOnce(&[f32], &[f32], &mut [f32]) + 'static,
) -> Tensor<S, f32, Cpu, T> {
    let (x, mut tape) = x.split_tape();
    let mut y = vec![0.0; values(&x).len()];
    forward(values(&x), &mut y);
    let out = x.device().tensor_from_vec(y, *x.shape());
    let y = out.ghost();
    tape.add_backward_op(move |gradients| {
        let dy = take!(gradients, &y);
        backward(values(&x), &dy, gradients.get_or_alloc_mut(&x)?);
        Ok(())
    });
    out.put_tape(tape)
}

/// `y = forward(x)`, with the gradient of the identity: the straight-through estimator without clipping.
pub fn straight_through<S: Shape, T: AnyTape>(
    x: Tensor<S, f32, Cpu, T>,
    forward: impl FnOnce(&[f32], &mut [f32]),
) -> Tensor<S, f32, Cpu, T> {
    let (x, mut tape) = x.split_tape();
    let mut y = vec![0.0; values(&x).len()];
    forward(values(&x), &mut y);
    let out = x.device().tensor_from_vec(y, *x.shape());
    let (x, y) = (x.ghost(), out.ghost());
    tape.add_backward_op(move |gradients| {
        let dy = take!(gradients, &y);
        elementwise::accumulate(Isa::current(), gradients.get_or_alloc_mut(&x)?, &dy);
        Ok(())
    });
    out.put_tape(tape)
}

/// `y = forward(x, p)` with a learned parameter, such as a step size. `forward(x, p, y)` writes all of `y`, which starts as
/// zeros; `backward(x, p, dy, dx, dp)` adds to `dx` and `dp`. The parameter is not `x` itself.
pub fn surrogate_with_parameter<S: Shape, T: AnyTape>(
    x: Tensor<S, f32, Cpu, T>,
    parameter: Tensor1<T>,
    forward: impl FnOnce(&[f32], &[f32], &mut [f32]),
    backward: impl FnOnce(&[f32], &[f32], &[f32], &mut [f32], &mut [f32]) + 'static,
) -> Tensor<S, f32, Cpu, T> {
    let (x, tape_x) = x.split_tape();
    let (parameter, tape_parameter) = parameter.split_tape();
    let mut tape = tape_x.merge(tape_parameter);
    let mut y = vec![0.0; values(&x).len()];
    forward(values(&x), values(&parameter), &mut y);
    let out = x.device().tensor_from_vec(y, *x.shape());
    let y = out.ghost();
    tape.add_backward_op(move |gradients| {
        let dy = take!(gradients, &y);
        let mut dx = take!(gradients, &x);
        let mut dp = take!(gradients, &parameter);
        backward(values(&x), values(&parameter), &dy, &mut dx, &mut dp);
        put!(gradients, &x, dx);
        put!(gradients, &parameter, dp);
        Ok(())
    });
    out.put_tape(tape)
}

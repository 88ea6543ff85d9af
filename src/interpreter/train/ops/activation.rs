//! Activations: ReLU, ReLU6, hardtanh.

use dfdx::{
    shapes::{HasShape, Shape},
    tensor::{Cpu, PutTape, SplitTape, Tensor, TensorFromVec},
};

use super::{Activation, AnyTape, gradient::take, values};
use crate::kernels::{Isa, elementwise};

/// `clip(x)`. The gradient passes where the result lies strictly inside the activation's interval.
pub fn activate<S: Shape, T: AnyTape>(
    x: Tensor<S, f32, Cpu, T>,
    activation: Activation,
) -> Tensor<S, f32, Cpu, T> {
    if activation == Activation::None {
        return x;
    }
    let (x, mut tape) = x.split_tape();
    let y = elementwise::clip(Isa::current(), activation, values(&x));
    let out = x.device().tensor_from_vec(y, *x.shape());
    let x = x.ghost();
    let (y, y_ghost) = (out.clone(), out.ghost());
    tape.add_backward_op(move |gradients| {
        let dy = take!(gradients, &y_ghost);
        let dx = gradients.get_or_alloc_mut(&x)?;
        elementwise::clip_backward(Isa::current(), activation, values(&y), &dy, dx);
        Ok(())
    });
    out.put_tape(tape)
}

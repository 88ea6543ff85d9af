//! The fully connected layer.

use dfdx::{
    shapes::HasShape,
    tensor::{PutTape, SplitTape, TensorFromVec},
};

use super::{
    AnyTape, Tensor1, Tensor2, add_bias,
    gradient::{put, take},
    values,
};
use crate::kernels::{
    Isa,
    conv::{self, ConvShape},
};

/// `x w + bias` for `x` (batch, inputs), weights (inputs, outputs) and one bias per output.
pub fn linear<T: AnyTape>(
    x: Tensor2<T>,
    weight: Tensor2<T>,
    bias: Option<Tensor1<T>>,
) -> Tensor2<T> {
    let product = multiply(x, weight);
    match bias {
        Some(bias) => add_bias(product, bias),
        None => product,
    }
}

/// `x w`, computed as a convolution of one pixel.
fn multiply<T: AnyTape>(x: Tensor2<T>, weight: Tensor2<T>) -> Tensor2<T> {
    let (x, tape_x) = x.split_tape();
    let (weight, tape_weight) = weight.split_tape();
    let mut tape = tape_x.merge(tape_weight);
    let (rows, inputs) = *x.shape();
    let (weight_inputs, outputs) = *weight.shape();
    assert_eq!(inputs, weight_inputs, "weights fit the input");
    let shape = ConvShape {
        batch: 1,
        height: 1,
        width: rows,
        channels: inputs,
        outputs,
        kernel: [1, 1],
        stride: [1, 1],
        dilation: [1, 1],
        padding: [0, 0],
        groups: 1,
    };
    let y = conv::forward(Isa::current(), &shape, values(&x), values(&weight));
    let out = x.device().tensor_from_vec(y, (rows, outputs));
    let y = out.ghost();
    tape.add_backward_op(move |gradients| {
        let isa = Isa::current();
        let dy = take!(gradients, &y);
        let mut dw = take!(gradients, &weight);
        conv::weight_gradient(isa, &shape, values(&x), &dy, &mut dw);
        put!(gradients, &weight, dw);
        let mut dx = take!(gradients, &x);
        conv::input_gradient(isa, &shape, &dy, values(&weight), &mut dx);
        put!(gradients, &x, dx);
        Ok(())
    });
    out.put_tape(tape)
}

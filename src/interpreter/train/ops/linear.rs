//! The fully connected layer.

use dfdx::{shapes::HasShape, tensor::TensorFromVec};

use super::{AnyTape, Node, Node1, Node2, add_bias, values};
use crate::kernels::{
    Isa,
    conv::{self, ConvShape},
};

/// `x w + bias` for `x` (batch, inputs), weights (inputs, outputs) and one bias per output.
pub fn linear<T: AnyTape>(x: Node2<T>, weight: Node2<T>, bias: Option<Node1<T>>) -> Node2<T> {
    let product = multiply(x, weight);
    match bias {
        Some(bias) => add_bias(product, bias),
        None => product,
    }
}

/// `x w`, computed as a convolution of one pixel.
fn multiply<T: AnyTape>(x: Node2<T>, weight: Node2<T>) -> Node2<T> {
    let (x, place, tape_x) = x.split();
    let (weight, place_weight, tape_weight) = weight.split();
    let tape = tape_x.merge(tape_weight);
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
    let y = conv::forward(Isa::current(), &shape, values(&x), values(&weight), None);
    let out = x.device().tensor_from_vec(y, (rows, outputs));
    Node::made(out, tape, move |gradients, dy| {
        let isa = Isa::current();
        place_weight.add(gradients, inputs * outputs, |dw| {
            conv::weight_gradient(isa, &shape, values(&x), &dy, dw);
        })?;
        let begun = place.take(gradients)?;
        let dx = conv::input_gradient(isa, &shape, &dy, values(&weight), begun, None);
        place.put(gradients, dx)
    })
}

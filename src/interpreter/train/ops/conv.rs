//! Convolution, depthwise and grouped included.

use dfdx::{
    shapes::HasShape,
    tensor::{PutTape, SplitTape, TensorFromVec},
};

use super::{
    AnyTape, Tensor4,
    gradient::{put, take},
    values,
};
use crate::kernels::{
    Isa,
    conv::{self, ConvShape},
};

/// How the kernel moves over the image. Pairs are (vertical, horizontal).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ConvOptions {
    /// Step between output pixels.
    pub stride: [usize; 2],
    /// Zeros on each side of the image.
    pub padding: [usize; 2],
    /// Distance of kernel taps.
    pub dilation: [usize; 2],
    /// Groups; divides channels and outputs. As many groups as channels is a depthwise convolution.
    pub groups: usize,
    /// Whether the gradient to the input is wanted: not for the images of a data set.
    pub input_gradient: bool,
}

impl Default for ConvOptions {
    /// Stride 1, no padding, no dilation, one group, with the gradient to the input.
    fn default() -> Self {
        ConvOptions {
            stride: [1, 1],
            padding: [0, 0],
            dilation: [1, 1],
            groups: 1,
            input_gradient: true,
        }
    }
}

/// Convolution of `x` (batch, height, width, channels) with weights (kernel height, kernel width, channels / groups,
/// outputs) to (batch, output height, output width, outputs).
pub fn conv2d<T: AnyTape>(x: Tensor4<T>, weight: Tensor4<T>, options: ConvOptions) -> Tensor4<T> {
    let (x, tape_x) = x.split_tape();
    let (weight, tape_weight) = weight.split_tape();
    let mut tape = tape_x.merge(tape_weight);
    let (batch, height, width, channels) = *x.shape();
    let (kernel_h, kernel_w, group_channels, outputs) = *weight.shape();
    let ConvOptions {
        stride,
        padding,
        dilation,
        groups,
        input_gradient,
    } = options;
    assert_eq!(group_channels * groups, channels, "weights fit the input");
    let shape = ConvShape {
        batch,
        height,
        width,
        channels,
        outputs,
        kernel: [kernel_h, kernel_w],
        stride,
        dilation,
        padding,
        groups,
    };
    let y = conv::forward(Isa::current(), &shape, values(&x), values(&weight));
    let [out_h, out_w] = shape.output_size();
    let out = x
        .device()
        .tensor_from_vec(y, (batch, out_h, out_w, outputs));
    let y = out.ghost();
    tape.add_backward_op(move |gradients| {
        let isa = Isa::current();
        let dy = take!(gradients, &y);
        let mut dw = take!(gradients, &weight);
        conv::weight_gradient(isa, &shape, values(&x), &dy, &mut dw);
        put!(gradients, &weight, dw);
        if input_gradient {
            let mut dx = take!(gradients, &x);
            conv::input_gradient(isa, &shape, &dy, values(&weight), &mut dx);
            put!(gradients, &x, dx);
        }
        Ok(())
    });
    out.put_tape(tape)
}

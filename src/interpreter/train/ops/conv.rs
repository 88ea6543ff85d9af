//! Convolution, depthwise and grouped included.

use dfdx::{shapes::HasShape, tensor::TensorFromVec};

use super::{
    AnyTape, Deferred, Node, Node4, Tensor4, batch_norm::Normalization, node::Place, values,
};
use crate::kernels::{
    Isa,
    batch_norm::Measuring,
    conv::{self, ConvShape, Watch},
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
    /// Whether batch norm comes next, which wants the statistics of the channels.
    pub statistics: bool,
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
            statistics: false,
        }
    }
}

/// What a convolution reads.
pub enum Source<T> {
    /// A result that is stored.
    Stored(Node4<T>),
    /// A batch norm that is computed on the way, as often as it is read.
    Deferred(Deferred<T>),
}

impl<T> From<Node4<T>> for Source<T> {
    fn from(x: Node4<T>) -> Self {
        Source::Stored(x)
    }
}

impl<T: AnyTape> Source<T> {
    /// The tensor that lies in memory, what becomes of it on the way, the place of its gradient, and the tape.
    fn split(self) -> (Tensor4, Option<Normalization>, Place, T) {
        match self {
            Source::Stored(x) => {
                let (x, place, tape) = x.split();
                (x, None, place, tape)
            }
            Source::Deferred(Deferred { x, normalization }) => {
                let (x, place, tape) = x.split();
                (x, Some(normalization), place, tape)
            }
        }
    }
}

/// Convolution of `x` (batch, height, width, channels) with weights (kernel height, kernel width, channels / groups,
/// outputs) to (batch, output height, output width, outputs).
pub fn conv2d<T: AnyTape>(
    x: impl Into<Source<T>>,
    weight: Node4<T>,
    options: ConvOptions,
) -> Node4<T> {
    let (x, norm, place, tape_x) = x.into().split();
    let (weight, place_weight, tape_weight) = weight.split();
    let tape = tape_x.merge(tape_weight);
    let (batch, height, width, channels) = *x.shape();
    let (kernel_h, kernel_w, group_channels, outputs) = *weight.shape();
    let ConvOptions {
        stride,
        padding,
        dilation,
        groups,
        input_gradient,
        statistics,
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
    let isa = Isa::current();
    let (read, w) = (input(&x, &norm), values(&weight));
    let (y, statistics) = if statistics {
        let mut measuring = Measuring::new(isa, shape.output_len(), outputs);
        let mut watch = |y: &[f32]| measuring.see(y);
        let y = conv::forward(isa, &shape, read, w, Some(&mut watch));
        let found = measuring.finish(&y);
        (y, Some(found))
    } else {
        (conv::forward(isa, &shape, read, w, None), None)
    };
    let [out_h, out_w] = shape.output_size();
    let out = x
        .device()
        .tensor_from_vec(y, (batch, out_h, out_w, outputs));
    let node = Node::made(out, tape, move |gradients, dy| {
        place_weight.add(gradients, shape.weight_len(), |dw| {
            conv::weight_gradient(isa, &shape, input(&x, &norm), &dy, dw);
        })?;
        if let Some(norm) = &norm {
            let mut summing = norm.summing(values(&x));
            let mut watch = |upstream: &[f32]| summing.see(upstream);
            let (w, watch) = (values(&weight), Some::<Watch<'_>>(&mut watch));
            let upstream = conv::input_gradient(isa, &shape, &dy, w, None, watch);
            drop(dy);
            let found = summing.finish(upstream);
            norm.give(gradients, found.gamma, found.beta)?;
            place.give(gradients, found.x)
        } else if input_gradient {
            let begun = place.take(gradients)?;
            let dx = conv::input_gradient(isa, &shape, &dy, values(&weight), begun, None);
            place.put(gradients, dx)
        } else {
            Ok(())
        }
    });
    node.with_statistics(statistics)
}

fn input<'a>(x: &'a Tensor4, norm: &'a Option<Normalization>) -> conv::Input<'a> {
    conv::Input {
        x: values(x),
        tail: norm.as_ref().map(|norm| norm.tail(None)),
    }
}

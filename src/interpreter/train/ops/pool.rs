//! Average and maximum pooling.

use dfdx::{shapes::HasShape, tensor::TensorFromVec};

use super::{AnyTape, Node, Node2, Node4, values};
use crate::kernels::{
    Isa,
    pool::{self, PoolShape},
};

/// How the window moves over the image. Pairs are (vertical, horizontal).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PoolOptions {
    /// Window size.
    pub kernel: [usize; 2],
    /// Step between windows.
    pub stride: [usize; 2],
    /// Pixels that a window may stick out on each side. They are never the maximum and do not count in an average.
    pub padding: [usize; 2],
}

impl PoolOptions {
    fn shape(self, (batch, height, width, channels): (usize, usize, usize, usize)) -> PoolShape {
        let PoolOptions {
            kernel,
            stride,
            padding,
        } = self;
        PoolShape {
            batch,
            height,
            width,
            channels,
            kernel,
            stride,
            padding,
        }
    }
}

/// Averages over the whole image: (batch, height, width, channels) to (batch, channels).
pub fn global_average_pool<T: AnyTape>(x: Node4<T>) -> Node2<T> {
    let (x, place, tape) = x.split();
    let (batch, height, width, channels) = *x.shape();
    let shape = PoolShape::global(batch, height, width, channels);
    let y = pool::average(Isa::current(), &shape, values(&x));
    let out = x.device().tensor_from_vec(y, (batch, channels));
    Node::made(out, tape, move |gradients, dy| {
        place.add(gradients, shape.input_len(), |dx| {
            pool::average_backward(Isa::current(), &shape, &dy, dx);
        })
    })
}

/// Averages over windows.
pub fn average_pool<T: AnyTape>(x: Node4<T>, options: PoolOptions) -> Node4<T> {
    let (x, place, tape) = x.split();
    let shape = options.shape(*x.shape());
    let y = pool::average(Isa::current(), &shape, values(&x));
    let [out_h, out_w] = shape.output_size();
    let out = x
        .device()
        .tensor_from_vec(y, (shape.batch, out_h, out_w, shape.channels));
    Node::made(out, tape, move |gradients, dy| {
        place.add(gradients, shape.input_len(), |dx| {
            pool::average_backward(Isa::current(), &shape, &dy, dx);
        })
    })
}

/// Maxima of windows. The gradient goes to the first of equal pixels.
pub fn max_pool<T: AnyTape>(x: Node4<T>, options: PoolOptions) -> Node4<T> {
    let (x, place, tape) = x.split();
    let shape = options.shape(*x.shape());
    let y = pool::maximum(Isa::current(), &shape, values(&x));
    let [out_h, out_w] = shape.output_size();
    let out = x
        .device()
        .tensor_from_vec(y, (shape.batch, out_h, out_w, shape.channels));
    let y = out.clone();
    Node::made(out, tape, move |gradients, dy| {
        place.add(gradients, shape.input_len(), |dx| {
            pool::maximum_backward(Isa::current(), &shape, values(&x), values(&y), &dy, dx);
        })
    })
}

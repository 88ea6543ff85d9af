//! Average and maximum pooling.

use dfdx::{
    shapes::HasShape,
    tensor::{PutTape, SplitTape, TensorFromVec},
};

use super::{AnyTape, Tensor2, Tensor4, gradient::take, values};
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
pub fn global_average_pool<T: AnyTape>(x: Tensor4<T>) -> Tensor2<T> {
    let (x, mut tape) = x.split_tape();
    let (batch, height, width, channels) = *x.shape();
    let shape = PoolShape::global(batch, height, width, channels);
    let y = pool::average(Isa::current(), &shape, values(&x));
    let out = x.device().tensor_from_vec(y, (batch, channels));
    let (x, y) = (x.ghost(), out.ghost());
    tape.add_backward_op(move |gradients| {
        let dy = take!(gradients, &y);
        let dx = gradients.get_or_alloc_mut(&x)?;
        pool::average_backward(Isa::current(), &shape, &dy, dx);
        Ok(())
    });
    out.put_tape(tape)
}

/// Averages over windows.
pub fn average_pool<T: AnyTape>(x: Tensor4<T>, options: PoolOptions) -> Tensor4<T> {
    let (x, mut tape) = x.split_tape();
    let shape = options.shape(*x.shape());
    let y = pool::average(Isa::current(), &shape, values(&x));
    let [out_h, out_w] = shape.output_size();
    let out = x
        .device()
        .tensor_from_vec(y, (shape.batch, out_h, out_w, shape.channels));
    let (x, y) = (x.ghost(), out.ghost());
    tape.add_backward_op(move |gradients| {
        let dy = take!(gradients, &y);
        let dx = gradients.get_or_alloc_mut(&x)?;
        pool::average_backward(Isa::current(), &shape, &dy, dx);
        Ok(())
    });
    out.put_tape(tape)
}

/// Maxima of windows. The gradient goes to the first of equal pixels.
pub fn max_pool<T: AnyTape>(x: Tensor4<T>, options: PoolOptions) -> Tensor4<T> {
    let (x, mut tape) = x.split_tape();
    let shape = options.shape(*x.shape());
    let y = pool::maximum(Isa::current(), &shape, values(&x));
    let [out_h, out_w] = shape.output_size();
    let out = x
        .device()
        .tensor_from_vec(y, (shape.batch, out_h, out_w, shape.channels));
    let (y, y_ghost) = (out.clone(), out.ghost());
    tape.add_backward_op(move |gradients| {
        let dy = take!(gradients, &y_ghost);
        let dx = gradients.get_or_alloc_mut(&x)?;
        pool::maximum_backward(Isa::current(), &shape, values(&x), values(&y), &dy, dx);
        Ok(())
    });
    out.put_tape(tape)
}

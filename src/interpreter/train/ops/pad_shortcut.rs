//! Every `stride`-th pixel, with zeros as further channels: the shortcut without parameters of residual networks.

use dfdx::{shapes::HasShape, tensor::TensorFromVec};

use super::{AnyTape, Node, Node4, values};

/// (batch, height, width, channels) to (batch, height / stride, width / stride, outputs), rounded up.
pub fn pad_shortcut<T: AnyTape>(x: Node4<T>, stride: usize, outputs: usize) -> Node4<T> {
    let (x, place, tape) = x.split();
    let (batch, height, width, channels) = *x.shape();
    let (out_h, out_w) = (height.div_ceil(stride), width.div_ceil(stride));
    // Where the channels of each pixel come from and go to.
    let moves = move || {
        (0..batch * out_h * out_w).map(move |pixel| {
            let (image, place) = (pixel / (out_h * out_w), pixel % (out_h * out_w));
            let (row, column) = (place / out_w * stride, place % out_w * stride);
            let from = (image * height + row) * width + column;
            (from * channels, pixel * outputs)
        })
    };
    let mut y = vec![0.0; batch * out_h * out_w * outputs];
    for (from, to) in moves() {
        y[to..to + channels].copy_from_slice(&values(&x)[from..from + channels]);
    }
    let out = x
        .device()
        .tensor_from_vec(y, (batch, out_h, out_w, outputs));
    Node::made(out, tape, move |gradients, dy| {
        place.add(gradients, batch * height * width * channels, |dx| {
            for (to, from) in moves() {
                for (dx, dy) in dx[to..to + channels].iter_mut().zip(&dy[from..]) {
                    *dx += dy;
                }
            }
        })
    })
}

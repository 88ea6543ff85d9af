//! Channels of several tensors, one tensor after the other.

use dfdx::{
    shapes::HasShape,
    tensor::{PutTape, SplitTape, TensorFromVec},
};

use super::{AnyTape, Tensor4, gradient::take, values};

/// (batch, height, width, c1), (batch, height, width, c2), … -> (batch, height, width, c1 + c2 + …). The same tensor may be there
/// more than once, as a fork.
pub fn concat<T: AnyTape>(parts: Vec<Tensor4<T>>) -> Tensor4<T> {
    let mut parts = parts.into_iter().map(|part| part.split_tape());
    let (first, mut tape) = parts.next().expect("invariant: there is something to join");
    let mut tensors = vec![first];
    for (tensor, other) in parts {
        tape = tape.merge(other);
        tensors.push(tensor);
    }
    let (batch, height, width, _) = *tensors[0].shape();
    let widths: Vec<usize> = tensors.iter().map(|t| t.shape().3).collect();
    for tensor in &tensors {
        let (b, h, w, _) = *tensor.shape();
        assert_eq!((b, h, w), (batch, height, width));
    }
    let channels: usize = widths.iter().sum();
    let mut y = vec![0.0; batch * height * width * channels];
    let mut start = 0;
    for (tensor, width) in tensors.iter().zip(&widths) {
        let pixels = values(tensor).chunks_exact(*width);
        for (to, from) in y.chunks_exact_mut(channels).zip(pixels) {
            to[start..start + width].copy_from_slice(from);
        }
        start += width;
    }
    let out = (tensors[0].device()).tensor_from_vec(y, (batch, height, width, channels));
    let ghosts: Vec<_> = tensors.iter().map(|t| t.ghost()).collect();
    let y = out.ghost();
    tape.add_backward_op(move |gradients| {
        let dy = take!(gradients, &y);
        let mut start = 0;
        // one after the other, so that two of them may be the same
        for (tensor, width) in ghosts.iter().zip(&widths) {
            let dx = gradients.get_or_alloc_mut(tensor)?;
            for (dx, dy) in dx.chunks_exact_mut(*width).zip(dy.chunks_exact(channels)) {
                for (dx, dy) in dx.iter_mut().zip(&dy[start..start + width]) {
                    *dx += dy;
                }
            }
            start += width;
        }
        Ok(())
    });
    out.put_tape(tape)
}

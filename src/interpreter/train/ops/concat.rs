//! Channels of several tensors, one tensor after the other.

use dfdx::{shapes::HasShape, tensor::TensorFromVec};

use super::{AnyTape, Node, Node4, values};

/// (batch, height, width, c1), (batch, height, width, c2), … -> (batch, height, width, c1 + c2 + …). The same tensor may be there
/// more than once, as a fork.
pub fn concat<T: AnyTape>(parts: Vec<Node4<T>>) -> Node4<T> {
    let mut parts = parts.into_iter().map(Node::split);
    let (first, place, mut tape) = parts.next().expect("invariant: there is something to join");
    let (mut tensors, mut places) = (vec![first], vec![place]);
    for (tensor, place, other) in parts {
        tape = tape.merge(other);
        tensors.push(tensor);
        places.push(place);
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
    Node::made(out, tape, move |gradients, dy| {
        let mut start = 0;
        // one after the other, so that two of them may be the same
        for (place, width) in places.iter().zip(&widths) {
            let part = dy.chunks_exact(channels);
            let part = part.flat_map(|dy| &dy[start..start + width]);
            place.give(gradients, part.copied().collect())?;
            start += width;
        }
        Ok(())
    })
}

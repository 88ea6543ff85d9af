//! The loss of classification.

use dfdx::{
    shapes::HasShape,
    tensor::{PutTape, SplitTape, TensorFromVec},
};

use super::{AnyTape, Tensor0, Tensor2, gradient::take, values};
use crate::kernels::softmax;

/// Cross-entropy between softmax of logits (batch, classes) and class indices, one per row; mean over the batch.
/// `smoothing` in `[0, 1)` moves that much of each target's weight to all classes alike.
pub fn softmax_cross_entropy<T: AnyTape>(
    logits: Tensor2<T>,
    targets: &[usize],
    smoothing: f32,
) -> Tensor0<T> {
    let (logits, mut tape) = logits.split_tape();
    let classes = logits.shape().1;
    let (loss, probabilities) =
        softmax::cross_entropy(values(&logits), classes, targets, smoothing);
    let out = logits.device().tensor_from_vec(vec![loss], ());
    let (logits, y) = (logits.ghost(), out.ghost());
    let targets = targets.to_vec();
    tape.add_backward_op(move |gradients| {
        let dloss = take!(gradients, &y)[0];
        let dlogits = gradients.get_or_alloc_mut(&logits)?;
        softmax::cross_entropy_backward(
            &probabilities,
            classes,
            &targets,
            smoothing,
            dloss,
            dlogits,
        );
        Ok(())
    });
    out.put_tape(tape)
}

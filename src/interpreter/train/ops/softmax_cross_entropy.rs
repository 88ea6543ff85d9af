//! The loss of classification, alone or with a teacher.

use dfdx::{
    shapes::HasShape,
    tensor::{PutTape, TensorFromVec},
};

use super::{AnyTape, Node2, Tensor0, values};
use crate::kernels::softmax;
use crate::model::Loss;

/// Cross-entropy between softmax of logits (batch, classes) and class indices, one per row; mean over the batch.
/// `smoothing` in `[0, 1)` moves that much of each target's weight to all classes alike.
pub fn softmax_cross_entropy<T: AnyTape>(
    logits: Node2<T>,
    targets: &[usize],
    smoothing: f32,
) -> Tensor0<T> {
    let (logits, place, mut tape) = logits.split();
    let classes = logits.shape().1;
    let (loss, probabilities) =
        softmax::cross_entropy(values(&logits), classes, targets, smoothing);
    let out = logits.device().tensor_from_vec(vec![loss], ());
    let (len, y) = (values(&logits).len(), out.ghost());
    let targets = targets.to_vec();
    tape.add_backward_op(move |gradients| {
        let dloss = gradients.get_or_alloc_mut(&y)?[0];
        place.add(gradients, len, |d| {
            softmax::cross_entropy_backward(&probabilities, classes, &targets, smoothing, dloss, d);
        })
    });
    out.put_tape(tape)
}

/// A combination of that loss and the divergence from a teacher whose logits these are, (batch, classes) row by row.
pub fn distillation<T: AnyTape>(
    logits: Node2<T>,
    targets: &[usize],
    smoothing: f32,
    teacher: &[f32],
    combined: Loss,
) -> Tensor0<T> {
    let Loss {
        task,
        distill,
        temperature,
    } = combined;
    let (logits, place, mut tape) = logits.split();
    let classes = logits.shape().1;
    let z = values(&logits);
    let (entropy, probabilities) = softmax::cross_entropy(z, classes, targets, smoothing);
    let (divergence, differences) = softmax::divergence(z, teacher, classes, temperature);
    let loss = task * f64::from(entropy) + distill * f64::from(divergence);
    let out = logits.device().tensor_from_vec(vec![loss as f32], ());
    let (len, y) = (values(&logits).len(), out.ghost());
    let targets = targets.to_vec();
    tape.add_backward_op(move |gradients| {
        let dloss = gradients.get_or_alloc_mut(&y)?[0];
        place.add(gradients, len, |d| {
            let part = (task * f64::from(dloss)) as f32;
            softmax::cross_entropy_backward(&probabilities, classes, &targets, smoothing, part, d);
            let part = distill * f64::from(dloss);
            softmax::divergence_backward(&differences, classes, temperature, part, d);
        })
    });
    out.put_tape(tape)
}

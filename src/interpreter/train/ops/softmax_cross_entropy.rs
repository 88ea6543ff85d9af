//! The loss of classification, alone or with a teacher.

use dfdx::{
    shapes::HasShape,
    tensor::{PutTape, SplitTape, TensorFromVec},
};

use super::{AnyTape, Tensor0, Tensor2, gradient::take, values};
use crate::kernels::softmax;
use crate::model::Loss;

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

/// A combination of that loss and the divergence from a teacher whose logits these are, (batch, classes) row by row.
pub fn distillation<T: AnyTape>(
    logits: Tensor2<T>,
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
    let (logits, mut tape) = logits.split_tape();
    let classes = logits.shape().1;
    let z = values(&logits);
    let (entropy, probabilities) = softmax::cross_entropy(z, classes, targets, smoothing);
    let (divergence, differences) = softmax::divergence(z, teacher, classes, temperature);
    let loss = task * f64::from(entropy) + distill * f64::from(divergence);
    let out = logits.device().tensor_from_vec(vec![loss as f32], ());
    let (logits, y) = (logits.ghost(), out.ghost());
    let targets = targets.to_vec();
    tape.add_backward_op(move |gradients| {
        let dloss = take!(gradients, &y)[0];
        let dlogits = gradients.get_or_alloc_mut(&logits)?;
        let scaled = (task * f64::from(dloss)) as f32;
        softmax::cross_entropy_backward(
            &probabilities,
            classes,
            &targets,
            smoothing,
            scaled,
            dlogits,
        );
        let scaled = distill * f64::from(dloss);
        softmax::divergence_backward(&differences, classes, temperature, scaled, dlogits);
        Ok(())
    });
    out.put_tape(tape)
}

//! The one place that views a dfdx tensor's buffer without copying it.

#![allow(unsafe_code)]

use dfdx::{
    shapes::{HasShape, Shape},
    tensor::{Cpu, Tensor},
};

/// The numbers of a contiguous tensor, in row-major order.
///
/// # Panics
/// If the tensor is a permuted or broadcast view.
pub fn values<S: Shape, T>(tensor: &Tensor<S, f32, Cpu, T>) -> &[f32] {
    let sizes = tensor.shape().concrete();
    let len = tensor.shape().num_elements();
    if len == 0 {
        return &[];
    }
    // dfdx keeps buffer and strides private, but indexing gives the address of any element inside the buffer.
    let origin = S::Concrete::default();
    let first: *const f32 = &tensor[origin];
    let mut stride = len;
    for (axis, size) in sizes.into_iter().enumerate() {
        stride /= size;
        if size > 1 {
            let mut index = origin;
            index[axis] = 1;
            let neighbor: *const f32 = &tensor[index];
            assert_eq!(
                neighbor as usize - first as usize,
                stride * size_of::<f32>(),
                "the tensor is contiguous"
            );
        }
    }
    if cfg!(miri) {
        // Miri holds the pointer to the one element that it came from.
        return tensor.as_vec().leak();
    }
    // SAFETY: the buffer is one `Vec` that the tensor keeps alive and unchanged while it is borrowed; all axes were seen
    // to be contiguous, so `len` elements follow the first.
    unsafe { std::slice::from_raw_parts(first, len) }
}

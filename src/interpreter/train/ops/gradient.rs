//! Moving gradient buffers out of and into dfdx's table of gradients.
//!
//! A buffer is taken out, worked on and put back, so that an operation can work on several at a time without copies. A
//! taken buffer leaves an empty one behind: the gradient of an operation's own result is taken for good, which frees it.
//!
//! Macros, because dfdx does not export the trait that tensors and their ghosts share.

/// The gradient of a tensor or ghost (zeros if nothing has been added yet). Empty if it has been taken and not put back.
macro_rules! take {
    ($gradients:expr, $tensor:expr) => {
        std::mem::take(&mut **$gradients.get_or_alloc_mut($tensor)?)
    };
}

/// Puts a taken gradient back.
macro_rules! put {
    ($gradients:expr, $tensor:expr, $gradient:expr) => {
        **$gradients.get_or_alloc_mut($tensor)? = $gradient
    };
}

/// Adds a whole gradient to what there is.
macro_rules! give {
    ($gradients:expr, $tensor:expr, $gradient:expr) => {{
        let gradient: Vec<f32> = $gradient;
        let sum = $gradients.get_or_alloc_mut($tensor)?;
        crate::kernels::elementwise::accumulate(crate::kernels::Isa::current(), sum, &gradient)
    }};
}

pub(super) use {give, put, take};

//! bnas

pub mod diagnostic;
pub mod interpreter;
pub mod kernels;
pub mod source;

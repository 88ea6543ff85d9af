//! bnas

pub mod diagnostic;
pub mod ir;
pub mod model;
pub mod interpreter;
pub mod kernels;
pub mod source;
pub mod stream;

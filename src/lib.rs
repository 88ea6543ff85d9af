//! bnas

pub mod diagnostic;
pub mod source;
pub mod ir;
pub mod kernels;
pub mod model;
pub mod interpreter;

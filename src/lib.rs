//! bnas

pub mod diagnostic;
pub mod interpreter;
pub mod ir;
pub mod kernels;
pub mod model;
pub mod source;
pub mod stream;
pub mod syntax;
pub mod units;

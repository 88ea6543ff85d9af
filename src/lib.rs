//! bnas

pub mod analysis;
pub mod cli;
pub mod diagnostic;
pub mod interpreter;
pub mod ir;
pub mod kernels;
pub mod model;
pub mod report;
pub mod source;
pub mod stream;
pub mod syntax;
pub mod units;

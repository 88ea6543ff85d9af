//! bnas

pub mod diagnostic;
pub mod source;
pub mod syntax;
pub mod units;

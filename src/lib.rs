//! bnas

pub mod diagnostic;
pub mod source;

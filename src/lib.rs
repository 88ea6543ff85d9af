//! bnas

// Leaves.
pub mod diagnostic;
pub mod source;
pub mod stream;
//UNITS

// The pipeline, from text to results.
pub mod syntax;

//ANALYSIS

pub mod ir;

pub mod model;

pub mod interpreter;

pub mod kernels;

pub mod report;

//CLI

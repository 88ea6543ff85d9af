//! The waist of the pipeline: a checked spec as plain data.
//!
//! In: nothing but [`crate::source::Span`]s. Out: serde types that analysis makes, and model and interpreter read. Every
//! number is in base units (second, joule, bit, op, mac, cycle), every name is resolved or stands for something that
//! the interpreter knows: a decision, a loop index, a metric. A value that may vary is a [`Slot`].

mod dataset;
mod evaluator;
mod experiment;
mod expr;
mod init;
pub mod json;
mod policy;
mod quantizer;
mod repair;
mod show;
mod space;
mod table;
mod target;
mod techniques;
mod value;

pub use dataset::{Dataset, Files, IdxPair, Normalize, Splits};
pub use evaluator::{Command, Evaluator};
pub use experiment::{
    Amendment, Arm, Choice, Direction, Expect, Experiment, FinalTraining, Goal, Loss, Measure,
    Method, Program, Provenance, Quantize, Require, Search, Stage, Training,
};
pub use expr::{
    AUTHOR, Aggregate, BinaryOp, Domain, DomainKind, Expr, Function, Let, PROGRESS, Per, Reduction,
    Slot, UnaryOp, as_written,
};
pub use init::Init;
pub use policy::{LayerKind, Pattern, PatternPart, Policy, Quantifier, Rule, Selector, Which};
pub use quantizer::{Codes, Formulas, Quantizer};
pub use repair::{Edit, Repair, RepairKind};
pub use show::{numbered, show};
pub use space::{
    Block, BlockCall, BlockChoice, BlockStmt, Branch, Join, LayerPath, LayerStmt, OfCopy,
    Operation, Parallel, Shortcut, Skip, Source, Space, Stmt,
};
pub use table::{Table, table_key};
pub use target::{Check, Field, Holds, Memory, Precision, Target};
pub use techniques::Techniques;
pub use value::{Record, Value};

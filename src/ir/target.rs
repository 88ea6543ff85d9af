//! Hardware targets as written: fields may still depend on each other and on decisions.

use serde::{Deserialize, Serialize};

use super::{Expr, Provenance, Slot};
use crate::source::Span;

/// A transport-triggered architecture with one vector multiply-accumulate unit. Names in its expressions are its own fields:
/// `vector.width`, `clock`, `op_per_mac`, `binary.energy`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// Its name.
    pub name: String,
    /// `op_per_mac`, op/mac.
    pub op_per_mac: Slot,
    /// `clock`, cycle/s.
    pub clock: Slot,
    /// `vector.width`, bit.
    pub vector_width: Slot,
    /// `vector.lanes`: output channels that one vector operation works on.
    pub lanes: Slot,
    /// `vector.idle`: the share of a busy lane's energy that an idle lane takes, 0 to 1.
    pub idle: Slot,
    /// Precisions in the order of the text; the cheapest that contains both operands is used.
    pub precisions: Vec<Precision>,
    /// Facts that the file states about itself.
    pub checks: Vec<Check>,
    /// Where its numbers come from.
    pub provenance: Vec<Provenance>,
    /// Where the name stands.
    pub span: Span,
}

/// `precision int8 { energy = 405 fJ/op  macs = … }`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Precision {
    /// `binary`, `ternary` or `int8`: the set of codes that it multiplies.
    pub name: String,
    /// Bits of one code as stored: 1, 2 or 8.
    pub bits: u32,
    /// Energy of one operation, joule per op.
    pub energy: Slot,
    /// Multiply-accumulates per cycle at full utilization.
    pub macs: Slot,
    /// Where it stands.
    pub span: Span,
}

/// `check left ~= right within tolerance`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// A truth value over the target's names. `a ~= b within t` has become `abs(a - b) <= t * abs(b)`.
    pub holds: Expr,
    /// The text as written.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

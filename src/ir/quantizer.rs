//! Quantizers: which codes there are, how the scale is found, and what the gradient is.

use serde::{Deserialize, Serialize};

use super::{Expr, Let, Slot};
use crate::source::Span;

/// The definition of a quantizer. `int { bits = 4 }` is a [`super::Record`] that names it and overrides fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quantizer {
    /// Its name.
    pub name: String,
    /// The kind after the colon.
    pub codes: Codes,
    /// `bits`: of a uniform quantizer, 2 to 8.
    pub bits: Option<Slot>,
    /// `signed`: `auto`, `true` or `false`. `auto` is signed unless the producer is non-negative.
    pub signed: Expr,
    /// `granularity` of weights: `per_channel` or `per_tensor`. Activations have one scale per tensor.
    pub granularity: Expr,
    /// `scale`: `max_abs`, `mean_abs`, `percentile(p)`, `mse` or `one`.
    pub scale: Slot,
    /// Names that the formulas use and that may depend on `progress` (0 at the first epoch, 1 after the last).
    pub lets: Vec<Let>,
    /// `gradient(x) = …`: the surrogate for the derivative of the forward function, over `x`, in units of the scale.
    /// Absent: straight-through; for activations 1 inside the range of the codes and 0 outside, for weights 1 everywhere.
    pub gradient: Option<Expr>,
    /// Where the name stands.
    pub span: Span,
}

/// The set of codes of a quantizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Codes {
    /// -1 and +1.
    Binary,
    /// -1, 0 and +1.
    Ternary,
    /// A symmetric integer grid: -(2^(b-1) - 1) … 2^(b-1) - 1, or 0 … 2^b - 1 if unsigned.
    Uniform,
}

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
    pub signed: Slot,
    /// `granularity` of weights: `per_channel` or `per_tensor`. Activations have one scale per tensor.
    pub granularity: Slot,
    /// `scale`: `max_abs`, `mean_abs`, `percentile(p)`, `mse`, `one`, `learned` or `learned_clip`. A formula `scale` comes before it.
    pub scale: Slot,
    /// Fields that read names of the quantizer, as they are written. Above stands what they are where no name is given another value.
    #[serde(default)]
    pub derived: Vec<(String, Slot)>,
    /// What it computes.
    pub formulas: Formulas,
    /// Where the name stands.
    pub span: Span,
}

impl Quantizer {
    /// Fields by name.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &Slot)> {
        let words = [
            ("signed", &self.signed),
            ("granularity", &self.granularity),
            ("scale", &self.scale),
        ];
        self.bits.iter().map(|slot| ("bits", slot)).chain(words)
    }

    /// The same, to be changed.
    pub fn fields_mut(&mut self) -> impl Iterator<Item = (&'static str, &mut Slot)> + use<'_> {
        let words = [
            ("signed", &mut self.signed),
            ("granularity", &mut self.granularity),
            ("scale", &mut self.scale),
        ];
        self.bits.iter_mut().map(|slot| ("bits", slot)).chain(words)
    }
}

/// What a quantizer computes, as expressions over `x`, the smallest and largest code `low` and `high`, [`super::PROGRESS`] and names
/// of its own. Calls of one formula in another are written out.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Formulas {
    /// Names that the formulas use, which may depend on progress and be searched.
    pub lets: Vec<Let>,
    /// `normalize(w) = …`: what is quantized in place of the value.
    pub normalize: Option<Expr>,
    /// `scale(w) = …`: what one code step stands for.
    pub scale: Option<Expr>,
    /// `forward(x) = …`: with a formula for the scale, the quantized value; without, its code from `x` in units of the scale.
    pub forward: Option<Expr>,
    /// `gradient(x) = …`: the surrogate for the derivative of the quantizing step, over its argument.
    /// Absent: straight-through; for activations 1 inside the range of the codes and 0 outside, for weights 1 everywhere.
    pub gradient: Option<Expr>,
}

impl Formulas {
    /// Whether there is no formula but the surrogate gradient.
    pub fn is_simple(&self) -> bool {
        self.normalize.is_none() && self.scale.is_none() && self.forward.is_none()
    }
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

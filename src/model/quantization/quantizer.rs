//! A quantizer with every choice made.

use serde::{Deserialize, Serialize};

use crate::ir::Formulas;

/// How one operand is represented.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quantizer {
    /// The name in the spec: `int8`, `binary`.
    pub name: String,
    /// The codes.
    pub grid: Grid,
    /// One scale per output channel of a weight; activations have one per tensor whatever this says.
    pub per_channel: bool,
    /// How the scale is found.
    pub scale: ScaleRule,
    /// What it computes; every name has its value.
    pub formulas: Formulas,
}

/// The set of codes. A value is code times scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grid {
    /// -1, +1; sign(0) = +1.
    Binary,
    /// -1, 0, +1.
    Ternary,
    /// Signed: -(2^(b-1) - 1) … 2^(b-1) - 1 (narrow, symmetric). Unsigned: 0 … 2^b - 1.
    Integer {
        /// 2 to 8.
        bits: u32,
        /// Whether codes below zero exist.
        signed: bool,
    },
}

/// How a scale is found from values.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScaleRule {
    /// max |x| / largest code.
    MaxAbs,
    /// mean |x| for binary codes (XNOR-Net, arXiv:1603.05279); for ternary codes the mean of |x| above 0.7 mean |x| (TWN, arXiv:1605.04711); for integers
    /// 2 mean |x| / sqrt(largest code), where LSQ begins (arXiv:1902.08153).
    MeanAbs,
    /// This share of |x| is inside the range; 0 to 1.
    Percentile(f64),
    /// The scale with the least mean squared error on a fixed grid of candidates.
    MeanSquaredError,
    /// 1.
    One,
    /// Learned with the weights, from 2 mean |x| / sqrt(largest code) on (LSQ, arXiv:1902.08153).
    Learned,
    /// Learned as where to clip, from max |x| on: what rounding adds has no part in its gradient (PACT, arXiv:1805.06085).
    LearnedClip,
}

impl ScaleRule {
    /// Whether the scale is trained with the weights.
    pub fn is_learned(self) -> bool {
        matches!(self, ScaleRule::Learned | ScaleRule::LearnedClip)
    }
}

impl Grid {
    /// Smallest and largest code.
    pub fn range(self) -> (i32, i32) {
        match self {
            Grid::Binary | Grid::Ternary => (-1, 1),
            Grid::Integer { bits, signed: true } => {
                (-((1 << (bits - 1)) - 1), (1 << (bits - 1)) - 1)
            }
            Grid::Integer {
                bits,
                signed: false,
            } => (0, (1 << bits) - 1),
        }
    }

    /// Bits of one packed code: 1, 2 (ternary) or the integer's.
    pub fn bits(self) -> u32 {
        match self {
            Grid::Binary => 1,
            Grid::Ternary => 2,
            Grid::Integer { bits, .. } => bits,
        }
    }
}

impl std::fmt::Display for Grid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Grid::Binary => f.write_str("binary"),
            Grid::Ternary => f.write_str("ternary"),
            Grid::Integer { bits, signed: true } => write!(f, "int{bits}"),
            Grid::Integer {
                bits,
                signed: false,
            } => write!(f, "uint{bits}"),
        }
    }
}

//! Repairs: changes to training or topology that win the accuracy of binary networks back.

use serde::{Deserialize, Serialize};

use crate::source::Span;

/// One repair.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Repair {
    /// Its name.
    pub name: String,
    /// The category that it is declared in.
    pub kind: RepairKind,
    /// What it changes, in order.
    pub edits: Vec<Edit>,
    /// Where the name stands.
    pub span: Span,
}

/// The two branches of arXiv:2206.12322: only the second costs anything at inference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RepairKind {
    /// Adds no operation after folding.
    Training,
    /// Adds operations, and the cost model charges them.
    Topology,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Edit {
    /// `features = q`: binary activations use this quantizer's surrogate gradient in place of the policy's.
    Features(String),
    /// `weights = q`: binary weights use this quantizer's.
    Weights(String),
    /// `remove skip`: residual additions of the space are taken out.
    RemoveSkips,
    /// `around every binary conv -> norm { add input via pad_shortcut }`: a shortcut around every convolution with binary
    /// weights; where shapes differ, a strided slice with zero-padded channels.
    ShortcutAroundBinaryConvs,
}

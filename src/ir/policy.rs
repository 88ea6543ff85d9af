//! Policies: which quantizer each layer's weights and activations get. The last matching rule wins, field by field.

use serde::{Deserialize, Serialize};

use super::{Expr, Let, Slot};
use crate::source::Span;

/// An ordered list of rules.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// Names that rules use.
    pub lets: Vec<Let>,
    /// The rules in order.
    pub rules: Vec<Rule>,
    /// The quantizer of what leaves an addition or the network.
    pub output: Option<Slot>,
    /// `require …` lines over its names.
    pub requires: Vec<super::Require>,
    /// Where the name stands.
    pub span: Span,
}

/// `each layer { … }`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// Whether its decisions are taken per layer or once.
    pub quantifier: Quantifier,
    /// A layer matches if any selector does.
    pub selectors: Vec<Selector>,
    /// Names of the rule (`q in kinds`): one decision per layer under `each`, one in all under `every`.
    pub lets: Vec<Let>,
    /// `require …` lines over its names: they bind wherever the rule wins a field and these names exist.
    pub requires: Vec<super::Require>,
    /// The quantizer of the layer's weights: an expression that gives a quantizer's name or record.
    pub weights: Option<Slot>,
    /// The quantizer of what enters the layer's multiplication.
    pub activations: Option<Slot>,
    /// Where it says of which layers it speaks.
    pub span: Span,
}

/// How often a rule decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantifier {
    /// Once per layer (`each`, and rules without a quantifier).
    Each,
    /// Once for all layers that match.
    Every,
}

/// What a rule speaks of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Selector {
    /// `conv layer`: only layers of this kind.
    pub kind: Option<LayerKind>,
    /// Which of them.
    pub which: Which,
    /// `where channels <= 16`: over `channels`, `kernel`, `stride`, `groups`, `macs`, `params` of the layer and names of the policy.
    pub filter: Option<Expr>,
    /// Where the selector stands.
    pub span: Span,
}

/// Kinds of layers that have weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LayerKind {
    /// Convolution, not depthwise.
    Conv,
    /// One filter per channel.
    Depthwise,
    /// Fully connected.
    Linear,
}

/// Which layers of a kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// All.
    All,
    /// The first that has weights.
    First,
    /// The last that has weights.
    Last,
    /// By name: `s[0].d[*].project`.
    Named(Pattern),
}

/// A path of a layer with stars for indices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pattern(pub Vec<PatternPart>);

/// One part of a [`Pattern`]: `s[0]`, `d[*]` or `project`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PatternPart {
    /// The name.
    pub name: String,
    /// Absent: no index. `Some(None)`: any index.
    pub index: Option<Option<usize>>,
}

/// As it is written.
impl std::fmt::Display for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, part) in self.0.iter().enumerate() {
            let dot = if at == 0 { "" } else { "." };
            write!(f, "{dot}{}", part.name)?;
            match part.index {
                None => {}
                Some(None) => f.write_str("[*]")?,
                Some(Some(index)) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

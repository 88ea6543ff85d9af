//! What weights are before training.

use serde::{Deserialize, Serialize};

/// A distribution of initial weights with mean 0. The fan-in is the number of inputs of an output, the fan-out that of outputs of an
/// input; both count the places of a kernel, and the fan-out of a grouped convolution that of all groups, as in PyTorch. Biases start at 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Init {
    /// Uniform within ± 1 / √fan-in, variance 1 / (3 · fan-in): what PyTorch's `Conv2d` and `Linear` do, `kaiming_uniform_` with a = √5.
    UniformFanIn,
    /// Normal, of variance 2 / fan-in before a nonlinearity and 1 / fan-in before the logits: signals keep their size through
    /// rectifiers (He et al., arXiv:1502.01852, section 2.2).
    HeNormal,
    /// Uniform, of variance 2 / (fan-in + fan-out) (Glorot and Bengio, AISTATS 2010, Eq. 16): what Keras does.
    #[default]
    GlorotUniform,
}

impl Init {
    /// The one with this name in the language.
    pub fn of(word: &str) -> Option<Init> {
        match word {
            "uniform_fan_in" => Some(Init::UniformFanIn),
            "he_normal" => Some(Init::HeNormal),
            "glorot_uniform" => Some(Init::GlorotUniform),
            _ => None,
        }
    }
}

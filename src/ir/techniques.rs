//! What a stage of training may do besides stepping. Each is off unless the spec says it.

use serde::{Deserialize, Serialize};

/// Techniques of a stage, as written, over decisions, or as numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Techniques<T> {
    /// The longest that all gradients together may be, as one vector: they are shortened to it (Pascanu et al., arXiv:1211.5063).
    pub clip_gradient: Option<T>,
    /// Weights stay within plus and minus this after each step, so that latent weights stay where a clipped surrogate passes gradients
    /// (BinaryConnect, arXiv:1511.00363).
    pub clip_weights: Option<T>,
    /// The decay per step of an exponential moving average of all parameters, which the stage ends with.
    pub average: Option<T>,
    /// Epochs without a better accuracy on the validation split after which the stage ends, with the parameters of its best epoch.
    pub patience: Option<T>,
}

impl<T> Default for Techniques<T> {
    fn default() -> Self {
        Techniques {
            clip_gradient: None,
            clip_weights: None,
            average: None,
            patience: None,
        }
    }
}

impl<T> Techniques<T> {
    /// What `make` says of each, by its name in the language.
    pub fn of(mut make: impl FnMut(&'static str) -> Option<T>) -> Techniques<T> {
        Techniques {
            clip_gradient: make("clip_gradient"),
            clip_weights: make("clip_weights"),
            average: make("average"),
            patience: make("patience"),
        }
    }

    /// The one of this name.
    pub fn get(&self, name: &str) -> Option<&T> {
        match name {
            "clip_gradient" => self.clip_gradient.as_ref(),
            "clip_weights" => self.clip_weights.as_ref(),
            "average" => self.average.as_ref(),
            "patience" => self.patience.as_ref(),
            _ => None,
        }
    }

    /// These, and of those that are off the `others`.
    pub fn or(self, others: Techniques<T>) -> Techniques<T> {
        Techniques {
            clip_gradient: self.clip_gradient.or(others.clip_gradient),
            clip_weights: self.clip_weights.or(others.clip_weights),
            average: self.average.or(others.average),
            patience: self.patience.or(others.patience),
        }
    }

    /// Others made of those that are on.
    pub fn try_map<U, E>(
        &self,
        mut make: impl FnMut(&T) -> Result<U, E>,
    ) -> Result<Techniques<U>, E> {
        Ok(Techniques {
            clip_gradient: self.clip_gradient.as_ref().map(&mut make).transpose()?,
            clip_weights: self.clip_weights.as_ref().map(&mut make).transpose()?,
            average: self.average.as_ref().map(&mut make).transpose()?,
            patience: self.patience.as_ref().map(&mut make).transpose()?,
        })
    }

    /// Those that are on, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &T)> {
        ["clip_gradient", "clip_weights", "average", "patience"]
            .into_iter()
            .filter_map(|name| Some((name, self.get(name)?)))
    }
}

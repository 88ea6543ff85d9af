//! Which candidate comes next.
//!
//! In: the [`Decisions`](crate::model::Decisions) of an experiment, what is known of a point before training ([`Known`]) and what was
//! observed so far. Out: the next [`Point`](crate::model::Point). Knows nothing of networks, targets or training: a space is a list of
//! decisions, a result is a vector of numbers to maximize.
//!
//! ```text
//! sampler             the contract, and what a sampler is told
//!  ├─ random, grid    without a model
//!  └─ bayes           with one:
//!      encoding            point -> vector
//!      kernel              how alike two vectors are
//!      gaussian_process    observed values -> mean and deviation anywhere (likelihood: its parameters; cholesky, minimize: tools)
//!      acquisition         mean and deviation -> worth of a trial (pareto: what is already reached)
//!      belief              what the trials say, and what another one is worth
//!      climb               the point of most worth
//! interval            how sure the mean of a trial's repeats is
//! feasible            what every sampler draws from: points that meet whatever is known before training
//! ```

mod acquisition;
mod bayes;
mod belief;
mod cholesky;
mod climb;
mod encoding;
mod feasible;
#[cfg(test)]
mod fixtures;
mod gaussian_process;
mod grid;
pub mod interval;
mod kernel;
mod likelihood;
mod minimize;
pub mod pareto;
mod random;
mod sampler;
#[cfg(test)]
mod tests;

pub use bayes::Bayes;
pub use feasible::Feasible;
pub use grid::Grid;
pub use random::Random;
pub use sampler::{Known, KnownCosts, Observation, Sampler, Suggestion, Unknown};

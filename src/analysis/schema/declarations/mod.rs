//! Every kind of declaration with its fields, sections and formulas: a file for each.

mod block;
mod dataset;
mod experiment;
mod policy;
mod quantizer;
mod repair;
mod space;
mod target;
mod training;

pub use self::dataset::DATA;
pub use self::experiment::{EVALUATE, OF_COMMAND};
pub use self::policy::{OUTPUT, RULE};
pub use self::quantizer::QUANTIZER;
pub use self::space::COUNT;
pub use self::training::TEMPERATURE;
use super::Declaration;

/// Every kind of declaration, in the order of the manual.
pub const DECLARATIONS: &[Declaration] = &[
    dataset::DECLARATION,
    block::DECLARATION,
    space::DECLARATION,
    quantizer::DECLARATION,
    policy::DECLARATION,
    repair::DECLARATION,
    target::DECLARATION,
    experiment::DECLARATION,
];

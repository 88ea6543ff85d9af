//! What values are: expressions, domains, fields.
//!
//! In: a tree of an expression, a domain or a field, the names in scope and the schema. Out: the same in the intermediate representation, with its type and
//! dimension. Knows nothing of declarations.

pub(super) mod balance;
pub(super) mod calls;
pub(super) mod checks;
pub(super) mod compared;
pub(super) mod counts;
pub(super) mod decimal;
pub(super) mod domain;
pub(super) mod expr;
pub(super) mod fields;
pub(super) mod fits;
pub(super) mod functions;
pub(super) mod lists;
pub(super) mod lookup;
pub(super) mod meant_path;
pub(super) mod measures;
pub(super) mod members;
mod nameless;
pub(super) mod range;
pub(super) mod shares;
pub(super) mod subsets;
pub(super) mod takes;
pub(super) mod types;

//! `block`: its body is statements, its parameters are names of the author's.

use crate::analysis::schema::Declaration;

pub const DECLARATION: Declaration = Declaration {
    kind: "block",
    bases: &[],
    base_required: false,
    fields: &[],
    sections: &[],
    formulas: &[],
    lets: true,
    later: &[],
    docs: "a reusable piece of network with parameters",
};

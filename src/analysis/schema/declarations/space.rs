//! `space`: its body is statements, of which `repeat` takes a value as a field does.

use crate::analysis::schema::Otherwise::Required;
use crate::analysis::schema::{Declaration, Field, Kind, Later, field};

/// How often a `repeat` copies its body.
pub const COUNT: Field =
    field("repeat", Kind::Whole, Required, "number of copies").within(0.0, 1e6);

pub const DECLARATION: Declaration = Declaration {
    kind: "space",
    bases: &[],
    base_required: false,
    fields: &[],
    sections: &[],
    formulas: &[],
    lets: true,
    later: &[Later {
        name: "output",
        why: "",
    }],
    docs: "a whole network, with `in` where it varies",
};

//! `quantizer`: what codes there are, besides its formulas.

use crate::analysis::schema::Otherwise::{Absent, Word};
use crate::analysis::schema::{Declaration, Field, Fixed, Kind, field};

const NARROW: Fixed = Fixed::this("remove it: it is so without saying", "there is one value");

/// The fields of a quantizer; the first four may be given where it is used: `int { bits = 4 }`.
pub const QUANTIZER: &[Field] = &[
    field(
        "bits",
        Kind::Whole,
        Absent,
        "bits of a code of a uniform grid; 8 where nothing says so",
    )
    .within(2.0, 8.0),
    field(
        "signed",
        Kind::TruthOr(&["auto", "true", "false"]),
        Word("auto"),
        "`auto`: signed unless the producer is non-negative",
    ),
    field(
        "granularity",
        Kind::Word(&["per_channel", "per_tensor"]),
        Word("per_channel"),
        "what shares a scale",
    ),
    field(
        "scale",
        Kind::Scale,
        Absent,
        "how the scale is found: by the largest value, a mean, a share of values, the least squared error, 1, or learned",
    ),
    field(
        "narrow",
        Kind::Word(&["signed"]),
        Word("signed"),
        "a signed grid is symmetric",
    )
    .fixed(NARROW),
];

pub const DECLARATION: Declaration = Declaration {
    kind: "quantizer",
    bases: &["binary", "ternary", "uniform"],
    base_required: true,
    fields: QUANTIZER,
    sections: &[],
    formulas: &["normalize", "scale", "forward", "gradient"],
    lets: true,
    later: &[],
    docs: "codes, scale, forward function, surrogate gradient",
};

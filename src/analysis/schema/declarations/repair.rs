//! `repair`: one change, whose edits are statements.

use crate::analysis::schema::Otherwise::Absent;
use crate::analysis::schema::{Declaration, Fixed, Kind, field};

const OF_REPAIR: Fixed = Fixed::this(
    "declare one repair for each, and search which is applied: `repairs in {{a}, {b}}`",
    "a repair is one change",
);

pub const DECLARATION: Declaration = Declaration {
    kind: "repair",
    bases: &["training", "topology"],
    base_required: true,
    fields: &[
        field(
            "features",
            Kind::Quantizer,
            Absent,
            "the surrogate gradient of binary activations",
        )
        .fixed(OF_REPAIR),
        field(
            "weights",
            Kind::Quantizer,
            Absent,
            "the surrogate gradient of binary weights",
        )
        .fixed(OF_REPAIR),
    ],
    sections: &[],
    formulas: &[],
    lets: false,
    later: &[],
    docs: "one change to training or topology that wins accuracy back",
};

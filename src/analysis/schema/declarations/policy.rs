//! `policy`: rules for layers, and what leaves additions and the network.

use crate::analysis::schema::Otherwise::Absent;
use crate::analysis::schema::{Declaration, Field, Kind, field};

/// The fields of a rule of a policy.
pub const RULE: &[Field] = &[
    field("weights", Kind::Quantizer, Absent, "of the layer's weights"),
    field(
        "activations",
        Kind::Quantizer,
        Absent,
        "of what enters the layer's multiplication",
    ),
];

/// The fields of a policy.
pub const OUTPUT: &[Field] = &[field(
    "output",
    Kind::Quantizer,
    Absent,
    "of what leaves an addition or the network",
)];

pub const DECLARATION: Declaration = Declaration {
    kind: "policy",
    bases: &[],
    base_required: false,
    fields: OUTPUT,
    sections: &[],
    formulas: &[],
    lets: true,
    later: &[],
    docs: "which quantizer each layer's weights and activations get",
};

//! `target`: the datapath, what each precision costs, memories.

use crate::analysis::schema::Otherwise::{Absent, Required};
use crate::analysis::schema::{Declaration, Fixed, Kind, Label, Later, Section, field};

const OF_MEMORY: Fixed = Fixed::this(
    "declare one target for each, and search which it is: `target in {a, b}`",
    "what a memory is for makes it another datapath",
);

pub const DECLARATION: Declaration = Declaration {
    kind: "target",
    bases: &["tta"],
    base_required: true,
    fields: &[
        field(
            "op_per_mac",
            Kind::Number("op/mac"),
            Required,
            "operations of one multiply-accumulate",
        )
        .positive(),
        field("clock", Kind::Number("Hz"), Required, "cycles per second").positive(),
    ],
    sections: &[
        Section {
            name: "vector",
            label: Label::None,
            fields: &[
                field(
                    "width",
                    Kind::Number("bit"),
                    Required,
                    "bits of the vector operand",
                )
                .positive()
                .whole(),
                field(
                    "lanes",
                    Kind::Whole,
                    Required,
                    "output channels that one vector operation works on",
                ),
                field(
                    "idle",
                    Kind::Number(""),
                    Required,
                    "share of a busy lane's energy that an idle lane takes",
                )
                .within(0.0, 1.0),
            ],
            docs: "the vector multiply-accumulate unit",
        },
        Section {
            name: "precision",
            label: Label::Alone,
            fields: &[
                field(
                    "energy",
                    Kind::Number("J/op"),
                    Required,
                    "energy of one operation at full utilization",
                )
                .within(0.0, f64::INFINITY),
                field(
                    "macs",
                    Kind::Number("mac/cycle"),
                    Required,
                    "multiply-accumulates per cycle at full utilization",
                )
                .positive(),
            ],
            docs: "codes that the unit multiplies, and what that costs",
        },
        Section {
            name: "memory",
            label: Label::Behind,
            fields: &[
                field(
                    "holds",
                    Kind::Word(&["weights", "activations", "all"]),
                    Required,
                    "what is in it",
                )
                .fixed(OF_MEMORY),
                field(
                    "size",
                    Kind::Number("bit"),
                    Required,
                    "how much it holds at once",
                )
                .positive(),
                field(
                    "read",
                    Kind::Number("J/bit"),
                    Absent,
                    "energy of a bit that is read, on top of that of operations",
                )
                .within(0.0, f64::INFINITY),
                field(
                    "write",
                    Kind::Number("J/bit"),
                    Absent,
                    "energy of a bit that is written, on top of that of operations",
                )
                .within(0.0, f64::INFINITY),
            ],
            docs: "where weights or activations are; a target that states none asks for no room",
        },
    ],
    formulas: &[],
    lets: false,
    later: &[
        Later {
            name: "bus",
            why: "what buses of such cores take is not published, and the energy per operation contains it",
        },
        Later {
            name: "registers",
            why: "what register files of such cores take is not published, and the energy per operation contains it",
        },
    ],
    docs: "a hardware target: datapath, memories, energy and throughput per precision",
};

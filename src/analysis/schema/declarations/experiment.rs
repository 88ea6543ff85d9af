//! `experiment`: what it binds, and sections for training and search.

use super::dataset::DATA;
use super::training::{FINAL, STAGE, TRAINING};
use crate::analysis::schema::Otherwise::{Absent, Number, Word};
use crate::analysis::schema::{Declaration, Fixed, Kind, Label, Section, field};

/// Of what measures candidates in place of training.
pub const EVALUATE: Fixed = Fixed::arm(
    "",
    "measurements of different programs or tables do not compare",
);
/// Of an argument of `command`.
pub const OF_COMMAND: Fixed = Fixed::this(
    "run the search once for each: `arms { evaluate in {command(…), command(…)} }`",
    EVALUATE.why,
);
const SEED: Fixed = Fixed::this(
    "train each candidate with several seeds, `repeats = 3`, or run the whole search with each: `arms { seed in {1, 2, 3} }`",
    "the best of several seeds is the luckiest",
);
const REPEATS: Fixed = Fixed::arm(
    "",
    "means over different numbers of trainings do not compare",
);
const OF_SEARCH: Fixed = Fixed::arm(
    "search.",
    "it says how the search goes, which is no part of a candidate",
);

pub const DECLARATION: Declaration = Declaration {
    kind: "experiment",
    bases: &[],
    base_required: false,
    fields: &[
        field(
            "seed",
            Kind::Whole,
            Number(0.0),
            "the root of all randomness",
        )
        .within(0.0, 9_007_199_254_740_992.0)
        .fixed(SEED),
        field(
            "repeats",
            Kind::Whole,
            Number(1.0),
            "trainings of each candidate, each with a seed of its own",
        )
        .within(1.0, 100.0)
        .fixed(REPEATS),
        field(
            "init",
            Kind::Word(&["glorot_uniform", "he_normal", "uniform_fan_in"]),
            Word("glorot_uniform"),
            "the distribution that weights start from",
        ),
        field(
            "evaluate",
            Kind::Other(
                "a table or a command: `table(\"results.csv\")`, `command(\"…\", metrics = {…})`",
            ),
            Absent,
            "what measures candidates in place of training",
        )
        .fixed(EVALUATE),
        field(
            "data",
            Kind::Declared("dataset"),
            Absent,
            "what is classified",
        )
        .fixed(DATA),
        field("space", Kind::Declared("space"), Absent, "the network"),
        field(
            "policy",
            Kind::Declared("policy"),
            Absent,
            "the quantizers of its layers",
        ),
        field("target", Kind::Declared("target"), Absent, "what prices it"),
        field("repairs", Kind::Repairs, Absent, "what wins accuracy back"),
    ],
    sections: &[
        Section {
            name: "train",
            label: Label::None,
            fields: TRAINING,
            docs: "the float stage",
        },
        Section {
            name: "finetune",
            label: Label::None,
            fields: TRAINING,
            docs: "quantization-aware training",
        },
        Section {
            name: "stage",
            label: Label::Alone,
            fields: STAGE,
            docs: "one of several stages of training, in the order of the text",
        },
        Section {
            name: "final",
            label: Label::None,
            fields: FINAL,
            docs: "training of the Pareto set after the search, from the start and longer",
        },
        Section {
            name: "arms",
            label: Label::None,
            fields: &[],
            docs: "values of which each runs the whole search: `finetune.epochs in {0, 1}`",
        },
        Section {
            name: "search",
            label: Label::None,
            fields: &[
                field(
                    "method",
                    Kind::Word(&["random", "grid", "bayes"]),
                    Word("bayes"),
                    "who proposes",
                )
                .fixed(OF_SEARCH),
                field("trials", Kind::Whole, Absent, "candidates in all")
                    .within(1.0, 1e6)
                    .fixed(OF_SEARCH),
                field(
                    "initial",
                    Kind::Whole,
                    Absent,
                    "candidates before the model is asked: the default, and others spread over each decision",
                )
                .within(1.0, 1e6)
                .fixed(OF_SEARCH),
                field(
                    "slots",
                    Kind::Whole,
                    Number(4.0),
                    "candidates whose results a proposal does not wait for",
                )
                .within(1.0, 1024.0)
                .fixed(OF_SEARCH),
            ],
            docs: "how candidates are chosen",
        },
    ],
    formulas: &[],
    lets: true,
    later: &[],
    docs: "binds all of these to a seed, a search, goals, requirements and expectations",
};

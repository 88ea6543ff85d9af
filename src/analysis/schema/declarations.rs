//! Kinds of declarations with their fields, sections and formulas.

use super::Otherwise::{Absent, Number, Required, Word};
use super::{Declaration, Field, Kind, Label, Later, Section, field};

const TRAINING: &[Field] = &[
    field(
        "epochs",
        Kind::Whole,
        Required,
        "passes over the training split",
    )
    .within(0.0, 1e6),
    field("batch", Kind::Whole, Number(64.0), "samples per step"),
    field("optimizer", Kind::Optimizer, Absent, "what steps"),
    field(
        "schedule",
        Kind::WordOrFormula(&["constant", "cosine"]),
        Word("cosine"),
        "the factor on the learning rate over the stage: a word, or a formula of `progress` or `step_progress`",
    ),
    field(
        "label_smoothing",
        Kind::Number(""),
        Number(0.0),
        "share of a label spread over all classes",
    )
    .within(0.0, 1.0),
    field(
        "weight_decay",
        Kind::Number(""),
        Absent,
        "in place of the optimizer's own",
    )
    .within(0.0, 1.0),
    field(
        "clip_gradient",
        Kind::Number(""),
        Absent,
        "the longest that all gradients together may be, as one vector",
    )
    .positive(),
    field(
        "clip_weights",
        Kind::Number(""),
        Absent,
        "weights stay within plus and minus this after each step",
    )
    .positive(),
    field(
        "average",
        Kind::Number(""),
        Absent,
        "decay per step of a moving average of the parameters, which the stage ends with",
    )
    .within(0.0, 1.0),
    field(
        "patience",
        Kind::Whole,
        Absent,
        "epochs without a better accuracy on the validation split after which the stage ends with its best",
    )
    .within(1.0, 1e6),
];

/// Fields of a stage: those of training, what is quantized, who teaches.
const STAGE: &[Field] = &[
    TRAINING[0],
    TRAINING[1],
    TRAINING[2],
    TRAINING[3],
    TRAINING[4],
    TRAINING[5],
    TRAINING[6],
    TRAINING[7],
    TRAINING[8],
    TRAINING[9],
    field(
        "quantize",
        Kind::Word(&["none", "activations", "weights", "all"]),
        Required,
        "which operands go through their quantizers",
    )
    .fixed(),
    field(
        "teacher",
        Kind::Other("an earlier stage"),
        Absent,
        "the stage whose network is asked",
    )
    .fixed(),
    field(
        "loss",
        Kind::Other("multiples of `task` and `distill(kl)`"),
        Absent,
        "what is minimized; `task` if it is not given",
    )
    .fixed(),
];

/// Fields of training after the search; what is absent is as in the search.
const FINAL: &[Field] = &[
    field(
        "on",
        Kind::Word(&["pareto", "best"]),
        Word("pareto"),
        "which candidates",
    )
    .fixed(),
    field(
        "stage",
        Kind::Other("a stage"),
        Absent,
        "the stage whose fields these are; the first if it is not given",
    )
    .fixed(),
    TRAINING[0].fixed(),
    field("batch", Kind::Whole, Absent, "samples per step").fixed(),
    TRAINING[2].fixed(),
    field(
        "schedule",
        TRAINING[3].kind,
        Absent,
        "the factor on the learning rate over the stage",
    )
    .fixed(),
    field(
        "label_smoothing",
        Kind::Number(""),
        Absent,
        "share of a label spread over all classes",
    )
    .within(0.0, 1.0)
    .fixed(),
    TRAINING[5].fixed(),
    TRAINING[6].fixed(),
    TRAINING[7].fixed(),
    TRAINING[8].fixed(),
    TRAINING[9].fixed(),
];

/// Every kind of declaration.
pub const DECLARATIONS: &[Declaration] = &[
    Declaration {
        kind: "dataset",
        bases: &["embedded", "idx", "cifar", "image_folder", "csv"],
        base_required: true,
        fields: &[
            field(
                "content",
                Kind::Word(&["digits"]),
                Absent,
                "which of the embedded data sets",
            )
            .fixed(),
            field("images", Kind::Text, Absent, "the IDX file of images").fixed(),
            field("labels", Kind::Text, Absent, "the IDX file of labels").fixed(),
            field(
                "test_images",
                Kind::Text,
                Absent,
                "the IDX file of images of the test split",
            )
            .fixed(),
            field("test_labels", Kind::Text, Absent, "and of its labels").fixed(),
            field(
                "files",
                Kind::Texts,
                Absent,
                "files in order: of CIFAR records, or CSV tables",
            )
            .fixed(),
            field("test_files", Kind::Texts, Absent, "those of the test split").fixed(),
            field(
                "label_bytes",
                Kind::Whole,
                Absent,
                "bytes before the pixels of a CIFAR record; the last is the label; 1 if it is not given",
            )
            .within(1.0, 16.0)
            .fixed(),
            field(
                "label",
                Kind::Text,
                Absent,
                "the column of labels of CSV tables; `label` if it is not given",
            )
            .fixed(),
            field("folder", Kind::Text, Absent, "a folder of one folder of images per class").fixed(),
            field("test_folder", Kind::Text, Absent, "that of the test split").fixed(),
            field(
                "source",
                Kind::Text,
                Absent,
                "where the files can be had, for who lacks them",
            )
            .fixed(),
            field("classes", Kind::Whole, Required, "number of classes")
                .within(2.0, 65_536.0)
                .fixed(),
            field(
                "scale",
                Kind::Number(""),
                Number(255.0),
                "largest pixel value: pixels are divided by it",
            )
            .positive()
            .fixed(),
            field(
                "augment",
                Kind::Augment,
                Absent,
                "what training images go through",
            )
            .fixed(),
        ],
        sections: &[
            Section {
                name: "shape",
                label: Label::None,
                fields: &[
                    field("height", Kind::Whole, Required, "rows").fixed(),
                    field("width", Kind::Whole, Required, "columns").fixed(),
                    field("channels", Kind::Whole, Number(1.0), "values per pixel").fixed(),
                ],
                docs: "one image",
            },
            Section {
                name: "splits",
                label: Label::None,
                fields: &[
                    field("train", Kind::Whole, Required, "samples that train").fixed(),
                    field("validation", Kind::Whole, Required, "samples that choose").fixed(),
                    field("test", Kind::Whole, Required, "samples for the final table").fixed(),
                ],
                docs: "samples per split: training, then validation, in the order of the files; then test, unless it has files of its own",
            },
            Section {
                name: "normalize",
                label: Label::None,
                fields: &[
                    field("mean", Kind::Numbers, Required, "what is taken from pixels in 0 … 1")
                        .fixed(),
                    field("std", Kind::Numbers, Required, "what they are divided by then")
                        .positive()
                        .fixed(),
                ],
                docs: "(x - mean) / std; without it, pixels stay in 0 … 1",
            },
        ],
        formulas: &[],
        lets: false,
        later: &[],
        docs: "shape, classes, splits, augmentation, where the files are",
    },
    Declaration {
        kind: "block",
        bases: &[],
        base_required: false,
        fields: &[],
        sections: &[],
        formulas: &[],
        lets: true,
        later: &[],
        docs: "a reusable piece of network with parameters",
    },
    Declaration {
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
    },
    Declaration {
        kind: "quantizer",
        bases: &["binary", "ternary", "uniform"],
        base_required: true,
        fields: QUANTIZER,
        sections: &[],
        formulas: &["normalize", "scale", "forward", "gradient"],
        lets: true,
        later: &[],
        docs: "codes, scale, forward function, surrogate gradient",
    },
    Declaration {
        kind: "policy",
        bases: &[],
        base_required: false,
        fields: OUTPUT,
        sections: &[],
        formulas: &[],
        lets: true,
        later: &[],
        docs: "which quantizer each layer's weights and activations get",
    },
    Declaration {
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
            .fixed(),
            field(
                "weights",
                Kind::Quantizer,
                Absent,
                "the surrogate gradient of binary weights",
            )
            .fixed(),
        ],
        sections: &[],
        formulas: &[],
        lets: false,
        later: &[],
        docs: "one change to training or topology that wins accuracy back",
    },
    Declaration {
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
                    .positive(),
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
                    .fixed(),
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
    },
    Declaration {
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
            .fixed(),
            field(
                "repeats",
                Kind::Whole,
                Number(1.0),
                "trainings of each candidate, each with a seed of its own",
            )
            .within(1.0, 100.0)
            .fixed(),
            field(
                "init",
                Kind::Word(&["glorot_uniform", "he_normal", "uniform_fan_in"]),
                Word("glorot_uniform"),
                "the distribution that weights start from",
            )
            .fixed(),
            field(
                "evaluate",
                Kind::Other("a table or a command: `table(\"results.csv\")`, `command(\"…\", metrics = {…})`"),
                Absent,
                "what measures candidates in place of training",
            )
            .fixed(),
            field(
                "data",
                Kind::Declared("dataset"),
                Absent,
                "what is classified",
            )
            .fixed(),
            field("space", Kind::Declared("space"), Absent, "the network").fixed(),
            field(
                "policy",
                Kind::Declared("policy"),
                Absent,
                "the quantizers of its layers",
            )
            .fixed(),
            field("target", Kind::Declared("target"), Absent, "what prices it").fixed(),
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
                    .fixed(),
                    field("trials", Kind::Whole, Absent, "candidates in all")
                        .within(1.0, 1e6)
                        .fixed(),
                    field(
                        "initial",
                        Kind::Whole,
                        Absent,
                        "random candidates before the model is asked",
                    )
                    .within(1.0, 1e6)
                    .fixed(),
                    field(
                        "slots",
                        Kind::Whole,
                        Number(4.0),
                        "candidates whose results a proposal does not wait for",
                    )
                    .within(1.0, 1024.0)
                    .fixed(),
                ],
                docs: "how candidates are chosen",
            },
        ],
        formulas: &[],
        lets: true,
        later: &[],
        docs: "binds all of these to a seed, a search, goals, requirements and expectations",
    },
];

/// The fields of a quantizer; the first four may be given where it is used: `int { bits = 4 }`.
pub const QUANTIZER: &[Field] = &[
    field(
        "bits",
        Kind::Whole,
        Absent,
        "bits of a code of a uniform grid",
    )
    .within(2.0, 8.0),
    field(
        "signed",
        Kind::TruthOr(&["auto", "true", "false"]),
        Word("auto"),
        "`auto`: signed unless the producer is non-negative",
    )
    .fixed(),
    field(
        "granularity",
        Kind::Word(&["per_channel", "per_tensor"]),
        Word("per_channel"),
        "what shares a scale",
    )
    .fixed(),
    field("scale", Kind::Scale, Absent, "how the scale is found"),
    field(
        "narrow",
        Kind::Word(&["signed"]),
        Word("signed"),
        "a signed grid is symmetric",
    )
    .fixed(),
];

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

/// How often a `repeat` copies its body.
pub const COUNT: Field =
    field("repeat", Kind::Whole, Required, "number of copies").within(0.0, 1e6);

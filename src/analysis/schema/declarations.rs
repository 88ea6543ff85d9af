//! Kinds of declarations with their fields, sections and formulas.

use super::Otherwise::{Absent, Number, Required, Word};
use super::{Declaration, Field, Fixed, Kind, Label, Later, Section, field};

/// Of what candidates are measured on.
const MEASURED_ON: &str = "accuracies on different samples do not compare, so that no search could tell which candidate is better";

/// Of the data set of an experiment, and of what it is made of.
pub const DATA: Fixed = Fixed::arm("", MEASURED_ON);
const OF_DATA: Fixed = Fixed::arm("data.", MEASURED_ON);
const OF_SHAPE: Fixed = Fixed::arm("data.shape.", MEASURED_ON);
const OF_SPLITS: Fixed = Fixed::arm("data.splits.", MEASURED_ON);
const OF_PIXELS: Fixed = Fixed::arm(
    "data.",
    "samples are read and scaled once for all candidates",
);
const OF_NORMALIZE: Fixed = Fixed::arm(
    "data.normalize.",
    "samples are read and scaled once for all candidates",
);
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
const OF_FINAL: Fixed = Fixed::arm(
    "final.",
    "what `final` trains has been chosen, and nothing is searched any more",
);
const NARROW: Fixed = Fixed::this("remove it: it is so without saying", "there is one value");
const OF_MEMORY: Fixed = Fixed::this(
    "declare one target for each, and search which it is: `target in {a, b}`",
    "what a memory is for makes it another datapath",
);
const OF_REPAIR: Fixed = Fixed::this(
    "declare one repair for each, and search which is applied: `repairs in {{a}, {b}}`",
    "a repair is one change",
);

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
    ),
    field(
        "teacher",
        Kind::Other("an earlier stage"),
        Absent,
        "the stage whose network is asked",
    ),
    field(
        "loss",
        Kind::Other("multiples of `task` and `distill(kl)`"),
        Absent,
        "what is minimized; `task` if it is not given",
    ),
];

/// By which `distill` divides logits.
pub const TEMPERATURE: Field = field(
    "temperature",
    Kind::Number(""),
    Number(1.0),
    "by which the logits of both networks are divided",
)
.positive();

/// Fields of training after the search; what is absent is as in the search.
const FINAL: &[Field] = &[
    field(
        "on",
        Kind::Word(&["pareto", "best"]),
        Word("pareto"),
        "which candidates",
    )
    .fixed(OF_FINAL),
    field(
        "stage",
        Kind::Other("a stage"),
        Absent,
        "the stage whose fields these are; the first if it is not given",
    )
    .fixed(OF_FINAL),
    TRAINING[0].fixed(OF_FINAL),
    field("batch", Kind::Whole, Absent, "samples per step").fixed(OF_FINAL),
    TRAINING[2].fixed(OF_FINAL),
    field(
        "schedule",
        TRAINING[3].kind,
        Absent,
        "the factor on the learning rate over the stage",
    )
    .fixed(OF_FINAL),
    field(
        "label_smoothing",
        Kind::Number(""),
        Absent,
        "share of a label spread over all classes",
    )
    .within(0.0, 1.0)
    .fixed(OF_FINAL),
    TRAINING[5].fixed(OF_FINAL),
    TRAINING[6].fixed(OF_FINAL),
    TRAINING[7].fixed(OF_FINAL),
    TRAINING[8].fixed(OF_FINAL),
    TRAINING[9].fixed(OF_FINAL),
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
            .fixed(OF_DATA),
            field("images", Kind::Text, Absent, "the IDX file of images").fixed(OF_DATA),
            field("labels", Kind::Text, Absent, "the IDX file of labels").fixed(OF_DATA),
            field(
                "test_images",
                Kind::Text,
                Absent,
                "the IDX file of images of the test split",
            )
            .fixed(OF_DATA),
            field("test_labels", Kind::Text, Absent, "and of its labels").fixed(OF_DATA),
            field(
                "files",
                Kind::Texts,
                Absent,
                "files in order: of CIFAR records, or CSV tables",
            )
            .fixed(OF_DATA),
            field("test_files", Kind::Texts, Absent, "those of the test split").fixed(OF_DATA),
            field(
                "label_bytes",
                Kind::Whole,
                Absent,
                "bytes before the pixels of a CIFAR record; the last is the label; 1 if it is not given",
            )
            .within(1.0, 16.0)
            .fixed(OF_DATA),
            field(
                "label",
                Kind::Text,
                Absent,
                "the column of labels of CSV tables; `label` if it is not given",
            )
            .fixed(OF_DATA),
            field("folder", Kind::Text, Absent, "a folder of one folder of images per class").fixed(OF_DATA),
            field("test_folder", Kind::Text, Absent, "that of the test split").fixed(OF_DATA),
            field(
                "source",
                Kind::Text,
                Absent,
                "where the files can be had, for who lacks them",
            )
            .fixed(OF_DATA),
            field("classes", Kind::Whole, Required, "number of classes")
                .within(2.0, 65_536.0)
                .fixed(OF_DATA),
            field(
                "scale",
                Kind::Number(""),
                Number(255.0),
                "largest pixel value: pixels are divided by it",
            )
            .positive()
            .fixed(OF_PIXELS),
            field(
                "augment",
                Kind::Augment,
                Absent,
                "what training images go through; validation and test images stay as they are",
            ),
        ],
        sections: &[
            Section {
                name: "shape",
                label: Label::None,
                fields: &[
                    field("height", Kind::Whole, Required, "rows").fixed(OF_SHAPE),
                    field("width", Kind::Whole, Required, "columns").fixed(OF_SHAPE),
                    field("channels", Kind::Whole, Number(1.0), "values per pixel").fixed(OF_SHAPE),
                ],
                docs: "one image",
            },
            Section {
                name: "splits",
                label: Label::None,
                fields: &[
                    field("train", Kind::Whole, Required, "samples that train").fixed(OF_SPLITS),
                    field("validation", Kind::Whole, Required, "samples that choose").fixed(OF_SPLITS),
                    field("test", Kind::Whole, Required, "samples for the final table").fixed(OF_SPLITS),
                ],
                docs: "samples per split: training, then validation, in the order of the files; then test, unless it has files of its own",
            },
            Section {
                name: "normalize",
                label: Label::None,
                fields: &[
                    field("mean", Kind::Numbers, Required, "what is taken from pixels in 0 … 1")
                        .fixed(OF_NORMALIZE),
                    field("std", Kind::Numbers, Required, "what they are divided by then")
                        .positive()
                        .fixed(OF_NORMALIZE),
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
                Kind::Other("a table or a command: `table(\"results.csv\")`, `command(\"…\", metrics = {…})`"),
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
    ),
    field(
        "granularity",
        Kind::Word(&["per_channel", "per_tensor"]),
        Word("per_channel"),
        "what shares a scale",
    ),
    field("scale", Kind::Scale, Absent, "how the scale is found"),
    field(
        "narrow",
        Kind::Word(&["signed"]),
        Word("signed"),
        "a signed grid is symmetric",
    )
    .fixed(NARROW),
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

//! The one table of every kind of declaration, its sections and fields, and of everything that can be called.
//!
//! In: nothing. Out: names, kinds of values, defaults, limits and one sentence each; checking, "did you mean" and
//! documentation all read it. It must not know how anything is lowered.

/// What a field takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// A number of the dimension of this unit; `""`: a plain number.
    Number(&'static str),
    /// A whole number.
    Whole,
    /// A whole number or one of these words.
    WholeOr(&'static [&'static str]),
    /// `true` or `false`.
    Truth,
    /// `"…"`.
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A truth value or one of these words.
    TruthOr(&'static [&'static str]),
    /// A quantizer by name, perhaps amended, or `float`.
    Quantizer,
    /// `adam(…)` or `sgd(…)`.
    Optimizer,
    /// How the scale of a quantizer is found: a word or `percentile(…)`.
    Scale,
    /// A set of repairs.
    Repairs,
    /// `shift(…)`, `flip`, or a set of both.
    Augment,
    /// A declaration of this kind, perhaps amended.
    Declared(&'static str),
}

/// What holds where a field is not written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Otherwise {
    /// It must be written.
    Required,
    /// Nothing; whoever reads the field says what that means.
    Absent,
    /// This number, in base units.
    Number(f64),
    /// This word.
    Word(&'static str),
}

/// One field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// What holds without it.
    pub default: Otherwise,
    /// The least number that it takes, in base units.
    pub low: f64,
    /// The greatest.
    pub high: f64,
    /// Whether `in` may stand in place of `=`.
    pub searchable: bool,
    /// One sentence.
    pub docs: &'static str,
}

impl Field {
    const fn within(self, low: f64, high: f64) -> Field {
        Field { low, high, ..self }
    }

    /// Above zero.
    const fn positive(self) -> Field {
        self.within(f64::MIN_POSITIVE, f64::INFINITY)
    }

    const fn fixed(self) -> Field {
        Field {
            searchable: false,
            ..self
        }
    }
}

const fn field(name: &'static str, kind: Kind, default: Otherwise, docs: &'static str) -> Field {
    let low = match kind {
        Kind::Whole | Kind::WholeOr(_) => 1.0,
        _ => f64::NEG_INFINITY,
    };
    Field {
        name,
        kind,
        default,
        low,
        high: f64::INFINITY,
        searchable: true,
        docs,
    }
}

/// `name { … }` or `name label { … }` with fields of its own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Section {
    /// Its name.
    pub name: &'static str,
    /// Whether a label stands behind the name.
    pub labelled: bool,
    /// What stands in it.
    pub fields: &'static [Field],
    /// One sentence.
    pub docs: &'static str,
}

/// One kind of declaration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Declaration {
    /// The word that opens it.
    pub kind: &'static str,
    /// Words that may stand after the colon, besides another declaration of the kind.
    pub bases: &'static [&'static str],
    /// Whether something must stand after the colon.
    pub base_required: bool,
    /// Fields.
    pub fields: &'static [Field],
    /// Sections.
    pub sections: &'static [Section],
    /// Formulas by name.
    pub formulas: &'static [&'static str],
    /// Whether names of the author's own may be defined.
    pub lets: bool,
    /// Words of the language that are not built yet.
    pub later: &'static [&'static str],
    /// One sentence.
    pub docs: &'static str,
}

/// Something that is called: `conv(…)`, `adam(…)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Callable {
    /// Its name.
    pub name: &'static str,
    /// Its arguments.
    pub fields: &'static [Field],
    /// The argument that may stand without its name.
    pub positional: Option<&'static str>,
    /// One sentence.
    pub docs: &'static str,
}

use self::Otherwise::{Absent, Number, Required, Word};

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
        Kind::Word(&["constant", "cosine"]),
        Word("cosine"),
        "how the learning rate goes over the stage",
    ),
    field(
        "label_smoothing",
        Kind::Number(""),
        Number(0.0),
        "share of a label spread over all classes",
    )
    .within(0.0, 1.0),
];

/// Every kind of declaration.
pub const DECLARATIONS: &[Declaration] = &[
    Declaration {
        kind: "dataset",
        bases: &["embedded", "idx"],
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
            field("classes", Kind::Whole, Required, "number of classes")
                .within(2.0, 1e6)
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
                labelled: false,
                fields: &[
                    field("height", Kind::Whole, Required, "rows").fixed(),
                    field("width", Kind::Whole, Required, "columns").fixed(),
                    field("channels", Kind::Whole, Number(1.0), "values per pixel").fixed(),
                ],
                docs: "one image",
            },
            Section {
                name: "splits",
                labelled: false,
                fields: &[
                    field("train", Kind::Whole, Required, "samples that train").fixed(),
                    field("validation", Kind::Whole, Required, "samples that choose").fixed(),
                    field("test", Kind::Whole, Required, "samples for the final table").fixed(),
                ],
                docs: "samples per split, in the order of the file",
            },
        ],
        formulas: &[],
        lets: false,
        later: &["cifar", "image_folder", "csv", "normalize"],
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
        later: &["output"],
        docs: "a whole network, with `in` where it varies",
    },
    Declaration {
        kind: "quantizer",
        bases: &["binary", "ternary", "uniform"],
        base_required: true,
        fields: QUANTIZER,
        sections: &[],
        formulas: &["forward", "gradient"],
        lets: true,
        later: &["normalize", "scale"],
        docs: "codes, scale, surrogate gradient",
    },
    Declaration {
        kind: "policy",
        bases: &[],
        base_required: false,
        fields: &[],
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
            field(
                "clock",
                Kind::Number("cycle/s"),
                Required,
                "cycles per second",
            )
            .positive(),
        ],
        sections: &[
            Section {
                name: "vector",
                labelled: false,
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
                labelled: true,
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
        ],
        formulas: &[],
        lets: false,
        later: &["memory", "bus", "registers"],
        docs: "a hardware target: datapath, energy and throughput per precision",
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
                labelled: false,
                fields: TRAINING,
                docs: "the float stage",
            },
            Section {
                name: "finetune",
                labelled: false,
                fields: TRAINING,
                docs: "quantization-aware training",
            },
            Section {
                name: "search",
                labelled: false,
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
        later: &["arms", "repeats", "stage", "final", "evaluate"],
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
        Kind::TruthOr(&["auto"]),
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

/// How often a `repeat` copies its body.
pub const COUNT: Field =
    field("repeat", Kind::Whole, Required, "number of copies").within(0.0, 1e6);

/// Words that name a way to find a scale.
pub const SCALES: &[&str] = &["max_abs", "mean_abs", "mse", "one"];

const PADDING: Field = field(
    "padding",
    Kind::WholeOr(&["same"]),
    Word("same"),
    "zeros at each side",
)
.within(0.0, f64::INFINITY);
const KERNEL: Field = field(
    "kernel",
    Kind::Whole,
    Number(3.0),
    "rows and columns of the window",
);
const STRIDE: Field = field("stride", Kind::Whole, Number(1.0), "distance of windows");

/// Operations of a layer.
pub const OPERATIONS: &[Callable] = &[
    Callable {
        name: "conv",
        fields: &[
            field("channels", Kind::Whole, Required, "output channels"),
            KERNEL,
            STRIDE,
            field("groups", Kind::Whole, Number(1.0), "groups of channels"),
            PADDING,
        ],
        positional: None,
        docs: "convolution without bias",
    },
    Callable {
        name: "depthwise",
        fields: &[KERNEL, STRIDE, PADDING],
        positional: None,
        docs: "one filter per channel",
    },
    Callable {
        name: "linear",
        fields: &[field("outputs", Kind::Whole, Required, "output features")],
        positional: Some("outputs"),
        docs: "fully connected, with bias",
    },
    Callable {
        name: "norm",
        fields: &[],
        positional: None,
        docs: "batch normalization",
    },
    Callable {
        name: "relu",
        fields: &[],
        positional: None,
        docs: "max(x, 0)",
    },
    Callable {
        name: "relu6",
        fields: &[],
        positional: None,
        docs: "min(max(x, 0), 6)",
    },
    Callable {
        name: "hardtanh",
        fields: &[],
        positional: None,
        docs: "min(max(x, -1), 1)",
    },
    Callable {
        name: "pool",
        fields: &[
            field(
                "kind",
                Kind::Word(&["average", "max"]),
                Required,
                "which statistic",
            ),
            field(
                "kernel",
                Kind::WholeOr(&["global"]),
                Word("global"),
                "rows and columns of the window",
            ),
            field(
                "stride",
                Kind::Whole,
                Absent,
                "distance of windows; the kernel if it is not given",
            ),
        ],
        positional: Some("kind"),
        docs: "a statistic of each window",
    },
    Callable {
        name: "flatten",
        fields: &[],
        positional: None,
        docs: "pixels and channels as one vector",
    },
];

/// Operations of the language that are not built yet.
pub const OPERATIONS_LATER: &[&str] = &["concat", "pad_shortcut", "dropout"];

/// Calls that make a value with fields.
pub const RECORDS: &[(Kind, Callable)] = &[
    (
        Kind::Optimizer,
        Callable {
            name: "adam",
            fields: &[
                field("lr", Kind::Number(""), Number(2e-3), "learning rate").positive(),
                field(
                    "beta1",
                    Kind::Number(""),
                    Number(0.9),
                    "decay of the first moment",
                )
                .within(0.0, 1.0),
                field(
                    "beta2",
                    Kind::Number(""),
                    Number(0.999),
                    "decay of the second moment",
                )
                .within(0.0, 1.0),
                field(
                    "weight_decay",
                    Kind::Number(""),
                    Number(0.0),
                    "decoupled decay of weights",
                )
                .within(0.0, 1.0),
            ],
            positional: None,
            docs: "Adam (arXiv:1412.6980), decoupled weight decay (arXiv:1711.05101)",
        },
    ),
    (
        Kind::Optimizer,
        Callable {
            name: "sgd",
            fields: &[
                field("lr", Kind::Number(""), Number(0.1), "learning rate").positive(),
                field(
                    "momentum",
                    Kind::Number(""),
                    Number(0.9),
                    "classical momentum",
                )
                .within(0.0, 1.0),
                field(
                    "weight_decay",
                    Kind::Number(""),
                    Number(0.0),
                    "L2 penalty on weights",
                )
                .within(0.0, 1.0),
            ],
            positional: None,
            docs: "stochastic gradient descent",
        },
    ),
    (
        Kind::Scale,
        Callable {
            name: "percentile",
            fields: &[field(
                "share",
                Kind::Number(""),
                Required,
                "share of magnitudes inside the range",
            )
            .within(0.0, 1.0)
            .fixed()],
            positional: Some("share"),
            docs: "the scale whose range holds this share of magnitudes",
        },
    ),
    (
        Kind::Augment,
        Callable {
            name: "shift",
            fields: &[
                field("pixels", Kind::Whole, Required, "most pixels each way").within(0.0, 1024.0),
            ],
            positional: Some("pixels"),
            docs: "moves an image by up to so many pixels each way, filled with zeros",
        },
    ),
];

/// Calls of the language that are not built yet.
pub const CALLS_LATER: &[&str] = &[
    "sum",
    "all",
    "any",
    "increasing",
    "decreasing",
    "mean",
    "std",
    "stop",
    "distill",
    "table",
    "command",
    "cifar",
    "image_folder",
    "csv",
];

/// Annotations and what their argument says.
pub const ANNOTATIONS: &[&str] = &["paper", "assumption"];

/// The declaration kind of this name.
pub fn declaration(kind: &str) -> Option<&'static Declaration> {
    DECLARATIONS.iter().find(|d| d.kind == kind)
}

/// The operation of this name.
pub fn operation(name: &str) -> Option<&'static Callable> {
    OPERATIONS.iter().find(|o| o.name == name)
}

/// The call of this name that makes a value, and the kind of value.
pub fn record(name: &str) -> Option<&'static (Kind, Callable)> {
    RECORDS.iter().find(|(_, call)| call.name == name)
}

impl Declaration {
    /// The section of this name.
    pub fn section(&self, name: &str) -> Option<&'static Section> {
        self.sections.iter().find(|s| s.name == name)
    }

    /// Every field and section by name.
    pub fn keys(&self) -> impl Iterator<Item = &'static str> + Clone + use<> {
        self.fields
            .iter()
            .map(|f| f.name)
            .chain(self.sections.iter().map(|s| s.name))
            .chain(self.formulas.iter().copied())
    }
}

/// Words that some field takes, so that a name of one's own may hold them.
pub fn is_word(name: &str) -> bool {
    let takes = |field: &Field| match field.kind {
        Kind::Word(words) | Kind::WholeOr(words) | Kind::TruthOr(words) => words.contains(&name),
        Kind::Scale => SCALES.contains(&name),
        _ => false,
    };
    DECLARATIONS.iter().any(|d| {
        d.fields.iter().any(takes) || d.sections.iter().any(|s| s.fields.iter().any(takes))
    }) || OPERATIONS.iter().any(|o| o.fields.iter().any(takes))
        || matches!(name, "flip" | "float")
}

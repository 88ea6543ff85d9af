//! Operations of layers, and calls that make a value with fields.

use super::Otherwise::{Absent, Number, Required, Word};
use super::{Callable, Field, Kind, OF_COMMAND, field};
use crate::model::settling::limits::BELOW_ONE;

/// Words that name a way to find a scale.
pub const SCALES: &[&str] = &[
    "max_abs",
    "mean_abs",
    "mse",
    "one",
    "learned",
    "learned_clip",
];

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
const DILATION: Field = field(
    "dilation",
    Kind::Whole,
    Number(1.0),
    "distance of the taps of a kernel",
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
            DILATION,
        ],
        positional: None,
        docs: "convolution without bias",
    },
    Callable {
        name: "depthwise",
        fields: &[KERNEL, STRIDE, PADDING, DILATION],
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
pub const OPERATIONS_LATER: &[&str] = &["dropout"];

const LEARNING_RATE: Field =
    field("lr", Kind::Number(""), Number(2e-3), "learning rate").positive();
const BETA1: Field = field(
    "beta1",
    Kind::Number(""),
    Number(0.9),
    "decay of the first moment",
)
.within(0.0, BELOW_ONE);
const BETA2: Field = field(
    "beta2",
    Kind::Number(""),
    Number(0.999),
    "decay of the second moment",
)
.within(0.0, BELOW_ONE);

/// Factors on the learning rate, in formulas of a schedule.
pub const SCHEDULES: &[Callable] = &[
    Callable {
        name: "warmup",
        fields: &[field(
            "share",
            Kind::Number(""),
            Required,
            "share of the stage's steps that it takes",
        )
        .within(f64::MIN_POSITIVE, 1.0)],
        positional: Some("share"),
        docs: "a line from 0 to 1 over the first steps of a stage, 1 afterwards (arXiv:1706.02677)",
    },
    Callable {
        name: "step",
        fields: &[
            field(
                "at",
                Kind::Number(""),
                Required,
                "share of the stage's steps after which it acts",
            )
            .within(0.0, 1.0),
            field(
                "factor",
                Kind::Number(""),
                Number(0.1),
                "what the learning rate is multiplied by from there on",
            )
            .within(0.0, f64::MAX),
        ],
        positional: Some("at"),
        docs: "1 until a share of a stage's steps is done, a factor from there on",
    },
];

/// Calls that make a value with fields.
pub const RECORDS: &[(Kind, Callable)] = &[
    (
        Kind::Optimizer,
        Callable {
            name: "adam",
            fields: &[
                LEARNING_RATE,
                BETA1,
                BETA2,
                field(
                    "weight_decay",
                    Kind::Number(""),
                    Number(0.0),
                    "L2 penalty on weights: a part of the gradient",
                )
                .within(0.0, 1.0),
            ],
            positional: None,
            docs: "Adam (arXiv:1412.6980)",
        },
    ),
    (
        Kind::Optimizer,
        Callable {
            name: "adamw",
            fields: &[
                LEARNING_RATE,
                BETA1,
                BETA2,
                field(
                    "weight_decay",
                    Kind::Number(""),
                    Number(0.01),
                    "share of each weight, times the learning rate, that a step takes away",
                )
                .within(0.0, 1.0),
            ],
            positional: None,
            docs: "Adam with weight decay that is decoupled from the gradient (arXiv:1711.05101)",
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
            .within(0.0, 1.0)],
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
            docs: "moves an image by up to so many pixels each way, filled with black",
        },
    ),
    (
        Kind::Augment,
        Callable {
            name: "crop",
            fields: &[field(
                "padding",
                Kind::Whole,
                Required,
                "rows and columns of black on each side",
            )
            .within(0.0, 1024.0)],
            positional: Some("padding"),
            docs: "pads an image and cuts one of its size out of it anywhere: another name of `shift`",
        },
    ),
    (
        Kind::Augment,
        Callable {
            name: "cutout",
            fields: &[field(
                "pixels",
                Kind::Whole,
                Required,
                "rows and columns of the square",
            )
            .within(0.0, 1024.0)],
            positional: Some("pixels"),
            docs: "a square anywhere becomes 0, the mean of normalized pixels (arXiv:1708.04552)",
        },
    ),
];

/// A program that measures candidates.
pub const COMMAND: Callable = Callable {
    name: "command",
    fields: &[
        field("line", Kind::Text, Required, "what the shell runs").fixed(OF_COMMAND),
        field(
            "metrics",
            Kind::Other("names in braces"),
            Required,
            "what it prints",
        )
        .fixed(OF_COMMAND),
        field("timeout", Kind::Number("s"), Absent, "how long it may take")
            .positive()
            .fixed(OF_COMMAND),
    ],
    positional: Some("line"),
    docs: "one candidate as JSON in, one line of JSON with its metrics out",
};

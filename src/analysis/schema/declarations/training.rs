//! Fields of what trains: `train`, `finetune`, `stage` and `final`, which share most of them.

use crate::analysis::schema::Otherwise::{Absent, Number, Required, Word};
use crate::analysis::schema::{Field, Fixed, Kind, field};

const OF_FINAL: Fixed = Fixed::arm(
    "final.",
    "what `final` trains has been chosen, and nothing is searched any more",
);

/// Fields of every stage, and all of `train` and `finetune`.
pub const TRAINING: &[Field] = &[
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
    )
    .within(0.0, f64::INFINITY),
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
    .within(0.0, 0.999_999),
    field(
        "patience",
        Kind::Whole,
        Absent,
        "epochs without a better accuracy on the validation split after which the stage ends with its best",
    )
    .within(1.0, 1e6),
];

/// Fields of a stage: those of training, what is quantized, who teaches.
pub const STAGE: &[Field] = &joined::<13>(
    TRAINING,
    &[
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
    ],
);

/// Fields of training after the search: which candidates, then those of a stage; what is absent is as in the search.
pub const FINAL: &[Field] = &joined::<12>(
    &[
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
    ],
    &after_search::<10>(TRAINING),
);

/// By which `distill` divides logits.
pub const TEMPERATURE: Field = field(
    "temperature",
    Kind::Number(""),
    Number(1.0),
    "by which the logits of both networks are divided",
)
.positive();

/// These fields as they stand behind the search, where none has a default of its own.
const fn after_search<const N: usize>(fields: &[Field]) -> [Field; N] {
    let mut all = [fields[0]; N];
    let mut i = 0;
    while i < N {
        all[i] = Field {
            default: Absent,
            fixed: Some(OF_FINAL),
            ..fields[i]
        };
        i += 1;
    }
    all
}

/// One list behind another.
const fn joined<const N: usize>(first: &[Field], second: &[Field]) -> [Field; N] {
    assert!(first.len() + second.len() == N);
    let mut all = [first[0]; N];
    let mut i = 0;
    while i < N {
        all[i] = match i < first.len() {
            true => first[i],
            false => second[i - first.len()],
        };
        i += 1;
    }
    all
}

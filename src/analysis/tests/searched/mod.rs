//! "Any value that may be fixed may be searched": what is, at which paths, and what is said of the few fields that are not.

mod fixed;

use std::collections::BTreeMap;

use super::{checked, experiment};
use crate::analysis::schema::{
    COMMAND, DECLARATIONS, Field, Fixed, Instead, OPERATIONS, OUTPUT, RECORDS, RULE, SCHEDULES,
    TEMPERATURE,
};
use crate::diagnostic::render;
use crate::ir::Value;
use crate::model::{Candidate, Schedule, Template};

/// An experiment on digits; each line takes the place of the one that begins with the same word, or stands beside it.
fn text(lines: &[&str]) -> String {
    let mut all = vec![
        "data = digits",
        "space = small_cnn { width = 8 }",
        "train { epochs = 1 }",
        "search { method = random  trials = 2 }",
        "maximize accuracy",
    ];
    let word = |line: &str| line.split([' ', '{']).next().unwrap_or("").to_string();
    for line in lines {
        match all.iter_mut().find(|old| word(old) == word(line)) {
            Some(old) => *old = line,
            None => all.push(line),
        }
    }
    if lines.iter().any(|line| line.starts_with("stage")) {
        all.retain(|line| !line.starts_with("train"));
    }
    format!(
        "bnas 1
use std.data.digits
use std.spaces.{{ds_cnn, small_cnn}}
use std.policies.{{binary_body, tied, uniform_int}}
use std.targets.braintta
use std.quantizers.{{binary, ede, int, int8}}
use std.repairs.training.feature_approx_sign
use std.repairs.topology.double_residual
target other : braintta {{ clock = 150 MHz }}
policy fixed {{ each layer {{ weights = int8  activations = int8 }} }}
policy operand {{ each layer {{ weights = OPERAND  activations = ACTIVATION }} }}
space cell {{
  layer first = OPERATION -> norm -> relu
  layer head = pool(average) -> linear(classes)
}}
experiment e {{
  {}
}}
",
        all.join("\n  ")
    )
}

/// Without warnings of imports that one line of many needs.
fn lowered(text: &str) -> Template {
    let text = text
        .replace("OPERAND", "int8")
        .replace("ACTIVATION", "int8")
        .replace("OPERATION", "conv(channels = 8)");
    let (checked, sources) = checked("test.bnas", &text);
    let found = checked.diagnostics.iter();
    let found: Vec<_> = found
        .filter(|d| d.code != "bnas::import::unused")
        .cloned()
        .collect();
    assert!(
        found.is_empty(),
        "{text}\n{}",
        render(&found, &sources, false)
    );
    let program = checked.program.expect("no errors");
    Template::new(&program.experiments[0]).unwrap_or_else(|e| panic!("{text}\n{e:?}"))
}

/// Exactly one error, of an experiment with this line.
fn one_error(line: &str, code: &str, at: &str, help: &str) {
    let text = text(&[line])
        .replace("OPERAND", "int8")
        .replace("ACTIVATION", "int8")
        .replace("OPERATION", "conv(channels = 8)");
    let (checked, sources) = checked("test.bnas", &text);
    let found = checked.diagnostics.iter().filter(|d| d.is_error());
    let found: Vec<_> = found.cloned().collect();
    let shown = render(&found, &sources, false);
    assert_eq!(found.len(), 1, "{line}\n{shown}");
    assert_eq!(found[0].code, code, "{shown}");
    assert_eq!(sources.slice(found[0].labels[0].span), at, "{shown}");
    let said = found[0].help.as_deref().unwrap_or_default();
    assert!(said.contains(help), "{shown}");
}

fn paths(template: &Template) -> Vec<&str> {
    let all = template.decisions().all.iter();
    all.map(|d| d.path.as_str()).collect()
}

/// The candidate at the defaults, but for these decisions.
fn candidate(template: &Template, chosen: &[(&str, Value)]) -> Candidate {
    let point = template.decisions().fill(|_, decision| {
        let chosen = chosen.iter().find(|(path, _)| *path == decision.path);
        chosen.map_or(&decision.default, |(_, value)| value).clone()
    });
    template.candidate(&point).unwrap().unwrap()
}

/// The line of an experiment, and the paths of the decisions that it makes.
const SEARCHED: &[(&str, &[&str])] = &[
    (
        "data = digits { augment in {none, flip} }",
        &["data.augment"],
    ),
    (
        "data = digits { augment = shift(pixels in 1..2) }",
        &["data.augment.pixels"],
    ),
    (
        "data = digits { augment = {flip, shift(pixels in 1..2)} }",
        &["data.augment.shift.pixels"],
    ),
    (
        "data = digits { augment in {none, shift(pixels in 1..2), {flip, cutout(pixels in {2, 4})}} }",
        &[
            "data.augment",
            "data.augment.shift.pixels",
            "data.augment.flip_cutout.cutout.pixels",
        ],
    ),
    (
        "data = digits { augment in subsets {flip, shift(1)} }",
        &["data.augment"],
    ),
    (
        "train { epochs = 1  schedule in {cosine, constant} }",
        &["train.schedule"],
    ),
    (
        "train { epochs = 1  schedule in {cosine, step(at = 0.5, factor in {0.1, 0.2}), warmup(share in 0.05..0.2) * cosine} }",
        &[
            "train.schedule",
            "train.schedule.step.factor",
            "train.schedule.warmup_cosine.warmup.share",
        ],
    ),
    (
        "train { epochs = 1  schedule = step(at in {0.5, 0.75}) * step(0.9, factor in {0.1, 0.2}) }",
        &["train.schedule.step_1.at", "train.schedule.step_2.factor"],
    ),
    (
        "train { epochs = 1  schedule = if progress < 0.5 then warmup(share in {0.1, 0.2}) else 0.5 }",
        &["train.schedule.warmup.share"],
    ),
    (
        "train { epochs = 1  optimizer in {sgd(lr = 0.1), adam(lr in {1e-3, 1e-2}), adam(lr = 1e-4)} default adam_2 }",
        &["train.optimizer", "train.optimizer.adam_1.lr"],
    ),
    (
        "train { epochs in {1, 2}  batch in {32, 64}  label_smoothing in {0, 0.1}  weight_decay in {0, 1e-4}  clip_gradient in {1, 2} }",
        &[
            "train.epochs",
            "train.batch",
            "train.label_smoothing",
            "train.weight_decay",
            "train.clip_gradient",
        ],
    ),
    (
        "train { epochs = 1  clip_weights in {1, 2}  average in {0.9, 0.99}  patience in {1, 2} }",
        &["train.clip_weights", "train.average", "train.patience"],
    ),
    ("init in {he_normal, glorot_uniform}", &["init"]),
    (
        "space in {small_cnn { width in {8, 16} }, ds_cnn { width = 8 }}",
        &["space", "space.small_cnn.width"],
    ),
    ("policy in {fixed, binary_body}", &["policy"]),
];

#[test]
fn what_may_be_fixed_may_be_searched() {
    for (line, wanted) in SEARCHED {
        let template = lowered(&text(&[line]));
        let found = paths(&template);
        assert!(
            wanted.iter().all(|p| found.contains(p)),
            "{line}: {found:?}"
        );
        // Every alternative is a candidate.
        for (index, decision) in template.decisions().all.iter().enumerate() {
            for member in 0..decision.choices.len().unwrap_or(0).min(8) {
                let value = decision.choices.member(member).unwrap();
                let point = template.decisions().fill(|i, d| match i == index {
                    true => value.clone(),
                    false => d.default.clone(),
                });
                template
                    .candidate(&point)
                    .unwrap_or_else(|e| panic!("{line}: {e}"));
            }
        }
    }
}

#[test]
fn a_quantizer_is_searched_in_each_of_its_fields() {
    for (operand, wanted) in [
        (
            "in {int { bits in 2..4 }, binary}",
            &["weights", "weights.int.bits"][..],
        ),
        (
            "= int { bits = 4  granularity in {per_channel, per_tensor} }",
            &["weights.granularity"],
        ),
        (
            "= int { bits = 4  scale in {max_abs, mse, percentile(share in {0.99, 0.999})} }",
            &["weights.scale", "weights.scale.percentile.share"],
        ),
        ("in {float, int8}", &["weights"]),
    ] {
        let text = text(&["policy = operand"]).replace("= OPERAND", operand);
        let template = lowered(&text);
        let found = paths(&template);
        for path in wanted {
            let path = format!("policy.body[0].{path}");
            let of_layer = |p: &&str| p.starts_with("policy.") && p.ends_with(&path[14..]);
            assert!(found.iter().any(of_layer), "{operand}: {found:?}");
        }
    }
    // Of activations, and where it is declared.
    let signed = text(&["policy = operand"]).replace(
        "= ACTIVATION",
        "= int { bits = 4  signed in {true, false} }",
    );
    assert!(
        paths(&lowered(&signed))
            .iter()
            .any(|p| p.ends_with("activations.signed"))
    );
    let declared = text(&["policy = operand"]).replace("= OPERAND", "= own").replace(
        "policy operand",
        "quantizer own : uniform { bits in {3, 4}  granularity in {per_channel, per_tensor}  signed in {auto, true} }\npolicy operand",
    );
    let template = lowered(&declared);
    for field in ["bits", "granularity", "signed"] {
        let end = format!("weights.{field}");
        assert!(
            paths(&template).iter().any(|p| p.ends_with(&end)),
            "{field}"
        );
    }
}

#[test]
fn arguments_of_operations_are_searched() {
    for operation in [
        "conv(channels in {4, 8}, kernel in {1, 3}, stride in {1, 2}, dilation in {1, 2})",
        "conv(channels = 8, padding in {0, 1})",
        "conv(channels = 8, padding in {same, 0})",
        "depthwise(kernel in {3, 5})",
        "pool(kind in {average, max}, kernel in {2, 4})",
        "conv(channels = 8) -> pool(max, kernel in {global, 2})",
    ] {
        let text = text(&["space = cell"]).replace("OPERATION", operation);
        assert!(!paths(&lowered(&text)).is_empty(), "{operation}");
    }
    // A window that is searched moves on by what it spans.
    let text = text(&["space = cell"]).replace("OPERATION", "pool(max, kernel in {2, 4})");
    let template = lowered(&text);
    let of = |kernel: f64| {
        let chosen = [("space.first.kernel", Value::Number(kernel))];
        candidate(&template, &chosen).network.nodes[1].shape.height
    };
    assert_eq!((of(2.0), of(4.0)), (4, 2));
}

#[test]
fn augmentations_are_chosen_with_their_numbers() {
    let line = "data = digits { augment in {none, shift(pixels in 1..2), {flip, cutout(pixels in {2, 4})}} default flip_cutout }";
    let template = lowered(&text(&[line]));
    let of = |name: &str, rest: &[(&str, Value)]| {
        let mut chosen = vec![("data.augment", Value::name(name))];
        chosen.extend(rest.iter().cloned());
        let c = candidate(&template, &chosen);
        (c.shift, c.flip, c.cutout)
    };
    assert_eq!(of("none", &[]), (0, false, 0));
    assert_eq!(
        of(
            "shift",
            &[("data.augment.shift.pixels", Value::Number(2.0))]
        ),
        (2, false, 0)
    );
    assert_eq!(of("flip_cutout", &[]), (0, true, 2));
    let default = candidate(&template, &[]);
    assert!(default.flip && default.cutout == 2);
    // What is not chosen has no decisions.
    let point = template.decisions().fill(|_, d| match d.path.as_str() {
        "data.augment" => Value::name("none"),
        _ => d.default.clone(),
    });
    assert_eq!(template.decisions().named(&point).count(), 1);
    // Subsets, and the name of a set of the experiment's own.
    for (line, name, wanted) in [
        (
            "data = digits { augment in subsets {flip, crop(padding = 1)} }",
            "flip_crop",
            (1, true, 0),
        ),
        (
            "data = digits { augment in subsets {flip, crop(padding = 1)} }",
            "none",
            (0, false, 0),
        ),
    ] {
        let template = lowered(&text(&[line]));
        let c = candidate(&template, &[("data.augment", Value::name(name))]);
        assert_eq!((c.shift, c.flip, c.cutout), wanted, "{line}");
    }
}

#[test]
fn schedules_are_chosen_with_their_arguments() {
    let line = "train { epochs = 1  schedule in {cosine, constant, step(at = 0.5, factor in {0.1, 0.2}), warmup(0.1) * cosine, 0.5} default step }";
    let template = lowered(&text(&[line]));
    let of = |name: &str| {
        let chosen = [
            ("train.schedule", Value::name(name)),
            ("train.schedule.step.factor", Value::Number(0.2)),
        ];
        let c = candidate(&template, &chosen);
        c.stages[0].recipe.schedule.clone()
    };
    assert_eq!(
        (of("cosine"), of("constant")),
        (Schedule::Cosine, Schedule::Constant)
    );
    // The same as if it was fixed.
    for (name, fixed) in [
        ("step", "step(at = 0.5, factor = 0.2)"),
        ("warmup_cosine", "warmup(0.1) * cosine"),
        ("0.5", "0.5"),
    ] {
        let line = format!("train {{ epochs = 1  schedule = {fixed} }}");
        let alone = candidate(&lowered(&text(&[&line])), &[]);
        let spans = |s: &Schedule| format!("{s:?}").replace(|c: char| c.is_ascii_digit(), "");
        assert_eq!(
            spans(&of(name)),
            spans(&alone.stages[0].recipe.schedule),
            "{name}"
        );
    }
    assert_eq!(template.decisions().all[0].default, Value::name("step"));
    let template = lowered(&text(&[&line.replace("default step", "default 0.5")]));
    assert_eq!(template.decisions().all[0].default, Value::name("0.5"));
}

#[test]
fn stages_search_whom_they_ask_and_for_what() {
    let stages = "stage a { quantize = none  epochs = 1 }
  stage b { quantize in {activations, weights}  epochs = 1 }
  stage c { quantize = all  epochs = 1  teacher in {a, b} default b
            loss in {task, 0.2 * task + 0.8 * distill(kl, temperature in {1, 4}), distill(kl)} default task_distill }";
    let template = lowered(&text(&[
        "policy = fixed",
        stages,
        "require c.teacher == a implies c.loss == task",
    ]));
    assert_eq!(
        paths(&template),
        [
            "b.quantize",
            "c.teacher",
            "c.loss",
            "c.loss.task_distill.temperature"
        ]
    );
    let c = candidate(
        &template,
        &[("c.loss.task_distill.temperature", Value::Number(4.0))],
    );
    let last = &c.stages[2];
    assert_eq!(last.teacher, Some(1));
    assert_eq!(
        (last.loss.task, last.loss.distill, last.loss.temperature),
        (0.2, 0.8, 4.0)
    );
    let c = candidate(
        &template,
        &[
            ("c.teacher", Value::name("a")),
            ("c.loss", Value::name("task")),
            ("b.quantize", Value::name("weights")),
        ],
    );
    assert_eq!(c.stages[2].teacher, Some(0));
    assert_eq!(
        (c.stages[2].loss.task, c.stages[2].loss.distill),
        (1.0, 0.0)
    );
    assert_eq!(c.stages[1].quantize, crate::ir::Quantize::Weights);
}

#[test]
fn alternatives_are_spoken_of_by_name() {
    // Three optimizers, of which two are called alike, times batches, times schedules.
    let train = "train { epochs = 1  batch in {32, 64}
    optimizer in {sgd(lr = 0.1), adam(lr in {1e-3, 1e-2}), adam(lr = 1e-4)} default adam_2
    schedule in {cosine, warmup(0.1) * cosine} }";
    let count = |require: &str| {
        let template = lowered(&text(&[train, require]));
        template.counted().parts().unwrap().to_string()
    };
    // 2 batches, 1 + 2 + 1 optimizers, 2 schedules.
    assert_eq!(count("require train.batch >= 32"), "16");
    assert_eq!(
        count("require train.optimizer == sgd implies train.batch == 32"),
        "14"
    );
    assert_eq!(count("require train.optimizer.adam_1.lr <= 1e-3"), "12");
    assert_eq!(count("require train.schedule == warmup_cosine"), "8");
}

#[test]
fn amendments_reach_into_alternatives() {
    let base = |entries: &str| {
        text(&[
            "train { epochs = 1  schedule in {cosine, step(0.5, factor in {0.1, 0.2}), warmup(0.1) * step(at = 0.9)} }",
            "data = digits { augment = {shift(pixels = 1), flip} }",
        ]) + &format!("experiment more : e {{ {entries} }}\n")
    };
    let more = |entries: &str| {
        let text = base(entries)
            .replace("OPERAND", "int8")
            .replace("ACTIVATION", "int8")
            .replace("OPERATION", "conv(channels = 8)");
        let (checked, sources) = checked("test.bnas", &text);
        let errors: Vec<_> = checked
            .diagnostics
            .iter()
            .filter(|d| d.is_error())
            .cloned()
            .collect();
        assert!(errors.is_empty(), "{}", render(&errors, &sources, false));
        Template::new(&checked.program.unwrap().experiments[1]).unwrap()
    };
    assert_eq!(
        paths(&more("train.schedule.step.factor = 0.3")),
        ["train.schedule"]
    );
    assert_eq!(
        paths(&more("train.schedule.step.at in {0.5, 0.6}")),
        [
            "train.schedule",
            "train.schedule.step.at",
            "train.schedule.step.factor"
        ]
    );
    assert_eq!(
        paths(&more("train.schedule.warmup_step.step.at in {0.8, 0.9}")),
        [
            "train.schedule",
            "train.schedule.step.factor",
            "train.schedule.warmup_step.step.at"
        ]
    );
    assert_eq!(
        paths(&more(
            "data.augment.shift.pixels in 1..2  train.schedule = cosine"
        )),
        ["data.augment.shift.pixels"]
    );
}

#[test]
fn an_experiment_without_searched_fields_is_as_before() {
    let e = experiment("bnas 1
use std.data.digits
use std.spaces.small_cnn
experiment e { data = digits  space = small_cnn { width = 8 }  train { epochs = 1 }  search { method = random  trials = 2 }  maximize accuracy }
");
    let template = Template::new(&e).unwrap();
    assert!(template.decisions().all.is_empty());
    let c = candidate(&template, &[]);
    assert_eq!((c.shift, c.flip, c.cutout), (0, false, 0));
    assert_eq!(c.stages[0].recipe.schedule, Schedule::Cosine);
}

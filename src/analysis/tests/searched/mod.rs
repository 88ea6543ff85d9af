//! "Any value that may be fixed may be searched": what is, at which paths, and what is said of the few fields that are not.

mod fixed;
mod training;

use super::fixtures::{candidate, paths};
use super::{checked, experiment};
use crate::diagnostic::render;
use crate::ir::Value;
use crate::model::{Schedule, Template};

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

/// What stands in the place of operands and operations that a test does not replace.
fn filled(text: &str) -> String {
    text.replace("OPERAND", "int8")
        .replace("ACTIVATION", "int8")
        .replace("OPERATION", "conv(channels = 8)")
}

/// Without warnings of imports that one line of many needs.
fn lowered(text: &str) -> Template {
    let text = filled(text);
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
    let text = filled(&text(&[line]));
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

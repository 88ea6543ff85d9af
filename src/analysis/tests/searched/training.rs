//! Augmentations, schedules, optimizers and stages as choices, and how they are spoken of.

use super::{filled, lowered, text};
use crate::analysis::tests::checked;
use crate::analysis::tests::fixtures::{candidate, paths};
use crate::diagnostic::render;
use crate::ir::Value;
use crate::model::counting::members;
use crate::model::{Schedule, Template};

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
        "require c.teacher == a implies c.loss == task_distill",
    ]));
    assert_eq!(
        paths(&template),
        [
            "b.quantize",
            "c.loss",
            "c.loss.task_distill.temperature",
            "c.teacher"
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
            ("c.loss", Value::name("task")),
            ("b.quantize", Value::name("weights")),
        ],
    );
    // Nobody is asked where only the task counts, so whom to ask is no decision there.
    assert_eq!(c.stages[2].teacher, None);
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

/// Alternatives under a name of the experiment are compared as those of a field are.
#[test]
fn named_alternatives_are_spoken_of_by_name() {
    let opt = "opt in {sgd(lr in {0.1, 0.2}), adam(lr = 1e-3)}";
    let train = "train { epochs = 1  batch in {32, 64}  optimizer = opt }";
    let count = |require: &str| {
        let template = lowered(&text(&[opt, train, require]));
        template.counted().parts().unwrap().to_string()
    };
    assert_eq!(count("require train.batch >= 32"), "6");
    assert_eq!(count("require opt == sgd implies train.batch == 32"), "4");
    assert_eq!(count("require opt == sgd implies opt.sgd.lr <= 0.1"), "4");
    assert_eq!(count("require opt == adam"), "2");
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
        let text = filled(&base(entries));
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
fn a_stage_of_no_epoch_has_nothing_to_train_with() {
    let tune = |epochs: &str| {
        format!(
            "finetune {{ epochs {epochs}  optimizer in {{sgd(lr in {{0.1, 0.2}}), adam(lr in {{1e-3, 1e-4}})}} }}"
        )
    };
    let counts = |epochs: &str| {
        let template = lowered(&text(&["policy = uniform_int", &tune(epochs)]));
        let points = members(template.decisions()).unwrap();
        // Of every point something can be built, that of no epoch, too.
        let candidates: Vec<_> = points.map(|p| template.candidate(&p).unwrap()).collect();
        candidates.len()
    };
    assert_eq!(counts("= 0"), 1);
    assert_eq!(counts("= 2"), 4);
    assert_eq!(counts("in {0, 2}"), 1 + 4);
}

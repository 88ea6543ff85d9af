//! Formulas in fields: at no member do they give what the field does not take.

use super::checked;
use crate::diagnostic::render;
use crate::model::Template;

fn text(lines: &str) -> String {
    format!(
        "bnas 1
use std.data.digits
use std.quantizers.{{binary, int}}
use std.spaces.small_cnn
policy mixed {{ each layer {{ b in {{1, 2, 4, 8}}  weights = if b == 1 then binary else int {{ bits = b }} }} }}
policy eightfold {{ each layer {{ b in {{1, 2}}  weights = int {{ bits = b * 8 }} }} }}
policy either {{ k = 1  each layer {{ weights in {{int {{ bits = 6 + k }}, binary}} }} }}
experiment e {{
  k in 1..3
  z in 0.5..3.0
  data = digits
  space = small_cnn
  search {{ method = random  trials = 4 }}
  maximize accuracy
  require k + z >= 0
  {lines}
}}
"
    )
}

/// Everything that is said of an experiment with these lines.
fn said(lines: &str) -> String {
    let (found, sources) = checked("test.bnas", &text(lines));
    let mut shown = render(&found.diagnostics, &sources, false);
    for experiment in found.program.iter().flat_map(|p| &p.experiments) {
        match Template::new(experiment) {
            Ok(template) => shown += &render(template.warnings(), &sources, false),
            Err(wrong) => shown += &render(&wrong, &sources, false),
        }
    }
    shown
}

#[test]
fn a_member_beyond_the_limits_is_named() {
    for (lines, part) in [
        (
            "train { epochs = 2 - k }",
            "the value -1 is not a whole number from 0 to 1000000 when `k` is 3",
        ),
        (
            "train { epochs = 1  batch = 64 / k }",
            "the value 21.333333333333332 is not a whole number from 1 up when `k` is 3",
        ),
        (
            "train { epochs = 1  label_smoothing = z - 1 }",
            "the value -0.5 is not from 0 to 1 when `z` is 0.5",
        ),
        (
            "train { epochs = 1  optimizer = adam(lr = k - 2) }",
            "the value -1 is not above 0 when `k` is 1",
        ),
        (
            "train { epochs = 1  optimizer in {sgd(lr = 0.1), adam(lr in {0.1, k - 1})} }",
            "the value 0 is not above 0 when `train.optimizer` is adam and `train.optimizer.adam.lr` is k -",
        ),
        (
            "policy = either { k = k }  train { epochs = 1 }",
            "the value 9 is not a whole number from 2 to 8 when `policy.stem.weights` is int and `k` is 3",
        ),
        (
            "policy = eightfold  train { epochs = 1 }",
            "the value 16 is not a whole number from 2 to 8 when `policy.stem.b` is 2",
        ),
    ] {
        let shown = said(lines);
        assert!(
            shown.contains("bnas::domain::out_of_range"),
            "{lines}\n{shown}"
        );
        assert!(shown.contains(part), "{lines}\n{shown}");
    }
}

#[test]
fn what_is_ruled_out_is_not_held_against_a_formula() {
    for lines in [
        "train { epochs = 4 - k  batch = 60 / k }",
        "train { epochs = if k == 3 then 1 else 3 - k }",
        "train { epochs = 3 - k }  require k <= 2",
        "train { epochs = 1  label_smoothing = clip(z - 1, 0, 0.5) }",
        "train { epochs = round(z)  optimizer = adam(lr = 1e-3 * z) }",
        "policy = mixed  train { epochs = 1 }",
    ] {
        let shown = said(lines);
        let rest = ["import::unused"].iter().all(|code| {
            shown.matches("bnas::").count() == shown.matches(&format!("bnas::{code}")).count()
        });
        assert!(rest, "{lines}\n{shown}");
    }
}

#[test]
fn a_formula_that_neither_fits_nor_fails_is_a_warning() {
    let shown = said("train { epochs = 1  label_smoothing = z * (3 - z) / 2.2500001 }");
    assert!(shown.contains("bnas::domain::unproved"), "{shown}");
    assert!(
        shown.contains("this may be a number that the field does not take"),
        "{shown}"
    );
}

#[test]
fn bits_by_a_condition_are_those_of_the_candidate() {
    let (found, _) = checked("test.bnas", &text("policy = mixed  train { epochs = 1 }"));
    let template = Template::new(&found.program.unwrap().experiments[0]).unwrap();
    let point = template.decisions().default_point();
    assert!(template.candidate(&point).unwrap().is_some());
}

//! Slips of a sign or of a word, each with the help that mends it.

use super::{checked, in_experiment, one_error};
use crate::analysis::tests::fixtures::{codes, on_digits, refusals, template};

#[test]
fn values_and_sets() {
    let train = |line: &str| format!("train {{ epochs = 1  {line} }}");
    let mismatch = "bnas::type::mismatch";
    for (line, code, at, help) in [
        (
            train("optimizer = {sgd, adam}"),
            mismatch,
            "sgd",
            "`optimizer in {sgd(lr = 1e-3), adam(lr = 1e-3)}`",
        ),
        (
            train("optimizer in subsets {sgd(lr = 1e-3), adam(lr = 1e-3)}"),
            mismatch,
            "subsets {sgd(lr = 1e-3), adam(lr = 1e-3)}",
            "`optimizer in {sgd(lr = 1e-3), adam(lr = 1e-3)}`",
        ),
        (
            train("optimizer.lr in {1e-2, 1e-3}"),
            "bnas::name::unknown_key",
            "optimizer.lr",
            "`optimizer = adam(lr = …)`",
        ),
        (
            train("schedule = warmup * cosine"),
            mismatch,
            "warmup",
            "`warmup(…)`",
        ),
        (
            "w in 8-16  require w <= 8".into(),
            "bnas::domain::not_a_set",
            "8-16",
            "`in 8..16`",
        ),
        (
            "require space[*].width <= 8".into(),
            mismatch,
            "*",
            "`space.width`",
        ),
        (
            "require best.accuracy >= 10 %".into(),
            "bnas::name::unknown",
            "best.accuracy",
            "write `accuracy`",
        ),
        (
            "expect pareto.size >= 1".into(),
            "bnas::name::unknown",
            "pareto.size",
            "`pareto.count`",
        ),
    ] {
        in_experiment(&line, code, at, help);
    }
}

#[test]
fn one_name_in_braces_is_a_value() {
    let body = "experiment e { data { digits }  space = small_cnn  train { epochs = 1 }  search { trials = 2 }  maximize accuracy }";
    one_error(body, "bnas::parse::syntax", "{ digits }", "`data = digits`");
}

#[test]
fn a_bracket_that_is_open_before_a_word() {
    let body =
        "quantizer q : binary { gradient(x) = if abs(x) <= 1 then 2 * (1 - tanh(x)^2 else 0 }";
    one_error(
        body,
        "bnas::parse::bracket",
        "else",
        "write `)` before this `else`",
    );
}

#[test]
fn brackets_one_too_many_or_open_at_the_end_of_a_line() {
    let surplus = "quantizer q : binary { gradient(x) = if abs(x)) <= 1 then 2 else 0 }";
    one_error(surplus, "bnas::parse::bracket", ")", "delete this `)`");
    for next in ["require a > 0", "search { trials = 2 }"] {
        let body = format!(
            "experiment e {{\n  a in 1..2\n  require (a > 1 implies a < 2\n  {next}\n  minimize a\n}}"
        );
        let word = next.split(' ').next().unwrap_or_default();
        one_error(&body, "bnas::parse::bracket", word, "write `)` before this");
    }
}

/// Another bracket than the one that is open is told with both; a brace too many is no line without one.
#[test]
fn brackets_of_another_kind_and_braces_too_many() {
    let body = |value: &str, tail: &str| {
        format!(
            "experiment e {{\n  a in {value}\n  minimize a\n  search {{ trials = 2 }}\n}}{tail}"
        )
    };
    let bracket = "bnas::parse::bracket";
    one_error(
        &body("{1, 2)", ""),
        bracket,
        ")",
        "write `}` before this `)`",
    );
    one_error(&body("{1, 2}", "\n}"), bracket, "}", "delete this `}`");
}

#[test]
fn units_that_are_a_prefix_or_of_something_else() {
    let target = |line: &str| format!("target t : braintta {{ {line} }}");
    let unknown = "bnas::unit::unknown";
    one_error(&target("clock = 8 K"), unknown, "K", "`8 kHz`");
    one_error(&target("clock = 1 mA"), unknown, "mA", "the units are");
}

#[test]
fn layers_of_a_policy() {
    for (written, meant) in [
        ("layer hed", "`head`"),
        ("layer s[0].d[*].projct", "`s[0].d[*].project`"),
        ("layer s[1].d[0].block.filter", "`s[1].d[0].filter`"),
    ] {
        let policy = format!(
            "use std.quantizers.{{binary, int8}}\nuse std.spaces.mobilenet_v2\npolicy p {{ each layer {{ weights = int8 }}  {written} {{ weights = binary }} }}"
        );
        let (found, sources) = refusals(&on_digits(&policy, "space = mobilenet_v2  policy = p"));
        let [idle] = &found[..] else {
            panic!("{found:?}")
        };
        assert_eq!(idle.code, "bnas::policy::matches_nothing");
        assert_eq!(sources.slice(idle.labels[0].span), written);
        assert_eq!(idle.help, Some(format!("did you mean {meant}?")));
    }
}

/// Arms in braces and by paths are arms alike.
#[test]
fn arms_by_their_paths() {
    let text = "bnas 1
use std.data.digits
use std.spaces.{resnet20, small_cnn}
experiment e {
  data = digits
  space = small_cnn
  arms { space in {small_cnn, resnet20} }
  arms.seed in {1, 2}
  arms.train.batch in {32, 64}
  train { epochs = 1 }
  search { trials = 4 }
  maximize accuracy
}";
    let (checked, _) = checked("test.bnas", text);
    assert!(checked.diagnostics.is_empty(), "{:?}", checked.diagnostics);
    let program = checked.program.expect("no errors");
    assert_eq!(program.experiments[0].arms.len(), 8);
}

/// Arms of arms would run one search twice.
#[test]
fn arms_have_no_arms() {
    in_experiment(
        "arms { arms.seed in {1, 2} }",
        "bnas::arms::values",
        "arms.seed",
        "`arms { seed in",
    );
}

/// What a requirement excludes does not go wrong.
#[test]
fn members_that_requirements_exclude_are_no_doubt() {
    let text = |require: &str| {
        let lines = format!("space = small_cnn  k in 1..3  {require}");
        let schedule = "epochs = 1  schedule = 2 - k + 0 * progress";
        on_digits("use std.spaces.small_cnn", &lines).replace("epochs = 1", schedule)
    };
    assert!(template(&text("require k <= 2")).warnings().is_empty());
    assert_eq!(codes(&text("")), ["bnas::domain::out_of_range"]);
    // Two decisions that a requirement relates.
    let related =
        text("j in 0..2  require k > j").replace("2 - k + 0 * progress", "k - j - progress");
    assert!(template(&related).warnings().is_empty());
}

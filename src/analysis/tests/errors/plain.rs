//! One mistake is one report, and its help can be typed as it stands: sets, calls, repairs, and lines of two entries.

use super::{HEAD, checked, in_experiment, one_error};
use crate::analysis::tests::fixtures::{on_digits, refusals, template};

const MISMATCH: &str = "bnas::type::mismatch";
const SYNTAX: &str = "bnas::parse::syntax";

/// A space with these lines in front of its head.
fn in_space(lines: &str, code: &str, at: &str, help: &str) {
    let head = "layer head = pool(average) -> linear(classes)";
    one_error(
        &format!("space s {{\n  {lines}\n  {head}\n}}"),
        code,
        at,
        help,
    );
}

/// What a set lacks in each of its members is written for the whole of it.
#[test]
fn members_that_lack_the_same() {
    in_experiment(
        "policy = tied  repairs in {none, feature_ede}",
        MISMATCH,
        "none",
        "`repairs in {{}, {feature_ede}}`: each member is a set",
    );
    let target = |line: &str, at: &str, help: &str| {
        let body = format!("target t : braintta {{ {line} }}");
        one_error(&body, "bnas::unit::mismatch", at, help);
    };
    target(
        "vector { width in {256, 512, 1024} }",
        "256",
        "`{256 bit, 512 bit, 1024 bit}`",
    );
    target(
        "clock in {100, 200 MHz, 300}",
        "100",
        "`{100 MHz, 200 MHz, 300 MHz}`",
    );
}

#[test]
fn arguments_without_names() {
    let block = "block b(channels, kernel = 3, act = relu) { layer a = conv(channels = channels, kernel = kernel) -> norm -> act }";
    let positional = "bnas::name::positional";
    for (call, at, help) in [
        (
            "b(w, {3, 5}, act)",
            "w",
            "write `b(channels = w, kernel in {3, 5}, act = act)`",
        ),
        (
            "b(act, w, kernel = 5)",
            "act",
            "write `b(act = act, channels = w, kernel = 5)`",
        ),
        ("b(w)", "w", "write `channels = w`"),
    ] {
        let body = format!(
            "{block}\nspace s {{ w in {{8, 16}}  act in {{relu, hardtanh}}  block = {call}  layer head = pool(average) -> linear(classes) }}"
        );
        one_error(&body, positional, at, help);
    }
    in_space(
        "layer a = conv(8, 3)",
        positional,
        "8",
        "write `conv(channels = 8, kernel = 3)`",
    );
}

#[test]
fn a_training_repair_with_two_edits_of_the_network() {
    one_error(
        "repair r : training { remove skip  around every binary conv -> norm { add input via pad_shortcut } }",
        "bnas::repair::not_training",
        "remove skip",
        "`repair r : topology`",
    );
}

/// Its other fields have their paths.
#[test]
fn a_memory_that_holds_nothing_known() {
    one_error(
        "target t : braintta { memory amem { holds = features  size in {2 KiB, 4 KiB} } }
experiment e {
  data = digits
  space = small_cnn
  target = t
  area = target.memory.amem.size / (1 KiB)
  train { epochs = 1 }
  search { method = grid }
  maximize accuracy
  minimize area
}",
        "bnas::name::unknown",
        "features",
        "`activations`",
    );
}

/// What a name that stands for two things does not go with is no news, and the first of them is the upper one.
#[test]
fn a_name_for_two_things() {
    let body =
        "policy binary { w in {binary, int8}  each layer { weights = w  activations = binary } }";
    one_error(body, "bnas::name::duplicate", "binary", "rename");
    let (checked, _) = checked("test.bnas", &format!("{HEAD}{body}"));
    let labels = &checked.diagnostics[0].labels;
    assert!(labels[1].span < labels[0].span, "{labels:?}");
}

#[test]
fn counters() {
    in_space(
        "repeat 2 {\n    layer c = conv(channels = 8 * 2^s) -> norm\n    k in 1..2\n  }\n  require nondecreasing(s[*].k)",
        SYNTAX,
        "{",
        "`repeat n as i {`",
    );
    in_space(
        "repeat 2 as s { repeat 2 as s { layer c = conv(channels = 8 * (1 + d)) -> norm } }",
        "bnas::name::duplicate",
        "s",
        "another name",
    );
}

#[test]
fn truth_values() {
    let experiment = "experiment e {
  data = digits
  space = s
  train { epochs = 1 }
  search { method = grid }
  maximize accuracy
  require space.deep implies space.width == 8
}";
    let space = |deep: &str| {
        format!(
            "space s {{
  width in {{8, 16}}
  deep in {deep}
  layer a = conv(channels = width) -> norm
  layer b = conv(channels = width) -> norm when deep
  layer head = pool(average) -> linear(classes)
}}
{experiment}"
        )
    };
    let help = "`deep in {false, true}`";
    one_error(&space("{0, 1}"), MISMATCH, "deep", help);
    let help = "`{false, true}`";
    one_error(
        &space("{no, yes}"),
        "bnas::name::unknown",
        "{no, yes}",
        help,
    );
}

#[test]
fn entries_that_are_two() {
    one_error(
        "use std.quantizers.ternary, int4\nexperiment e { x in {1, 2}  minimize x  search { method = grid } }",
        SYNTAX,
        ",",
        "`use std.quantizers.{ternary, int4}`",
    );
    in_experiment(
        "maximize accuracy, model_size",
        SYNTAX,
        ",",
        "`maximize accuracy`, `maximize model_size`",
    );
    in_space(
        "deep in {false, true}\n  layer stem = conv(channels = 8) -> norm\n  add stem, stem when deep",
        SYNTAX,
        ",",
        "`add stem when deep`, `add stem when deep`",
    );
    in_space(
        "deep in {false, true}\n  layer stem = conv(channels = 8) -> norm\n  add stem when deep via conv_shortcut",
        SYNTAX,
        "via",
        "`add stem via conv_shortcut when deep`",
    );
    in_experiment("repeat = 2", SYNTAX, "=", "`repeats = 2`");
}

#[test]
fn ranges_schedules_and_progress() {
    let unknown = "bnas::name::unknown";
    let train = |line: &str, code: &str, at: &str, help: &str| {
        in_experiment(&format!("train {{ epochs = 1  {line} }}"), code, at, help);
    };
    train(
        "optimizer = adam(lr in log(1e-3, 1e-2))",
        unknown,
        "log",
        "`lr in 1e-3..1e-2 log`",
    );
    train(
        "optimizer = adam(lr in 1e-2..1e-3 log)",
        "bnas::domain::reversed",
        "1e-2..1e-3 log",
        "`1e-3..1e-2 log`",
    );
    train(
        "schedule = warmup(10 %) * cosin",
        unknown,
        "cosin",
        "`cosine`",
    );
    one_error(
        "quantizer q : binary {\n  gradient(x) = 1 - progress\n  check gradient(1) == 0 at progress = 1\n}",
        "bnas::name::duplicate",
        "progress",
        "`gradient(1, progress = 1)`",
    );
}

#[test]
fn products_of_units() {
    let expect = |unit: &str, meant: &str| {
        let body = format!(
            "experiment e {{ data = digits  space = small_cnn  target = braintta  train {{ epochs = 1 }}  search {{ method = grid }}  maximize accuracy  edp = energy * latency  expect best.edp <= 10 {unit} }}"
        );
        one_error(&body, "bnas::unit::unknown", unit, meant);
    };
    expect("Js", "`J*s`");
    expect("pJs", "`pJ*s`");
}

/// A shortcut stands in front of a condition, and a number of a block of the library where it is chosen.
#[test]
fn shapes_that_do_not_fit() {
    let said = |lines: &str| {
        let head = "layer head = pool(average) -> linear(classes)";
        let space = format!(
            "use std.blocks.separable\nspace s {{\n  layer stem = conv(channels = 8) -> norm\n  {lines}\n  {head}\n}}"
        );
        let (found, sources) = refusals(&on_digits(&space, "space = s"));
        let [misfit] = &found[..] else {
            panic!("{found:?}")
        };
        let places = misfit.labels.iter().map(|label| label.span);
        let places: Vec<String> = places.map(|at| sources.slice(at).to_string()).collect();
        (misfit.help.clone().unwrap_or_default(), places)
    };
    let block = "block = separable(channels = 8, kernel in {3, 4})";
    let (_, places) = said(block);
    assert!(places.contains(&"{3, 4}".to_string()), "{places:?}");
    let block = "deep in {false, true}\n  block = separable(channels = 8, stride = 2)";
    let (help, _) = said(&format!("{block}\n  add stem when deep"));
    assert!(
        help.starts_with("write `via conv_shortcut` before its `when`"),
        "{help}"
    );
}

#[test]
fn repairs_without_a_policy() {
    let lines =
        "space = small_cnn  repairs in {{}, {feature_ede}, {other}}  finetune { epochs = 1 }";
    let declared = "use std.spaces.small_cnn
use std.repairs.training.feature_ede
use std.quantizers.approx_sign
repair other : training { features = approx_sign }";
    let template = template(&on_digits(declared, lines));
    let [warning] = template.warnings() else {
        panic!("{:?}", template.warnings())
    };
    assert_eq!(warning.message, "nothing is quantized: `e` has no `policy`");
}

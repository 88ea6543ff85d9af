//! Values of one name in many places: the experiment's in alternatives, formulas as members, decimal steps, names that read names.

use num_bigint::BigUint;

use super::fixtures::{codes, on_digits, refusals, template};
use super::{checked, experiments};
use crate::ir::Value;
use crate::model::counting::{Count, members};
use crate::model::{Point, Template};

const SPACES: &str = "space one { width = 4  f = true
  layer stem = conv(channels = width) -> norm -> relu
  layer more = conv(channels = 4) -> norm -> relu when f
  layer head = pool(average) -> linear(classes) }
space two { n = 1
  repeat n as s { layer c = conv(channels = 6) -> norm -> relu }
  layer head = pool(average) -> linear(classes) }";

fn count(lines: &str) -> Count {
    let template = template(&on_digits(SPACES, lines));
    template.counted().count(template.decisions())
}

#[test]
fn alternatives_of_a_space_use_names_of_the_experiment() {
    for (lines, points) in [
        ("w in {8, 16}  space in {one { width = w }, two}", 3_u32),
        ("w in {8, 16}  space in {one { width = 2 * w }, two}", 3),
        ("g in {false, true}  space in {one { f = g }, two}", 3),
        (
            "n in 1..3  space in {one { width = 4 * n }, two { n = n }}",
            6,
        ),
        (
            "w in {8, 16}  space in {one { more.channels = w }, two}  require w == 8",
            2,
        ),
    ] {
        assert_eq!(count(lines), Count::Exact(BigUint::from(points)), "{lines}");
    }
    // The width is that of the experiment.
    let template = template(&on_digits(
        SPACES,
        "w in {8, 16}  space in {one { width = w }, two}",
    ));
    for point in members(template.decisions()).unwrap() {
        let params = template.known(&point).unwrap().0["params"];
        let w = point.0[1].as_ref().and_then(Value::as_number);
        assert_eq!(w.is_some(), point.0[0] == Some(Value::name("one")));
        let two = 9.0 * 6.0 + 6.0 + 6.0 * 10.0 + 10.0;
        let one = |w: f64| 9.0 * w + w + (9.0 * w * 4.0 + 4.0) + 4.0 * 10.0 + 10.0;
        assert_eq!(params, w.map_or(two, one));
    }
}

/// An experiment over formulas, and what each candidate is.
fn of_formulas(lines: &str) -> (Template, Vec<Point>) {
    let text = format!("bnas 1\nexperiment e {{\n{lines}\nsearch {{ method = grid }}\n}}");
    let template = Template::new(&experiments("test.bnas", &text)[0]).unwrap();
    let points = members(template.decisions()).unwrap().collect();
    (template, points)
}

#[test]
fn a_member_that_is_a_formula_is_compared_and_measured_as_its_value() {
    for (require, kept) in [
        ("", vec![(1.0, 1.0), (1.0, 3.0), (2.0, 2.0), (2.0, 3.0)]),
        ("require a <= 2", vec![(1.0, 1.0), (2.0, 2.0)]),
        ("require a == b", vec![(1.0, 1.0), (2.0, 2.0)]),
        ("require a != 2 and b == 2", vec![(2.0, 3.0)]),
    ] {
        let (template, points) = of_formulas(&format!(
            "b in {{1, 2}}  a in {{b, 3}}\nmaximize 10 * b + a\n{require}"
        ));
        let mut found = Vec::new();
        for point in &points {
            let goal = template.evaluate(&template.goals()[0], point, &Default::default());
            let [b, a] = [0, 1].map(|i| template.chosen(i, point).unwrap().as_number().unwrap());
            assert_eq!(goal, Ok(Value::Number(10.0 * b + a)), "{require}");
            found.push((b, a));
        }
        assert_eq!(found, kept, "{require}");
    }
    // In fields, too, and members are called as they are written.
    let lines =
        "space = one  b in {1, 2}  train { epochs in {b, 2 * b} }  require train.epochs <= 2";
    let text = on_digits(SPACES, lines).replacen("train { epochs = 1 }", "", 1);
    let template = template(&text);
    let count = template.counted().count(template.decisions());
    assert_eq!(count, Count::Exact(BigUint::from(3_u32)));
    let epochs = template
        .decisions()
        .all
        .iter()
        .find(|d| d.path == "train.epochs");
    assert_eq!(
        epochs.unwrap().choices.member(1),
        Some(Value::name("2 * b"))
    );
}

#[test]
fn steps_of_decimals_are_the_decimals_that_a_reader_counts() {
    let literals = |all: &[&str]| -> Vec<f64> { all.iter().map(|x| x.parse().unwrap()).collect() };
    let tenths = [
        "0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9",
    ];
    for (domain, wanted) in [
        ("0.1..0.9 step 0.1 default 0.3", literals(&tenths)),
        ("10 %..90 % step 10 % default 30 %", literals(&tenths)),
        (
            "1e-4..3e-4 step 1e-4 default 3e-4",
            literals(&["1e-4", "2e-4", "3e-4"]),
        ),
        (
            "-0.3..0.3 step 0.3 default 0.3",
            literals(&["-0.3", "0", "0.3"]),
        ),
    ] {
        let (template, points) = of_formulas(&format!("a in {domain}\nmaximize a"));
        let found: Vec<f64> = points
            .iter()
            .map(|p| p.0[0].as_ref().unwrap().as_number().unwrap())
            .collect();
        assert_eq!(found, wanted, "{domain}");
        assert!(template.warnings().is_empty());
    }
    let (_, points) =
        of_formulas("a in 0.1..0.9 step 0.1\nmaximize a\nrequire a <= 0.3 and a != 0.2");
    assert_eq!(points.len(), 2);
}

#[test]
fn sets_of_changes_of_images_are_compared_as_sets() {
    for (require, points) in [
        ("", 4_u32),
        ("require data.augment == {flip}", 1),
        ("require data.augment != {flip}", 3),
        ("require data.augment == {flip, shift}", 1),
        ("require data.augment == {}", 1),
        ("require data.augment == none or {shift} == data.augment", 2),
        ("require data.augment == shift_flip", 1),
    ] {
        let text = on_digits(SPACES, &format!("space = one  {require}"));
        let text = text.replacen(
            "data = digits",
            "data = digits { augment in subsets {shift(1), flip} }",
            1,
        );
        let template = template(&text);
        let found = template.counted().count(template.decisions());
        assert_eq!(found, Count::Exact(BigUint::from(points)), "{require}");
    }
}

/// How long a check takes, in seconds.
fn seconds(text: &str) -> f64 {
    let start = std::time::Instant::now();
    let (found, _) = checked("test.bnas", text);
    if let Some(program) = found.program {
        let _ = Template::new(&program.experiments[0]);
    }
    start.elapsed().as_secs_f64()
}

#[test]
fn what_reads_a_name_twice_that_reads_one_twice_is_answered_at_once() {
    let doubled = |n: usize, value: &dyn Fn(usize) -> String| {
        let lines = (1..=n).map(|i| format!("w{i} = {}\n", value(i - 1)));
        let declared = format!(
            "space s {{ w0 in 1..4\n{} layer c = conv(channels = w{n}) -> relu\n layer head = pool(average) -> linear(classes) }}",
            lines.collect::<String>()
        );
        on_digits(&declared, "space = s")
    };
    let called = |i: usize| format!("max(w{i}, w{i})");
    let (found, _) = refusals(&doubled(60, &called));
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].code, "bnas::parse::nesting");
    assert!(seconds(&doubled(60, &called)) < 5.0);
    template(&doubled(10, &called));
    // Operators share their operands.
    template(&doubled(60, &|i| format!("w{i} + w{i} - w{i}")));
}

#[test]
fn blocks_that_copy_a_block_twice_are_answered_at_once() {
    let doubled = |n: usize| {
        let first = "block b0(c) { layer l = conv(channels = c) -> relu }\n";
        let blocks = (1..=n).map(|i| {
            let inner = format!("b{}(c = c)", i - 1);
            format!("block b{i}(c) {{ one = {inner}  two = {inner} }}\n")
        });
        let declared = format!(
            "{first}{}space s {{ top = b{n}(c = 2)  layer head = pool(average) -> linear(classes) }}",
            blocks.collect::<String>()
        );
        on_digits(&declared, "space = s")
    };
    let layers = |template: &Template| {
        let point = template.decisions().default_point();
        template
            .candidate(&point)
            .unwrap()
            .unwrap()
            .network
            .nodes
            .len()
    };
    // The sample, 2^6 times a convolution and a rectifier, pooling and the last layer.
    assert_eq!(layers(&template(&doubled(6))), 1 + 2 * 64 + 2);
    assert_eq!(codes(&doubled(40)), ["bnas::space::count"]);
    assert!(seconds(&doubled(40)) < 5.0);
}

#[test]
fn a_count_that_hangs_on_a_choice_shows_it() {
    for name in ["repeats", "seed"] {
        let lines = format!("space = two  n in {{1, 2}}  {name} = n");
        let (found, _) = refusals(&on_digits(SPACES, &lines));
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].labels[1].text, "`n` is chosen here");
        let help = found[0].help.as_deref().unwrap();
        assert!(help.contains(&format!("arms {{ {name} in")), "{help}");
    }
}

#[test]
fn a_name_that_one_arm_reads_is_a_name() {
    let arms = |read: &str| {
        let lines = format!(
            "space = two  lr in {{0.01, 0.02}}
            arms {{ train.optimizer in {{sgd(lr = 0.1), adam(lr = {read})}} }}"
        );
        on_digits(SPACES, &lines)
    };
    // Its networks are looked at whatever is wrong with another experiment.
    let other = "experiment f { x in 1..2  minimize y  search { method = grid } }";
    let (found, _) = checked("test.bnas", &format!("{}{other}", arms("lr")));
    let codes_of: Vec<_> = found.diagnostics.iter().map(|d| d.code).collect();
    assert_eq!(codes_of, ["bnas::name::unknown"]);
    assert_eq!(found.sound.len(), 1);
    assert_eq!(codes(&arms("0.2")), ["bnas::name::unknown_key"]);
}

#[test]
fn a_formula_of_metrics_and_choices_is_known_of_the_best() {
    let lines = "w in {4, 8}  space = one { width = w }  wide = w >= 8
        score = accuracy * w  shown = if wide then params else 2 * params
        expect best.score >= 0.1 and best.wide and best.shown >= 1";
    let template = template(&on_digits(SPACES, lines));
    assert_eq!(template.decisions().all.len(), 1);
}

#[test]
fn what_an_amendment_takes_away_may_still_be_compared() {
    let space = "space net { kind in {\"plain\", \"wide\"}  act in {relu, relu6}  w in {4, 8}
        layer c = conv(channels = if kind == \"wide\" then w else 4) -> norm -> act
        layer head = pool(average) -> linear(classes)
        require kind == \"wide\" implies w == 8  require act == relu6 implies w == 8 }";
    for amended in [
        "kind in {\"plain\"}  act in {relu}",
        "kind = \"plain\"  act = relu",
    ] {
        let (checked, _) = checked(
            "test.bnas",
            &on_digits(space, &format!("space = net {{ {amended} }}")),
        );
        assert!(checked.program.is_some(), "{:?}", checked.diagnostics);
    }
    // In one declaration, it is a word that is misspelt.
    let misspelt = space.replace("if kind == \"wide\"", "if kind == \"wiide\"");
    let (checked, _) = checked("test.bnas", &format!("bnas 1\n{misspelt}"));
    let [found] = &checked.diagnostics[..] else {
        panic!("{:?}", checked.diagnostics)
    };
    assert_eq!(found.code, "bnas::name::unknown");
    assert_eq!(found.help.as_deref(), Some("did you mean `wide`?"));
}

/// Of two policies, one has a name and the other a name of its rules.
#[test]
fn members_of_a_policy_are_not_those_of_a_rule() {
    let policies = "use std.quantizers.{binary, int4, int8, ternary}
use std.spaces.small_cnn
policy p1 { q in {binary, ternary}  each layer { weights = q  activations = q } }
policy p2 { each layer { q in {int4, int8}  weights = q  activations = q } }";
    let lines =
        "space = small_cnn  policy in {p1, p2}  require policy == p1 implies policy.p1.q == binary";
    let (checked, _) = checked("test.bnas", &on_digits(policies, lines));
    assert!(checked.program.is_some(), "{:?}", checked.diagnostics);
}

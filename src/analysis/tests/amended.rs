//! What amendments reach: copies, arguments, alternatives, targets; and what they see.

use super::checked;
use super::fixtures::{self, candidate, on_digits, paths, point};
use super::networks::{graph, template};
use crate::ir::Value;
use crate::model::Template;

#[test]
fn one_copy_is_amended_alone() {
    let body = "space mine {
        repeat 3 as s {
          depth in 1..2
          repeat depth as d { kernel = 3  layer body = conv(channels = 4, kernel = kernel) -> norm }
        }
        layer head = pool(average) -> linear(classes)
      }";
    let amended = template(
        body,
        "space = mine { s[1].depth = 2  s[2].depth in 1..3  s[0].d[1].kernel = 5  s[2].d[0].body.channels in {4, 8} }",
    );
    assert_eq!(
        paths(&amended),
        [
            "space.s[0].depth",
            "space.s[2].depth",
            "space.s[2].d[0].body.channels"
        ]
    );
    let kernels: Vec<String> = graph(&candidate(
        &amended,
        &[
            ("space.s[0].depth", Value::Number(2.0)),
            ("space.s[2].depth", Value::Number(3.0)),
        ],
    ))
    .into_iter()
    .filter(|n| n.contains("conv"))
    .map(|n| n.split(' ').take(2).collect::<Vec<_>>().join(" "))
    .collect();
    assert_eq!(
        kernels,
        [
            "s[0].d[0].body conv3/1",
            "s[0].d[1].body conv5/1",
            "s[1].d[0].body conv3/1",
            "s[1].d[1].body conv3/1",
            "s[2].d[0].body conv3/1",
            "s[2].d[1].body conv3/1",
            "s[2].d[2].body conv3/1",
        ]
    );
}

#[test]
fn braces_around_a_copy_are_its_path() {
    let body = "block unit(channels) { width in {1, 2}  layer one = conv(channels = channels * width) -> norm }
      space mine {
        repeat 3 as s {
          depth in 1..2
          more = unit(channels = 4)
          repeat depth as d { kernel in {3, 5}  layer body = conv(channels = 4, kernel = kernel) -> norm }
        }
        layer head = pool(average) -> linear(classes)
      }";
    let amended = |space: &str| paths(&template(body, space)).join(" ");
    for (braces, dots) in [
        (
            "s[1] { depth = 2  d[0] { kernel = 3 } }",
            "s[1].depth = 2  s[1].d[0].kernel = 3",
        ),
        ("s[0].more { width = 2 }", "s[0].more.width = 2"),
        (
            "s[*].d[1] { kernel = 3 }  s { depth = 2 }",
            "s[*].d[1].kernel = 3  s.depth = 2",
        ),
        (
            "s[2] { more { width = 1  one { channels = 8 } } }",
            "s[2].more.width = 1  s[2].more.one.channels = 8",
        ),
    ] {
        let one = amended(&format!("space = mine {{ {braces} }}"));
        assert_eq!(
            one,
            amended(&format!("space = mine {{ {dots} }}")),
            "{braces}"
        );
        assert_ne!(one, amended("space = mine"), "{braces}");
    }
    let derived = format!("{body} space own : mine {{ s[1] {{ depth = 1 }} }}");
    let found = paths(&template(&derived, "space = own { s[0] { depth = 1 } }")).join(" ");
    assert_eq!(
        found,
        amended("space = mine { s[1].depth = 1  s[0].depth = 1 }")
    );
}

#[test]
fn what_is_amended_sees_the_experiments_choices() {
    let body = "space mine {
        width = 4
        act in {relu, hardtanh}
        layer stem = conv(channels = width) -> norm -> act
        layer head = pool(average) -> linear(classes)
      }";
    let found = template(
        body,
        "w in {4, 8}  wide in {512 bit, 1024 bit}
         space = mine { width = 2 * w }
         policy = tied { kinds = {int8} }
         target = braintta { clock in {100 MHz, 300 MHz}  vector { width = wide } }
         repairs in subsets {feature_approx_sign, double_residual}",
    );
    assert_eq!(
        paths(&found),
        ["w", "wide", "space.act", "repairs", "target.clock"]
    );
    let at = |w: f64, wide: f64| {
        let choices = [
            ("w", Value::Number(w)),
            ("wide", Value::Number(wide)),
            ("space.act", Value::name("hardtanh")),
        ];
        let candidate = candidate(&found, &choices);
        (
            graph(&candidate)[1..4].to_vec(),
            candidate.target.unwrap().precisions[2].macs,
        )
    };
    let (layers, macs) = at(8.0, 512.0);
    assert_eq!(
        layers,
        [
            "stem conv3/1 [0] 8x8x16",
            "stem norm [1] 8x8x16",
            "stem hardtanh [2] 8x8x16"
        ]
    );
    assert_eq!(at(8.0, 1024.0).1, 2.0 * macs);
    let repairs = &found.decisions().all[3];
    assert_eq!(repairs.choices.len(), Some(4));
}

#[test]
fn a_target_is_chosen_like_anything_else() {
    let found = template(
        "target wide : braintta { vector { width in {1024 bit, 2048 bit} } }",
        "space = small_cnn  policy = tied { kinds = {int8} }  target in {braintta, wide} default wide",
    );
    assert_eq!(
        paths(&found),
        [
            "space.width",
            "policy.wide.q",
            "policy.down.q",
            "policy.deep.q",
            "policy.deeper.q",
            "target",
            "target.wide.vector.width"
        ]
    );
    let at = |target: &str, width: f64| {
        let choices = [
            ("target", Value::name(target)),
            ("target.wide.vector.width", Value::Number(width)),
        ];
        let point = point(&found, &choices);
        let name = found
            .candidate(&point)
            .unwrap()
            .unwrap()
            .target
            .unwrap()
            .name;
        (name, found.known(&point).unwrap().0["latency"])
    };
    let (name, narrow) = at("braintta", 2048.0);
    assert_eq!(name, "braintta");
    assert_eq!(at("wide", 1024.0), ("wide".to_string(), narrow));
    assert!(at("wide", 2048.0).1 < narrow);
}

#[test]
fn arguments_of_calls_and_alternatives_are_amended() {
    let declaration = "space mine {
  repeat 2 as s {
    layer enter = conv(channels = 8)
    block in {basic(channels = 16), basic(channels = 24), inverted_residual(channels = 16, expansion in {2, 4})}
    more  = basic(channels = 32)
  }
  layer head = pool(average) -> linear(classes)
}";
    let amended = template(
        declaration,
        "space = mine {
    s[0].block.inverted_residual.expansion = 4
    s[1].block.basic_2.channels in {16, 32}
    s[1].more.channels = 48
  }
  train.optimizer = adam(lr = 1e-3)",
    );
    assert_eq!(
        paths(&amended),
        [
            "space.s[0].block",
            "space.s[1].block",
            "space.s[1].block.basic_2.channels",
            "space.s[1].block.inverted_residual.expansion",
        ]
    );
    let candidate = amended
        .candidate(&point(
            &amended,
            &[("space.s[0].block", Value::name("inverted_residual"))],
        ))
        .expect("a member")
        .expect("a network");
    let channels = |layer: &str| {
        let mut nodes = candidate.network.nodes.iter();
        let node = nodes.find(|n| n.layer == layer).expect("a layer");
        node.shape.channels
    };
    assert_eq!(channels("s[0].block.inverted_residual.expand"), 32);
    assert_eq!(channels("s[0].more.two"), 32);
    assert_eq!(channels("s[1].more.two"), 48);
}

#[test]
fn a_section_holds_over_what_the_base_says_with_dots() {
    let base = on_digits(
        "use std.policies.tied\nuse std.spaces.small_cnn",
        "space = small_cnn { width = 8 }  policy = tied",
    );
    let base = base.replace("train { epochs = 1 }", "train.epochs = 3");
    for (lines, epochs) in [
        ("", 3),
        ("train { epochs = 2 }", 2),
        ("train { batch = 8 }", 3),
        ("train.epochs = 4", 4),
        ("train.epochs = 5  train { batch = 8 }", 5),
    ] {
        let text = format!("{base}\nexperiment other : e {{ {lines} }}");
        let (checked, _) = checked("test.bnas", &text);
        let program = checked.program.unwrap_or_else(|| panic!("{lines}"));
        let template = Template::new(&program.experiments[1]).unwrap();
        let candidate = candidate(&template, &[]);
        assert_eq!(candidate.stages[0].recipe.epochs, epochs, "{lines}");
    }
}

#[test]
fn a_scale_that_is_a_formula_is_charged_as_it_reduces() {
    let size = |scale: &str| {
        let declared = format!(
            "use std.quantizers.int
space net {{
  layer stem = conv(channels = 8) -> norm -> relu
  layer head = pool(average) -> linear(classes)
}}
quantizer q : int {{ bits = 4  {scale} }}
policy p {{ each layer {{ weights = q }} }}"
        );
        let template = fixtures::template(&on_digits(&declared, "space = net  policy = p"));
        template.known(&point(&template, &[])).unwrap().0["model_size"]
    };
    let per_channel = size("");
    assert_eq!(size("scale(w) = mean(abs(w), per = filter)"), per_channel);
    // Of 8 channels and 10 classes, each layer has one scale left.
    let one = per_channel - f64::from(8 - 1 + 10 - 1) * 32.0;
    assert_eq!(size("granularity = per_tensor"), one);
    assert_eq!(size("scale(w) = mean(abs(w), per = tensor)"), one);
    assert_eq!(size("scale(w) = 1 / high"), one);
}

#[test]
fn a_derived_experiment_amends_its_parts_by_paths_or_in_braces() {
    let of = |lines: &str| {
        let text = on_digits(
            "use std.spaces.small_cnn\nuse std.targets.braintta\nuse std.policies.uniform_int",
            "space = small_cnn { stem.channels = 4 }  policy = uniform_int  target = braintta",
        );
        let text = text.replace("experiment e {", "experiment base {");
        let text = format!("{text}experiment e : base {{ {lines} }}");
        let (checked, _) = checked("test.bnas", &text);
        let experiments = checked.program.expect("no errors").experiments;
        paths(&Template::new(&experiments[1]).unwrap())
            .into_iter()
            .map(String::from)
            .collect::<Vec<_>>()
    };
    let wanted = ["space.width", "policy.bits", "target.vector.width"];
    for lines in [
        "space.width in {8, 16}  policy.bits in {4, 8}  target.vector.width in {512 bit, 1024 bit}",
        "space { width in {8, 16} }  policy { bits in {4, 8} }  target { vector { width in {512 bit, 1024 bit} } }",
    ] {
        assert_eq!(of(lines), wanted, "{lines}");
    }
    // What was amended before stays.
    assert_eq!(
        of("space { stem { channels in {2, 4} } }"),
        ["space.width", "space.stem.channels"]
    );
}

#[test]
fn rules_are_added_to_the_policy_of_a_base_by_its_name() {
    let text = "bnas 1
use std.quantizers.int8
policy mine { each layer { weights = int8  activations = int8 } }
experiment base { policy = mine }
experiment e : base { policy { first layer { weights = int8 } } }";
    let (checked, _) = checked("test.bnas", text);
    let helps = checked.diagnostics.iter().filter_map(|d| d.help.as_deref());
    assert!(
        helps
            .into_iter()
            .any(|help| help.contains("`policy = mine { … }`"))
    );
}

#[test]
fn a_derived_experiment_adds_arms() {
    let base = on_digits(
        "use std.spaces.small_cnn",
        "space = small_cnn { width = 8 }  arms { seed in {1, 2} }",
    );
    let arms = |lines: &str| {
        let base = base.replace("experiment e {", "experiment base {");
        let (checked, _) = checked(
            "test.bnas",
            &format!("{base}experiment e : base {{ {lines} }}"),
        );
        let all = checked.program.expect("no errors").experiments;
        all[1].arms.len()
    };
    assert_eq!(arms("arms { train.epochs in {1, 2, 3} }"), 6);
    assert_eq!(arms("arms.train.epochs in {1, 2, 3}"), 6);
    assert_eq!(arms("arms { seed in {3} }"), 1);
}

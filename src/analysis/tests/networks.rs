//! What spaces and blocks can say, from the text to the network.

use super::checked;
use super::fixtures::{candidate, paths};
use crate::ir::Value;
use crate::model::{Candidate, Op, Template};

/// A template of an experiment with this space (and what it needs) and these fields.
pub fn template(declarations: &str, fields: &str) -> Template {
    let text = format!(
        "bnas 1
use std.blocks.{{basic, inverted_residual}}
use std.quantizers.{{int, int8, binary}}
use std.policies.tied
use std.spaces.small_cnn
use std.repairs.training.feature_approx_sign
use std.repairs.topology.double_residual
use std.targets.braintta
repair no_skips : topology {{ remove skip }}
dataset tiny : idx {{
  images = \"i\"  labels = \"l\"
  shape {{ height = 8  width = 8  channels = 2 }}
  classes = 10
  splits {{ train = 10  validation = 10  test = 10 }}
}}
{declarations}
experiment e {{
  data = tiny
  {fields}
  train {{ epochs = 1 }}
  search {{ method = random  trials = 3 }}
  maximize accuracy
}}"
    );
    let (checked, sources) = checked("test.bnas", &text);
    let errors = crate::diagnostic::render(&checked.diagnostics, &sources, false);
    let program = checked.program.unwrap_or_else(|| panic!("{errors}"));
    Template::new(&program.experiments[0]).unwrap_or_else(|e| panic!("{e:?}"))
}

fn space(body: &str) -> Template {
    let declaration =
        format!("space mine {{\n{body}\nlayer head = pool(average) -> linear(classes) }}");
    template(&declaration, "space = mine")
}

fn yes(value: bool) -> Value {
    Value::Bool(value)
}

/// Layer, operation, inputs and shape of each node.
pub fn graph(candidate: &Candidate) -> Vec<String> {
    let name = |op: &Op| match op {
        Op::Convolution(c) if c.groups > 1 => format!("depthwise{}", c.kernel),
        Op::Convolution(c) => format!("conv{}/{}", c.kernel, c.stride),
        Op::PadShortcut { stride } => format!("pad/{stride}"),
        Op::Activation(a) => format!("{a:?}").to_lowercase(),
        Op::Pool { .. } => "pool".into(),
        other => format!("{other:?}").to_lowercase(),
    };
    let nodes = candidate.network.nodes.iter();
    nodes
        .map(|n| format!("{} {} {:?} {}", n.layer, name(&n.op), n.inputs, n.shape))
        .collect()
}

#[test]
fn shortcuts_change_shape_only_where_shapes_differ() {
    let with = |via: &str| {
        let text = format!(
            "block my(channels, stride) {{ layer one = conv(channels = channels, stride = stride) -> norm  add input via {via} }}
             space mine {{
               layer stem = conv(channels = 4)
               repeat 2 as s {{ block = my(channels = 4 * 2^s, stride = 1 + s) }}
               layer head = pool(average) -> linear(classes)
             }}"
        );
        template(&text, "space = mine")
    };
    let padded = graph(&candidate(&with("pad_shortcut"), &[]));
    assert_eq!(
        padded[2..8],
        [
            "s[0].one conv3/1 [1] 8x8x4",
            "s[0].one norm [2] 8x8x4",
            "s[0] add [3, 1] 8x8x4",
            "s[1].one conv3/2 [4] 4x4x8",
            "s[1].one norm [5] 4x4x8",
            "s[1].shortcut pad/2 [4] 4x4x8",
        ]
    );
    assert_eq!(padded[8], "s[1] add [6, 7] 4x4x8");
    let projected = graph(&candidate(&with("conv_shortcut"), &[]));
    assert_eq!(
        projected[7..10],
        [
            "s[1].shortcut conv1/2 [4] 4x4x8",
            "s[1].shortcut norm [7] 4x4x8",
            "s[1] add [6, 8] 4x4x8",
        ]
    );
}

#[test]
fn a_named_skip_exists_where_both_ends_do() {
    let template = space(
        "deep in {false, true}
         more in {false, true}
         layer stem = conv(channels = 4)
         layer wide = conv(channels = 4) -> norm when deep
         layer last = conv(channels = 4, stride = 2) -> norm
         add wide via conv_shortcut when more",
    );
    let has = |deep, more| {
        let choices = [("space.deep", yes(deep)), ("space.more", yes(more))];
        let found = candidate(&template, &choices);
        let layers = |name: &str| {
            found
                .network
                .nodes
                .iter()
                .filter(|n| n.layer == name)
                .count()
        };
        (layers("add"), layers("shortcut"))
    };
    assert_eq!(has(true, true), (1, 2));
    assert_eq!(
        [has(true, false), has(false, true), has(false, false)],
        [(0, 0); 3]
    );
}

#[test]
fn skips_that_are_removed_take_their_projections_along() {
    let body = "space mine {
        layer stem = conv(channels = 4)
        layer down = conv(channels = 8, stride = 2) -> norm
        add stem via conv_shortcut
        parallel { branch a { layer one = conv(channels = 8) -> norm }  branch b { } } join add
        layer head = pool(average) -> linear(classes)
      }
      policy p { each layer { weights = int8  activations = int8 }  layer shortcut { activations = int { bits = 4 } } }";
    let plain = template(body, "space = mine  policy = p  target = braintta");
    let (nodes, known) = (
        candidate(&plain, &[]).network.nodes.len(),
        plain.known(&plain.decisions().default_point()),
    );
    let removed = template(
        body,
        "space = mine  policy = p  target = braintta  repairs = {no_skips}",
    );
    let found = candidate(&removed, &[]);
    // A sum of branches is no skip connection.
    assert!(found.network.nodes.iter().any(|n| n.op == Op::Sum));
    assert_eq!(found.network.nodes.len(), nodes - 3);
    assert!(found.network.nodes.iter().all(|n| n.layer != "shortcut"));
    let after = removed.known(&removed.decisions().default_point()).unwrap();
    assert!(after.0["energy"] < known.unwrap().0["energy"]);
}

#[test]
fn branches_are_joined_where_they_are_there() {
    let template = space(
        "wide in {false, true}
         keep in {false, true}
         layer stem = conv(channels = 4)
         parallel {
           branch near { layer one = conv(channels = 6, kernel = 1) -> norm }
           branch far { layer two = conv(channels = 5) -> norm } when wide
           branch same { } when keep
         } join concat
         layer next = depthwise(kernel = 3)",
    );
    let of = |wide, keep| {
        let choices = [("space.wide", yes(wide)), ("space.keep", yes(keep))];
        graph(&candidate(&template, &choices))
    };
    assert_eq!(
        of(true, true)[2..8],
        [
            "near.one conv1/1 [1] 8x8x6",
            "near.one norm [2] 8x8x6",
            "far.two conv3/1 [1] 8x8x5",
            "far.two norm [4] 8x8x5",
            "concat concat [3, 5, 1] 8x8x15",
            "next depthwise3 [6] 8x8x15",
        ]
    );
    assert_eq!(of(false, true)[4], "concat concat [3, 1] 8x8x10");
    // One branch alone is no concatenation.
    assert_eq!(of(false, false)[4], "next depthwise3 [3] 8x8x6");
}

#[test]
fn a_chosen_block_has_decisions_and_layers_of_its_own() {
    let template = space(
        "layer stem = conv(channels = 8)
         repeat 2 as s {
           block in {inverted_residual(channels = 8, expansion in {2, 4}), basic(channels = 8 * 2^s, stride = 2)} default basic
           layer mix = conv(channels = 8, kernel = 1) when block == basic
         }",
    );
    assert_eq!(
        paths(&template),
        [
            "space.s[0].block",
            "space.s[0].block.inverted_residual.expansion",
            "space.s[1].block",
            "space.s[1].block.inverted_residual.expansion",
        ]
    );
    // (2 expansions + 1) for each place.
    assert_eq!(
        crate::model::counting::count(template.decisions()),
        crate::model::counting::Count::Exact(9u32.into())
    );
    let layers = |choices: &[(&str, Value)]| {
        let mut layers: Vec<String> = candidate(&template, choices)
            .network
            .nodes
            .iter()
            .map(|n| n.layer.clone())
            .collect();
        layers.dedup();
        layers
    };
    let residual = Value::name("inverted_residual");
    assert_eq!(
        layers(&[("space.s[0].block", residual)]),
        [
            "input",
            "stem",
            "s[0].block.inverted_residual.expand",
            "s[0].block.inverted_residual.filter",
            "s[0].block.inverted_residual.project",
            "s[0].block.inverted_residual",
            "s[1].block.basic.one",
            "s[1].block.basic.two",
            "s[1].block.basic.shortcut",
            "s[1].block.basic",
            "s[1].block.basic.join",
            "s[1].mix",
            "head",
        ]
    );
}

#[test]
fn blocks_have_names_and_may_be_absent() {
    let template = space(
        "deep in {false, true}
         layer stem = conv(channels = 4)
         first  = inverted_residual(channels = 4, expansion in {1, 2})
         second = basic(channels = 8) when deep
         block  = basic(channels = 8, stride = 2)",
    );
    assert_eq!(paths(&template), ["space.deep", "space.first.expansion"]);
    let layers = |deep| {
        let found = candidate(&template, &[("space.deep", yes(deep))]);
        let all: Vec<String> = found
            .network
            .nodes
            .iter()
            .map(|n| n.layer.clone())
            .collect();
        ["first.filter", "second.one", "one"].map(|name| all.iter().any(|l| l == name))
    };
    assert_eq!(
        [layers(true), layers(false)],
        [[true, true, true], [true, false, true]]
    );
}

#[test]
fn requirements_bind_in_the_copies_that_exist() {
    let found = template(
        "space mine {
           depth in 1..2
           repeat depth as d { width in {4, 8, 16}  require width <= 4 * 2^d  layer body = conv(channels = width) -> norm }
           layer head = pool(average) -> linear(classes)
         }
         policy p {
           low in {2, 4}  high in {2, 4}
           require low <= high
           each layer { b in {2, 4, 8}  require b >= high  weights = int { bits = b }  activations = int { bits = low } }
           last layer { weights = int8 }
         }",
        "space = mine  policy = p",
    );
    // Depth 1: one width. Depth 2: one, then two. For each layer but the last, bits from `high` on; (low, high) are (2, 2), (2, 4), (4, 4).
    let count = |bits: u32| bits + 2 * bits * bits;
    let expected = count(3) + 2 * count(2);
    assert_eq!(
        crate::model::counting::count(found.decisions()),
        crate::model::counting::Count::Exact(expected.into())
    );
}

#[test]
fn a_policys_copies_run_beside_the_spaces() {
    let template = template(
        "space mine {
  repeat 2 as s {
    channels in {8, 16}
    layer out = conv(channels = channels) -> norm -> relu
  }
  layer head = pool(average) -> linear(classes)
}
policy own {
  each layer { w in {2, 4}  weights = int { bits = w }  activations = int { bits = 8 } }
}",
        "space = mine  policy = own
  require all(space.s[*].channels >= 16 implies policy.s[*].out.w == 4)
  require sum(policy.s[*].out.w * space.s[*].channels) <= 96",
    );
    // A copy is (8, 2), (8, 4) or (16, 4): nine pairs without that of 64 + 64; the head has two widths.
    let counted = template.counted();
    assert_eq!(
        counted.count(template.decisions()),
        crate::model::counting::Count::Exact(16u32.into())
    );
}

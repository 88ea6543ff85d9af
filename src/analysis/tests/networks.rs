//! What spaces and blocks can say, from the text to the network.

use super::{checked, experiment};
use crate::ir::Value;
use crate::model::{Candidate, Op, Point, Template};

/// A template of an experiment with this space (and what it needs) and these fields.
fn template(declarations: &str, fields: &str) -> Template {
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

fn paths(template: &Template) -> Vec<&str> {
    template
        .decisions()
        .all
        .iter()
        .map(|d| d.path.as_str())
        .collect()
}

/// The defaults with some decisions changed.
fn point(template: &Template, choices: &[(&str, Value)]) -> Point {
    template.decisions().fill(|_, decision| {
        let given = choices.iter().find(|(path, _)| *path == decision.path);
        given.map_or_else(|| decision.default.clone(), |(_, value)| value.clone())
    })
}

fn candidate(template: &Template, choices: &[(&str, Value)]) -> Candidate {
    template
        .candidate(&point(template, choices))
        .unwrap()
        .unwrap()
}

fn yes(value: bool) -> Value {
    Value::Bool(value)
}

fn graph(candidate: &Candidate) -> Vec<String> {
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

/// Parameters (weights and one bias per output channel) and multiply-accumulates of a library space's default member.
fn size(space: &str, amended: &str, shape: [usize; 3], classes: usize) -> (f64, f64) {
    let [height, width, channels] = shape;
    let text = format!(
        "bnas 1
use std.spaces.{space}
dataset images : idx {{
  images = \"i\"  labels = \"l\"
  shape {{ height = {height}  width = {width}  channels = {channels} }}
  classes = {classes}
  splits {{ train = 10  validation = 10  test = 10 }}
}}
experiment e {{
  data = images  space = {space} {amended}
  train {{ epochs = 1 }}  search {{ method = random  trials = 3 }}
  maximize accuracy
}}"
    );
    let template = Template::new(&experiment(&text)).unwrap();
    let known = template
        .known(&template.decisions().default_point())
        .unwrap();
    (known.0["params"], known.0["macs"])
}

/// Published sizes. Where the source counts two parameters per channel of a batch norm, here there is one: the norm is folded.
#[test]
fn library_spaces_have_the_sizes_of_their_papers() {
    // 269 722 parameters with 688 norm channels (arXiv:1512.03385, table 6: 0.27 M).
    assert_eq!(
        size("resnet20", "", [32, 32, 3], 10),
        (269_722.0 - 688.0, 40_551_040.0)
    );
    // torchvision's resnet18: 11 689 512 parameters with 4800 norm channels, 1.814 G multiply-accumulates.
    let (params, macs) = size("resnet18", "{ small_images = false }", [224, 224, 3], 1000);
    assert_eq!((params, macs), (11_689_512.0 - 4800.0, 1_814_073_344.0));
    // Its variant for CIFAR-10: 11 173 962 parameters, 0.56 G.
    let (params, macs) = size("resnet18", "", [32, 32, 3], 10);
    assert_eq!((params, macs), (11_173_962.0 - 4800.0, 555_422_720.0));
    // 128-128-256-256-512-512 and a linear layer: 0.61 G.
    let (params, macs) = size("vgg_small", "", [32, 32, 3], 10);
    assert_eq!(
        (params, macs),
        (4_656_512.0 + 2.0 * 896.0 + 10.0, 607_600_640.0)
    );
    // DS-CNN's small model: 2 656 768 multiply-accumulates, 125·64·40 of them in the 10x4 stem, which is 5x5 here.
    let (_, macs) = size("ds_cnn", "", [49, 10, 1], 12);
    assert_eq!(macs, 2_656_768.0 - 125.0 * 64.0 * (40.0 - 25.0));
    // Every member of the cells fits 32x32 and 8x8 images.
    for side in [32, 8] {
        assert!(size("multi_branch_cell", "", [side, side, 3], 10).1 > 0.0);
    }
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
  train.optimizer = adam(lr in 1e-4..1e-2 log)
  train.optimizer.lr = 1e-3",
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

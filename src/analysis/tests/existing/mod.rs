//! A decision exists only where something reads it.

mod circles;
mod requirements;
mod settings;

use std::collections::BTreeSet;

use num_bigint::BigUint;

use super::fixtures::{on_digits, template};
use crate::model::Template;
use crate::model::counting::{Count, members};

const SPACES: &str = "space one { width = 4  k = 3
  layer stem = conv(channels = width, kernel = k) -> norm -> relu
  layer head = pool(average) -> linear(classes) }
space two { n = 1
  repeat n as s { layer c = conv(channels = 6) -> norm -> relu }
  layer head = pool(average) -> linear(classes) }
space three { layer head = pool(average) -> linear(classes) }
";

/// Every point: what exists, as `path=value`. Each is a network that has all that it reads.
fn points(template: &Template) -> BTreeSet<String> {
    let decisions = template.decisions();
    let all: Vec<_> = members(decisions).unwrap().collect();
    let count = BigUint::from(all.len());
    assert_eq!(template.counted().count(decisions), Count::Exact(count));
    let shown: BTreeSet<String> = { all.iter() }
        .map(|point| {
            template.candidate(point).unwrap().unwrap();
            let named = decisions.named(point);
            let named: Vec<String> = named.map(|(path, v)| format!("{path}={v}")).collect();
            named.join(" ")
        })
        .collect();
    assert_eq!(shown.len(), all.len());
    shown
}

/// What an experiment on digits is searched over.
fn searched(declared: &str, lines: &str) -> BTreeSet<String> {
    points(&template(&on_digits(declared, lines)))
}

fn written(all: &[&str]) -> BTreeSet<String> {
    all.iter().map(|one| one.to_string()).collect()
}

#[test]
fn a_name_of_the_experiment_exists_where_an_alternative_reads_it() {
    let both = "w in {8, 16}  space in {one { width = w }, three}";
    let expected = ["space=one w=8", "space=one w=16", "space=three"];
    assert_eq!(searched(SPACES, both), written(&expected));
    // Two of three read it.
    let shared = "w in 1..2  space in {one { width = w }, two { n = w }, three}";
    let expected = [
        "space=one w=1",
        "space=one w=2",
        "space=two w=1",
        "space=two w=2",
        "space=three",
    ];
    assert_eq!(searched(SPACES, shared), written(&expected));
    // By way of another name, and of one of its members.
    let doubled = "w in {8, 16}  c = 2 * w  space in {one { width = c }, three}";
    assert_eq!(searched(SPACES, doubled).len(), 3);
    let of_members = "w in {8, 16}  c in {w, 2 * w}  space in {one { width = c }, three}";
    assert_eq!(searched(SPACES, of_members).len(), 2 * 2 + 1);
    let of_one = "w in {8, 16}  c in {w, 24}  space in {one { width = c }, three}";
    assert_eq!(searched(SPACES, of_one).len(), 3 + 1);
    let inline = "w in {8, 16}  space = one { width in {w, 24} }";
    assert_eq!(searched(SPACES, inline).len(), 3);
    // Nothing reads it in one arm, or behind what an amendment fixes.
    let unread = "w in {8, 16}  space = one { width = w  stem.channels = 4 }";
    assert_eq!(searched(SPACES, unread).len(), 1);
    let kept = "w in {8, 16}  space = one { width = w  stem.channels = 4 }  expect best.w >= 8";
    assert_eq!(searched(SPACES, kept).len(), 2);
    // A goal reads what it looks at.
    let goal = "w in {8, 16}  space in {one { width = w }, three}  minimize w";
    assert_eq!(searched(SPACES, goal).len(), 4);
    let goal = "b in {false, true}  x in 1..3  y in 1..2  space = three  minimize if b or x > 3 then x else y";
    assert_eq!(searched(SPACES, goal).len(), 3 + 3 * 2);
}

#[test]
fn a_name_of_a_space_exists_where_a_layer_reads_it() {
    let optional = "space s { deep in {false, true}  k in {1, 3}  w in {4, 8}
        layer more = conv(channels = w, kernel = k) when deep
        layer head = pool(average) -> linear(classes) }";
    let all = searched(optional, "space = s");
    assert_eq!(all.len(), 4 + 1, "{all:?}");
    assert!(all.contains("space.deep=false"), "{all:?}");
    // The condition itself reads one of them.
    let by_width = "space s { deep in {false, true}  w in {4, 8}
        layer more = conv(channels = w) when deep and w > 4
        layer head = pool(average) -> linear(classes) }";
    // Shallow; narrow and wide.
    assert_eq!(searched(by_width, "space = s").len(), 1 + 2);
    let computed = "space s { deep in {false, true}  w in {4, 8}
        layer stem = conv(channels = if deep then w else 6)
        layer head = pool(average) -> linear(classes) }";
    assert_eq!(searched(computed, "space = s").len(), 1 + 2);
    let by_name = computed.replace("layer stem = conv(channels = if", "c = if");
    let by_name = by_name.replace("6)", "6  layer stem = conv(channels = c)");
    assert_eq!(searched(&by_name, "space = s").len(), 1 + 2);
    let condition = "space s { deep in {false, true}  w in {4, 8}  wide = deep and w == 8
        layer stem = conv(channels = 4) when wide
        layer head = pool(average) -> linear(classes) }";
    assert_eq!(searched(condition, "space = s").len(), 1 + 2);
    // Whether it is read may hang on what it is.
    let either = "space s { k in {3, 5}  w in {4, 8}
        layer stem = conv(channels = 4, kernel = k)
        layer more = conv(channels = w) when k == 3 or w == 8
        layer head = pool(average) -> linear(classes) }";
    assert_eq!(searched(either, "space = s").len(), 4);
    for (condition, networks) in [
        // It is asked for where `a` holds, before `b`, which does not matter where it is 4 then.
        ("(a implies w == 8) and b", 1 + 2 + (1 + 2)),
        // Here, `b` comes before both.
        ("b and not (a and w == 8)", 1 + 4),
        ("if b then a or w == 8 else false", 1 + 4),
    ] {
        let text = format!(
            "space s {{ a in {{false, true}}  b in {{false, true}}  w in {{4, 8}}
            layer more = conv(channels = w) when {condition}
            layer head = pool(average) -> linear(classes) }}"
        );
        assert_eq!(searched(&text, "space = s").len(), networks, "{condition}");
    }
    // There is nothing to add.
    let skip = "space s { deep in {false, true}  res in {false, true}
        layer stem = conv(channels = 4)
        layer more = conv(channels = 4) when deep
        layer last = conv(channels = 4)
        add more when res
        layer head = pool(average) -> linear(classes) }";
    assert_eq!(searched(skip, "space = s").len(), 1 + 2);
    let nested = "space s { deep in {false, true}  w in {4, 8}  k in {1, 3}
        layer more = conv(channels = w) when deep
        layer last = conv(channels = w, kernel = k) when deep and w > 4
        layer head = pool(average) -> linear(classes) }";
    // Shallow; narrow; wide with each kernel.
    assert_eq!(searched(nested, "space = s").len(), 1 + 1 + 2);
    // Copies that may be none.
    let copies = "space s { k in {1, 3}  depth in 0..2
        repeat depth as d { layer c = conv(channels = 4, kernel = k) }
        layer head = pool(average) -> linear(classes) }";
    assert_eq!(searched(copies, "space = s").len(), 1 + 2 * 2);
    // Of two stages, one is enough.
    let stages = "space s { k in {1, 3}
        repeat 2 as r { depth in 0..2
          repeat depth as d { layer c = conv(channels = 4, kernel = k) } }
        layer head = pool(average) -> linear(classes) }";
    assert_eq!(searched(stages, "space = s").len(), 1 + 8 * 2);
    let many = copies.replace("0..2", "0..100");
    assert_eq!(searched(&many, "space = s").len(), 1 + 100 * 2);
}

#[test]
fn a_block_reads_its_arguments_where_its_layers_do() {
    let wide = "space s { k in {3, 5}  e in {1, 2}
        block in {inverted_residual(channels = 4, expansion = e, kernel = k), basic(channels = 4)}
        layer head = pool(average) -> linear(classes) }";
    let all = searched(
        &format!("use std.blocks.{{basic, inverted_residual}}\n{wide}"),
        "space = s",
    );
    assert_eq!(all.len(), 4 + 1, "{all:?}");
}

#[test]
fn what_an_amendment_of_a_copy_leaves_unread_is_no_decision() {
    let space = "space s {
        repeat 3 as r { width in {8, 16}  layer c = conv(channels = width) }
        layer head = pool(average) -> linear(classes) }";
    let template = template(&on_digits(space, "space = s { r[1].c.channels = 8 }"));
    assert_eq!(template.warnings().len(), 0);
    let paths: Vec<&str> = { template.decisions().all.iter() }
        .map(|decision| decision.path.as_str())
        .collect();
    assert_eq!(paths, ["space.r[0].width", "space.r[2].width"]);
    assert_eq!(points(&template).len(), 4);
}

/// What decides whether another name exists stays, and so does what decides whether it exists itself.
#[test]
fn what_decides_of_others_is_kept_with_what_decides_of_it() {
    let space = "space s { a in {false, true}  b in {false, true}  w in {4, 8}
        more = a and b
        layer c = conv(channels = w) when more
        layer head = pool(average) -> linear(classes) }";
    assert_eq!(searched(space, "space = s").len(), 1 + 1 + 2);
}

#[test]
fn hundreds_of_optional_layers_have_choices_where_they_are() {
    let space = "space s {
        repeat 250 as r { deep in {false, true}  k in {1, 3}
          layer c = conv(channels = 4, kernel = k) when deep }
        layer head = pool(average) -> linear(classes) }";
    let template = template(&on_digits(space, "space = s"));
    let each = BigUint::from(3_u32).pow(250);
    let found = template.counted().count(template.decisions());
    assert_eq!(found, Count::Exact(each));
}

/// Parameters of blocks and names of quantizers may be truth values.
#[test]
fn a_truth_value_is_given_like_a_number() {
    let blocks = "block two(ch, deep) {
        layer a = conv(channels = ch)
        layer b = conv(channels = ch) when deep }
        space s { g in {false, true}  block = two(ch = 4, deep = g)
        layer head = pool(average) -> linear(classes) }";
    assert_eq!(searched(blocks, "space = s").len(), 2);
    let quantizers = "use std.quantizers.binary
        quantizer my : binary { sharp in {false, true}
          gradient(x) = if sharp then max(1 - abs(x), 0) else 1 }";
    for (given, points) in [("sharp = true", 1), ("sharp in {false, true}", 2)] {
        let text = format!(
            "{quantizers}
            policy p {{ conv layer {{ weights = my {{ {given} }}  activations = binary }} }}
            {SPACES}"
        );
        let found = searched(&text, "space = two  policy = p");
        assert_eq!(found.len(), points, "{given}");
    }
}

#[test]
fn what_an_amendment_takes_out_is_added_nowhere() {
    let space = "space s { deep in {false, true}
        layer stem = conv(channels = 4)
        layer more = conv(channels = 4) when deep
        layer last = conv(channels = 4)
        add more
        layer head = pool(average) -> linear(classes) }";
    assert_eq!(searched(space, "space = s").len(), 2);
    assert_eq!(searched(space, "space = s { deep = false }").len(), 1);
}

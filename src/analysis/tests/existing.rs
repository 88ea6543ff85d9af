//! A decision exists only where something reads it.

use std::collections::BTreeSet;

use num_bigint::BigUint;

use super::fixtures::{codes, on_digits, template};
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
    let shown = all.iter().map(|point| {
        template.candidate(point).unwrap().unwrap();
        let named = decisions.named(point);
        let named: Vec<String> = named.map(|(path, v)| format!("{path}={v}")).collect();
        named.join(" ")
    });
    shown.collect()
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
fn a_requirement_binds_where_what_it_reads_exists() {
    let lines = "w in {8, 16}  space in {one { width = w }, three}  require w == 8";
    let expected = ["space=one w=8", "space=three"];
    assert_eq!(searched(SPACES, lines), written(&expected));
    let lines = "w in {8, 16}  k in {3, 5}  space in {one { width = w  k = k }, three}
        require w == 16 implies k == 3";
    assert_eq!(searched(SPACES, lines).len(), 3 + 1);
    let lines = "w in {8, 16}  space in {one { width = w }, three}  require params <= 150";
    let expected = ["space=three"];
    assert_eq!(searched(SPACES, lines), written(&expected));
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
    for (condition, shallow) in [
        // It is asked for where `a` holds, before `b`.
        ("(a implies w == 8) and b", 1 + 2),
        // Here, `b` comes before both.
        ("b and not (a and w == 8)", 1),
        ("if b then a or w == 8 else false", 1),
    ] {
        let text = format!(
            "space s {{ a in {{false, true}}  b in {{false, true}}  w in {{4, 8}}
            layer more = conv(channels = w) when {condition}
            layer head = pool(average) -> linear(classes) }}"
        );
        assert_eq!(
            searched(&text, "space = s").len(),
            shallow + 4,
            "{condition}"
        );
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

/// Two readers under different conditions, in one of two alternatives.
#[test]
fn a_requirement_on_such_a_name_is_known_before_training() {
    let space =
        "space a { g in {false, true}  on in {false, true}  ob in {false, true}  ch in {4, 8}
        layer c = conv(channels = ch) when on
        layer z = conv(channels = if g then 4 else 8) when on
        layer y = conv(channels = if g then 4 else 8) when ob
        layer head = pool(average) -> linear(classes) }
        space b { layer head = pool(average) -> linear(classes) }";
    let lines = "space in {a, b}  require space.a.g implies space.a.ch <= 6";
    assert_eq!(searched(space, lines).len(), 10);
}

/// What leaves a layer that is not always there, on both sides of a condition.
#[test]
fn a_requirement_on_what_may_not_be_there_is_known_before_training() {
    let space = "space s { w in {2, 4}  c in {2, 4}
        layer a = conv(channels = 2, kernel = 1) when w == 4
        layer b = conv(channels = c, kernel = 1)
        layer d = conv(channels = w, kernel = 1)
        layer head = pool(average) -> linear(classes) }";
    for (require, points) in [
        (
            "space.a.channels < space.c or space.a.channels > space.c",
            3,
        ),
        (
            "space.a.channels >= space.c implies space.c < space.a.channels",
            3,
        ),
        ("space.a.channels < 2 and space.a.channels >= 1", 2),
    ] {
        let found = searched(space, &format!("space = s  require {require}"));
        assert_eq!(found.len(), points, "{require}");
    }
    let copies = "space s { w in {2, 3}  n in 1..2
        repeat n as r { layer a = conv(channels = w, kernel = 1) when w == 3 }
        layer head = pool(average) -> linear(classes) }";
    for (require, points) in [
        ("any(space.r[*].a.channels >= space.r[0].a.channels)", 2),
        ("all(space.r[*].a.channels > space.r[1].a.channels)", 3),
    ] {
        let found = searched(copies, &format!("space = s  require {require}"));
        assert_eq!(found.len(), points, "{require}");
    }
}

/// A choice that is made in place exists there, whoever else looks at it.
#[test]
fn a_filter_that_looks_at_a_choice_among_blocks_takes_nothing_from_it() {
    let space = "use std.blocks.{basic, inverted_residual}
        use std.quantizers.int8
        space s {
        block in {basic(channels = 4), inverted_residual(channels = 4, expansion = 2, kernel in {1, 3})}
        layer head = pool(average) -> linear(classes) }
        policy few { every layer where channels > 4 { weights = int8 } }
        policy all { each layer { weights = int8 } }";
    assert_eq!(
        searched(space, "space = s  policy in {few, all}").len(),
        3 * 2
    );
}

/// Lists count what exists.
#[test]
fn lists_leave_out_copies_that_lack_it() {
    let space = "space s { repeat 3 as r { deep in {false, true}  w in {4, 8}  c = 2 * w
        layer more = conv(channels = w) when deep }
        layer head = pool(average) -> linear(classes) }";
    // Of n copies that are there, each has one of two widths.
    for (require, points) in [
        ("sum(space.r[*].w) <= 12", 1 + 3 * 2 + 3 * 3 + 1),
        ("sum(space.r[*].c) <= 24", 1 + 3 * 2 + 3 * 3 + 1),
        ("any(space.r[*].w == 8)", 3 + 3 * 3 + 7),
        ("count(space.r[*].w) <= 2", 1 + 3 * 2 + 3 * 4),
        ("all(space.r[*].w == 8)", 1 + 3 + 3 + 1),
        ("increasing(space.r[*].w)", 1 + 3 * 2 + 3),
        // What an item does not look at need not be there.
        ("sum(if space.r[*].deep then space.r[*].w else 4) <= 16", 20),
        ("count(not space.r[*].deep or space.r[*].w == 8) <= 2", 19),
    ] {
        // Somebody reads `c` everywhere.
        let lines = format!("space = s  require {require}  require all(space.r[*].c >= 8)");
        assert_eq!(searched(space, &lines).len(), points, "{require}");
    }
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

#[test]
fn other_settings_are_read_where_they_are_chosen() {
    let optimizers = |second: &str| {
        let lines = format!(
            "space = three  rate in {{0.01, 0.1}}  train.optimizer in {{adam(lr = rate), sgd(lr = {second})}}"
        );
        searched(SPACES, &lines).len()
    };
    assert_eq!(optimizers("0.1"), 3);
    assert_eq!(optimizers("rate"), 4);
    let named =
        "space = three  r in {0.01, 0.1}  o in {adam(lr = r), sgd(lr = 0.1)}  train.optimizer = o";
    assert_eq!(searched(SPACES, named).len(), 3);
    let member = "space = three  r in {0.01, 0.1}  train.optimizer = sgd(lr in {r, 0.5})";
    assert_eq!(searched(SPACES, member).len(), 3);
    let targets = "use std.policies.uniform_int
        use std.targets.braintta
        target mine : braintta { clock = 100 MHz }";
    let lines = "space = three  f in {100 MHz, 200 MHz}  target in {braintta, mine { clock = f }}
        policy = uniform_int";
    assert_eq!(searched(&format!("{targets}\n{SPACES}"), lines).len(), 3);
    let filtered = "use std.quantizers.{int4, int8}
        policy wide { most = 8  each layer { weights = int8 }
          conv layer where channels <= most { weights = int4 } }
        policy all { each layer { weights = int4 } }";
    let lines =
        "space = two  m in {4, 8}  policy in {wide { most = m }, all}  finetune { epochs = 1 }";
    assert_eq!(searched(&format!("{filtered}\n{SPACES}"), lines).len(), 3);
    let policies = "use std.policies.{uniform_int, tied}";
    let lines =
        "space = three  b in {4, 8}  policy in {uniform_int { bits = b }, tied { kinds = {int8} }}
        finetune { epochs = 1 }";
    let quantizers = "use std.quantizers.int8\n";
    assert_eq!(
        searched(&format!("{policies}\n{quantizers}\n{SPACES}"), lines).len(),
        3
    );
}

/// What a quantizer's formulas look at, progress aside.
#[test]
fn a_name_of_a_quantizer_exists_where_its_formulas_read_it() {
    let gradient = |gradient: &str| {
        format!(
            "use std.quantizers.binary
            quantizer my : binary {{ a in {{1, 2}}  sharp in {{false, true}}  gradient(x) = {gradient} }}
            quantizer mine : my {{ gradient(x) = 1 }}
            policy p {{ conv layer {{ weights = my  activations = binary }} }}
            policy named {{ q = my  conv layer {{ weights = q  activations = binary }} }}
            policy given {{ w in {{1, 2}}
              conv layer {{ weights = my {{ a = w }}  activations = binary }} }}
            policy amended {{ conv layer {{ weights = mine  activations = binary }} }}
            policy chosen {{ conv layer {{ weights in {{my, binary}}  activations = binary }} }}
            {SPACES}"
        )
    };
    let count =
        |text: &str, policy: &str| searched(text, &format!("space = two  policy = {policy}")).len();
    let where_sharp = gradient("if sharp then a * max(1 - abs(x), 0) else 1");
    let counts = [
        ("p", 3),
        ("named", 3),
        ("given", 3),
        ("amended", 1),
        ("chosen", 3 + 1),
    ];
    for (policy, expected) in counts {
        assert_eq!(count(&where_sharp, policy), expected, "{policy}");
    }
    let late = gradient("if sharp and progress > 0.5 then a * max(1 - abs(x), 0) else 1");
    assert_eq!(count(&late, "p"), 3);
    let either = gradient("if sharp or progress > 0.5 then a * max(1 - abs(x), 0) else 1");
    assert_eq!(count(&either, "p"), 2 * 2);
    let within = gradient("if x > 0 and sharp then a else max(1 - abs(x), 0)");
    assert_eq!(count(&within, "p"), 3);
}

#[test]
fn a_stage_that_is_left_out_reads_nothing() {
    let policies = "use std.quantizers.int8
        policy wide { conv layer where kernel > 3 { weights = int8  activations = int8 } }
        policy some { conv layer { weights in {float, int8} } }
        policy narrow { each layer { weights in {int8, int8 { bits = 4 }} } }";
    let count = |lines: &str| searched(&format!("{policies}\n{SPACES}"), lines).len();
    let wide = "k in {3, 5}  space = one { k = k }  policy = wide  finetune.epochs in 1..2";
    assert_eq!(count(wide), 1 + 2);
    let some = "n in 1..2  space = two  policy = some
        finetune { epochs = n  optimizer in {sgd(lr in {0.1, 0.01}), adam(lr = 0.1)} }";
    assert_eq!(count(some), 1 + 2 * 3);
    let narrow = "space = one { width = 4 }  policy = narrow  finetune.epochs in 1..2";
    assert_eq!(count(narrow), 4 * 2);
}

/// The search ends before it, and what it trains is one of what was searched.
#[test]
fn what_is_trained_in_the_end_reads_what_the_search_did() {
    let lines = "r in {0.01, 0.1}  space = three  train.optimizer in {sgd(lr = r), adam(lr = 0.1)}
        final { on = best  optimizer = sgd(lr = r) }";
    assert_eq!(searched(SPACES, lines).len(), 2 * 2);
    let alone = "n in {1, 2}  space = three  final { on = best  epochs = n }";
    assert_eq!(
        codes(&on_digits(SPACES, alone)),
        ["bnas::domain::not_searched"]
    );
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

#[test]
fn a_requirement_reads_names_of_a_policy() {
    let policies = "use std.quantizers.{int, int8}
        policy p { b in {4, 8}  each layer { weights = int { bits = b }  activations = int8 } }
        policy all { each layer { weights = int8  activations = int8 } }";
    let text = format!("{policies}\n{SPACES}");
    let alone = "space = two  policy = p  require policy.b <= 4";
    assert_eq!(searched(&text, alone).len(), 1);
    let among = "space = two  policy in {p, all}  require policy.p.b <= 4";
    assert_eq!(searched(&text, among).len(), 2);
}

/// What follows from a condition is looked for in conditions that join others on both sides.
#[test]
fn conditions_of_many_parts_are_answered() {
    let text = "use std.blocks.{basic, inverted_residual}
        use std.quantizers.{binary, int8, ternary}
        space na { layer stem = conv(channels = 4)
          block in {basic(channels = 4), inverted_residual(channels = 4, expansion in {1, 2})}
          layer head = pool(average) -> linear(classes) }
        space nb { layer stem = conv(channels = 4)  layer head = pool(average) -> linear(classes) }
        policy pa { each layer { weights = int8  activations = int8 } }
        policy pb { every layer { q in {binary, ternary, int8}  weights = q  activations = q }
          first layer, last layer { weights = int8  activations = int8 } }";
    let lines = "space in {na, nb}  policy in {pa, pb}
        require policy.pb.every[0].q == binary and model_size <= 4000 bit";
    assert_eq!(searched(text, lines).len(), 8);
}

//! Training, policies, quantizers and targets read names where they are chosen.

use super::super::fixtures::{codes, on_digits};
use super::{SPACES, searched};

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

//! What a policy and its rules require of their own names, and comparisons of which neither side is one.

use num_bigint::BigUint;

use super::fixtures::{on_digits, refusals, template};
use crate::diagnostic::render;
use crate::model::counting::Count;

/// Two layers under a policy.
fn text(policy: &str, lines: &str) -> String {
    let space = "space net {
  layer stem = conv(channels = 4) -> norm -> relu
  layer head = pool(average) -> linear(classes)
}";
    let uses = "use std.quantizers.{binary, int, int8}";
    on_digits(
        &format!("{uses}\n{space}\npolicy p {{ {policy} }}"),
        &format!("space = net  policy = p\n{lines}"),
    )
}

fn count(policy: &str) -> Count {
    let template = template(&text(policy, "finetune { epochs = 1 }"));
    template.counted().count(template.decisions())
}

#[test]
fn choices_among_calls_are_compared_by_name() {
    let searched = "weights in {int { bits in {2, 4} }, binary}  activations = int8";
    let named = "q in {int { bits in {2, 4} }, binary}  weights = q  activations = int8";
    for (require, points) in [
        ("weights != binary", 4_u32),
        ("weights == int", 4),
        ("weights != int", 1),
        ("weights == binary", 1),
        ("activations == int8", 9),
        ("weights != activations", 9),
    ] {
        for choice in [searched, named] {
            // What a rule requires stands above or below what it speaks of.
            for rule in [
                format!("each layer {{ {choice}\nrequire {require} }}"),
                format!("each layer {{ require {require}\n{choice} }}"),
            ] {
                assert_eq!(count(&rule), Count::Exact(BigUint::from(points)), "{rule}");
            }
        }
        let every = format!("every layer {{ {searched}\nrequire {require} }}");
        let points = f64::from(points).sqrt() as u32;
        assert_eq!(
            count(&every),
            Count::Exact(BigUint::from(points)),
            "{every}"
        );
    }
}

#[test]
fn what_a_member_is_called_with_is_read_by_a_name() {
    let rule = "each layer { n in {2, 4}  weights in {int { bits = n }, binary}  activations = int8
      require weights == int implies n == 2 }";
    assert_eq!(count(rule), Count::Exact(BigUint::from(4_u32)));
}

#[test]
fn names_of_a_policy_are_compared_by_name() {
    let choice = "w in {int { bits in {2, 4} }, binary}";
    let rule = "each layer { weights = w  activations = int8 }";
    for (require, points) in [("w != int", 1_u32), ("w == int", 2)] {
        let policy = format!("{choice}\nrequire {require}\n{rule}");
        assert_eq!(count(&policy), Count::Exact(BigUint::from(points)));
    }
}

/// The only report of a text.
fn only(text: &str) -> String {
    let (found, sources) = refusals(text);
    let shown = render(&found, &sources, false);
    assert_eq!(found.len(), 1, "{shown}");
    shown
}

#[test]
fn who_is_no_member_is_refused_in_rules_and_copies() {
    let rule = |require: &str| {
        let rule = "weights in {int { bits in {2, 4} }, binary}  activations = int8";
        only(&text(
            &format!("each layer {{ {rule}\nrequire {require} }}"),
            "",
        ))
    };
    assert!(rule("weights != int8").contains("`weights` has no member `int8`"));
    assert!(rule("weights.int.bits == 2").contains("weights in {int { bits = n }, …}"));
    assert!(rule("weights != int { bits = 2 }").contains("write `weights == int`"));
    let outside = text(
        "each layer { weights in {int { bits in {2, 4} }, binary}  activations = int8 }",
        "require policy.stem.weights != int { bits = 2 }",
    );
    assert!(only(&outside).contains("`policy.stem.weights` are compared by their names"));
    let blocks = "use std.blocks.basic
block plain(channels) { layer c = conv(channels = channels) -> norm -> relu }
block wide(channels) { layer c = conv(channels = 2 * channels) -> norm -> relu }
space net {
  repeat 2 as s {
    block in {plain(channels = 8), wide(channels = 8)}
    require block != basic
  }
  layer head = pool(average) -> linear(classes)
}";
    let shown = only(&on_digits(blocks, "space = net"));
    assert!(shown.contains("`block` has no member `basic`"), "{shown}");
}

#[test]
fn two_words_are_not_compared() {
    let rule = "each layer { weights in {int8, binary}  activations = int8 }";
    for (require, help) in [
        ("relu == hardtanh", "name what is chosen on one side"),
        (
            "weights == binary",
            "`policy.head.weights` of a layer `head`",
        ),
    ] {
        let shown = only(&text(rule, &format!("require {require}")));
        assert!(shown.contains("both sides of this comparison are words"));
        assert!(shown.contains(help), "{shown}");
    }
}

#[test]
fn rules_that_are_amended_take_the_place_of_others() {
    let warned = |policy: &str, given: &str| -> Vec<&'static str> {
        let text = text(policy, "").replace("policy = p", &format!("policy = p {given}"));
        let template = template(&text.replace(", int,", ","));
        template.warnings().iter().map(|d| d.code).collect()
    };
    let all = |q: &str| format!("each layer {{ weights = {q}  activations = {q} }}");
    let (own, amended) = (all("int8"), all("binary"));
    assert_eq!(warned(&own, &format!("{{ {amended} }}")), [""; 0]);
    let both = format!("{own} {amended}");
    assert_eq!(warned(&both, ""), ["bnas::policy::never_wins"]);
}

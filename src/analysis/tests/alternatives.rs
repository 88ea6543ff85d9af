//! Choices among whole spaces, policies and targets.

use num_bigint::BigUint;

use super::fixtures::{self, on_digits};
use crate::model::counting::Count;
use crate::model::{Template, counting};

const DECLARED: &str = "use std.quantizers.{binary, int8, ternary}
space small { width in {8, 16}  layer one = conv(channels = width) -> norm -> relu  layer head = pool(average) -> linear(classes) }
space deep {
  depth in 1..3
  repeat depth as d { layer c = conv(channels = 8) -> norm -> relu }
  layer head = pool(average) -> linear(classes)
}
policy one { each layer { weights = int8  activations = int8 } }
policy two { each layer { q in {binary, ternary}  weights = q  activations = q } }";

fn template(require: &str) -> Template {
    let lines =
        format!("space in {{small, deep}} default deep  policy in {{one, two}}\n  {require}");
    fixtures::template(&on_digits(DECLARED, &lines))
}

#[test]
fn spaces_and_policies_are_searched() {
    // small has two layers with weights, deep one to three and the head: 2·(1 + 2²) + (1 + 2²) + (1 + 2³) + (1 + 2⁴)
    for (require, points) in [
        ("", 41_u32),
        ("require space == small implies policy == one", 33),
        ("require space.deep.depth <= 2", 24),
        ("require policy == two", 36),
    ] {
        let count = counting::count(template(require).decisions());
        assert_eq!(count, Count::Exact(BigUint::from(points)), "{require}");
    }
}

#[test]
fn the_default_is_the_chosen_network() {
    let template = template("");
    let point = template.decisions().default_point();
    let named = template.decisions().named(&point);
    let paths: Vec<_> = named.map(|(path, _)| path.to_string()).collect();
    assert_eq!(paths, ["space", "space.deep.depth", "policy"]);
    let network = template.candidate(&point).unwrap().unwrap().network;
    assert!(network.nodes.iter().any(|n| n.layer == "deep.d[0].c"));
    assert!(network.nodes.iter().all(|n| !n.layer.starts_with("small")));
}

/// How many points a requirement leaves of four sets of repairs and two widths.
fn left_of_repairs(require: &str) -> Count {
    let declared = "use std.quantizers.binary
use std.repairs.topology.double_residual
use std.repairs.training.feature_approx_sign
space s { width in {8, 16}  layer one = conv(channels = width) -> norm -> relu  layer head = pool(average) -> linear(classes) }
policy p { each layer { weights = binary  activations = binary } }";
    let lines = format!(
        "space = s  policy = p  repairs in subsets {{double_residual, feature_approx_sign}}\n  {require}"
    );
    counting::count(fixtures::template(&on_digits(declared, &lines)).decisions())
}

#[test]
fn repairs_are_compared_as_sets_in_any_order() {
    for (require, points) in [
        ("", 8_u32),
        ("require repairs == {} implies space.width == 8", 7),
        (
            "require repairs == feature_approx_sign implies space.width == 8",
            7,
        ),
        ("require feature_approx_sign != repairs", 6),
        (
            "require repairs != {feature_approx_sign, double_residual}",
            6,
        ),
        (
            "require repairs != {double_residual, feature_approx_sign}",
            6,
        ),
    ] {
        let expected = Count::Exact(BigUint::from(points));
        assert_eq!(left_of_repairs(require), expected, "{require}");
    }
}

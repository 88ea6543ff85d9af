//! What only training sees of a quantizer: neither counts nor sizes hang on it.

use num_bigint::BigUint;

use super::checked;
use super::fixtures::{codes, on_digits, paths, template};
use crate::diagnostic::Severity;
use crate::model::counting::{Count, Counted};
use crate::model::range::by_layers;
use crate::model::{Choices, Template};

const DECLARED: &str = "use std.quantizers.{ede, int}
use std.spaces.small_cnn
quantizer clipped : uniform { bits = 4  c = 1.0  scale(w) = stop(max(c * max(abs(w), per = filter) / high, 1e-6)) }
quantizer shared : uniform { bits = 4  scale = percentile(share in {0.9, 0.99}) }
policy real { t in 0.5..1.0
  each layer { weights = clipped { bits in 2..8  c = t }  activations = int { bits = 8 } }
  first layer, last layer { weights = int { bits = 8 }  activations = int { bits = 8 } } }
policy fixed { each layer { weights = clipped { bits in 2..8 }  activations = int { bits = 8 } }
  first layer, last layer { weights = int { bits = 8 }  activations = int { bits = 8 } } }
policy steep { each layer { weights = ede { t_min in 1e-2..1e-1 }  activations = int { bits in 2..4 } } }
policy set { each layer { weights = ede { t_min in {1e-2, 1e-3} }  activations = int { bits in 2..4 } } }
policy share { each layer { weights = shared  activations = int { bits = 8 } } }";

fn with(policy: &str, lines: &str) -> String {
    on_digits(
        DECLARED,
        &format!("space = small_cnn {{ width = 4 }}  policy = {policy}\n  {lines}"),
    )
}

/// The number of points, of which reals are one member each.
fn points(template: &Template) -> Count {
    let mut decisions = template.decisions().clone();
    for decision in &mut decisions.all {
        if decision.choices.len().is_none() {
            decision.choices = Choices::Categories(vec![decision.default.clone()]);
        }
    }
    Counted::new(&decisions).count(&decisions)
}

#[test]
fn a_real_that_a_formula_of_weights_reads_leaves_sizes_countable() {
    for limit in ["900 B", "1000 B", "1100 B"] {
        let require = format!("require model_size <= {limit}");
        let (real, fixed) = (
            template(&with("real", &require)),
            template(&with("fixed", &require)),
        );
        assert!(real.counted().is_exact());
        assert_eq!(points(&real), points(&fixed), "{limit}");
        assert_ne!(points(&real), Count::Exact(BigUint::ZERO));
    }
    let require = "require model_size <= 400 B";
    assert_eq!(
        codes(&with("steep", require)),
        ["bnas::require::unmeetable"]
    );
}

#[test]
fn what_changes_no_size_leaves_bounds_attained() {
    let template = template(&with("set", ""));
    let ranges = by_layers(&template);
    for name in ["params", "macs", "model_size"] {
        let range = ranges[name];
        let (low, high) = (range.low.unwrap(), range.high.unwrap());
        assert!(low.is_attained && high.is_attained, "{name}");
        assert_eq!(low.value, high.value);
    }
}

#[test]
fn a_field_of_a_declared_quantizer_that_holds_a_choice_is_searched() {
    let template = template(&with("share", ""));
    let all = paths(&template);
    assert!(
        all.iter().all(|path| path.ends_with("weights.scale.share")),
        "{all:?}"
    );
    assert_eq!(
        points(&template),
        Count::Exact(BigUint::from(1_u32 << all.len()))
    );
    let point = template.decisions().default_point();
    assert!(template.candidate(&point).unwrap().is_some());
}

/// What is said of a quantizer that no experiment uses.
fn said(quantizer: &str) -> Vec<(&'static str, Severity)> {
    let (found, _) = checked(
        "test.bnas",
        &format!("bnas 1\nuse std.quantizers.int\n{quantizer}\n"),
    );
    let found = found.diagnostics.into_iter();
    found.map(|d| (d.code, d.severity)).collect()
}

#[test]
fn the_largest_code_is_that_of_the_kind_and_the_bits() {
    for fine in [
        "quantizer z : ternary { gradient(x) = ln(2 - high) }",
        "quantizer z : uniform { bits = 8  signed = true  gradient(x) = sqrt(high - 100) }",
        "quantizer z : int { bits = 4  signed = false  gradient(x) = ln(16 - high) }",
        "quantizer z : uniform { bits in {2, 3}  gradient(x) = ln(8 - high) }",
        "quantizer z : binary { gradient(x) = sqrt(low + high) }",
    ] {
        assert_eq!(said(fine), [], "{fine}");
    }
    for wrong in [
        "quantizer z : ternary { gradient(x) = ln(1 - high) }",
        "quantizer z : uniform { bits = 4  signed = true  gradient(x) = sqrt(high - 100) }",
        "quantizer z : uniform { bits in {2, 3}  gradient(x) = ln(7 - high) }",
        "quantizer z : int { bits = 4  gradient(x) = ln(15 - high) }",
    ] {
        assert_eq!(
            said(wrong),
            [("bnas::domain::undefined", Severity::Error)],
            "{wrong}"
        );
    }
    // Fewer bits where it is used, and the formula goes wrong there.
    let declared = "use std.spaces.small_cnn
quantizer z : uniform { bits = 8  signed = true  gradient(x) = sqrt(high - 100) }
policy p { each layer { weights = z { bits = B }  activations = z } }";
    let with = |bits: &str| {
        on_digits(
            &declared.replace('B', bits),
            "space = small_cnn  policy = p",
        )
    };
    assert_eq!(codes(&with("7")), ["bnas::domain::undefined"]);
    template(&with("8"));
}

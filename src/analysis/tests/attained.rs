//! Limits that candidates attain exactly: whichever way a metric is added up, they keep what reaches them.

use super::fixtures::{every_point, on_digits, template};
use crate::model::counting::Count;

const DECLARED: &str = "use std.quantizers.{binary, int8}
use std.targets.braintta
space net {
  depth in 1..2
  repeat depth as d {
    width in {8, 24}
    layer c = conv(channels = width) -> norm -> relu
  }
  layer head = pool(average) -> linear(classes)
}
policy few {
  each layer { q in {binary, int8}  weights = q  activations = q }
  first layer, last layer { weights = int8  activations = int8 }
}
";

fn text(lines: &str) -> String {
    let setting = "space = net  policy = few  target = braintta { clock in {150 MHz, 300 MHz} }";
    on_digits(DECLARED, &format!("{setting}\n  {lines}"))
}

/// The metric of every candidate becomes a limit of it, in the shortest decimals, in some more, and moved by its last digit.
#[test]
fn a_limit_keeps_all_that_cost_as_much() {
    let free = template(&text(""));
    let (_, points) = every_point(&free);
    let known: Vec<_> = points.iter().map(|p| free.known(p).unwrap().0).collect();
    type Formula = (&'static str, &'static str, fn(f64, f64) -> f64);
    let formulas: [Formula; 4] = [
        ("energy", "J", |energy, _| energy),
        ("latency", "s", |_, latency| latency),
        ("energy / latency", "W", |energy, latency| energy / latency),
        ("energy * latency", "J*s", |energy, latency| {
            energy * latency
        }),
    ];
    for (formula, unit, of) in formulas {
        let values: Vec<f64> = known
            .iter()
            .map(|m| of(m["energy"], m["latency"]))
            .collect();
        for at in values.iter().step_by(7) {
            let close = |x: f64| (x - at).abs() <= 1e-11 * at.abs();
            let below = values.iter().filter(|x| **x < *at && !close(**x)).count();
            let equal = values.iter().filter(|x| close(**x)).count();
            for written in [*at, at.next_up(), at.next_down(), at * (1.0 + 1e-14)] {
                let cases = [
                    ("<=", below + equal),
                    ("<", below),
                    (">=", values.len() - below),
                    ("==", equal),
                ];
                for (sign, expected) in cases.into_iter().filter(|(_, n)| *n > 0) {
                    let require = format!("require {formula} {sign} {written:e} {unit}");
                    let limited = template(&text(&require));
                    let counted = limited.counted().count(limited.decisions());
                    assert_eq!(counted, Count::Exact(expected.into()), "{require}");
                }
            }
        }
    }
}

/// Decimal fractions are what is written, on either side.
#[test]
fn sums_of_decimals_are_what_they_are_on_paper() {
    let count = |require: &str| {
        let text = format!(
            "bnas 1
experiment e {{
  a in {{0.1, 0.2, 0.3}}
  b in {{0.1, 0.2, 0.3}}
  maximize a
  require {require}
  search {{ method = grid }}
}}
"
        );
        let template = template(&text);
        template.counted().count(template.decisions())
    };
    let cases: [(&str, u32); 8] = [
        ("a + b == 0.3", 2),
        ("a + b - 0.3 == 0", 2),
        ("a + b <= 0.3", 3),
        ("a + b < 0.3", 1),
        ("0.3 - a >= b", 3),
        ("0.3 - a > b", 1),
        ("a + b != 0.3", 7),
        ("3 * a >= 0.3 + 2 * b", 4),
    ];
    for (require, expected) in cases {
        assert_eq!(count(require), Count::Exact(expected.into()), "{require}");
    }
}

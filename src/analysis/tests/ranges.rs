//! The smallest and the largest value of each metric, against every candidate one by one.

use std::collections::BTreeMap;

use super::checked;
use crate::diagnostic::render;
use crate::ir::Value;
use crate::model::counting::members;
use crate::model::range::{End, Range, by_layers};
use crate::model::survey::survey;
use crate::model::{Point, Template};

const SUMS: [&str; 3] = ["macs", "params", "model_size"];
const PRICES: [&str; 3] = ["energy", "latency", "stored_size"];

/// An experiment over a space of a few layers.
fn template(body: &str, lines: &str) -> Template {
    let text = format!(
        "bnas 1
use std.data.digits
use std.quantizers.{{binary, int8}}
use std.blocks.{{basic, inverted_residual}}
use std.targets.braintta
use std.repairs.topology.double_residual
space net {{
{body}
  layer head = pool(average) -> linear(classes)
}}
policy few {{
  each layer {{ q in {{binary, int8}}  weights = q  activations = q }}
  last layer {{ weights = int8  activations = int8 }}
}}
experiment e {{
  data = digits
  space = net
  policy = few
  target = braintta
  train {{ epochs = 1  optimizer = sgd(lr in 1e-2..1e-1 log) }}
  search {{ method = random  trials = 4 }}
  maximize accuracy
  {lines}
}}
"
    );
    // Not every experiment uses everything.
    let (found, sources) = checked("test.bnas", &text);
    let shown = render(&found.diagnostics, &sources, false);
    assert!(found.program.is_some(), "{shown}");
    Template::new(&found.program.unwrap().experiments[0]).unwrap()
}

/// Two stages that share a width, with a depth that is searched.
const STAGES: &str = "  width in {4, 8}
  layer stem = conv(channels = width) -> norm -> relu
  repeat 2 as s {
    depth in 0..2
    kernel in {1, 3}
    repeat depth as d {
      layer c = conv(channels = 2 * width, kernel = kernel, stride = if d == 0 then 2 else 1) -> norm -> relu
    }
  }";

/// Every candidate that meets what is known before training, reals at their default, with its metrics.
fn candidates(template: &Template) -> Vec<(Point, BTreeMap<String, f64>)> {
    let mut decisions = template.decisions().clone();
    for decision in &mut decisions.all {
        if decision.choices.len().is_none() {
            decision.choices = crate::model::Choices::Categories(vec![decision.default.clone()]);
        }
    }
    let all: Vec<Point> = members(&decisions).unwrap().collect();
    let mut found = Vec::new();
    for point in all {
        let metrics = template.known(&point).unwrap();
        let is_met = template
            .requires()
            .iter()
            .all(|require| template.evaluate(require, &point, &metrics) == Ok(Value::Bool(true)));
        if is_met {
            found.push((point, metrics.0));
        }
    }
    found
}

/// No candidate is beyond an end, and one is at each that is said to be attained. The ends that are not, as `low name` and `high name`, by layers
/// alone: of few candidates, none is left open.
fn compare(template: &Template) -> Vec<String> {
    let all = candidates(template);
    assert!(!all.is_empty());
    if template.counted().is_exact() {
        assert!(compared(&survey(template).ranges, &all).is_empty());
    }
    compared(&by_layers(template), &all)
}

fn compared(
    ranges: &BTreeMap<&'static str, Range>,
    all: &[(Point, BTreeMap<String, f64>)],
) -> Vec<String> {
    let mut open: Vec<String> = Vec::new();
    for name in SUMS.iter().chain(&PRICES).chain(&["peak_memory"]) {
        let of =
            |pick: fn(f64, f64) -> f64| all.iter().map(|(_, m)| m[*name]).reduce(pick).unwrap();
        let Range { low, high } = ranges.get(name).copied().unwrap_or_default();
        let mut one = |end: Option<End>, truth: f64, sign: f64, side: &str| match end {
            Some(End {
                value,
                is_attained: true,
            }) => {
                assert!(
                    (value - truth).abs() <= 1e-9 * truth,
                    "{side} {name}: {value}, not {truth}"
                );
            }
            Some(End { value, .. }) => {
                assert!(
                    sign * value <= sign * truth * (1.0 + sign * 1e-9),
                    "{side} {name}: {value} {truth}"
                );
                open.push(format!("{side} {name}"));
            }
            None => open.push(format!("{side} {name}")),
        };
        one(low, of(f64::min), 1.0, "low");
        one(high, of(f64::max), -1.0, "high");
    }
    open
}

#[test]
fn without_requirements() {
    assert!(compare(&template(STAGES, "")).is_empty());
}

#[test]
fn within_requirements() {
    let all = candidates(&template(STAGES, ""));
    let quantile = |name: &str, share: usize| {
        let mut values: Vec<f64> = all.iter().map(|(_, m)| m[name]).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() * share / 10]
    };
    for require in [
        format!("require model_size <= {} bit", quantile("model_size", 4)),
        format!("require macs >= {} mac", quantile("macs", 6)),
        format!(
            "require macs <= {} mac\n require params >= {}",
            quantile("macs", 5),
            quantile("params", 3)
        ),
        "require increasing(space.s[*].depth)".into(),
        "require space.width == 8 implies space.s[0].depth == 2 and space.s[1].kernel == 3".into(),
        "require train.optimizer.lr >= 2e-2 and space.width == 8".into(),
    ] {
        let open = compare(&template(STAGES, &require));
        assert!(open.is_empty(), "{require}: {open:?}");
    }
    // The limit is a bound that no candidate need have.
    let energy = template(
        STAGES,
        &format!("require energy <= {} J", quantile("energy", 5)),
    );
    compare(&energy);
}

/// Where nothing better is known, a metric is bounded by what is required of it.
#[test]
fn no_end_is_beyond_its_own_requirement() {
    let repairs = "repairs in {{}, {double_residual}}";
    let high = |lines: &str| {
        let range = by_layers(&template(STAGES, lines))["energy"];
        range.high
    };
    assert_eq!(high(repairs), None);
    for limit in ["energy <= 300 nJ", "macs >= 1 mac and 300 nJ >= energy"] {
        let end = high(&format!("{repairs}\n require {limit}")).unwrap();
        assert_eq!((end.value, end.is_attained), (300e-9, false), "{limit}");
    }
    // Without repairs, too, whatever the bound by layers is.
    for limit in [120e-9, 150e-9, 200e-9, 1.0] {
        let require = format!("require energy <= {limit} J");
        let end = high(&require).unwrap();
        assert!(end.value <= limit, "{limit}: {end:?}");
        compare(&template(STAGES, &require));
    }
    // A lower limit is a lower end.
    let range = by_layers(&template(STAGES, "require peak_memory >= 600 B"))["peak_memory"];
    assert!(range.low.unwrap().value >= 4800.0, "{range:?}");
}

#[test]
fn of_alternative_blocks() {
    let body = "  resumes in {false, true}
  layer stem = conv(channels = 8) -> norm -> relu
  repeat 2 as s {
    block in {basic(channels = 8), inverted_residual(channels = 8, expansion in {2, 4})} default inverted_residual
  }
  add stem via conv_shortcut when resumes";
    let template = template(body, "");
    let open = compare(&template);
    assert!(open.is_empty(), "{open:?}");
    let low = survey(&template).ranges["macs"].low.unwrap();
    assert!(low.value > 64.0 * 72.0, "{low:?}");
}

#[test]
fn of_branches_and_repairs() {
    let branches = |join: &str| {
        format!(
            "  layer stem = conv(channels = 8) -> norm -> relu
  parallel {{
    branch near {{ layer point = conv(channels = 8, kernel = 1) -> norm -> relu }}
    branch far  {{ layer patch = conv(channels = 8) -> norm -> relu }}
  }} join {join}"
        )
    };
    assert!(compare(&template(&branches("concat"), "")).is_empty());
    let added = compare(&template(&branches("add"), ""));
    for name in ["energy", "latency"] {
        assert!(added.contains(&format!("high {name}")), "{added:?}");
    }
    // Who reads what changes with a repair.
    let repaired = compare(&template(STAGES, "repairs in {{}, {double_residual}}"));
    for name in ["energy", "peak_memory"] {
        assert!(repaired.contains(&format!("high {name}")), "{repaired:?}");
    }
}

#[test]
fn of_a_network_without_decisions() {
    let body = "  layer stem = conv(channels = 8) -> norm -> relu";
    let mut template = template(body, "require policy.stem.q == int8");
    assert!(compare(&template).is_empty());
    template = self::template(body, "");
    assert!(survey(&template).ranges["macs"].low.unwrap().is_attained);
}

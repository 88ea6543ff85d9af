//! Requirements that are not counted, over few candidates: each candidate is tried, and all that is said is exact.

use std::collections::BTreeSet;

use num_bigint::BigUint;

use super::fixtures::{self, every_point, few, meets, on_digits};
use crate::model::counting::{Count, How, Next, Uniform, members};
use crate::model::survey::{Verdict, survey};
use crate::model::{Decisions, Point, Template};
use crate::stream::{Purpose, stream};

/// Few candidates; `train` says what is trained.
fn text(train: &str, lines: &str) -> String {
    few(lines).replace("train { epochs = 1 }", train)
}

fn template(lines: &str) -> Template {
    fixtures::template(&text("train { epochs = 1 }", lines))
}

/// Halfway between two neighbors among the values that candidates have, `share` tenths from the least one.
fn between(of: impl Fn(&dyn Fn(&str) -> f64) -> f64, share: usize) -> f64 {
    let free = template("");
    let (_, all) = every_point(&free);
    let known = all.iter().map(|point| free.known(point).unwrap());
    let mut values: Vec<f64> = known.map(|k| of(&|name| k.0[name])).collect();
    values.sort_by(f64::total_cmp);
    values.dedup_by(|x, y| *x - *y < 1e-9 * y.abs());
    let at = values.len() * share / 10;
    (values[at - 1] + values[at]) / 2.0
}

/// Every point that meets all requirements, by asking the network of each.
fn met(template: &Template) -> Vec<Point> {
    let (_, all) = every_point(template);
    let is_met = |point: &Point| {
        let known = template.known(point).unwrap();
        template.decisions().is_feasible(point) && meets(template, point, &known)
    };
    all.into_iter().filter(is_met).collect()
}

/// Requirements of many forms, none of which is a constraint or a sum over layers.
fn requirements() -> Vec<String> {
    let mut found = Vec::new();
    for share in [2, 5, 8] {
        let power = between(|of| of("energy") / of("latency"), share);
        found.push(format!("require energy / latency <= {power:e} W"));
        let each = between(|of| of("energy") / of("macs"), share);
        found.push(format!(
            "require energy / (1 J) / (macs / (1 mac)) >= {each:e}"
        ));
        let product = between(|of| of("energy") * of("latency"), share);
        let product = format!("energy / (1 J) * latency / (1 s) <= {product:e}");
        found.push(format!("require {product}"));
        let memory = between(|of| of("peak_memory"), share);
        let memory = format!("max(peak_memory, 1 bit) <= {memory} bit");
        found.push(format!(
            "require {memory}\n  require energy / latency >= {:e} W",
            power * 0.9
        ));
        found.push(format!("require {memory} or {product}"));
        found.push(format!(
            "require {memory}\n  require count(space.d[*].width == 8) <= 1"
        ));
        let size = between(|of| of("model_size"), 9);
        found.push(format!(
            "require {product}\n  require model_size <= {size} bit"
        ));
        found.push(format!("require space.depth == 2 implies {product}"));
        let energy = between(|of| of("energy"), share);
        found.push(format!(
            "require energy >= {energy:e} J\n  require {memory}"
        ));
    }
    found
}

#[test]
fn few_candidates_are_counted_as_they_are() {
    for lines in requirements() {
        let template = template(&lines);
        let decisions = template.decisions();
        let expected = met(&template);
        assert!(!expected.is_empty(), "{lines}");
        let counted = template.counted();
        let count = counted.count(decisions);
        assert_eq!(count, Count::Exact(expected.len().into()), "{lines}");
        assert!(matches!(counted.how(), How::Trying(2..=80)), "{lines}");
        let found = survey(&template);
        assert_eq!(found.sample, None, "{lines}");
        for verdict in &found.verdicts {
            assert!(
                matches!(verdict, Verdict::Meetable | Verdict::Always),
                "{lines}"
            );
        }
        // What never occurs.
        for (index, decision) in decisions.all.iter().enumerate() {
            let occurs: BTreeSet<Option<u64>> = (expected.iter())
                .filter_map(|point| point.0[index].as_ref())
                .map(|value| decision.choices.index_of(value))
                .collect();
            let members = 0..decision.choices.len().unwrap();
            let never: Vec<_> = members.filter(|m| !occurs.contains(&Some(*m))).collect();
            let pruned = found.pruned.iter().find(|p| p.path == decision.path);
            let pruned: Vec<_> = (pruned.iter().flat_map(|p| &p.members))
                .filter_map(|value| decision.choices.index_of(value))
                .collect();
            let never = if occurs.is_empty() { Vec::new() } else { never };
            assert_eq!(pruned, never, "{lines} {}", decision.path);
        }
        // From where to where metrics go.
        for (name, range) in &found.ranges {
            let values = expected.iter().map(|p| template.known(p).unwrap().0[*name]);
            let ends = values.fold((f64::INFINITY, 0.0_f64), |ends, value| {
                (ends.0.min(value), ends.1.max(value))
            });
            let (low, high) = (range.low.unwrap(), range.high.unwrap());
            assert!(low.is_attained && high.is_attained, "{lines} {name}");
            let is_close = |x: f64, y: f64| (x - y).abs() <= 1e-9 * y;
            assert!(
                is_close(low.value, ends.0) && is_close(high.value, ends.1),
                "{lines} {name}"
            );
        }
        // In order, nothing else is come by.
        let mut walk = members(decisions).unwrap();
        let mut listed = Vec::new();
        while let Next::Member(point) = walk.next_within(&mut { u64::MAX }, Some(counted)) {
            listed.push(point);
        }
        assert_eq!(listed, expected, "{lines}");
        let mut rng = stream(1, 0, Purpose::Search);
        for _ in 0..50 {
            let point = counted.draw(decisions, &mut Uniform(&mut rng)).unwrap();
            assert!(expected.contains(&point), "{lines}");
        }
    }
}

/// What one requirement alone excludes is laid to it, and what several exclude together is not.
#[test]
fn what_a_requirement_excludes_is_named() {
    let power = between(|of| of("energy") / of("latency"), 2);
    let text = format!("energy / latency <= {power:e} W");
    let template = template(&format!("require {text}"));
    let expected = met(&template);
    let found = survey(&template).pruned;
    assert!(!found.is_empty() && !expected.is_empty());
    for pruned in found {
        assert_eq!(pruned.by.as_deref(), Some(text.as_str()));
    }
}

/// The training says nothing of what a network costs: it is counted beside the candidates that are tried, reals included.
#[test]
fn what_is_only_trained_is_not_tried() {
    let power = between(|of| of("energy") / of("latency"), 5);
    let lines = format!("require energy / latency <= {power:e} W");
    let networks = met(&template(&lines)).len();
    for (train, ways, is_finite) in [
        (
            "train { epochs in 1..1000  batch in {16, 32} }",
            2000_u32,
            true,
        ),
        (
            "train { epochs = 1  optimizer in {sgd(lr in {0.1, 0.2, 0.4}), adam(lr = 1e-3)} }",
            4,
            true,
        ),
        (
            "train { epochs = 1  optimizer in {sgd(lr in 0.01..0.1 log), adam(lr = 1e-3)} }",
            2,
            false,
        ),
    ] {
        let template = fixtures::template(&text(train, &lines));
        let (counted, decisions) = (template.counted(), template.decisions());
        assert_eq!(counted.how(), How::Trying(80), "{train}");
        let all = BigUint::from(networks) * ways;
        assert_eq!(counted.parts(), Some(&all), "{train}");
        match is_finite {
            true => assert_eq!(counted.count(decisions), Count::Exact(all)),
            false => assert_eq!(counted.count(decisions), Count::Infinite),
        }
        assert_eq!(survey(&template).sample, None, "{train}");
        let mut rng = stream(2, 0, Purpose::Search);
        for _ in 0..50 {
            let point = counted.draw(decisions, &mut Uniform(&mut rng)).unwrap();
            let known = template.known(&point).unwrap();
            assert!(meets(&template, &point, &known), "{train}");
            // Every decision that exists has a value.
            let whole = decisions.repair(&point);
            assert_eq!(whole, point, "{train}");
        }
    }
}

/// A requirement on a real leaves each network those reals that meet it, and one on the training alone is counted with the training.
#[test]
fn requirements_on_the_training_stay_what_they_are() {
    let power = between(|of| of("energy") / of("latency"), 5);
    let lines = format!("require energy / latency <= {power:e} W");
    let networks = met(&template(&lines)).len();
    let train = "train { epochs in 1..4  batch in {16, 32} }";
    let both = format!("{lines}\n  require train.epochs * train.batch <= 64");
    let limited = fixtures::template(&text(train, &both));
    let count = limited.counted().count(limited.decisions());
    assert_eq!(count, Count::Exact((networks * 6).into()));
    let train = "train { epochs = 1  optimizer = sgd(lr in 0.01..0.1) }";
    let both = format!("{lines}\n  require train.optimizer.lr * space.d[0].width <= 0.8");
    let limited = fixtures::template(&text(train, &both));
    assert_eq!(limited.counted().parts(), Some(&networks.into()));
    let sample = survey(&limited).sample.unwrap();
    assert!(0 < sample.met && sample.met == sample.drawn);
}

#[test]
fn what_no_candidate_meets_is_refused() {
    let codes = |lines: &str| fixtures::codes(&text("train { epochs = 1 }", lines));
    let unmeetable = ["bnas::require::unmeetable"];
    assert_eq!(codes("require energy >= 1 J"), unmeetable);
    assert_eq!(codes("require energy / latency >= 1 kW"), unmeetable);
    assert_eq!(
        codes("require max(peak_memory, 1 bit) <= 1 bit"),
        unmeetable
    );
    // Together with a constraint, both are shown: the shallow ones do fewer multiplications.
    let of = |template: &Template| -> Vec<f64> {
        let points = met(template).into_iter();
        let known = points.map(|p| template.known(&p).unwrap());
        known.map(|k| k.0["macs"]).collect()
    };
    let least = of(&template("require space.depth == 2"));
    let least = least.into_iter().fold(f64::INFINITY, f64::min);
    let lines = format!(
        "require max(macs, peak_memory / (1 bit) * 0 mac) < {least} mac\n  require space.depth == 2"
    );
    let (found, _) = fixtures::refusals(&text("train { epochs = 1 }", &lines));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].code, "bnas::require::unmeetable");
    assert_eq!(found[0].labels.len(), 2);
}

/// Without a requirement that asks for it, too, the ends of few candidates are theirs.
#[test]
fn ends_of_few_candidates_are_known() {
    let declared = "use std.quantizers.{binary, int8}
use std.targets.braintta
space net {
  layer stem = conv(channels = 8, stride in {1, 2}) -> norm -> relu
  repeat 2 as d {
    width in {16, 8}
    layer c = conv(channels = width) -> norm -> relu
    add stem via conv_shortcut
  }
  layer head = pool(average) -> linear(classes)
}
policy few { each layer { q in {int8, binary}  weights = q  activations = q } }";
    let lines = "space = net  policy = few  target = braintta";
    let template = fixtures::template(&on_digits(declared, lines));
    let all: Vec<Point> = members(template.decisions()).unwrap().collect();
    for (name, range) in survey(&template).ranges {
        let values = all.iter().map(|p| template.known(p).unwrap().0[name]);
        let most = values.clone().fold(0.0, f64::max);
        let least = values.fold(f64::INFINITY, f64::min);
        let (low, high) = (range.low.unwrap(), range.high.unwrap());
        assert!(low.is_attained && high.is_attained, "{name}");
        let is_close = |x: f64, y: f64| (x - y).abs() <= 1e-9 * y;
        assert!(
            is_close(low.value, least) && is_close(high.value, most),
            "{name}"
        );
    }
}

#[test]
fn nothing_is_tried_of_many() {
    let many = text("train { epochs = 1 }", "require energy / latency <= 1 W")
        .replace("depth in 1..2", "depth in 1..4")
        .replace("width in {16, 8}", "width in {16, 8, 12, 24}");
    let template = fixtures::template(&many);
    assert!(!matches!(template.counted().how(), How::Trying(_)));
    assert!(survey(&template).sample.is_some());
    // Where constraints leave few of them, they are.
    let few = many.replace(
        "require energy",
        "require space.depth == 1\n  require energy",
    );
    let template = fixtures::template(&few);
    assert!(matches!(template.counted().how(), How::Trying(_)));
    let free = Decisions {
        constraints: Vec::new(),
        ..template.decisions().clone()
    };
    assert!(members(&free).unwrap().count() > 10_000);
}

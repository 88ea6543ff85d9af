//! What holds at every point of a space, looked at one by one.

use super::fixtures::*;
use crate::ir::{Experiment, Slot, Stmt, Value, Which};
use crate::model::template::Template;
use crate::model::{Choices, Point};

/// Depth, an optional layer, widths and quantizers: 1,000 points or so.
fn small() -> Experiment {
    let body: Vec<Stmt> = vec![
        set("width", any_of(&[2.0, 4.0])),
        set("depth", range(0, 2)),
        layer("stem", vec![conv(name("width")), plain("relu")]),
        repeat(
            name("depth"),
            "d",
            vec![
                set("wide", words(&["no", "yes"])),
                layer_when(
                    "more",
                    vec![with(
                        conv(times(name("input.channels"), number(6.0))),
                        "kernel",
                        1.0,
                    )],
                    equal(name("wide"), word("yes")),
                ),
                layer(
                    "down",
                    vec![with(conv(name("width")), "stride", 2.0), plain("relu")],
                ),
            ],
        ),
        head(),
    ];
    let bits = |set: &[f64]| -> Slot { record("int", vec![("bits", any_of(set))]).slot() };
    let mut narrow = rule(Which::All, Some(bits(&[3.0, 5.0])), None);
    narrow.selectors[0].filter = Some(above(name("params"), 30.0));
    let rules = vec![
        rule(
            Which::All,
            Some(words(&["binary", "int8"])),
            Some(word("int8").slot()),
        ),
        narrow,
        rule(Which::Last, Some(word("int8").slot()), None),
    ];
    Experiment {
        policy: Some(policy(rules)),
        ..experiment(body)
    }
}

fn small_template() -> (Template, Vec<Point>) {
    let template = template(&small());
    let points = all_points(template.decisions());
    assert!((100..20_000).contains(&points.len()), "{}", points.len());
    (template, points)
}

#[test]
fn every_point_is_a_candidate_within_the_extremes() {
    let (template, points) = small_template();
    let extremes = template.extremes();
    let mut attained = extremes
        .keys()
        .map(|name| (*name, (f64::INFINITY, f64::NEG_INFINITY)))
        .collect::<std::collections::BTreeMap<_, _>>();
    for point in &points {
        let known = template.known(point).unwrap();
        for (name, (low, high)) in &mut attained {
            let value = known.0[*name];
            (*low, *high) = (low.min(value), high.max(value));
        }
    }
    for (name, (low, high)) in &attained {
        let bound = extremes[name];
        assert!(
            bound.0 <= *low && *high <= bound.1,
            "{name}: {bound:?} {low} {high}"
        );
    }
    // Macs of a layer depend on decisions that all want the same thing.
    assert_eq!(extremes["macs"].1, attained["macs"].1);
}

/// Without shared decisions that layers want differently, the bounds are the smallest and the largest member.
#[test]
fn extremes_are_attained_by_independent_layers() {
    let widths = || any_of(&[2.0, 4.0]);
    let body = vec![
        set("use", words(&["no", "yes"])),
        set("width", widths()),
        layer("stem", vec![conv(name("width"))]),
        layer_when(
            "more",
            vec![conv(name("width"))],
            equal(name("use"), word("yes")),
        ),
        head(),
    ];
    let weights = Some(words(&["binary", "int8"]));
    let experiment = Experiment {
        policy: Some(policy(vec![rule(Which::All, weights, None)])),
        ..experiment(body)
    };
    let template = template(&experiment);
    let extremes = template.extremes();
    for name in ["macs", "params", "model_size"] {
        let points = all_points(template.decisions());
        let values: Vec<f64> = points
            .iter()
            .map(|p| template.known(p).unwrap().0[name])
            .collect();
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(0.0, f64::max);
        assert_eq!(extremes[name], (low, high), "{name}");
    }
}

#[test]
fn guards_look_back_only_and_points_are_complete() {
    let (template, points) = small_template();
    let decisions = template.decisions();
    for (index, decision) in decisions.all.iter().enumerate() {
        let of_guard = crate::model::expression::evaluate::decisions(&decision.guard);
        assert!(of_guard.iter().all(|i| *i < index), "{}", decision.path);
        assert!(decision.choices.contains(&decision.default));
    }
    for point in &points {
        for (index, value) in point.0.iter().enumerate() {
            assert_eq!(decisions.is_active(index, &point.0), value.is_some());
        }
        assert_eq!(decisions.repair(point), *point);
    }
}

#[test]
fn every_active_decision_matters() {
    let (template, points) = small_template();
    // Two points that differ in an active decision are different candidates: none is a decision about nothing.
    let mut seen: Vec<(String, &Point)> = points
        .iter()
        .map(|p| (format!("{:?}", template.candidate(p).unwrap()), p))
        .collect();
    let total = seen.len();
    seen.sort_by(|x, y| x.0.cmp(&y.0));
    seen.dedup_by(|x, y| x.0 == y.0);
    assert_eq!(seen.len(), total);
}

#[test]
fn repairing_a_point_keeps_what_is_possible() {
    let template = template(&small());
    let decisions = template.decisions();
    let default = decisions.default_point();
    assert!(decisions.is_feasible(&default));
    let mut changed = default.clone();
    let depth = paths(&template)
        .iter()
        .position(|p| *p == "space.depth")
        .unwrap();
    let width = paths(&template)
        .iter()
        .position(|p| *p == "space.width")
        .unwrap();
    changed.0[depth] = Some(Value::Number(2.0));
    // No member of its domain, nor of any: the default comes back.
    changed.0[width] = Some(Value::Number(3.0));
    let repaired = decisions.repair(&changed);
    assert_eq!(repaired.0[depth], Some(Value::Number(2.0)));
    assert_eq!(repaired.0[width], Some(Value::Number(2.0)));
    assert_eq!(decisions.repair(&repaired), repaired);
    template.candidate(&repaired).unwrap();
    // A point of another length has defaults for the rest.
    let nothing = decisions.repair(&Point(Vec::new()));
    assert_eq!(nothing, default);
    let shown: Vec<_> = decisions.named(&default).map(|(path, _)| path).collect();
    assert_eq!(shown[..2], ["space.width", "space.depth"]);
}

#[test]
fn members_and_indices_are_inverse() {
    let all = [
        Choices::Ordered(vec![1.0, 2.5, 8.0]),
        Choices::Categories(vec![
            Value::name("a"),
            Value::Number(1.0),
            Value::Set(vec![]),
        ]),
        Choices::Integers {
            low: -7,
            high: 12,
            step: 3,
            log: false,
        },
    ];
    for choices in all {
        let members: Vec<Value> = (0..).map_while(|i| choices.member(i)).collect();
        assert_eq!(choices.len(), Some(members.len() as u64));
        for (index, member) in members.iter().enumerate() {
            assert_eq!(choices.index_of(member), Some(index as u64));
            assert!(choices.contains(member));
        }
        assert!(!choices.contains(&Value::Number(0.5)));
        assert!(!choices.contains(&Value::name("b")));
    }
    let integers = |low, high| Choices::Integers {
        low,
        high,
        step: 1,
        log: false,
    };
    assert_eq!(integers(3, 2).len(), Some(0));
    assert!(integers(3, 2).is_empty());
    let all = integers(i64::MIN, i64::MAX);
    assert_eq!(all.len(), Some(u64::MAX));
    assert_eq!(
        all.member(u64::MAX - 1),
        Some(Value::Number(i64::MAX as f64))
    );
    let reals = |low, high| Choices::Reals {
        low,
        high,
        log: false,
    };
    assert!(!reals(1.0, 1.0).is_empty());
    assert!(reals(1.0, 0.5).is_empty() && reals(f64::NAN, 1.0).is_empty());
}

//! Which members of decisions a requirement excludes, against every candidate one by one.

use std::collections::{BTreeMap, BTreeSet};

use super::fixtures::{self, every_point, meets, on_digits};
use crate::model::Template;
use crate::model::counting::members;
use crate::model::survey::survey;

fn template(requires: &[&str]) -> Template {
    let declared = "use std.quantizers.int8
use std.targets.braintta
space net {
  repeat 3 as s {
    channels in {8, 16, 32}
    kernel   in {1, 3, 5}
    layer c = conv(channels = channels, kernel = kernel) -> norm -> relu
  }
  wide in {false, true}
  layer more = conv(channels = 64) -> norm -> relu when wide
  layer head = pool(average) -> linear(classes)
}
policy few { each layer { weights = int8  activations = int8 } }";
    let requires: Vec<String> = requires.iter().map(|r| format!("require {r}")).collect();
    let lines = format!(
        "space = net  policy = few  target = braintta\n  {}",
        requires.join("\n  ")
    );
    fixtures::template(&on_digits(declared, &lines))
}

/// The members that occur in candidates that meet everything, and all members, by path.
type Members = BTreeMap<String, BTreeSet<String>>;

fn occurring(template: &Template) -> (Members, Members) {
    let (free, points) = every_point(template);
    let (mut met, mut all) = (Members::new(), Members::new());
    for point in points {
        let known = template.known(&point).unwrap();
        let is_met = meets(template, &point, &known);
        for (path, value) in free.named(&point) {
            let value = value.to_string();
            all.entry(path.into()).or_default().insert(value.clone());
            if is_met {
                met.entry(path.into()).or_default().insert(value);
            }
        }
    }
    (met, all)
}

/// What is said to be excluded: path, member, by what.
fn said(template: &Template) -> Vec<(String, String, Option<String>)> {
    let pruned = survey(template).pruned.into_iter();
    let each = pruned.flat_map(|p| {
        let members = p.members.clone().into_iter();
        members.map(move |m| (p.path.clone(), m.to_string(), p.by.clone()))
    });
    each.collect()
}

/// Nothing is excluded that occurs, and whoever is said to exclude it does so alone. Whether everything is said, and so much.
fn compare(requires: &[&str]) -> (bool, usize) {
    let template = template(requires);
    let (met, all) = occurring(&template);
    let mut never: BTreeSet<(String, String)> = BTreeSet::new();
    for (path, members) in &all {
        let mine = members.iter().filter(|m| !met[path].contains(*m));
        never.extend(mine.map(|m| (path.clone(), m.clone())));
    }
    let said = said(&template);
    for (path, member, by) in &said {
        assert!(
            never.contains(&(path.clone(), member.clone())),
            "{path} {member}"
        );
        if let Some(by) = by {
            let (alone, _) = occurring(&self::template(&[by]));
            assert!(!alone[path].contains(member), "{path} {member} by {by}");
        }
    }
    (said.len() == never.len(), said.len())
}

#[test]
fn what_requirements_exclude() {
    // An order of three of three; the last implication leaves nothing but small kernels.
    assert_eq!(compare(&["increasing(space.s[*].channels)"]), (true, 6));
    assert_eq!(compare(&["sum(space.s[*].channels) <= 40"]), (true, 3));
    assert_eq!(
        compare(&[
            "count(space.s[*].kernel == 5) >= 2",
            "space.s[0].kernel == 1"
        ]),
        (true, 6)
    );
    assert_eq!(
        compare(&[
            "space.s[0].kernel == 1 implies space.s[1].kernel == 5 and space.s[2].kernel == 5",
            "space.s[0].kernel == 1",
        ]),
        (true, 6)
    );
    let (is_all, some) = compare(&["macs <= 200 kmac"]);
    assert!(is_all && some > 0);
}

#[test]
fn what_several_exclude_together_is_no_ones() {
    let both = template(&[
        "space.s[0].channels + space.s[1].channels <= 40",
        "space.s[1].channels >= space.s[2].channels",
        "space.s[2].channels >= 32",
    ]);
    let by_none = said(&both).into_iter().filter(|(_, _, by)| by.is_none());
    let paths: BTreeSet<String> = by_none.map(|(path, ..)| path).collect();
    assert!(paths.contains("space.s[0].channels"), "{paths:?}");
    assert!(
        compare(&[
            "space.s[0].channels + space.s[1].channels <= 40",
            "space.s[1].channels >= space.s[2].channels",
            "space.s[2].channels >= 32",
        ])
        .0
    );
}

#[test]
fn what_layers_cost_at_least_excludes() {
    // What is left out is not all that never occurs, but none of it does.
    let free = template(&[]);
    let points = members(free.decisions()).unwrap();
    let known: Vec<_> = points.map(|p| free.known(&p).unwrap().0).collect();
    for (name, unit) in [("energy", "J"), ("peak_memory", "bit")] {
        let mut values: Vec<f64> = known.iter().map(|k| k[name]).collect();
        values.sort_by(f64::total_cmp);
        let (_, some) = compare(&[&format!("{name} <= {} {unit}", values[4])]);
        assert!(some > 0, "{name}");
    }
}

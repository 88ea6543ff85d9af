//! What is said of requirements: meetable by a count or a witness, unmeetable, or neither proved.

use super::fixtures::{self, codes, on_digits};
use crate::model::Template;
use crate::model::counting::members;
use crate::model::survey::{Survey, Verdict, survey};

/// Two optional layers with a width and a precision each.
fn text(lines: &str) -> String {
    let declared = "use std.quantizers.{binary, int8}
use std.targets.braintta
space net {
  layer stem = conv(channels = 8) -> norm -> relu
  depth in 1..2
  repeat depth as d {
    width in {16, 8}
    layer c = conv(channels = width) -> norm -> relu
  }
  layer head = pool(average) -> linear(classes)
}
policy few { each layer { q in {int8, binary}  weights = q  activations = q } }";
    let lines = format!("space = net  policy = few  target = braintta\n  {lines}");
    on_digits(declared, &lines)
}

fn template(lines: &str) -> Template {
    fixtures::template(&text(lines))
}

/// The codes of what is reported instead of a template.
fn refused(lines: &str) -> Vec<&'static str> {
    codes(&text(lines))
}

fn of(lines: &str) -> Survey {
    survey(&template(lines))
}

/// A metric of every candidate, ascending.
fn all(name: &str) -> Vec<f64> {
    let template = template("");
    let points = members(template.decisions()).unwrap();
    let values = points.map(|p| template.known(&p).unwrap().0[name]);
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

#[test]
fn what_is_counted_is_meetable() {
    let survey = of("require model_size <= 2 KiB\n require count(space.d[*].width == 8) <= 1");
    assert_eq!(survey.verdicts, [Verdict::Meetable, Verdict::Meetable]);
    assert_eq!(survey.sample, None);
}

#[test]
fn a_drawn_candidate_proves_a_requirement_meetable() {
    // Written so that it is no limit of what layers cost.
    let middle = all("peak_memory")[20];
    let survey = of(&format!("require max(peak_memory, 1 bit) <= {middle} bit"));
    assert_eq!(survey.verdicts, [Verdict::Meetable]);
    let sample = survey.sample.unwrap();
    assert!(0 < sample.met && sample.met < sample.drawn, "{sample:?}");
    // The share that was measured is that of all, but for its error.
    let (share, error) = sample.acceptance();
    let drawn = template(&format!("require max(peak_memory, 1 bit) <= {middle} bit"));
    let most = drawn
        .counted()
        .parts()
        .unwrap()
        .to_string()
        .parse::<f64>()
        .unwrap();
    let met = all("peak_memory").iter().filter(|p| **p <= middle).count() as f64;
    assert!(
        (share * most - met).abs() <= 4.0 * error * most,
        "{share} ± {error} of {most}, {met}"
    );
}

#[test]
fn the_default_member_proves_a_requirement_meetable() {
    // It is the one that keeps most in memory, and one of many: what meets this is seldom drawn.
    let survey = of(
        "require peak_memory >= 1 bit\n require max(peak_memory, energy / (1 J) * 1 bit) >= 0 bit",
    );
    assert_eq!(survey.verdicts, [Verdict::Meetable; 2]);
}

#[test]
fn an_extreme_candidate_proves_a_requirement_meetable() {
    // One candidate of tens of thousands takes the least energy: draws do not find it.
    let many = |lines: &str| {
        let text = text(lines)
            .replace("depth in 1..2", "depth in 1..4")
            .replace("width in {16, 8}", "width in {16, 8, 12, 24}");
        fixtures::template(&text)
    };
    let free = survey(&many(""));
    let least = free.ranges["energy"].low.unwrap();
    assert!(least.is_attained);
    // Written so that it is no limit of a sum over layers.
    let nano = least.value * 1e9 * (1.0 + 1e-6);
    let survey = survey(&many(&format!("require max(energy, 0 J) <= {nano} nJ")));
    assert_eq!(survey.verdicts, [Verdict::Meetable]);
    assert_eq!(survey.sample.unwrap().met, 0);
}

#[test]
fn what_no_candidate_meets_is_refused_where_that_is_proved() {
    let unmeetable = ["bnas::require::unmeetable"];
    assert_eq!(refused("require model_size <= 100 bit"), unmeetable);
    assert_eq!(refused("require energy <= 1e-18 J"), unmeetable);
    assert_eq!(refused("require peak_memory <= 1 bit"), unmeetable);
    assert_eq!(refused("require sum(space.d[*].width) == 17"), unmeetable);
    assert_eq!(refused("require accuracy >= 1.5"), unmeetable);
    assert_eq!(
        refused("require space.depth == 2\n require count(space.d[*].width) == 1"),
        unmeetable
    );
}

#[test]
fn what_is_not_proved_is_said_to_be_open() {
    // No candidate keeps so little in memory, and what is written is no limit of it.
    let least = all("peak_memory")[0];
    let lines = format!("require max(peak_memory, 1 bit) < {least} bit");
    let survey = of(&lines);
    assert_eq!(survey.verdicts, [Verdict::Open]);
    assert_eq!(survey.sample.unwrap().met, 0);
    // As a limit, it is refused.
    let unmeetable = ["bnas::require::unmeetable"];
    assert_eq!(
        refused(&format!("require peak_memory < {least} bit")),
        unmeetable
    );
    // What training measures is not known before.
    let survey = of("require accuracy >= 50 %");
    assert_eq!(survey.verdicts, [Verdict::Measured]);
}

/// The first and last layers of either space have no decision of their own, whichever space it is.
#[test]
fn decisions_that_exist_nowhere_are_known() {
    let text = "bnas 1
use std.data.digits
use std.policies.tied
use std.spaces.{ds_cnn, small_cnn}
experiment e {
  data = digits
  space in {small_cnn { width = 8 }, ds_cnn { blocks = 2  width = 32 }}
  policy = tied
  train { epochs = 1 }
  search { method = grid }
  maximize accuracy
}
";
    let template = fixtures::template(text);
    let survey = survey(&template);
    let all = &template.decisions().all;
    let nowhere: Vec<&str> = survey
        .nowhere
        .iter()
        .map(|i| all[*i].path.as_str())
        .collect();
    assert_eq!(nowhere, ["policy.small_cnn.head.q", "policy.ds_cnn.stem.q"]);
}

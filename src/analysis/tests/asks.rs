//! What a space asks of metrics is asked by every experiment that uses it.

use std::collections::BTreeSet;

use super::experiment;
use super::fixtures::{codes, every_point, meets, on_digits, refusals, template};
use crate::diagnostic::render;
use crate::model::{Point, Template};

/// Two layers; `asks` stand in the space, `lines` in the experiment.
fn text(asks: &str, lines: &str) -> String {
    let declared = format!(
        "use std.quantizers.{{binary, int8}}
use std.targets.braintta
space net {{
  width in {{4, 8, 16}}
  twice = 2 * width
  depth in 1..2
  repeat depth as d {{ layer c = conv(channels = width, kernel in {{1, 3}}) -> norm -> relu }}
  layer out  = conv(channels = twice) -> norm -> relu
  layer head = pool(average) -> linear(classes)
  {asks}
}}
space other {{
  width in {{4, 32}}
  layer c    = conv(channels = width) -> norm -> relu
  layer head = pool(average) -> linear(classes)
  require params <= 200
}}
policy mixed {{ each layer {{ q in {{int8, binary}}  weights = q  activations = q }} }}"
    );
    on_digits(
        &declared,
        &format!("policy = mixed  target = braintta\n  {lines}"),
    )
}

/// The points that meet all that is asked.
fn met(template: &Template) -> BTreeSet<String> {
    let (_, all) = every_point(template);
    let is_met = |point: &&Point| {
        let known = template.known(point).unwrap();
        template.decisions().is_feasible(point) && meets(template, point, &known)
    };
    let found: BTreeSet<String> = all
        .iter()
        .filter(is_met)
        .map(|p| format!("{p:?}"))
        .collect();
    assert!(!found.is_empty() && found.len() < all.len());
    found
}

#[test]
fn names_of_the_space_are_those_of_the_experiment() {
    for (inside, outside) in [
        ("macs <= 50 kmac", "macs <= 50 kmac"),
        (
            "model_size <= width * 100 B",
            "model_size <= space.width * 100 B",
        ),
        ("params <= 100 * twice", "params <= 100 * space.twice"),
        ("macs <= classes * 5 kmac", "macs <= 50 kmac"),
        (
            "macs <= input.height * input.width * 1 kmac",
            "macs <= 64 kmac",
        ),
        ("macs <= (input.channels + 49) * 1 kmac", "macs <= 50 kmac"),
        (
            "depth == 2 implies params <= 1000 and d[1].c.kernel == 1",
            "space.depth == 2 implies params <= 1000 and space.d[1].c.kernel == 1",
        ),
        (
            "sum(d[*].c.kernel) * 1 uJ >= energy * 20",
            "sum(space.d[*].c.kernel) * 1 uJ >= energy * 20",
        ),
    ] {
        let inside = template(&text(&format!("require {inside}"), "space = net"));
        let outside = template(&text("", &format!("space = net  require {outside}")));
        assert_eq!(met(&inside), met(&outside));
        assert_eq!(
            inside.counted().count(inside.decisions()),
            outside.counted().count(outside.decisions())
        );
    }
}

#[test]
fn an_amendment_asks_with_names_of_the_experiment() {
    let amended = "most = 1000  space = net { require params <= most }";
    let said = "most = 1000  space = net  require params <= most";
    assert_eq!(
        met(&template(&text("", amended))),
        met(&template(&text("", said)))
    );
}

#[test]
fn each_of_several_spaces_asks_for_its_own() {
    let either = text("require macs <= 20 kmac", "space in {net, other}");
    let said = "space in {net, other}
  require space == net implies macs <= 20 kmac";
    let said = text("", said);
    assert_eq!(met(&template(&either)), met(&template(&said)));
    // That of `other` has one width, and the other space is left as it is.
    let of_other = met(&template(&text("", "space = other")));
    let of_all = met(&template(&text("", "space in {net, other}")));
    let (_, every) = every_point(&template(&text("", "space = net")));
    assert_eq!(of_all.len(), of_other.len() + every.len());
}

#[test]
fn a_name_of_the_space_hides_no_metric() {
    let hidden = "macs in {1, 2}\n  require macs == 2 and width == 4";
    let (found, _) = refusals(&text(hidden, "space = net"));
    assert_eq!(found[0].code, "bnas::name::duplicate");
    assert_eq!(found[0].message, "`macs` is a metric");
}

#[test]
fn what_it_needs_and_what_nothing_meets_is_told_at_its_line() {
    let needs = text("require energy <= 1 mJ", "space = net").replace("target = braintta", "");
    let (found, sources) = refusals(&needs);
    let shown = render(&found, &sources, false);
    assert_eq!(found[0].code, "bnas::field::missing", "{shown}");
    assert!(shown.contains("`energy` is priced by a target"), "{shown}");
    let never = text("require macs <= 10 mac", "space = net");
    assert_eq!(codes(&never), ["bnas::require::unmeetable"]);
}

#[test]
fn its_unit_is_the_author_s() {
    let asked = experiment(&text("require model_size <= 1000 B", "space = net"));
    assert_eq!(asked.units["model_size"], "B");
    let twice = text(
        "require model_size <= 1000 B",
        "space = net  require model_size <= 8 KiB",
    );
    assert_eq!(experiment(&twice).units["model_size"], "KiB");
}

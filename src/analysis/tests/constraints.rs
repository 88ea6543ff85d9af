//! Requirements over copies and over what a network determines: how many candidates they leave.

use num_bigint::BigUint;

use super::fixtures::{every_point, on_digits, refusals, template};
use crate::diagnostic::render;
use crate::ir::Value;
use crate::model::counting::Count;
use crate::model::counting::tests::assert_uniform;
use crate::model::{Decisions, Metrics, Point, Template};

/// Three stages of channels, kernels and depths.
const SPACE: &str = "use std.quantizers.{binary, int8}
space net {
  layer stem = conv(channels = 8) -> norm -> relu
  repeat 3 as s {
    channels in {8, 16, 32}
    kernel   in {3, 5}
    depth    in 1..2
    twice    = 2 * channels
    repeat depth as d {
      width in {8, 16}
      layer c = conv(channels = width, kernel = kernel) -> norm -> relu
    }
    layer out = conv(channels = twice, kernel = 1) -> norm -> relu
  }
  layer head = pool(average) -> linear(classes)
}
policy few { each layer { q in {binary, int8}  weights = q  activations = q } }
";

fn text(lines: &str) -> String {
    on_digits(SPACE, &format!("space = net\n {lines}"))
}

/// For each stage: channels, kernel, and the widths of its copies.
type Stage = (f64, f64, Vec<f64>);

fn stages(decisions: &Decisions, point: &Point) -> Vec<Stage> {
    let get = |path: String| {
        let mut named = decisions.named(point);
        named
            .find(|(p, _)| *p == path)
            .and_then(|(_, v)| v.as_number())
    };
    (0..3)
        .map(|s| {
            let of = |name: &str| get(format!("space.s[{s}].{name}")).unwrap();
            let widths = (0..2).filter_map(|d| get(format!("space.s[{s}].d[{d}].width")));
            (of("channels"), of("kernel"), widths.collect())
        })
        .collect()
}

/// A requirement leaves exactly the points that a Rust function of the stages says.
fn leaves(require: &str, says: impl Fn(&[Stage]) -> bool) {
    let template = template(&text(&format!("require {require}")));
    let decisions = template.decisions();
    let (free, all) = every_point(&template);
    let wanted = all.iter().filter(|p| says(&stages(&free, p))).count();
    let counted = template.counted();
    assert!(counted.is_exact(), "{require}");
    assert_eq!(
        counted.count(decisions),
        Count::Exact(BigUint::from(wanted)),
        "{require}"
    );
    assert!(0 < wanted && wanted < all.len(), "{require}: {wanted}");
    let feasible = all.iter().filter(|p| decisions.is_feasible(p)).count();
    assert_eq!(feasible, wanted, "{require}");
}

#[test]
fn lists_over_copies() {
    let rises = |s: &[Stage], f: fn(f64, f64) -> bool| s.windows(2).all(|w| f(w[0].0, w[1].0));
    leaves("sum(space.s[*].channels) <= 40", |s| {
        s.iter().map(|s| s.0).sum::<f64>() <= 40.0
    });
    leaves("product(space.s[*].channels) > 2000", |s| {
        s.iter().map(|s| s.0).product::<f64>() > 2000.0
    });
    leaves(
        "max(space.s[*].channels) - min(space.s[*].channels) <= 8",
        |s| {
            let of = |f: fn(f64, f64) -> f64| s.iter().map(|s| s.0).reduce(f).unwrap();
            of(f64::max) - of(f64::min) <= 8.0
        },
    );
    leaves("increasing(space.s[*].channels)", |s| {
        rises(s, |a, b| a < b)
    });
    leaves("decreasing(space.s[*].twice)", |s| rises(s, |a, b| a > b));
    leaves("nondecreasing(space.s[*].channels)", |s| {
        rises(s, |a, b| a <= b)
    });
    leaves("nonincreasing(space.s[*].channels)", |s| {
        rises(s, |a, b| a >= b)
    });
    leaves("count(space.s[*].kernel == 5) == 2", |s| {
        s.iter().filter(|s| s.1 == 5.0).count() == 2
    });
    leaves(
        "space.s[0].kernel == 5 implies space.s[2].kernel == 5",
        |s| s[0].1 != 5.0 || s[2].1 == 5.0,
    );
    leaves(
        "50 <= sum(space.s[*].twice) and sum(space.s[*].twice) <= 100",
        |s| (50.0..=100.0).contains(&s.iter().map(|s| 2.0 * s.0).sum::<f64>()),
    );
}

#[test]
fn copies_that_do_not_exist_are_not_in_the_list() {
    leaves("count(space.s[*].d[*].width) <= 4", |s| {
        s.iter().map(|s| s.2.len()).sum::<usize>() <= 4
    });
    leaves("sum(space.s[*].d[*].width) >= 64", |s| {
        s.iter().flat_map(|s| &s.2).sum::<f64>() >= 64.0
    });
    leaves("all(space.s[*].d[*].width <= space.s[*].channels)", |s| {
        s.iter().all(|s| s.2.iter().all(|w| *w <= s.0))
    });
    leaves("any(space.s[1].d[*].width == 16)", |s| {
        s[1].2.contains(&16.0)
    });
    leaves("nondecreasing(space.s[*].d[*].width)", |s| {
        let all: Vec<f64> = s.iter().flat_map(|s| s.2.clone()).collect();
        all.windows(2).all(|w| w[0] <= w[1])
    });
    leaves("max(space.s[*].d[*].width) <= 8", |s| {
        s.iter().flat_map(|s| &s.2).all(|w| *w <= 8.0)
    });
}

#[test]
fn what_leaves_a_part_of_the_network_has_a_shape() {
    leaves("space.s[1].d[0].channels == 16", |s| s[1].2[0] == 16.0);
    leaves("sum(space.s[*].d[*].channels) <= 48", |s| {
        s.iter().flat_map(|s| &s.2).sum::<f64>() <= 48.0
    });
    leaves(
        "space.s[0].channels * space.s[0].height * space.stem.width <= 512 or space.s[2].out.height < 8",
        |s| s[0].0 * 64.0 <= 512.0,
    );
}

/// What `known` says of each point.
fn priced(template: &Template, all: &[Point]) -> Vec<Metrics> {
    all.iter().map(|p| template.known(p).unwrap()).collect()
}

#[test]
fn sums_over_layers_are_constraints_over_decisions() {
    // One stage is enough to have optional layers, kernels, channels and quantizers, and few enough to build them all.
    let small = |line: &str| {
        text(&format!("policy = few\n {line}"))
            .replace("repeat 3", "repeat 1")
            .replace("depth    in 1..2", "depth    in 1..3")
            .replace(
                "conv(channels = width",
                "conv(channels = width, stride = if s == 0 and d == 1 then 2 else 1",
            )
            .replace("channels in {8, 16, 32}", "channels in {8, 16}")
    };
    let free = template(&small(""));
    let (_, all) = every_point(&free);
    let metrics = priced(&free, &all);
    for (name, unit, per) in [
        ("macs", "mac", 1.0),
        ("params", "", 1.0),
        ("model_size", "bit", 1.0),
    ] {
        let mut values: Vec<f64> = metrics.iter().map(|m| m.0[name]).collect();
        values.sort_by(f64::total_cmp);
        let bound = values[values.len() / 3] * per;
        let template = template(&small(&format!("require {name} <= {bound} {unit}")));
        let decisions = template.decisions();
        let of_bound = all.iter().zip(&metrics).filter(|(_, m)| m.0[name] <= bound);
        let wanted: Vec<Point> = of_bound.map(|(p, _)| p.clone()).collect();
        let counted = template.counted();
        assert!(counted.is_exact(), "{name}");
        assert_eq!(
            counted.count(decisions),
            Count::Exact(BigUint::from(wanted.len())),
            "{name} <= {bound}"
        );
        if name == "macs" {
            assert_uniform(decisions, &wanted);
        }
    }
}

#[test]
fn mistakes_in_lists() {
    let one = |require: &str, code: &str, says: &str| {
        let (found, sources) = refusals(&text(&format!("require {require}")));
        let shown = render(&found, &sources, false);
        assert_eq!(found.len(), 1, "{require}\n{shown}");
        assert_eq!(found[0].code, code, "{shown}");
        assert!(shown.contains(says), "{shown}");
    };
    one(
        "space.s[*].channels <= 8",
        "bnas::type::mismatch",
        "a list, not a value",
    );
    one(
        "sum(space.s[*].channel) <= 8",
        "bnas::name::unknown",
        "space.s[*].channels",
    );
    one(
        "sum(space.s[0].channels) <= 8",
        "bnas::type::arity",
        "takes one list",
    );
    one(
        "all(space.s[*].channels)",
        "bnas::type::mismatch",
        "expected a truth value",
    );
    one(
        "sum(accuracy, model_size) <= 8",
        "bnas::unit::mismatch",
        "plain number",
    );
    one(
        "all(space.s[*].channels <= space.s[0].d[*].width)",
        "bnas::type::copies",
        "do not run over the same copies",
    );
    one(
        "sum(space.s[*].channels) <= 8",
        "bnas::require::unmeetable",
        "every member of the space fails this",
    );
}

#[test]
fn requirements_that_exclude_each_other_are_found_together() {
    let both = text("require increasing(space.s[*].channels)\n require space.s[2].channels <= 16");
    let (errors, _) = refusals(&both);
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].code, "bnas::require::unmeetable");
    assert_eq!(errors[0].labels.len(), 2);
}

#[test]
fn a_requirement_says_which_members_it_excludes() {
    let template = template(&text("require sum(space.s[*].channels) <= 40"));
    let survey = crate::model::survey::survey(&template);
    assert_eq!(survey.pruned.len(), 3);
    assert_eq!(survey.pruned[0].path, "space.s[0].channels");
    assert_eq!(survey.pruned[0].members, [Value::Number(32.0)]);
    assert_eq!(
        survey.pruned[0].by.as_deref(),
        Some("sum(space.s[*].channels) <= 40")
    );
    assert_eq!(survey.sample, None);
}

#[test]
fn what_cannot_be_counted_is_estimated() {
    let template = template(&text("require max(peak_memory, 1 bit) <= 120000 bit"));
    let survey = crate::model::survey::survey(&template);
    let sample = survey.sample.unwrap();
    assert!(0 < sample.met && sample.met < sample.drawn, "{sample:?}");
}

#[test]
fn a_path_reads_the_decision_that_it_begins_with() {
    // No warning of an unused `opt`, and none that the list asks for nothing: it rules `sgd` out.
    super::experiment(
        "bnas 1
experiment e {
  opt in {sgd(lr in {1, 2}), adam(lr in {1, 2})}
  a in 1..4
  maximize a
  search { trials = 3 }
  require increasing(3, opt.sgd.lr, 5)
}",
    );
}

/// A requirement leaves so many candidates of the space `net`.
fn counts(space: &str, require: &str, wanted: u32) {
    let template = template(&on_digits(
        space,
        &format!("space = net  require {require}"),
    ));
    let found = template.counted().count(template.decisions());
    assert_eq!(found, Count::Exact(wanted.into()), "{require}");
}

#[test]
fn truth_values_are_counted_where_they_hold() {
    let space = "space net {
  repeat 3 as s { on in {false, true}  layer c = conv(channels = 4) -> norm -> relu when on }
  layer head = pool(average) -> linear(classes)
}";
    for (require, wanted) in [
        ("count(space.s[*].on) >= 1", 7_u32),
        ("count(space.s[*].on) == 2", 3),
        ("count(space.s[0].on, space.s[2].on) == 0", 2),
        ("count(space.s[*].on == false) <= 1", 4),
    ] {
        counts(space, require, wanted);
    }
}

#[test]
fn what_is_not_looked_at_in_a_copy_makes_no_copy() {
    let space = "space net {
  g in {false, true}
  n in 1..2
  layer stem = conv(channels = 4, kernel = if g then 1 else 3) -> norm -> relu
  repeat n as s { k in {1, 3}  layer c = conv(channels = 4, kernel = k) -> norm -> relu }
  layer head = pool(average) -> linear(classes)
}";
    // With `g`: n = 1 has 2 candidates, n = 2 has 4; the same without it.
    for (require, wanted) in [
        ("sum(if space.g then space.s[*].k else 4) == 4", 2 + 2_u32),
        ("count(space.g or space.s[*].k == 1) == 2", 4 + 1),
        ("increasing(if space.g then space.s[*].k else 4)", 2 + 1 + 2),
        ("product(if space.g then 2 else space.s[*].k) == 2", 2),
    ] {
        counts(space, require, wanted);
    }
}

#[test]
fn a_goal_over_a_list_that_may_be_empty_has_no_value() {
    let space = "space net {
  depth in 0..1
  layer stem = conv(channels = 4) -> norm -> relu
  repeat depth as d { k in {1, 3}  layer c = conv(channels = 4, kernel = k) -> norm -> relu }
  layer head = pool(average) -> linear(classes)
}";
    for goal in [
        "minimize min(space.d[*].k)",
        "maximize 2 * max(space.d[*].k)",
    ] {
        let (found, sources) = refusals(&on_digits(space, &format!("space = net  {goal}")));
        let shown = render(&found, &sources, false);
        assert!(
            shown.contains("a goal without a value when `space.depth` is 0"),
            "{shown}"
        );
    }
    for goal in [
        "minimize sum(space.d[*].k)",
        "maximize max(1, max(space.d[*].k))",
    ] {
        template(&on_digits(space, &format!("space = net  {goal}")));
    }
}

#[test]
fn what_a_measured_requirement_asks_of_decisions_is_known() {
    let space = "space net {
  width in {8, 16, 24}
  layer stem = conv(channels = width) -> norm -> relu
  layer head = pool(average) -> linear(classes)
}";
    for (require, wanted) in [
        ("accuracy >= 5 % and space.width == 8", 1_u32),
        (
            "space.width <= 16 and (accuracy >= 5 % or macs <= 9 kmac)",
            2,
        ),
        ("all(accuracy >= 5 %, space.width != 8)", 2),
        ("not (accuracy < 5 % or space.width > 8)", 1),
        ("accuracy >= 5 % or space.width == 8", 3),
        ("space.width == 8 implies accuracy >= 5 %", 3),
    ] {
        counts(space, require, wanted);
    }
    let text = on_digits(
        space,
        "space = net  require accuracy >= 5 % and space.width == 9",
    );
    let (found, sources) = refusals(&text);
    assert_eq!(found.len(), 1, "{}", render(&found, &sources, false));
    assert_eq!(found[0].code, "bnas::require::unmeetable");
}

#[test]
fn the_middle_of_a_vast_range_is_a_number() {
    for (range, wanted) in [
        ("1e308..1.7e308", 1.35e308),
        ("-1.7e308..1.7e308", 0.0),
        ("1e200..1e300 log", 1e250),
        ("1.0..3.0", 2.0),
    ] {
        let text =
            format!("bnas 1\nexperiment e {{ x in {range}  minimize x  search {{ trials = 2 }} }}");
        let template = template(&text);
        let Some(Value::Number(found)) = template.decisions().default_point().0[0] else {
            panic!("{range}");
        };
        assert!((found - wanted).abs() <= 1e-12 * wanted, "{range}: {found}");
    }
}

#[test]
fn of_a_conjunction_the_part_that_fails_is_told() {
    for (require, part) in [
        (
            "space.s[0].depth >= 1 and space.s[1].kernel == 7",
            "space.s[1].kernel == 7",
        ),
        ("macs <= 10 mac and space.s[0].depth == 1", "macs <= 10 mac"),
        // Only both together fail.
        (
            "space.s[0].depth <= 1 and space.s[0].depth >= 2",
            "space.s[0].depth <= 1 and space.s[0].depth >= 2",
        ),
    ] {
        let text = text(&format!("require {require}"));
        let (found, _) = refusals(&text);
        assert_eq!(found.len(), 1, "{require}");
        assert_eq!(found[0].message, format!("no candidate can meet `{part}`"));
        let span = found[0].labels[0].span;
        assert!(text[span.start as usize..span.end as usize].ends_with(part));
    }
}

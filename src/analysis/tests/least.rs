//! What layers cost at least, against the price of the networks that they make.

use super::fixtures::{self, on_digits};
use crate::model::Template;
use crate::model::counting::{Count, Counted, Uniform, members};
use crate::model::survey::{Verdict, survey};
use crate::stream::{Purpose, stream};

/// An experiment over a space of the library.
fn template(uses: &str, parts: &str, requires: &str) -> Template {
    let declared = format!(
        "use std.quantizers.{{binary, ternary, int8}}
use std.targets.braintta
{uses}
policy few {{
  kinds = {{binary, ternary, int8}}
  each layer {{ q in kinds  weights = q  activations in {{int8, binary}} }}
}}"
    );
    let lines = format!("{parts}\n  {requires}");
    fixtures::template(&on_digits(&declared, &lines))
}

/// Limits that nothing breaks, so that every candidate is drawn.
const LOOSE: &str = "require energy <= 1 J
  require latency <= 1000 s
  require stored_size <= 1 GiB
  require peak_memory <= 1 GiB";

/// Whether the peak by what is alive at each step is that of the network, at random points.
fn assert_peaks(template: &Template, draws: usize) {
    let free = Counted::new(template.decisions());
    let mut rng = stream(7, 0, Purpose::Search);
    for _ in 0..draws {
        let point = free
            .draw(template.decisions(), &mut Uniform(&mut rng))
            .unwrap();
        let peak = template.known(&point).unwrap().0["peak_memory"];
        assert_eq!(template.peak(&point), Some((peak, peak)), "{point:?}");
    }
}

#[test]
fn what_is_alive_is_known_by_the_decisions_that_it_depends_on() {
    let parts = "policy = few  target = braintta";
    let mobile = "use std.spaces.mobilenet_v2";
    assert_peaks(
        &template(mobile, &format!("space = mobilenet_v2  {parts}"), ""),
        50,
    );
    // Of cells that are too much for tables, what is alive at least and at most.
    let cells = template(
        "use std.spaces.multi_branch_cell",
        &format!("space = multi_branch_cell  {parts}"),
        "",
    );
    let free = Counted::new(cells.decisions());
    let mut rng = stream(7, 0, Purpose::Search);
    for _ in 0..50 {
        let point = free
            .draw(cells.decisions(), &mut Uniform(&mut rng))
            .unwrap();
        let peak = cells.known(&point).unwrap().0["peak_memory"];
        let (least, most) = cells.peak(&point).unwrap();
        assert!(least <= peak && peak <= most, "{least} {peak} {most}");
    }
    let residual = "use std.spaces.resnet20";
    let space = "space = resnet20 { width in {4, 8}  blocks in 1..3 }";
    assert_peaks(&template(residual, &format!("{space}  {parts}"), ""), 50);
    // What leaves an addition has the bits of `output`.
    let kept = "policy kept { each layer { q in {binary, int8}  weights = q  activations = q }  output = int8 }";
    for (space, body) in [("mobilenet_v2", "mobilenet_v2"), ("resnet20", space)] {
        let body = body.trim_start_matches("space = ");
        let uses = format!("use std.spaces.{space}\n{kept}");
        let parts = format!("space = {body}  policy = kept  target = braintta");
        assert_peaks(&template(&uses, &parts, ""), 50);
    }
}

/// Each of them at random points: what layers cost at least and the price, as shares.
fn compare(template: &Template, draws: usize) -> Vec<f64> {
    let free = Counted::new(template.decisions());
    let mut rng = stream(5, 0, Purpose::Search);
    let names = ["energy", "latency", "stored_size", "peak_memory"];
    let mut least_share = vec![1.0_f64; names.len()];
    for _ in 0..draws {
        let point = free
            .draw(template.decisions(), &mut Uniform(&mut rng))
            .unwrap();
        let known = template.known(&point).unwrap();
        for (require, name) in names.iter().enumerate() {
            for least in template.least(require, &point) {
                let price = known.0[*name];
                assert!(least <= price * (1.0 + 1e-12), "{name}: {least} of {price}");
            }
            let largest = template
                .least(require, &point)
                .into_iter()
                .fold(0.0, f64::max);
            least_share[require] = least_share[require].min(largest / known.0[*name]);
        }
    }
    least_share
}

#[test]
fn mobile_networks_cost_at_least_what_their_layers_do() {
    let template = template(
        "use std.spaces.mobilenet_v2",
        "space = mobilenet_v2  policy = few  target = braintta",
        LOOSE,
    );
    let shares = compare(&template, 200);
    // Convolutions and additions are all that is charged.
    assert!(
        shares[0] > 1.0 - 1e-9 && shares[1] > 1.0 - 1e-9,
        "{shares:?}"
    );
    assert!(shares[2] > 1.0 - 1e-9, "{shares:?}");
}

#[test]
fn what_repairs_change_is_not_counted() {
    let template = template(
        "use std.spaces.resnet20\nuse std.repairs.topology.double_residual\nuse std.repairs.training.feature_ede",
        "space = resnet20 { width in {4, 8} }  policy = few  target = braintta
  repairs in {{}, {double_residual}, {feature_ede}}",
        LOOSE,
    );
    compare(&template, 100);
}

#[test]
fn branches_and_targets_to_be_chosen() {
    let template = template(
        "use std.spaces.multi_branch_cell",
        "space = multi_branch_cell  policy = few  target = braintta { vector { width in {512 bit, 1024 bit} } }",
        LOOSE,
    );
    compare(&template, 100);
}

/// Spaces of a few thousand candidates in which a buffer lives on: skip connections, optional layers, branches that are put together or added,
/// several readers with different quantizers.
const SMALL: [&str; 4] = [
    "  layer stem = conv(channels = 8) -> norm -> relu
  depth in 0..2
  repeat depth as d {
    block = basic(channels = 8)
  }
  layer last = conv(channels = 16, stride = 2) -> norm -> relu",
    "  width in {4, 8}
  layer stem = conv(channels = width) -> norm -> relu
  wide in {true, false}
  layer a = conv(channels = width) -> norm -> relu when wide
  layer b = conv(channels = width) -> norm -> relu
  add stem",
    "  layer stem = conv(channels = 8) -> norm -> relu
  third in {true, false}
  parallel {
    branch near { layer p = conv(channels = 4, kernel = 1) -> norm -> relu }
    branch far  { layer q = conv(channels = 8) -> norm -> relu }
    branch same {} when third
  } join concat
  layer mix = conv(channels = 8, kernel = 1) -> norm -> relu",
    "  layer stem = conv(channels = 8) -> norm -> relu
  second in {true, false}
  parallel {
    branch near { layer p = conv(channels = 8, kernel = 1) -> norm -> relu }
    branch far  { layer q = conv(channels = 8) -> norm -> relu } when second
    branch more { layer r = conv(channels = 8, kernel = 1) -> relu }
  } join add
  layer mix = conv(channels = 8, kernel = 1) -> norm",
];

/// An experiment over one of these.
fn small(body: &str, output: &str, lines: &str) -> Template {
    let uses = match body.contains("basic") {
        true => "use std.blocks.basic",
        false => "",
    };
    let declared = format!(
        "use std.quantizers.{{binary, int4, int8}}
use std.targets.braintta
{uses}
space net {{
{body}
  layer head = pool(average) -> linear(classes)
}}
policy few {{ each layer {{ q in {{binary, int4, int8}}  weights = q  activations = q }} {output} }}"
    );
    let lines = format!("space = net  policy = few  target = braintta\n  {lines}");
    fixtures::template(&on_digits(&declared, &lines))
}

#[test]
fn a_limit_of_what_is_alive_is_counted_exactly() {
    for body in SMALL {
        for output in ["", "output = int8"] {
            let free = small(body, output, "");
            let all: Vec<_> = members(free.decisions()).unwrap().collect();
            let peaks: Vec<f64> = (all.iter())
                .map(|point| free.known(point).unwrap().0["peak_memory"])
                .collect();
            for (point, peak) in all.iter().zip(&peaks) {
                assert_eq!(free.peak(point), Some((*peak, *peak)), "{body} {point:?}");
            }
            let mut sorted = peaks.clone();
            sorted.sort_by(f64::total_cmp);
            for (share, less) in [(1, "<="), (4, "<"), (7, "<=")] {
                let most = sorted[sorted.len() * share / 10];
                let met = peaks.iter().filter(|p| match less {
                    "<" => **p < most,
                    _ => **p <= most,
                });
                let met = met.count();
                let require = format!("require peak_memory {less} {most} bit");
                if met == 0 {
                    continue;
                }
                let limited = small(body, output, &require);
                let count = limited.counted().count(limited.decisions());
                assert_eq!(count, Count::Exact(met.into()), "{body} {require}");
                let found = survey(&limited);
                assert_eq!(found.sample, None);
                let expected = match met == all.len() {
                    true => Verdict::Always,
                    false => Verdict::Meetable,
                };
                assert_eq!(found.verdicts, [expected], "{body} {require}");
            }
            // One more limit, which is a sum.
            let sizes = |point| free.known(point).unwrap().0["model_size"];
            let (peak, size) = (sorted[sorted.len() / 2], sizes(&all[all.len() / 3]));
            let both = all.iter().zip(&peaks);
            let met = both.filter(|(point, p)| **p <= peak && sizes(point) <= size);
            let met = met.count();
            let lines = format!("require peak_memory <= {peak} bit and model_size <= {size} bit");
            // A conjunction over both kinds is split.
            let lines = lines.replace(" and ", "\n  require ");
            if met > 0 {
                let limited = small(body, output, &lines);
                let count = limited.counted().count(limited.decisions());
                assert_eq!(count, Count::Exact(met.into()), "{body} {lines}");
            }
        }
    }
}

#[test]
fn a_limit_that_never_binds_is_said_to() {
    let free = small(SMALL[0], "", "");
    let all = Counted::new(free.decisions()).count(free.decisions());
    for require in [
        "energy <= 1 J",
        "latency < 1 s",
        "stored_size <= 1 GiB",
        "peak_memory <= 1 GiB",
        "model_size <= 1 GiB and macs <= 1 Gmac",
    ] {
        let limited = small(SMALL[0], "", &format!("require {require}"));
        assert_eq!(limited.counted().count(limited.decisions()), all);
        let found = survey(&limited);
        assert_eq!(found.verdicts, [Verdict::Always], "{require}");
        assert_eq!(found.sample, None, "{require}");
    }
}

#[test]
fn sums_of_few_candidates_are_counted_exactly() {
    let free = small(SMALL[0], "", "");
    let all: Vec<_> = members(free.decisions()).unwrap().collect();
    let known: Vec<_> = all.iter().map(|p| free.known(p).unwrap().0).collect();
    // Halfway between two neighbors, so that no candidate has just the limit.
    let limit = |name: &str| {
        let mut values: Vec<f64> = known.iter().map(|k| k[name]).collect();
        values.sort_by(f64::total_cmp);
        // The same sum in another order differs by its last bits.
        values.dedup_by(|x, y| *x - *y < 1e-6 * *y);
        (values[values.len() / 2] + values[values.len() / 2 + 1]) / 2.0
    };
    let limits = [
        ("stored_size", "bit", limit("stored_size")),
        ("energy", "J", limit("energy")),
        ("latency", "s", limit("latency")),
        ("model_size", "bit", limit("model_size")),
    ];
    let mut wanted: Vec<Vec<usize>> = (0..limits.len()).map(|i| vec![i]).collect();
    wanted.extend([vec![1, 3], vec![0, 2]]);
    for of in wanted {
        let within = |k: &&std::collections::BTreeMap<String, f64>| {
            of.iter().all(|i| k[limits[*i].0] <= limits[*i].2)
        };
        let met = known.iter().filter(within).count();
        let lines: Vec<String> = (of.iter().map(|i| &limits[*i]))
            .map(|(name, unit, most)| format!("require {name} <= {most:e} {unit}"))
            .collect();
        let limited = small(SMALL[0], "", &lines.join("\n"));
        let count = limited.counted().count(limited.decisions());
        assert_eq!(count, Count::Exact(met.into()), "{lines:?}");
        assert_eq!(survey(&limited).sample, None, "{lines:?}");
    }
}

/// Skip connections keep what entered a block, so that layers by themselves say little of what is alive.
#[test]
fn what_is_drawn_within_a_tight_limit_of_memory_meets_it() {
    for (space, limit, least) in [
        ("mobilenet_v2", "2 KiB", 100),
        ("mobilenet_v2", "4 KiB", 100),
        ("mobilenet_v2", "8 KiB", 100),
        ("multi_branch_cell", "2 KiB", 50),
        ("multi_branch_cell", "4 KiB", 50),
    ] {
        let template = template(
            &format!("use std.spaces.{space}"),
            &format!("space = {space}  policy = few  target = braintta"),
            &format!("require peak_memory <= {limit}"),
        );
        let (counted, decisions) = (template.counted(), template.decisions());
        let mut rng = stream(6, 0, Purpose::Search);
        let met = (0..100).filter(|_| {
            let point = counted.draw(decisions, &mut Uniform(&mut rng)).unwrap();
            let known = template.known(&point).unwrap();
            let holds = template.evaluate(&template.requires()[0], &point, &known);
            holds.unwrap().as_bool() == Some(true)
        });
        let met = met.count();
        assert!(met >= least, "{space} {limit}: {met} of 100");
    }
}

#[test]
fn most_of_what_is_drawn_within_a_limit_meets_it() {
    for require in ["energy <= 300 nJ", "latency <= 30 us"] {
        let template = template(
            "use std.spaces.mobilenet_v2",
            "space = mobilenet_v2  policy = few  target = braintta",
            &format!("require {require}"),
        );
        assert_eq!(template.limits().len(), 1, "{require}");
        let (counted, decisions) = (template.counted(), template.decisions());
        assert!(matches!(counted.count(decisions), Count::TooHard { .. }));
        let mut rng = stream(6, 0, Purpose::Search);
        let met = (0..100).filter(|_| {
            let point = counted.draw(decisions, &mut Uniform(&mut rng)).unwrap();
            let known = template.known(&point).unwrap();
            let holds = template.evaluate(&template.requires()[0], &point, &known);
            holds.unwrap().as_bool() == Some(true)
        });
        let met = met.count();
        assert!(met >= 50, "{require}: {met} of 100");
    }
}

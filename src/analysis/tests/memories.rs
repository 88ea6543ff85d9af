//! Memories of targets: what fits, against every candidate one by one; sizes as decisions; what prices of layers say of it all.

use std::collections::{BTreeMap, BTreeSet};

use super::fixtures::{self, codes, every_point, meets, on_digits};
use super::{experiment, experiments};
use crate::ir::{Expr, Slot, Value};
use crate::model::counting::{Count, Counted, Uniform};
use crate::model::range::by_layers;
use crate::model::survey::{Verdict, survey};
use crate::model::{Metrics, Point, Template};
use crate::stream::{Purpose, stream};

/// An experiment over a small space with this target and these requirements.
fn text(declared: &str, target: &str, requires: &str) -> String {
    let declared = format!(
        "use std.quantizers.{{binary, int8}}
use std.targets.braintta
{declared}
space net {{
  repeat 2 as s {{
    channels in {{8, 16, 32}}
    layer c = conv(channels = channels, kernel = 3) -> norm -> relu
  }}
  layer head = pool(average) -> linear(classes)
}}
policy few {{
  kinds = {{binary, int8}}
  each layer {{ q in kinds  weights = q  activations = q }}
}}"
    );
    let lines = format!("space = net  policy = few\n  {target}\n{requires}");
    on_digits(&declared, &lines)
}

fn template(target: &str, requires: &str) -> Template {
    fixtures::template(&text("", target, requires))
}

/// Every point without regard to requirements, with its metrics and whether it meets all of them.
fn all(template: &Template) -> Vec<(Point, Metrics, bool)> {
    let (_, points) = every_point(template);
    let judged = points.into_iter().map(|point| {
        let known = template.known(&point).unwrap();
        let meets = meets(template, &point, &known);
        (point, known, meets)
    });
    judged.collect()
}

/// Candidates are counted, drawn and excluded as the brute force over all of them says; how many meet everything.
fn compare(template: &Template, is_exact: bool) -> usize {
    let all = all(template);
    let met: Vec<&Point> = all.iter().filter(|a| a.2).map(|a| &a.0).collect();
    let decisions = template.decisions();
    let counted = template.counted();
    let (Count::TooHard { at_most: n } | Count::Exact(n)) = counted.count(decisions) else {
        panic!("there are no reals");
    };
    let n = usize::try_from(n).unwrap();
    assert!(n >= met.len() && n < all.len(), "{n} of {}", met.len());
    if is_exact {
        assert_eq!(n, met.len());
    }
    let mut rng = stream(7, 0, Purpose::Search);
    let mut drawn = BTreeSet::new();
    for _ in 0..20 * n {
        let point = counted.draw(decisions, &mut Uniform(&mut rng)).unwrap();
        drawn.insert(format!("{point:?}"));
    }
    for point in &met {
        assert!(
            drawn.contains(&format!("{point:?}")),
            "{point:?} is never drawn"
        );
    }
    let mut occurs: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (path, value) in met.iter().flat_map(|p| decisions.named(p)) {
        occurs
            .entry(path.into())
            .or_default()
            .insert(value.to_string());
    }
    let survey = survey(template);
    for pruned in &survey.pruned {
        for member in &pruned.members {
            assert!(
                !occurs[&pruned.path].contains(&member.to_string()),
                "{} = {member}",
                pruned.path
            );
        }
    }
    assert!(
        survey
            .verdicts
            .iter()
            .all(|v| matches!(v, Verdict::Meetable | Verdict::Always))
    );
    met.len()
}

#[test]
fn weights_that_fit_are_counted_exactly_over_searched_sizes() {
    let found = template(
        "target = braintta { memory parameters { holds = weights  size in {256 B, 512 B, 1 KiB, 4 KiB} } }",
        "",
    );
    let met = compare(&found, true);
    assert!(met > 20, "{met}");
    // Known to the sampler before anything is trained, by the members that it leaves out.
    let pruned = survey(&found).pruned;
    assert!(
        pruned
            .iter()
            .any(|p| p.path == "target.memory.parameters.size"
                && p.by.as_deref() == Some("stored_size <= target.memory.parameters.size"))
    );
}

#[test]
fn activations_and_all_that_fit() {
    for memory in [
        "memory data { holds = activations  size in {2 KiB, 3 KiB, 5 KiB} }",
        "memory one { holds = all  size in {2 KiB, 4 KiB, 8 KiB} }",
        "memory w { holds = weights  size in {1 KiB, 4 KiB} }  memory a { holds = activations  size = 5 KiB }",
        "memory w { holds = weights  size = vector.width * 8 }  vector { width in {512 bit, 1024 bit, 2048 bit} }",
    ] {
        let met = compare(
            &template(&format!("target = braintta {{ {memory} }}"), ""),
            !memory.contains("all"),
        );
        assert!(met > 0, "{memory}");
    }
}

#[test]
fn of_several_targets_each_asks_where_it_is_the_one() {
    let declared =
        "target small : braintta { memory parameters { holds = weights  size in {768 B, 1 KiB} } }
target both : braintta { memory one { holds = all  size = 6 KiB } }";
    let text = text(declared, "target in {braintta, small, both}", "");
    let found = fixtures::template(&text);
    let met = compare(&found, false);
    // BrainTTA states no memory, and takes all 9 · 8 networks.
    let free = all(&found);
    let on = |name: &str, point: &Point| {
        found
            .decisions()
            .named(point)
            .any(|(path, v)| path == "target" && v.as_name() == Some(name))
    };
    assert_eq!(
        free.iter().filter(|a| a.2 && on("braintta", &a.0)).count(),
        72
    );
    let small = free.iter().filter(|a| a.2 && on("small", &a.0)).count();
    assert!(
        (1..144).contains(&small) && met > 72 + small,
        "{small} of {met}"
    );
}

#[test]
fn the_size_that_is_needed_is_enough_and_a_bit_less_is_not() {
    let least = all(&template("target = braintta", ""))
        .iter()
        .map(|(_, known, _)| known.0["stored_size"] as u64)
        .min()
        .unwrap();
    let of = |size: u64| {
        let target =
            format!("target = braintta {{ memory w {{ holds = weights  size = {size} bit }} }}");
        text("", &target, "")
    };
    let exact = fixtures::template(&of(least));
    assert_eq!(all(&exact).iter().filter(|a| a.2).count(), 1);
    assert_eq!(codes(&of(least - 1)), ["bnas::require::unmeetable"]);
}

#[test]
fn sizes_are_read_by_their_path_and_amended_at_any_depth() {
    let declared =
        "target core : braintta { memory parameters { holds = weights  size = 64 KiB } }";
    // Fixed in the declaration, searched in the experiment or fixed again.
    for (target, open) in [
        (
            "target = core { memory parameters { size in {2 KiB, 4 KiB} } }",
            true,
        ),
        (
            "target = core { memory.parameters.size in {2 KiB, 4 KiB} }",
            true,
        ),
        (
            "target = core  target.memory.parameters.size in {2 KiB, 4 KiB}",
            true,
        ),
        (
            "target = core { memory parameters { size = 4 KiB } }",
            false,
        ),
        (
            "room in {2 KiB, 4 KiB}  target = braintta { memory parameters { holds = weights  size = room } }",
            true,
        ),
    ] {
        let requires = "  require target.memory.parameters.size >= 4 KiB\n  require stored_size <= 0.5 * target.memory.parameters.size\n";
        let found = fixtures::template(&text(declared, target, requires));
        let met: Vec<_> = all(&found).into_iter().filter(|a| a.2).collect();
        assert!(!met.is_empty());
        assert!(
            met.iter()
                .all(|(_, known, _)| known.0["stored_size"] <= 2.0 * 8192.0),
            "{target}"
        );
        let paths: Vec<&str> = found
            .decisions()
            .all
            .iter()
            .map(|d| d.path.as_str())
            .collect();
        let is_open = paths
            .iter()
            .any(|p| p.ends_with("memory.parameters.size") || *p == "room");
        assert_eq!(is_open, open, "{target}: {paths:?}");
    }
    // What is fixed is read like what is searched.
    let requires = "  require target.clock >= 400 MHz\n";
    assert_eq!(
        codes(&text("", "target = braintta", requires)),
        ["bnas::require::unmeetable"]
    );
}

#[test]
fn energies_are_formulas_of_sizes() {
    let found = template(
        "target = braintta { memory parameters { holds = weights  size in {4 KiB, 16 KiB, 64 KiB}  read = 300 fJ/bit * sqrt(memory.parameters.size / (16 KiB)) } }",
        "  minimize energy\n",
    );
    assert!(found.warnings().is_empty(), "{:?}", found.warnings());
    let mut at: BTreeMap<u64, f64> = BTreeMap::new();
    let first = all(&found)[0].0.clone();
    let size = found
        .decisions()
        .all
        .iter()
        .position(|d| d.path == "target.memory.parameters.size")
        .unwrap();
    for kib in [4_u64, 16, 64] {
        let mut point = first.clone();
        point.0[size] = Some(Value::Number((kib * 8192) as f64));
        at.insert(kib, found.known(&point).unwrap().0["energy"]);
    }
    // Twice the root of the size, twice the energy of reading.
    let (one, two) = (at[&16] - at[&4], at[&64] - at[&16]);
    assert!(one > 0.0 && (two - 2.0 * one).abs() < 1e-6 * two, "{at:?}");
}

#[test]
fn layers_with_memories_cost_at_least_what_they_do_alone() {
    let memories = "memory parameters { holds = weights  size in {8 KiB, 64 KiB}  read = 300 fJ/bit * sqrt(memory.parameters.size / (16 KiB)) }
      memory data { holds = activations  size = 64 KiB  read = 1 pJ/bit  write = 2 pJ/bit }";
    for memories in [
        memories,
        &format!("{memories}  clock = 300 MHz * memory.data.size / (64 KiB)"),
    ] {
        let found = template(
            &format!("target = braintta {{ {memories} }}"),
            "  require energy <= 1 J\n  require latency <= 1000 s\n  require stored_size <= 1 GiB\n  require peak_memory <= 1 GiB\n",
        );
        let free = Counted::new(found.decisions());
        let mut rng = stream(5, 0, Purpose::Search);
        for _ in 0..100 {
            let point = free
                .draw(found.decisions(), &mut Uniform(&mut rng))
                .unwrap();
            let known = found.known(&point).unwrap();
            for (i, name) in ["energy", "latency", "stored_size", "peak_memory"]
                .iter()
                .enumerate()
            {
                let least = found.least(i, &point);
                // What is alive never comes near its limit.
                assert_eq!(least.is_empty(), *name == "peak_memory");
                for least in least {
                    let price = known.0[*name];
                    assert!(least <= price * (1.0 + 1e-12), "{name}: {least} of {price}");
                }
            }
        }
    }
}

#[test]
fn what_is_written_is_in_no_bound_that_a_candidate_is_said_to_have() {
    let found = template(
        "target = braintta { memory data { holds = activations  size = 4 KiB  write = 20 pJ/bit } }",
        "  minimize energy\n",
    );
    let range = by_layers(&found)["energy"];
    let of_all = all(&found);
    let energies = of_all.iter().filter(|a| a.2).map(|a| a.1.0["energy"]);
    let least = energies.clone().fold(f64::INFINITY, f64::min);
    let low = range.low.unwrap();
    assert!(low.value <= least && !low.is_attained, "{low:?} of {least}");
    assert!(
        range
            .high
            .is_none_or(|high| high.value >= energies.fold(0.0, f64::max))
    );
}

#[test]
fn no_field_of_a_target_needs_itself() {
    for fields in [
        "clock = 2 * clock",
        "clock = peak(binary) / (2048 op/cycle)",
        "memory m { holds = all  size = 64 bit * vector.lanes }  vector { lanes = memory.m.size / (64 bit) }",
    ] {
        let found = codes(&text("", &format!("target = braintta {{ {fields} }}"), ""));
        assert_eq!(found, ["bnas::name::circular"], "{fields}");
    }
}

#[test]
fn a_memory_behind_a_number_is_no_unit() {
    let target =
        "target = braintta { vector.lanes = 32 memory data { holds = activations  size = 8 KiB } }";
    let found = experiment(&text("", target, ""));
    assert_eq!(found.target.unwrap().memories.len(), 1);
}

#[test]
fn braintta_states_no_memory() {
    let found = experiment(&text("", "target = braintta", ""));
    assert!(found.target.unwrap().memories.is_empty() && found.requires.is_empty());
}

#[test]
fn sources_and_slots_of_memories_have_their_paths() {
    let found = experiments(
        "test.bnas",
        &text(
            "",
            "target = braintta { memory data { holds = activations  size = 8 KiB  @assumption(\"as the predecessor's\") } }",
            "",
        ),
    )
    .remove(0);
    let subjects: Vec<&str> = found
        .provenance
        .iter()
        .map(|p| p.subject.as_str())
        .collect();
    assert!(
        subjects.contains(&"target braintta, memory.data.size"),
        "{subjects:?}"
    );
    let target = found.target.unwrap();
    assert_eq!(
        target.slot("memory.data.size"),
        Some(&Slot::Fixed(Expr::number(65_536.0)))
    );
}

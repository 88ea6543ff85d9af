//! What layers cost at least, against the price of the networks that they make.

use super::experiment;
use crate::model::Template;
use crate::model::counting::{Count, Counted, Uniform};
use crate::stream::{Purpose, stream};

/// An experiment over a space of the library.
fn template(uses: &str, parts: &str, requires: &str) -> Template {
    let text = format!(
        "bnas 1
use std.data.digits
use std.quantizers.{{binary, ternary, int8}}
use std.targets.braintta
{uses}
policy few {{
  kinds = {{binary, ternary, int8}}
  each layer {{ q in kinds  weights = q  activations in {{int8, binary}} }}
}}
experiment e {{
  data = digits
  train {{ epochs = 1 }}
  search {{ method = random  trials = 4 }}
  maximize accuracy
  {parts}
  {requires}
}}
"
    );
    Template::new(&experiment(&text)).unwrap()
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
    assert_peaks(&template(mobile, &format!("space = mobilenet_v2  {parts}"), ""), 50);
    let cells = "use std.spaces.multi_branch_cell";
    assert_peaks(&template(cells, &format!("space = multi_branch_cell  {parts}"), ""), 50);
    let residual = "use std.spaces.resnet20";
    let space = "space = resnet20 { width in {4, 8}  blocks in 1..3 }";
    assert_peaks(&template(residual, &format!("{space}  {parts}"), ""), 50);
    // What leaves an addition has the bits of `output`.
    let outputs = "use std.spaces.resnet20
use std.spaces.mobilenet_v2
policy kept { each layer { q in {binary, int8}  weights = q  activations = q }  output = int8 }";
    assert_peaks(&template(outputs, "space = mobilenet_v2  policy = kept", ""), 50);
    assert_peaks(&template(outputs, &format!("{space}  policy = kept"), ""), 50);
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

#[test]
fn most_of_what_is_drawn_within_a_limit_meets_it() {
    for require in [
        "energy <= 300 nJ",
        "latency <= 30 us",
        "stored_size <= 12 KiB",
    ] {
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

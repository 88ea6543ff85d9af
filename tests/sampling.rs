//! Candidates are drawn uniformly, reals in their declared scale, and nothing that breaks a requirement ever leaves a sampler.

use std::collections::HashMap;

use bnas::analysis::{FileLoader, check};
use bnas::interpreter::search::{
    Bayes, Feasible, Grid, Known, KnownCosts, Observation, Random, Sampler, Suggestion,
};
use bnas::ir::Value;
use bnas::model::counting::members;
use bnas::model::{Metrics, Point, Template};
use bnas::source::Sources;

/// Two stages with a depth that is searched; each layer has a width, each stage channels and a kernel.
const STAGES: &str = "
  repeat 2 as s {
    channels in {8, 16, 32}
    kernel   in {3, 5}
    depth    in 1..2
    repeat depth as d {
      width in {8, 16}
      layer c = conv(channels = width, kernel = kernel) -> norm -> relu
    }
    layer out = conv(channels = channels, kernel = 1) -> norm -> relu
  }";

/// Three stages of channels and kernels.
const COPIES: &str = "
  repeat 3 as s {
    channels in {8, 16, 24, 32, 40}
    kernel   in {1, 3}
    layer c = conv(channels = channels, kernel = kernel) -> norm -> relu
  }";

fn template(space: &str, train: &str, requires: &str) -> Template {
    let text = format!(
        "bnas 1
use std.data.digits
use std.quantizers.{{binary, int8}}
use std.targets.braintta
space net {{{space}
  layer head = pool(average) -> linear(classes)
}}
policy few {{ each layer {{ weights = int8  activations = int8 }} }}
experiment e {{
  data = digits
  space = net
  policy = few
  target = braintta
  train {{ epochs = 1 {train} }}
  search {{ method = random  trials = 4 }}
  maximize accuracy
  {requires}
}}
"
    );
    let mut sources = Sources::default();
    let main = sources.add("test.bnas", text);
    let program = check(&mut sources, main, &FileLoader).program.unwrap();
    Template::new(&program.experiments[0]).unwrap()
}

/// Whether a point meets every requirement that is known before training, asked of the network itself.
fn is_met(template: &Template, point: &Point) -> bool {
    let Ok(metrics) = template.known(point) else {
        return false;
    };
    let holds = |metrics: &Metrics| {
        let mut requires = template.requires().iter();
        requires.all(|r| template.evaluate(r, point, metrics) == Ok(Value::Bool(true)))
    };
    template.decisions().is_feasible(point) && holds(&metrics)
}

/// What an experiment tells its sampler.
struct Priced<'a>(&'a Template);

impl Known for Priced<'_> {
    fn price(&self, point: &Point) -> Option<KnownCosts> {
        Some(KnownCosts {
            goals: vec![None],
            feasible: is_met(self.0, point),
        })
    }
}

fn feasible<'a>(template: &'a Template, known: &'a dyn Known) -> Feasible<'a> {
    Feasible::of(template.decisions(), template.counted().clone(), known)
}

fn key(point: &Point) -> String {
    format!("{:?}", point.0)
}

/// Draws of random search against the list of all candidates: chi square stays below its 99.9 % quantile. Whether all that was drawn from
/// what is counted was met, and the number of candidates.
fn assert_uniform(template: &Template) -> (bool, usize) {
    let everything = bnas::model::Decisions {
        constraints: Vec::new(),
        ..template.decisions().clone()
    };
    let all = members(&everything).unwrap();
    let all: Vec<Point> = all.filter(|p| is_met(template, p)).collect();
    assert!((10..=100_000).contains(&all.len()), "{}", all.len());
    let numbers: HashMap<String, usize> =
        all.iter().enumerate().map(|(i, p)| (key(p), i)).collect();
    let known = Priced(template);
    let mut random = Random::new(feasible(template, &known), 5);
    let draws = 20 * all.len();
    let mut seen = vec![0_u32; all.len()];
    let mut is_exact = true;
    for trial in 0..draws {
        let Suggestion::Evaluate { point, tries, .. } = random.suggest(trial, &[], &[]) else {
            panic!("there are candidates");
        };
        is_exact &= tries == 1;
        seen[numbers[&key(&point)]] += 1;
    }
    let expected = draws as f64 / all.len() as f64;
    let terms = seen
        .iter()
        .map(|n| (f64::from(*n) - expected).powi(2) / expected);
    let chi: f64 = terms.sum();
    // The quantile by the cube root of Wilson and Hilferty (1931).
    let freedom = all.len() as f64 - 1.0;
    let ninth = 2.0 / (9.0 * freedom);
    let limit = freedom * (1.0 - ninth + 3.0902 * ninth.sqrt()).powi(3);
    assert!(chi < limit, "{chi} of {limit}");
    (is_exact, all.len())
}

#[test]
fn conditional_decisions() {
    // Σ over two depths of 2^depth widths, times 3 channels and 2 kernels in each stage.
    assert_eq!(
        assert_uniform(&template(STAGES, "", "")),
        (true, (6 * (2 + 4)) * (6 * (2 + 4)))
    );
}

#[test]
fn a_sum_over_copies() {
    let sum = template(COPIES, "", "require sum(space.s[*].channels) <= 56");
    assert_eq!(assert_uniform(&sum), (true, 35 * 8));
}

#[test]
fn an_order_over_copies() {
    let order = template(COPIES, "", "require increasing(space.s[*].channels)");
    // 5 choose 3.
    assert_eq!(assert_uniform(&order), (true, 10 * 8));
}

#[test]
fn implications_over_copies() {
    let implied = template(
        STAGES,
        "",
        "require all(space.s[*].d[*].width <= space.s[*].channels)
  require space.s[0].kernel == 5 implies space.s[1].kernel == 3 and space.s[1].depth == 2",
    );
    assert!(assert_uniform(&implied).0);
}

#[test]
fn limits_of_metrics() {
    // A sum over layers is counted, and so is what is alive at once.
    assert!(assert_uniform(&template(STAGES, "", "require macs <= 200 kmac")).0);
    let memory = template(COPIES, "", "require peak_memory <= 3 KiB");
    assert_eq!(assert_uniform(&memory), (true, 72));
    // Written so that it is no limit of what layers cost: few candidates are tried one by one.
    let memory = template(COPIES, "", "require max(peak_memory, 1 bit) <= 3 KiB");
    assert_eq!(assert_uniform(&memory), (true, 72));
    let product = "require energy / (1 J) * (latency / (1 s)) <= 5e-11";
    assert!(assert_uniform(&template(STAGES, "", product)).0);
    // So they are beside a training that is searched.
    let trained = template(
        COPIES,
        "batch in {8, 16, 32}",
        "require max(peak_memory, 1 bit) <= 3 KiB",
    );
    assert_eq!(assert_uniform(&trained), (true, 3 * 72));
    // Of many, those that break the requirement are drawn again.
    let many = STAGES
        .replace("{3, 5}", "{1, 3, 5, 7}")
        .replace("1..2", "1..3");
    let memory = template(&many, "", "require max(peak_memory, 1 bit) <= 3 KiB");
    assert!(!assert_uniform(&memory).0);
}

/// The largest distance between the shares of a sample below each of its numbers and what they should be, times √n.
fn kolmogorov(mut sample: Vec<f64>, share: impl Fn(f64) -> f64) -> f64 {
    sample.sort_by(f64::total_cmp);
    let n = sample.len() as f64;
    let distance = sample.iter().enumerate().map(|(i, x)| {
        let (below, above) = (i as f64 / n, (i + 1) as f64 / n);
        (share(*x) - below).abs().max((share(*x) - above).abs())
    });
    distance.fold(0.0, f64::max) * n.sqrt()
}

#[test]
fn reals_follow_in_their_declared_scale() {
    let optimizers = "optimizer in {adam(lr in 1e-4..1e-2 log), sgd(lr in 1e-3..1e-1 log, momentum in 0.5..0.9)}";
    let template = template(COPIES, optimizers, "require sum(space.s[*].channels) <= 56");
    let known = Priced(&template);
    let mut random = Random::new(feasible(&template, &known), 3);
    let mut samples: HashMap<String, Vec<f64>> = HashMap::new();
    let draws = 4000;
    for trial in 0..draws {
        let Suggestion::Evaluate { point, .. } = random.suggest(trial, &[], &[]) else {
            panic!("there are candidates");
        };
        for (path, value) in template.decisions().named(&point) {
            if let (true, Some(x)) = (path.starts_with("train."), value.as_number()) {
                samples.entry(path.into()).or_default().push(x);
            }
        }
    }
    assert_eq!(samples.len(), 3);
    let log = |low: f64, high: f64| move |x: f64| (x / low).ln() / (high / low).ln();
    // Below 1.95 in 99.9 % of cases.
    let of = |path: &str| samples[&format!("train.optimizer.{path}")].clone();
    assert!(kolmogorov(of("adam.lr"), log(1e-4, 1e-2)) < 1.95);
    assert!(kolmogorov(of("sgd.lr"), log(1e-3, 1e-1)) < 1.95);
    assert!(kolmogorov(of("sgd.momentum"), |x| (x - 0.5) / 0.4) < 1.95);
    // Each optimizer counts as one value, as its reals do.
    let adam = of("adam.lr").len();
    assert!(adam.abs_diff(draws / 2) < 110, "{adam}");
    // The test sees a wrong scale.
    assert!(kolmogorov(of("adam.lr"), |x| (x - 1e-4) / (1e-2 - 1e-4)) > 10.0);
}

/// Bounds of a whole number leave its scale; what ties it to another decision makes candidates equally likely.
#[test]
fn whole_numbers_follow_in_their_declared_scale() {
    let samples = |most: u32, require: &str| -> Vec<f64> {
        let text = format!(
            "bnas 1
experiment e {{
  x in 1..{most} log
  y in 1..{most}
  minimize x + y
  search {{ method = random  trials = 4 }}
  {require}
}}
"
        );
        let mut sources = Sources::default();
        let main = sources.add("test.bnas", text);
        let program = check(&mut sources, main, &FileLoader).program.unwrap();
        let template = Template::new(&program.experiments[0]).unwrap();
        let known = Priced(&template);
        let mut random = Random::new(feasible(&template, &known), 3);
        let draw = |trial| {
            let Suggestion::Evaluate { point, .. } = random.suggest(trial, &[], &[]) else {
                panic!("there are candidates");
            };
            point.0[0].as_ref().and_then(Value::as_number).unwrap()
        };
        (0..2000).map(draw).collect()
    };
    // Each whole number has the share from half below it to half above.
    let log = |low: f64, high: f64| {
        move |x: f64| ((x + 0.5) / (low - 0.5)).ln() / ((high + 0.5) / (low - 0.5)).ln()
    };
    for (require, low, high) in [
        ("", 1.0, 1e6),
        ("require x >= 100 and x <= 90000", 100.0, 9e4),
        ("require x >= 100  require x <= 150", 100.0, 150.0),
    ] {
        let found = samples(1_000_000, require);
        assert!(found.iter().all(|x| (low..=high).contains(x)), "{require}");
        let edges = (1..10).map(|k| (low * (high / low).powf(f64::from(k) / 10.0)).floor());
        for edge in edges {
            let below = found.iter().filter(|x| **x <= edge).count() as f64 / 2000.0;
            // Four standard deviations.
            assert!(
                (below - log(low, high)(edge)).abs() < 0.045,
                "{require} {edge}: {below}"
            );
        }
    }
    // Of x <= y, a fifth of the candidates has x <= 100; in scale, it would be two thirds.
    let tied = samples(1000, "require x <= y");
    let small = tied.iter().filter(|x| **x <= 100.0).count() as f64 / 2000.0;
    assert!((small - 0.19).abs() < 0.04, "{small}");
}

#[test]
fn nothing_infeasible_leaves_any_sampler() {
    for requires in [
        "require macs <= 200 kmac\n  require space.s[0].kernel == 5 implies space.s[1].depth == 2",
        "require peak_memory <= 4 KiB\n  require nondecreasing(space.s[*].channels)",
        "require energy <= 400 nJ\n  require model_size <= 5 KiB",
        "require max(peak_memory, 1 bit) <= 3 KiB\n  require energy <= 400 nJ",
    ] {
        let template = template(STAGES, "", requires);
        let known = Priced(&template);
        let samplers: [Box<dyn Sampler>; 3] = [
            Box::new(Random::new(feasible(&template, &known), 1)),
            Box::new(Grid::new(feasible(&template, &known)).unwrap()),
            Box::new(Bayes::new(feasible(&template, &known), 1, 6)),
        ];
        for mut sampler in samplers {
            let mut seen: Vec<Observation> = Vec::new();
            for trial in 0..20 {
                let Suggestion::Evaluate { point, .. } = sampler.suggest(trial, &seen, &[]) else {
                    assert!(trial > 0, "{requires}");
                    break;
                };
                assert!(is_met(&template, &point), "{requires}");
                assert!(seen.iter().all(|o| o.point != point), "{requires}");
                let size = template.known(&point).unwrap().0["params"];
                seen.push(Observation {
                    point,
                    goals: vec![-size],
                    feasible: true,
                    failed: false,
                });
            }
        }
    }
}

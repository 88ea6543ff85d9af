//! What is said of requirements: meetable by a count or a witness, unmeetable, or neither proved.

use super::fixtures::{self, codes, few};
use crate::model::Template;
use crate::model::counting::{Count, Uniform, members};
use crate::model::survey::{Survey, Verdict, survey};
use crate::stream::{Purpose, stream};

fn template(lines: &str) -> Template {
    fixtures::template(&few(lines))
}

/// The codes of what is reported instead of a template.
fn refused(lines: &str) -> Vec<&'static str> {
    codes(&few(lines))
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

/// The same with so many candidates that they are not tried one by one.
fn many(lines: &str) -> Template {
    let text = few(lines)
        .replace("depth in 1..2", "depth in 1..4")
        .replace("width in {16, 8}", "width in {16, 8, 12, 24}");
    fixtures::template(&text)
}

/// A metric of some candidates of these, ascending.
fn drawn(name: &str) -> Vec<f64> {
    let template = many("");
    let mut rng = stream(3, 0, Purpose::Search);
    let values = (0..101).map(|_| {
        let point = (template.counted())
            .draw(template.decisions(), &mut Uniform(&mut rng))
            .unwrap();
        template.known(&point).unwrap().0[name]
    });
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

#[test]
fn a_drawn_candidate_proves_a_requirement_meetable() {
    // Written so that it is no limit of what layers cost.
    let middle = drawn("peak_memory")[50];
    let limited = many(&format!("require max(peak_memory, 1 bit) <= {middle} bit"));
    let survey = survey(&limited);
    assert_eq!(survey.verdicts, [Verdict::Meetable]);
    let sample = survey.sample.unwrap();
    assert!(0 < sample.met && sample.met < sample.drawn, "{sample:?}");
    // The share that was measured is that of all, but for its error.
    let (share, error) = sample.acceptance();
    let most = limited.counted().parts().unwrap().to_string();
    let most = most.parse::<f64>().unwrap();
    let counted = many(&format!("require peak_memory <= {middle} bit"));
    let Count::Exact(met) = counted.counted().count(counted.decisions()) else {
        panic!("a limit of what is alive is counted");
    };
    let met = met.to_string().parse::<f64>().unwrap();
    assert!(
        (share * most - met).abs() <= 4.0 * error * most,
        "{share} ± {error} of {most}, {met}"
    );
}

#[test]
fn the_default_member_proves_a_requirement_meetable() {
    let template = many("");
    let known = template.known(&template.decisions().default_point());
    let energy = known.unwrap().0["energy"];
    let lines = format!("require peak_memory >= 1 bit\n require max(energy, 0 J) == {energy:e} J");
    let survey = survey(&many(&lines));
    assert_eq!(survey.verdicts, [Verdict::Meetable; 2]);
    assert_eq!(survey.sample.unwrap().met, 0);
}

#[test]
fn an_extreme_candidate_proves_a_requirement_meetable() {
    // One candidate of tens of thousands takes the least energy: draws do not find it.
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
    assert_eq!(refused("require accuracy >= 150 %"), unmeetable);
    assert_eq!(
        refused("require space.depth == 2\n require count(space.d[*].width) == 1"),
        unmeetable
    );
}

/// One that is unmeetable hides no other, whichever way each is proved.
#[test]
fn each_requirement_that_no_candidate_meets_is_reported() {
    let proved = [
        "macs <= 1 mac",
        "energy <= 1e-18 J",
        "peak_memory <= 1 bit",
        "energy >= 1 J",
        "energy / latency >= 1 kW",
        "sum(space.d[*].width) == 17",
    ];
    for (i, first) in proved.iter().enumerate() {
        for second in &proved[..i] {
            let lines = format!("require {second}\n require {first}");
            let (found, _) = fixtures::refusals(&few(&lines));
            let mut about: Vec<&str> = found.iter().map(|d| d.message.as_str()).collect();
            about.sort_unstable();
            let mut expected = [second, first].map(|r| format!("no candidate can meet `{r}`"));
            expected.sort_unstable();
            assert_eq!(about, expected);
        }
    }
}

#[test]
fn what_is_not_proved_is_said_to_be_open() {
    // No candidate keeps so little in memory, and what is written is no limit of it.
    let Some(least) = survey(&many("")).ranges["peak_memory"].low else {
        panic!("the least of what is alive is known");
    };
    let survey = survey(&many(&format!(
        "require max(peak_memory, 1 bit) < {} bit",
        least.value
    )));
    assert_eq!(survey.verdicts, [Verdict::Open]);
    assert_eq!(survey.sample.unwrap().met, 0);
    // As a limit, it is refused; so it is where each candidate is tried.
    let least = all("peak_memory")[0];
    for metric in ["peak_memory", "max(peak_memory, 1 bit)"] {
        let lines = format!("require {metric} < {least} bit");
        assert_eq!(refused(&lines), ["bnas::require::unmeetable"]);
    }
    // What training measures is not known before.
    let survey = of("require accuracy >= 50 %");
    assert_eq!(survey.verdicts, [Verdict::Measured]);
}

#[test]
fn what_a_metric_is_by_nature_is_met_always() {
    let always = of("require accuracy >= 0 % and accuracy <= 100 %
        require energy >= 0 J
        require macs >= 0 mac
        require peak_memory > -1 bit");
    assert_eq!(always.verdicts, [Verdict::Always; 4]);
    assert_eq!(of("require accuracy > 0 %").verdicts, [Verdict::Measured]);
}

/// A requirement of the space is met always if it is in every copy, and only where something could break it.
#[test]
fn requirements_of_a_space_that_exclude_nothing_are_known() {
    let text = "bnas 1
use std.data.digits
space s {
  width in {8, 16}
  kernel = 3
  require width <= 16
  require width <= 8 or kernel <= width
  require kernel <= 3
  repeat 2 as r {
    depth in 1..3
    require depth + r >= 1
    require depth <= 2 + r
    layer conv = conv(channels = 8 * depth, kernel = kernel) -> norm -> relu
  }
  layer head = pool(average) -> linear(classes)
}
experiment e {
  data = digits
  space = s
  train { epochs = 1 }
  search { method = grid }
  maximize accuracy
}
";
    let survey = survey(&fixtures::template(text));
    let idle = [
        "width <= 16",
        "width <= 8 or kernel <= width",
        "depth + r >= 1",
    ];
    assert_eq!(survey.idle, idle);
}

/// Members that requirements exclude take what needs them with them.
#[test]
fn decisions_that_requirements_exclude_are_known() {
    let text = "bnas 1
use std.data.digits
space s {
  depth in 0..3
  repeat depth as d {
    width in {8, 16}
    layer conv = conv(channels = width) -> norm -> relu
  }
  layer head = pool(average) -> linear(classes)
}
experiment e {
  data = digits
  space = s
  train { epochs = 1 }
  search { method = grid }
  require space.depth <= 1
  maximize accuracy
}
";
    let template = fixtures::template(text);
    let found = survey(&template);
    let all = &template.decisions().all;
    let excluded = found.excluded.iter().map(|i| all[*i].path.as_str());
    let expected = ["space.d[1].width", "space.d[2].width"];
    assert_eq!(excluded.collect::<Vec<_>>(), expected);
    let free = fixtures::template(&text.replace("depth <= 1", "depth <= 3"));
    assert!(survey(&free).excluded.is_empty());
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

/// Requirements that follow from each other exclude something all the same; what all of few candidates meet is said to be met by all.
#[test]
fn what_every_candidate_meets_is_counted() {
    let space =
        "space net { k in 0..3  w in {4, 8}  layer c = conv(channels = w + k) -> norm -> relu
        layer head = pool(average) -> linear(classes) }";
    let verdicts = |requires: &str| {
        survey(&fixtures::template(&fixtures::on_digits(
            space,
            &format!("space = net  {requires}"),
        )))
        .verdicts
    };
    let twice = verdicts("require space.k >= 1  require space.k > 0");
    assert_eq!(twice, [Verdict::Meetable; 2]);
    // 11 channels: 9 * 11 + 11 of the convolution, 11 * 10 + 10 of the head.
    assert_eq!(verdicts("require params <= 230"), [Verdict::Always]);
    assert_eq!(verdicts("require params <= 229"), [Verdict::Meetable]);
}

/// What a rule asks of each layer binds if it binds for one of them.
#[test]
fn a_rule_that_asks_nothing_of_some_layers_is_not_warned_of() {
    let declared = "use std.quantizers.{binary, ternary, int8}
use std.blocks.inverted_residual
space net { e in {2, 4}
  block in {inverted_residual(channels = 8, expansion = e), inverted_residual(channels = 8, expansion = 2)}
  layer head = pool(average) -> linear(classes) }
policy pol { each layer { q in {binary, ternary}  weights = q  activations = int8  require q != ternary }
  first layer { weights = int8  activations = int8 } }";
    let template = fixtures::template(&fixtures::on_digits(declared, "space = net  policy = pol"));
    assert!(template.warnings().is_empty(), "{:?}", template.warnings());
}

/// Where no candidate is left, nothing is known of metrics, and nothing is said of them.
#[test]
fn ends_of_which_nothing_is_known_are_not_shown() {
    let (found, _) = fixtures::refusals(&fixtures::on_digits(
        "use std.spaces.mobilenet_v2",
        "space = mobilenet_v2 { width = 0.5 }  require params <= 100 and space.width >= 0.75",
    ));
    let [unmeetable] = &found[..] else {
        panic!("{found:?}")
    };
    assert_eq!(unmeetable.code, "bnas::require::unmeetable");
    let help = unmeetable.help.as_deref();
    assert_eq!(
        help,
        Some("change what it asks, or a domain that it speaks of")
    );
}

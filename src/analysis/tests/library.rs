//! Numbers of the library, against the papers that it cites.

use super::experiment;
use crate::ir::{Codes, Expr, Files, Slot, Target, Value};
use crate::model::Template;
use crate::model::expression::evaluate;

fn braintta() -> Target {
    let text = "bnas 1
use std.data.digits
use std.spaces.small_cnn
use std.targets.braintta
experiment e {
  data = digits  space = small_cnn  target = braintta
  train { epochs = 1 }  search { method = grid }
  minimize energy
}";
    experiment(text).target.unwrap()
}

fn value(target: &Target, slot: &Slot) -> f64 {
    let Slot::Fixed(expr) = slot else {
        panic!("a fixed field")
    };
    let names = |name: &str| match name {
        "vector.width" => Some(Expr::number(value(target, &target.vector_width))),
        _ => None,
    };
    evaluate::reduce(expr, &names)
        .unwrap()
        .as_value()
        .unwrap()
        .as_number()
        .unwrap()
}

/// arXiv:2211.11331, abstract: 35/67/405 fJ/op at 614/307/77 Gop/s.
#[test]
fn braintta_has_the_numbers_of_its_paper() {
    let target = braintta();
    let clock = value(&target, &target.clock);
    let op_per_mac = value(&target, &target.op_per_mac);
    let expected = [
        ("binary", 1, 35e-15, 614.4e9),
        ("ternary", 2, 67e-15, 307.2e9),
        ("int8", 8, 405e-15, 76.8e9),
    ];
    assert_eq!(target.precisions.len(), 3);
    for ((name, bits, energy, throughput), precision) in
        expected.into_iter().zip(&target.precisions)
    {
        assert_eq!(precision.name, name);
        assert_eq!(precision.bits, bits);
        assert_eq!(value(&target, &precision.energy), energy);
        let macs = value(&target, &precision.macs);
        assert_eq!(macs * op_per_mac * clock, throughput);
    }
    assert_eq!(target.checks.len(), 6);
    assert_eq!(value(&target, &target.lanes), 32.0);
    assert_eq!(value(&target, &target.idle), 1.0);
    let said: Vec<&str> = target
        .provenance
        .iter()
        .map(|p| p.subject.as_str())
        .collect();
    assert_eq!(
        said,
        [
            "target braintta",
            "target braintta",
            "target braintta, op_per_mac",
            "target braintta, clock",
            "target braintta, vector.width",
            "target braintta, vector.lanes",
            "target braintta, vector.idle",
            "target braintta, ternary.macs",
        ]
    );
    assert!(
        target.provenance[0]
            .text
            .starts_with("arXiv:2211.11331, abstract")
    );
}

#[test]
fn digits_are_1797_images() {
    let text = "bnas 1
use std.data.digits
use std.spaces.resnet20
experiment e {
  data = digits { augment = {shift(1), flip} }  space = resnet20
  train { epochs = 1 }  search { method = grid }
  maximize accuracy
}";
    let data = experiment(text).data.unwrap();
    assert_eq!(data.files, Files::Embedded("digits".into()));
    assert_eq!(data.shape, [8, 8, 1]);
    assert_eq!((data.classes, data.scale), (10, 16.0));
    let splits = [data.splits.train, data.splits.validation, data.splits.test];
    assert_eq!(splits, [1000, 297, 500]);
    assert_eq!(splits.iter().sum::<usize>(), 1797);
    let Slot::Fixed(Expr::Set(changes)) = &data.augment else {
        panic!("{:?}", data.augment);
    };
    assert_eq!(changes[0].records(), ["shift"]);
    assert_eq!(changes[1], Expr::Value(Value::name("flip")));
}

#[test]
fn quantizers_derive_from_each_other() {
    let text = "bnas 1
use std.data.digits
use std.spaces.small_cnn
use std.quantizers.{int, int2, int3, int4, int6, int8, binary, ternary, approx_sign, ede}
policy all {
  each layer { weights in {int2, int3, int4, int6, int8, binary, ternary, approx_sign, ede, int, float}  activations = int8 }
}
experiment e {
  data = digits  space = small_cnn  policy = all
  train { epochs = 1 }  search { method = random  trials = 3 }
  maximize accuracy
}";
    let quantizers = experiment(text).quantizers;
    let find = |name: &str| quantizers.iter().find(|q| q.name == name).unwrap();
    for bits in [2, 3, 4, 6, 8] {
        let int = find(&format!("int{bits}"));
        assert_eq!(int.codes, Codes::Uniform);
        assert_eq!(int.bits, Some(Slot::Fixed(Expr::number(f64::from(bits)))));
        assert_eq!(int.granularity, Slot::word("per_channel"));
        assert_eq!(int.scale, Slot::Fixed(Expr::Value(Value::name("max_abs"))));
        assert_eq!(int.signed, Slot::word("auto"));
    }
    assert!(matches!(find("int").bits, Some(Slot::Chosen(_))));
    for (name, codes) in [("binary", Codes::Binary), ("ternary", Codes::Ternary)] {
        assert_eq!(find(name).codes, codes);
        assert_eq!(
            find(name).scale,
            Slot::Fixed(Expr::Value(Value::name("mean_abs")))
        );
    }
    assert_eq!(quantizers.len(), 10);
}

fn gradient(name: &str, progress: f64, x: f64) -> f64 {
    let text = format!(
        "bnas 1
use std.data.digits
use std.spaces.small_cnn
use std.quantizers.{name}
policy p {{ each layer {{ weights = {name} }} }}
experiment e {{
  data = digits  space = small_cnn  policy = p
  train {{ epochs = 1 }}  search {{ method = grid }}
  maximize accuracy
}}"
    );
    let quantizer = experiment(&text).quantizers.remove(0);
    let mut known = vec![
        ("x".to_string(), Expr::number(x)),
        ("progress".to_string(), Expr::number(progress)),
    ];
    let reduce = |expr: &Expr, known: &[(String, Expr)]| {
        evaluate::reduce(expr, &|name| {
            known
                .iter()
                .find(|(n, _)| n == name)
                .map(|(_, e)| e.clone())
        })
        .unwrap()
    };
    for binding in &quantizer.formulas.lets {
        let Slot::Fixed(expr) = &binding.slot else {
            panic!("formulas are fixed")
        };
        let value = reduce(expr, &known);
        known.push((binding.name.clone(), value));
    }
    let value = reduce(&quantizer.formulas.gradient.unwrap(), &known);
    value.as_value().unwrap().as_number().unwrap()
}

/// arXiv:1808.00278: 2 - 2|x| inside, 0 outside.
#[test]
fn approx_sign_is_a_triangle() {
    for (x, expected) in [(0.0, 2.0), (0.5, 1.0), (-0.25, 1.5), (1.0, 0.0), (1.5, 0.0)] {
        assert_eq!(gradient("approx_sign", 0.0, x), expected);
    }
}

/// arXiv:1909.10788: k t (1 - tanh²(t x)), t from 1e-3 to 1e1, k = max(1/t, 1).
#[test]
fn ede_sharpens() {
    for (progress, t) in [(0.0, 1e-3), (0.5, 0.1), (1.0, 10.0)] {
        let k = f64::max(1.0 / t, 1.0);
        for x in [-0.7, 0.0, 0.1, 2.0] {
            let expected = k * t * (1.0 - libm::tanh(t * x).powi(2));
            let found = gradient("ede", progress, x);
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
    }
}

/// ReSTE (arXiv:2308.06689, the authors' code): the secant below 0.1, x^((1 - o) / o) / o up to 1.5, nothing beyond.
#[test]
fn reste_nears_the_sign() {
    for (progress, o) in [
        (0.0, 1.0),
        (0.5, 1.0 + 2.0 * (1.0 - 0.5_f64.sqrt())),
        (1.0, 3.0),
    ] {
        for x in [-2.0, -0.7, -0.05, 0.0, 0.1, 0.3, 1.5, 1.6] {
            let size = f64::abs(x);
            let expected = match size {
                s if s <= 0.1 => 0.1_f64.powf(1.0 / o) / 0.1,
                s if s <= 1.5 => s.powf((1.0 - o) / o) / o,
                _ => 0.0,
            };
            let found = gradient("reste", progress, x);
            assert!((found - expected).abs() < 1e-9, "{x}: {found} {expected}");
        }
    }
}

/// Names of a quantizer's formulas may be given, and searched, where it is used.
#[test]
fn names_of_a_quantizer_are_amended_and_searched() {
    let text = |given: &str| {
        format!(
            "bnas 1
use std.data.digits
use std.spaces.small_cnn
use std.quantizers.{{ede, libra}}
policy p {{ each layer {{ weights = libra  activations = ede {{ {given} }} }} }}
experiment e {{
  data = digits  space = small_cnn  policy = p
  train {{ epochs = 1 }}  search {{ method = random  trials = 4 }}
  maximize accuracy
}}"
        )
    };
    let template = Template::new(&experiment(&text("t_min = 1e-2"))).unwrap();
    let point = template.decisions().default_point();
    let network = template.candidate(&point).unwrap().unwrap().network;
    let first = network.weighted().next().unwrap();
    let placement = network.nodes[first].placement.as_ref().unwrap();
    let weights = placement.weights.as_ref().unwrap();
    assert!(weights.formulas.normalize.is_some() && weights.formulas.forward.is_some());
    let activations = placement.activations.as_ref().unwrap();
    assert_eq!(
        activations.formulas.lets[0].slot,
        Slot::Fixed(Expr::number(1e-2))
    );
    assert_eq!(
        activations.formulas.lets[1].slot,
        Slot::Fixed(Expr::number(1e1))
    );
    // What is made of it follows: t = t_min * (t_max / t_min)^progress.
    let of_t = |progress: f64| {
        let Slot::Fixed(t) = &activations.formulas.lets[2].slot else {
            panic!("t is fixed")
        };
        let names = |name: &str| (name == "progress").then(|| Expr::number(progress));
        evaluate::reduce(t, &names)
            .unwrap()
            .as_value()
            .unwrap()
            .as_number()
            .unwrap()
    };
    assert_eq!(of_t(0.0), 1e-2);
    assert!((of_t(0.5) - 0.01 * 1000_f64.sqrt()).abs() < 1e-12);
    let undefined = Template::new(&experiment(&text("t_min in {0, 1e-2}"))).unwrap_err();
    assert!(undefined[0].message.starts_with("a division by 0 when"));
    let template = Template::new(&experiment(&text("t_min in 1e-3..1e-1 log"))).unwrap();
    let decisions = &template.decisions().all;
    let searched = decisions.iter().filter(|d| d.path.ends_with(".t_min"));
    assert_eq!(searched.count(), network.weighted().count());
    let point = template.decisions().default_point();
    assert!(template.candidate(&point).is_ok());
}

/// Every file of the library says where it comes from, and states a fact that is evaluated when it is checked.
#[test]
fn every_file_has_a_source_and_a_fact() {
    use crate::analysis::{FileLoader, Loader};
    let paths = FileLoader.library_paths();
    assert!(paths.len() >= 39, "only {} files", paths.len());
    for path in paths {
        let text = String::from_utf8(FileLoader.library(&path).unwrap()).unwrap();
        let begins = |words: &[&str]| {
            let mut lines = text.lines().map(str::trim_start);
            lines.any(|l| words.iter().any(|w| l.starts_with(w)))
        };
        assert!(begins(&["@paper(", "@assumption("]), "{path} has no source");
        assert!(begins(&["check "]), "{path} has no fact");
        let mut sources = crate::source::Sources::default();
        let main = sources.add(&path, &text);
        let found = crate::analysis::check(&mut sources, main, &FileLoader).diagnostics;
        assert!(found.is_empty(), "{path}: {found:?}");
    }
}

/// Parameters (weights and one bias per output channel) and multiply-accumulates of a library space's default member.
fn size(space: &str, amended: &str, shape: [usize; 3], classes: usize) -> (f64, f64) {
    let [height, width, channels] = shape;
    let text = format!(
        "bnas 1
use std.spaces.{space}
dataset images : idx {{
  images = \"i\"  labels = \"l\"
  shape {{ height = {height}  width = {width}  channels = {channels} }}
  classes = {classes}
  splits {{ train = 10  validation = 10  test = 10 }}
}}
experiment e {{
  data = images  space = {space} {amended}
  train {{ epochs = 1 }}  search {{ method = random  trials = 3 }}
  maximize accuracy
}}"
    );
    let template = Template::new(&experiment(&text)).unwrap();
    let known = template
        .known(&template.decisions().default_point())
        .unwrap();
    (known.0["params"], known.0["macs"])
}

/// Published sizes. Where the source counts two parameters per channel of a batch norm, here there is one: the norm is folded.
#[test]
fn library_spaces_have_the_sizes_of_their_papers() {
    // 269 722 parameters with 688 norm channels (arXiv:1512.03385, table 6: 0.27 M).
    assert_eq!(
        size("resnet20", "", [32, 32, 3], 10),
        (269_722.0 - 688.0, 40_551_040.0)
    );
    // torchvision's resnet18: 11 689 512 parameters with 4800 norm channels, 1.814 G multiply-accumulates.
    let (params, macs) = size("resnet18", "{ small_images = false }", [224, 224, 3], 1000);
    assert_eq!((params, macs), (11_689_512.0 - 4800.0, 1_814_073_344.0));
    // Its variant for CIFAR-10: 11 173 962 parameters, 0.56 G.
    let (params, macs) = size("resnet18", "", [32, 32, 3], 10);
    assert_eq!((params, macs), (11_173_962.0 - 4800.0, 555_422_720.0));
    // 128-128-256-256-512-512 and a linear layer: 0.61 G.
    let (params, macs) = size("vgg_small", "", [32, 32, 3], 10);
    assert_eq!(
        (params, macs),
        (4_656_512.0 + 2.0 * 896.0 + 10.0, 607_600_640.0)
    );
    // DS-CNN's small model: 2 656 768 multiply-accumulates, 125·64·40 of them in the 10x4 stem, which is 5x5 here.
    let (_, macs) = size("ds_cnn", "", [49, 10, 1], 12);
    assert_eq!(macs, 2_656_768.0 - 125.0 * 64.0 * (40.0 - 25.0));
    // Every member of the cells fits 32x32 and 8x8 images.
    for side in [32, 8] {
        assert!(size("multi_branch_cell", "", [side, side, 3], 10).1 > 0.0);
    }
}

//! What experiments become.

use super::{experiment, experiments};
use crate::ir::{
    Direction, DomainKind, Edit, Expr, Method, Pattern, PatternPart, Quantifier, RepairKind, Slot,
    Stmt, Value, Which,
};

const HEAD: &str = "bnas 1
use std.data.digits
use std.spaces.{small_cnn, mobilenet_v2}
use std.policies.tied
use std.targets.braintta
use std.quantizers.{int, int8, binary}
use std.repairs.training.feature_ede
use std.repairs.topology.double_residual
policy rules {
  widths = {2, 4, 8}
  each layer { weights = int { bits in widths }  activations = int { bits = 8 } }
  every depthwise layer { weights = int { bits in {6, 8} } }
  layer s[0].d[*].project { weights = int8 }
  conv layer where channels <= 16 and macs <= 1e6 mac { weights = binary }
}
experiment unused {
  data = digits  space = small_cnn  policy = tied  target = braintta  repairs = {feature_ede, double_residual}
  train { epochs = 1 }  search { method = grid }
  minimize energy
}
";

pub(super) fn lowered(body: &str) -> crate::ir::Experiment {
    let text =
        format!("{HEAD}experiment e {{\n  search {{ method = random  trials = 24 }}\n{body}\n}}\n");
    let (checked, sources) = super::checked("test.bnas", &text);
    let shown = crate::diagnostic::render(&checked.diagnostics, &sources, false);
    checked.program.expect(&shown).experiments.remove(1)
}

const NETWORK: &str = "data = digits  space = small_cnn  train { epochs = 3 }\n";

#[test]
fn the_quickstart_lowers() {
    let (_, text) = super::files("examples")
        .into_iter()
        .find(|(name, _)| name.ends_with("06-quickstart.bnas"))
        .unwrap();
    let e = experiment(&text);
    assert_eq!((e.name.as_str(), e.seed), ("quickstart", 1));
    assert!(e.docs.starts_with("Small mixed-precision"));
    assert_eq!(e.search.method, Method::Bayes);
    assert_eq!(
        (e.search.trials, e.search.initial, e.search.slots),
        (40, 10, 4)
    );
    let units: Vec<_> = e
        .goals
        .iter()
        .map(|g| (g.direction, g.text.as_str(), g.unit.as_str()))
        .collect();
    assert_eq!(
        units,
        [
            (Direction::Maximize, "accuracy", "%"),
            (Direction::Minimize, "energy", "J")
        ]
    );
    assert_eq!(
        e.requires[0].why.as_deref(),
        Some("fits the parameter memory")
    );
    // 8 KiB are 65536 bits.
    let Expr::Binary(_, _, limit) = &*e.requires[0].holds else {
        panic!("a comparison")
    };
    assert_eq!(**limit, Expr::number(65536.0));
    assert_eq!(e.expects[0].text, "best.test.accuracy >= 95 %");
    let names: Vec<_> = e.quantizers.iter().map(|q| q.name.as_str()).collect();
    assert_eq!(names, ["binary", "ternary", "int4", "int8"]);
    let Stmt::Let(width) = &e.space.as_ref().unwrap().body[0] else {
        panic!("width comes first")
    };
    assert_eq!(width.name, "width");
    assert!(
        matches!(&width.slot, Slot::Chosen(d) if d.default.is_none() && matches!(&d.kind, DomainKind::Set(s) if s.len() == 3))
    );
    let Slot::Fixed(Expr::Record(name, fields, _)) = &e.stages[0].training.optimizer else {
        panic!("adam")
    };
    assert_eq!(name, "adam");
    let given: Vec<_> = fields.iter().map(|(n, _)| n.as_str()).collect();
    assert_eq!(given, ["lr", "beta1", "beta2", "weight_decay"]);
    let finetune = &e.stages[1].training;
    let Slot::Fixed(Expr::Record(_, fields, _)) = &finetune.optimizer else {
        panic!("adam")
    };
    assert_eq!(fields[0].1, Slot::Fixed(Expr::number(5e-3)));
    assert!(
        e.provenance
            .iter()
            .any(|p| p.subject == "quantizer ternary" && p.text == "arXiv:1605.04711")
    );
}

#[test]
fn policies_keep_their_rules_in_order() {
    let e = lowered(
        "data = digits  space = mobilenet_v2  policy = rules  train { epochs = 3 }\n maximize accuracy",
    );
    let policy = e.policy.unwrap();
    assert_eq!(policy.lets[0].name, "widths");
    assert_eq!(policy.rules.len(), 4);
    assert_eq!(policy.rules[0].quantifier, Quantifier::Each);
    assert_eq!(policy.rules[1].quantifier, Quantifier::Every);
    let Some(Slot::Fixed(Expr::Record(name, fields, _))) = &policy.rules[0].weights else {
        panic!("int")
    };
    assert_eq!(name, "int");
    assert!(
        matches!(&fields[0].1, Slot::Chosen(d) if matches!(&d.kind, DomainKind::Of(Expr::Name(n, _)) if n == "widths"))
    );
    let part = |name: &str, index| PatternPart {
        name: name.into(),
        index,
    };
    assert_eq!(
        policy.rules[2].selectors[0].which,
        Which::Named(Pattern(vec![
            part("s", Some(Some(0))),
            part("d", Some(None)),
            part("project", None)
        ]))
    );
    assert!(policy.rules[3].selectors[0].filter.is_some());
}

#[test]
fn repairs_are_sets() {
    let e = lowered(&format!(
        "{NETWORK} policy = tied\n repairs in {{{{}}, {{feature_ede}}, {{feature_ede, double_residual}}}}\n maximize accuracy"
    ));
    let Slot::Chosen(domain) = &e.repairs else {
        panic!("a choice")
    };
    let DomainKind::Set(members) = &domain.kind else {
        panic!("a set")
    };
    assert_eq!(members[0], Expr::Value(Value::Set(vec![])));
    assert_eq!(e.repair_definitions.len(), 2);
    assert_eq!(
        e.repair_definitions[0].edits,
        [Edit::Features("ede".into())]
    );
    assert_eq!(e.repair_definitions[1].kind, RepairKind::Topology);
    assert_eq!(
        e.repair_definitions[1].edits,
        [Edit::RemoveSkips, Edit::ShortcutAroundBinaryConvs]
    );
    assert!(e.quantizers.iter().any(|q| q.name == "ede"));
}

#[test]
fn amendments_reach_any_depth() {
    let e = lowered(
        "data = digits  train { epochs = 3 }  target = braintta { vector { width in {512 bit, 1024 bit} }  binary.energy = 30 fJ/op }
         space = mobilenet_v2 { s[*].depth = 1  s.d.expansion in {1, 2}  stem.channels = 8 }
         finetune.epochs = 2
         space.width = 0.5
         minimize energy",
    );
    let target = e.target.unwrap();
    assert!(matches!(target.vector_width, Slot::Chosen(_)));
    assert_eq!(
        target.precisions[0].energy,
        Slot::Fixed(Expr::number(30e-15))
    );
    assert_eq!(e.stages[1].training.epochs, Slot::Fixed(Expr::number(2.0)));
    let space = e.space.unwrap();
    let Stmt::Let(width) = &space.body[0] else {
        panic!("width")
    };
    assert_eq!(width.slot, Slot::Fixed(Expr::number(0.5)));
    let Stmt::Layer(stem) = &space.body[2] else {
        panic!("stem")
    };
    assert_eq!(
        stem.chain[0].args[0],
        ("channels".into(), Slot::Fixed(Expr::number(8.0)))
    );
    let Stmt::Repeat { body, .. } = &space.body[3] else {
        panic!("stages")
    };
    let Stmt::Let(depth) = &body[0] else {
        panic!("depth")
    };
    assert_eq!(depth.slot, Slot::Fixed(Expr::number(1.0)));
    let Stmt::Repeat { body, .. } = &body[1] else {
        panic!("copies")
    };
    assert!(matches!(&body[0], Stmt::Let(l) if matches!(&l.slot, Slot::Chosen(_))));
}

#[test]
fn operations_have_every_argument() {
    let e = lowered(&format!("{NETWORK} maximize accuracy"));
    let space = e.space.unwrap();
    let Stmt::Layer(stem) = &space.body[1] else {
        panic!("stem")
    };
    let names: Vec<_> = stem.chain[0].args.iter().map(|(n, _)| n.as_str()).collect();
    assert_eq!(
        names,
        [
            "channels", "kernel", "stride", "groups", "padding", "dilation"
        ]
    );
    let Some(Stmt::Layer(head)) = space.body.last() else {
        panic!("head")
    };
    assert_eq!(
        head.chain[0].args,
        [
            (
                "kind".into(),
                Slot::Fixed(Expr::Value(Value::name("average")))
            ),
            (
                "kernel".into(),
                Slot::Fixed(Expr::Value(Value::name("global")))
            ),
            ("stride".into(), Slot::Fixed(Expr::number(1.0))),
        ]
    );
}

#[test]
fn domains_say_what_they_hold() {
    let e = lowered(
        "a in 1..4
         b in 1.0..4.0
         c in 1e-4..1e-1 log default 1e-2
         d in 8..64 step 8
         f in -1.0..1.0 step 0.5
         g in categories {1, 2, 3}
         minimize a + b + c + d + f + g",
    );
    let kind = |i: usize| match &e.lets[i].slot {
        Slot::Chosen(d) => d.kind.clone(),
        Slot::Fixed(_) => panic!("a choice"),
    };
    let integers = |low, high, step| DomainKind::Integers {
        low,
        high,
        step,
        log: false,
    };
    assert_eq!(kind(0), integers(1, 4, 1));
    assert_eq!(
        kind(1),
        DomainKind::Reals {
            low: 1.0,
            high: 4.0,
            log: false
        }
    );
    assert_eq!(
        kind(2),
        DomainKind::Reals {
            low: 1e-4,
            high: 1e-1,
            log: true
        }
    );
    assert_eq!(kind(3), integers(8, 64, 8));
    assert!(matches!(kind(4), DomainKind::Set(items) if items.len() == 5));
    assert!(matches!(kind(5), DomainKind::Categories(items) if items.len() == 3));
    assert!(e.space.is_none() && e.data.is_none());
    assert_eq!(e.search.initial, 6);
}

#[test]
fn claims_may_name_decisions_and_best() {
    let e = lowered(
        "data = digits  space = mobilenet_v2
         train { epochs = 1  optimizer in {sgd(lr in 1e-3..1e-1 log, momentum = 0.9), adam(lr in 1e-4..1e-2 log)} }
         target = braintta { check op_per_mac >= 1 op/mac }
         maximize accuracy - energy / (1 J)
         require space.s[1].depth >= 2 implies latency <= 10 ms
         require train.optimizer.adam.lr <= 1
         expect best.validation.accuracy >= 50 % and pareto.count >= 1",
    );
    assert_eq!(e.goals[0].unit, "");
    let Expr::Binary(_, left, _) = &*e.expects[0].holds else {
        panic!("and")
    };
    let Expr::Binary(_, name, limit) = &**left else {
        panic!("a comparison")
    };
    assert!(matches!(&**name, Expr::Name(n, _) if n == "best.accuracy"));
    assert_eq!(**limit, Expr::number(0.5));
    // Checks of a target are facts of it as declared, not of what it is amended to.
    assert_eq!(e.target.unwrap().checks.len(), 1);
}

#[test]
fn a_data_set_of_ones_own_stands_beside_the_spec() {
    let text = "bnas 1
use std.spaces.small_cnn
dataset mine : idx {
  images = \"images.gz\"  labels = \"labels.gz\"
  shape { height = 28  width = 28 }  classes = 10
  splits { train = 50000  validation = 10000  test = 10000 }
}
experiment e {
  data = mine  space = small_cnn
  train { epochs = 1 }  search { method = grid }
  maximize accuracy
}";
    let e = super::experiments("specs/test.bnas", text).remove(0);
    let data = e.data.unwrap();
    assert_eq!(data.shape, [28, 28, 1]);
    assert_eq!(data.scale, 255.0);
    assert_eq!(data.base, "specs");
}

#[test]
fn names_stand_for_formulas_of_metrics() {
    let e = lowered(
        "data = digits  space = small_cnn  policy = tied  target = braintta  train { epochs = 3 }
  edp = energy * latency
  score = accuracy - edp / (1 nJ * 1 us)
  maximize score
  minimize edp
  require edp <= 2e-12 J*s
  expect best.edp <= 1e-12 J*s and best.score > 0",
    );
    assert!(e.lets.is_empty());
    assert_eq!(
        (e.goals[0].text.as_str(), e.goals[1].unit.as_str()),
        ("score", "J*s")
    );
    let goal = format!("{:?}", e.goals[1].expr);
    assert!(
        goal.contains("energy") && goal.contains("latency"),
        "{goal}"
    );
    let claim = format!("{:?}", e.expects[0].holds);
    assert!(
        claim.contains("best.energy") && claim.contains("best.accuracy"),
        "{claim}"
    );
}

#[test]
fn codes_of_a_given_width_may_be_written_as_numbers() {
    for fields in [
        "bits = 4  forward(x) = round(clip(x, -7, 7))",
        "bits in {4, 8}  signed = true  forward(x) = round(clip(x, -7, 7))",
        "bits = 4  signed = false  forward(x) = round(clip(x, 0, 15))",
        "bits = 4  signed in {true, false}  forward(x) = round(clip(x, 0, 7))",
    ] {
        experiments(
            "test.bnas",
            &format!("bnas 1\nquantizer q : uniform {{ {fields} }}\n"),
        );
    }
}

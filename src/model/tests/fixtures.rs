//! Experiments made by hand: short names for the parts of a checked spec.

use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::ir::{
    BinaryOp, Block, BlockCall, BlockStmt, Codes, Dataset, Direction, Domain, DomainKind,
    Experiment, Expr, Files, Function, Goal, LayerStmt, Let, Loss, Method, Operation, Policy,
    Quantifier, Quantizer, Require, Rule, Search, Selector, Shortcut, Skip, Slot, Source, Space,
    Splits, Stage, Stmt, Techniques, Training, Value, Which,
};
use crate::model::template::Template;
use crate::model::{Candidate, Decisions, Point};
use crate::source::Span;

/// What may stand behind `=` or `in`.
pub trait Given {
    fn slot(self) -> Slot;
}

impl Given for Slot {
    fn slot(self) -> Slot {
        self
    }
}

impl Given for Expr {
    fn slot(self) -> Slot {
        Slot::Fixed(self)
    }
}

impl Given for f64 {
    fn slot(self) -> Slot {
        Slot::Fixed(Expr::number(self))
    }
}

pub fn number(n: f64) -> Expr {
    Expr::number(n)
}

/// A name in scope.
pub fn name(text: &str) -> Expr {
    Expr::Name(text.into(), Span::default())
}

/// A word that stands for itself: a quantizer, `same`, `max`.
pub fn word(text: &str) -> Expr {
    Expr::Value(Value::name(text))
}

pub fn op(x: Expr, op: BinaryOp, y: Expr) -> Expr {
    Expr::Binary(op, Arc::new(x), Arc::new(y))
}

pub fn times(x: Expr, y: Expr) -> Expr {
    op(x, BinaryOp::Multiply, y)
}

pub fn equal(x: Expr, y: Expr) -> Expr {
    op(x, BinaryOp::Equal, y)
}

pub fn at_most(x: Expr, y: f64) -> Expr {
    op(x, BinaryOp::LessEqual, number(y))
}

pub fn above(x: Expr, y: f64) -> Expr {
    op(x, BinaryOp::Greater, number(y))
}

pub fn call(function: Function, args: Vec<Expr>) -> Expr {
    Expr::Call(function, args)
}

pub fn iff(c: Expr, x: Expr, y: Expr) -> Expr {
    Expr::If(Arc::new(c), Arc::new(x), Arc::new(y))
}

pub fn record(name: &str, fields: Vec<(&str, Slot)>) -> Expr {
    let fields = fields.into_iter().map(|(f, s)| (f.into(), s)).collect();
    Expr::Record(name.into(), fields, Span::default())
}

pub fn domain(kind: DomainKind) -> Slot {
    Slot::Chosen(Domain {
        kind,
        default: None,
        unit: String::new(),
        span: Span::default(),
    })
}

/// `in {x, y, …}`.
pub fn among(items: Vec<Expr>) -> Slot {
    domain(DomainKind::Set(items))
}

/// `in {8, 16, …}`.
pub fn any_of(numbers: &[f64]) -> Slot {
    among(numbers.iter().map(|n| number(*n)).collect())
}

/// `in {binary, int8, …}`.
pub fn words(words: &[&str]) -> Slot {
    among(words.iter().map(|w| word(w)).collect())
}

/// `in low..high`.
pub fn range(low: i64, high: i64) -> Slot {
    let (step, log) = (1, false);
    domain(DomainKind::Integers {
        low,
        high,
        step,
        log,
    })
}

/// `in low..high log`.
pub fn log_range(low: f64, high: f64) -> Slot {
    domain(DomainKind::Reals {
        low,
        high,
        log: true,
    })
}

pub fn with_default(slot: Slot, default: Value) -> Slot {
    match slot {
        Slot::Chosen(domain) => Slot::Chosen(Domain {
            default: Some(default),
            ..domain
        }),
        fixed => fixed,
    }
}

pub fn binding(name: &str, value: impl Given) -> Let {
    Let {
        name: name.into(),
        slot: value.slot(),
        span: Span::default(),
    }
}

pub fn set(name: &str, value: impl Given) -> Stmt {
    Stmt::Let(binding(name, value))
}

fn operation(name: &str, args: Vec<(&str, Slot)>) -> Operation {
    Operation {
        name: name.into(),
        args: args.into_iter().map(|(n, s)| (n.into(), s)).collect(),
        span: Span::default(),
    }
}

/// `conv(channels = …)`, everything else by default.
pub fn conv(channels: impl Given) -> Operation {
    let args = vec![
        ("channels", channels.slot()),
        ("kernel", 3.0.slot()),
        ("stride", 1.0.slot()),
        ("groups", 1.0.slot()),
        ("padding", word("same").slot()),
        ("dilation", 1.0.slot()),
    ];
    operation("conv", args)
}

pub fn depthwise() -> Operation {
    let args = vec![
        ("kernel", 3.0.slot()),
        ("stride", 1.0.slot()),
        ("padding", word("same").slot()),
        ("dilation", 1.0.slot()),
    ];
    operation("depthwise", args)
}

pub fn linear(outputs: impl Given) -> Operation {
    operation("linear", vec![("outputs", outputs.slot())])
}

/// `norm`, `relu`, `relu6`, `hardtanh`, `flatten`.
pub fn plain(name: &str) -> Operation {
    operation(name, Vec::new())
}

pub fn pool(kind: &str, kernel: impl Given, stride: impl Given) -> Operation {
    let args = vec![
        ("kind", word(kind).slot()),
        ("kernel", kernel.slot()),
        ("stride", stride.slot()),
    ];
    operation("pool", args)
}

/// The operation with another value of an argument.
pub fn with(mut operation: Operation, name: &str, value: impl Given) -> Operation {
    let arg = operation.args.iter_mut().find(|(n, _)| n == name);
    arg.expect("an argument of the operation").1 = value.slot();
    operation
}

pub fn layer(name: &str, chain: Vec<Operation>) -> Stmt {
    Stmt::Layer(LayerStmt {
        name: name.into(),
        chain,
        when: None,
        span: Span::default(),
    })
}

pub fn layer_when(name: &str, chain: Vec<Operation>, when: Expr) -> Stmt {
    Stmt::Layer(LayerStmt {
        name: name.into(),
        chain,
        when: Some(when),
        span: Span::default(),
    })
}

pub fn repeat(count: Expr, index: &str, body: Vec<Stmt>) -> Stmt {
    Stmt::Repeat {
        count,
        index: index.into(),
        body,
        span: Span::default(),
    }
}

pub fn block(params: Vec<(&str, Option<Slot>)>, body: Vec<Stmt>) -> Arc<Block> {
    Arc::new(Block {
        name: "a_block".into(),
        params: params.into_iter().map(|(n, s)| (n.into(), s)).collect(),
        body,
        span: Span::default(),
    })
}

pub fn copy(block: &Arc<Block>, args: Vec<(&str, Slot)>) -> Stmt {
    Stmt::Block(BlockStmt {
        name: None,
        calls: vec![call_of(block, args)],
        choice: None,
        when: None,
        span: Span::default(),
    })
}

pub fn call_of(block: &Arc<Block>, args: Vec<(&str, Slot)>) -> BlockCall {
    BlockCall {
        block: block.clone(),
        args: args.into_iter().map(|(n, s)| (n.into(), s)).collect(),
        span: Span::default(),
    }
}

pub fn add_input(when: Option<Expr>) -> Stmt {
    add(Source::Input, None, when)
}

pub fn add(source: Source, via: Option<Shortcut>, when: Option<Expr>) -> Stmt {
    Stmt::Add(Skip {
        source,
        via,
        when,
        span: Span::default(),
    })
}

/// `layer head = pool(average) -> linear(classes)`.
pub fn head() -> Stmt {
    let chain = vec![
        pool("average", word("global"), 1.0),
        linear(name("classes")),
    ];
    layer("head", chain)
}

/// A quantizer with codes of fixed width.
pub fn few_bits(name: &str, codes: Codes) -> Quantizer {
    Quantizer {
        codes,
        bits: None,
        scale: word("mean_abs").slot(),
        ..integers(name, 8.0)
    }
}

pub fn integers(name: &str, bits: impl Given) -> Quantizer {
    Quantizer {
        name: name.into(),
        codes: Codes::Uniform,
        bits: Some(bits.slot()),
        signed: Slot::word("auto"),
        granularity: Slot::word("per_channel"),
        scale: word("max_abs").slot(),
        formulas: Default::default(),
        span: Span::default(),
    }
}

pub fn rule(which: Which, weights: Option<Slot>, activations: Option<Slot>) -> Rule {
    Rule {
        quantifier: Quantifier::Each,
        selectors: vec![selector(which)],
        lets: Vec::new(),
        requires: Vec::new(),
        weights,
        activations,
        span: Span::default(),
    }
}

pub fn selector(which: Which) -> Selector {
    Selector {
        kind: None,
        which,
        filter: None,
        span: Span::default(),
    }
}

pub fn policy(rules: Vec<Rule>) -> Policy {
    Policy {
        name: "a_policy".into(),
        lets: Vec::new(),
        rules,
        output: None,
        requires: Vec::new(),
        span: Span::default(),
    }
}

pub fn require(holds: Expr, text: &str) -> Require {
    Require {
        holds: Arc::new(holds),
        text: text.into(),
        why: None,
        span: Span::default(),
    }
}

fn training() -> Training {
    Training {
        epochs: 1.0.slot(),
        batch: 64.0.slot(),
        optimizer: record("adam", vec![("lr", 2e-3.slot())]).slot(),
        schedule: word("cosine").slot(),
        label_smoothing: 0.0.slot(),
        weight_decay: None,
        techniques: Techniques::default(),
    }
}

/// An experiment on 8x8 gray images of 10 classes with this space, no policy and no target. It knows the quantizers `binary`,
/// `ternary`, `int8` and `int`, whose bits are in 2..8 with default 8.
pub fn experiment(body: Vec<Stmt>) -> Experiment {
    let bits = with_default(range(2, 8), Value::Number(8.0));
    Experiment {
        name: "by_hand".into(),
        docs: String::new(),
        repeats: 1,
        init: Slot::word("glorot_uniform"),
        evaluator: None,
        seed: 1,
        lets: Vec::new(),
        data: Some(Dataset {
            name: "images".into(),
            files: Files::Embedded("digits".into()),
            base: String::new(),
            source: None,
            normalize: None,
            shape: [8, 8, 1],
            classes: 10,
            scale: 16.0,
            splits: Splits {
                train: 1,
                validation: 1,
                test: 1,
            },
            augment: Slot::word("none"),
            span: Span::default(),
        }),
        space: Some(Space {
            name: "a_space".into(),
            body,
            requires: Vec::new(),
            span: Span::default(),
        }),
        policy: None,
        quantizers: vec![
            few_bits("binary", Codes::Binary),
            few_bits("ternary", Codes::Ternary),
            integers("int8", 8.0),
            integers("int", bits),
        ],
        repairs: Expr::Set(Vec::new()).slot(),
        repair_definitions: Vec::new(),
        target: None,
        policy_choice: None,
        target_choice: None,
        stages: vec![Stage {
            name: "train".into(),
            quantize: Slot::word("none"),
            training: training(),
            teacher: None,
            loss: Loss::default(),
            loss_choice: None,
            span: Span::default(),
        }],
        final_training: None,
        search: Search {
            method: Method::Random,
            trials: 1,
            initial: 1,
            slots: 1,
        },
        goals: vec![Goal {
            direction: Direction::Maximize,
            expr: Arc::new(name("accuracy")),
            text: "accuracy".into(),
            unit: "%".into(),
            span: Span::default(),
        }],
        requires: Vec::new(),
        expects: Vec::new(),
        units: Default::default(),
        provenance: Vec::new(),
        arms: Vec::new(),
        span: Span::default(),
    }
}

pub fn template(experiment: &Experiment) -> Template {
    match Template::new(experiment) {
        Ok(template) => template,
        Err(found) => panic!("{found:#?}"),
    }
}

/// The diagnostics of an experiment that is wrong.
pub fn errors(experiment: &Experiment) -> Vec<Diagnostic> {
    match Template::new(experiment) {
        Ok(_) => panic!("nothing is wrong"),
        Err(found) => found,
    }
}

/// The only diagnostic of an experiment that is wrong in one way.
pub fn error(experiment: &Experiment) -> Diagnostic {
    let mut found = errors(experiment);
    assert_eq!(found.len(), 1, "{found:#?}");
    found.remove(0)
}

pub fn paths(template: &Template) -> Vec<&str> {
    let all = &template.decisions().all;
    all.iter().map(|d| d.path.as_str()).collect()
}

/// The default point with some decisions taken otherwise.
pub fn point(template: &Template, choices: &[(&str, Value)]) -> Point {
    for (path, _) in choices {
        assert!(
            paths(template).contains(path),
            "{path}: {:?}",
            paths(template)
        );
    }
    template.decisions().fill(|_, decision| {
        let chosen = choices.iter().find(|(path, _)| *path == decision.path);
        chosen.map_or(decision.default.clone(), |(_, value)| value.clone())
    })
}

pub fn candidate(template: &Template, choices: &[(&str, Value)]) -> Candidate {
    let candidate = template.candidate(&point(template, choices));
    candidate.unwrap().expect("a network")
}

/// Layer and shape of each node.
pub fn shapes(candidate: &Candidate) -> Vec<String> {
    let nodes = candidate.network.nodes.iter();
    nodes.map(|n| format!("{} {}", n.layer, n.shape)).collect()
}

/// Weights and activations of each node that has weights: `binary/int8`; `-` is float.
pub fn placements(candidate: &Candidate) -> Vec<String> {
    let network = &candidate.network;
    let placed = network.weighted().map(|i| {
        let placement = network.nodes[i].placement.as_ref();
        let shown =
            |q: Option<&crate::model::Quantizer>| q.map_or("-".into(), |q| q.grid.to_string());
        let weights = shown(placement.and_then(|p| p.weights.as_ref()));
        let activations = shown(placement.and_then(|p| p.activations.as_ref()));
        format!("{weights}/{activations}")
    });
    placed.collect()
}

/// Every point of a finite space that meets the constraints.
pub fn all_points(decisions: &Decisions) -> Vec<Point> {
    let mut partial = vec![Vec::new()];
    for (index, decision) in decisions.all.iter().enumerate() {
        let mut longer = Vec::new();
        for values in partial {
            let members = match decisions.is_active(index, &values) {
                true => decision.choices.len().expect("a finite space"),
                false => 0,
            };
            let mut follow = |value| longer.push([values.clone(), vec![value]].concat());
            (0..members).for_each(|m| follow(decision.choices.member(m)));
            if members == 0 {
                follow(None);
            }
        }
        partial = longer;
    }
    let points = partial.into_iter().map(Point);
    points.filter(|p| decisions.is_feasible(p)).collect()
}

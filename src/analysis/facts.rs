//! What a declaration states about itself with `check`: numbers of its paper that it must reproduce.
//!
//! In: a declaration and what it was lowered to. Out: diagnostics about facts that do not hold, with the values of both sides. Facts speak of
//! the declaration at its defaults: of a network by `params(cifar10)`, `macs(cifar10)`, of a policy by
//! `model_size(resnet20, cifar10)`, of a block by `params(cifar10, channels = 16)`, of a repair by `macs(resnet20, binary_body, cifar10)`, of a quantizer by `codes`, `forward(0)`, `gradient(0.5, progress = 1)`, of a data set by its fields. Those of
//! targets are `target`'s business.

use std::rc::Rc;
use std::sync::Arc;

use super::context::{Cx, Local};
use super::expr::Typed;
use super::merged::Merged;
use super::target::{shown, sides};
use super::types::Type;
use crate::diagnostic::Diagnostic;
use crate::ir::{
    BinaryOp, Block, BlockCall, BlockStmt, Codes, Dataset, DomainKind, Experiment, Expr, Function,
    Init, LayerStmt, Method, Operation, PROGRESS, Policy, Quantizer, Repair, Search, Slot, Space,
    Stmt, Value,
};
use crate::model::metrics::{Metric, metric};
use crate::model::partial::of_one_value;
use crate::model::{Grid, Template, evaluate};
use crate::source::Span;
use crate::syntax::ast::{self, Argument, EntryKind, ExprKind};

/// What facts are about.
#[derive(Debug, Clone)]
pub(super) enum Subject {
    Dataset(Dataset),
    Block(Block),
    Space(Space),
    Policy(Policy),
    Quantizer(Quantizer),
    Repair(Repair),
}

impl Cx<'_> {
    /// Evaluates the facts of a declaration.
    pub(super) fn facts(&mut self, merged: &Merged, subject: Subject) {
        let claims: Vec<ast::Claim> = merged
            .entries
            .iter()
            .filter_map(|entry| match &entry.kind {
                EntryKind::Check(claim) => Some(claim.clone()),
                _ => None,
            })
            .collect();
        // Numbers that are wrong already would fail every check.
        if claims.is_empty() || self.sink.has_errors() {
            return;
        }
        self.inside(merged, false, |cx| {
            let mark = cx.locals.len();
            cx.locals.extend(names(&subject));
            cx.subject = Some(Rc::new(subject));
            for claim in &claims {
                cx.fact(claim);
            }
            cx.subject = None;
            cx.leave(mark);
        });
    }

    fn fact(&mut self, claim: &ast::Claim) {
        let holds = self.truth(&claim.condition, "a check");
        let text = self.text(claim.condition.span);
        match holds.expr {
            _ if holds.ty == Type::Poison => {}
            Expr::Value(Value::Bool(true)) => {}
            Expr::Value(Value::Bool(false)) => {
                let mut diagnostic =
                    Diagnostic::error("bnas::check::fails", format!("the check `{text}` fails"));
                diagnostic = match sides(&claim.condition) {
                    Some((left, right)) => {
                        for side in [left, right] {
                            let typed = self.expr(side, None);
                            let value = typed.expr.as_value();
                            let value = value.map_or("unknown".into(), |v| {
                                shown(v, &typed.ty, &claim.condition)
                            });
                            diagnostic = diagnostic.label(side.span, format!("this is {value}"));
                        }
                        diagnostic
                    }
                    None => diagnostic.label(claim.condition.span, "does not hold"),
                };
                self.report(diagnostic.help(match &claim.message {
                    Some(message) => message.value.clone(),
                    None => "correct what is declared, or the check".to_string(),
                }));
            }
            _ => self.report(
                Diagnostic::error("bnas::check::open", format!("`{text}` has no value here"))
                    .label(claim.condition.span, "depends on a choice")
                    .help("a check speaks of what is declared, at its defaults"),
            ),
        }
    }

    /// `macs(cifar10)`, `gradient(0.5)`: what only a check may call.
    pub(super) fn fact_call(
        &mut self,
        name: &ast::Name,
        args: &[Argument],
        span: Span,
    ) -> Option<Typed> {
        let subject = self.subject.clone()?;
        let known = metric(&name.text).filter(|m| m.known && !m.needs_target);
        match (&*subject, known, name.text.as_str()) {
            (Subject::Block(_), Some(metric), _) if !["params", "macs"].contains(&metric.name) => {
                let text = format!("`{}` is not known of a block alone", metric.name);
                self.report(
                    Diagnostic::error("bnas::check::open", text)
                        .label(span, "depends on the network around")
                        .help("a block's facts speak of `params(data)` and `macs(data)`"),
                );
                Some(Typed::poison(span))
            }
            (
                Subject::Block(_) | Subject::Space(_) | Subject::Policy(_) | Subject::Repair(_),
                Some(metric),
                _,
            ) => {
                // What is named is no part of the facts.
                self.subject = None;
                let found = self.measured(&subject, metric, args, span);
                self.subject = Some(subject);
                Some(found.unwrap_or(Typed::poison(span)))
            }
            (Subject::Quantizer(quantizer), _, "gradient" | "forward") => {
                let found = self.at_point(quantizer, name, args, span);
                Some(found.unwrap_or(Typed::poison(span)))
            }
            _ => None,
        }
    }

    /// A metric of the default network on the data that are named.
    fn measured(
        &mut self,
        subject: &Subject,
        metric: &Metric,
        args: &[Argument],
        span: Span,
    ) -> Option<Typed> {
        let (mut space, mut data, mut policy) = (None, None, None);
        let mut repair = None;
        let takes = match subject {
            Subject::Policy(own) => {
                policy = Some(own.clone());
                "a space and a data set"
            }
            Subject::Repair(own) => {
                repair = Some(own.clone());
                "a space, a policy and a data set"
            }
            Subject::Space(own) => {
                space = Some(own.clone());
                "a data set"
            }
            _ => "a data set",
        };
        let mut given = Vec::new();
        for arg in args {
            let value = match (arg, subject) {
                (
                    Argument::Positional {
                        value,
                        filter: None,
                    },
                    _,
                ) => value,
                (Argument::Fixed { name, value }, Subject::Block(block))
                    if block.params.iter().any(|(p, _)| *p == name.text) =>
                {
                    let value = self.expr(value, None);
                    if value.ty == Type::Poison {
                        return None;
                    }
                    given.push((name.text.clone(), Slot::Fixed(value.expr)));
                    continue;
                }
                _ => {
                    self.wrong_arguments(metric.name, takes, span);
                    return None;
                }
            };
            match self.kind_of(value).as_deref() {
                Some("dataset") if data.is_none() => {
                    let merged = self.reference(value, "dataset")?;
                    data = Some(self.inside(&merged, false, |cx| cx.dataset(&merged)));
                }
                Some("space") if space.is_none() && !matches!(subject, Subject::Block(_)) => {
                    let merged = self.reference(value, "space")?;
                    space = Some(self.space(&merged, false));
                }
                Some("policy") if repair.is_some() && policy.is_none() => {
                    let merged = self.reference(value, "policy")?;
                    policy = Some(self.policy(&merged, false));
                }
                Some(_) => {
                    self.wrong_arguments(metric.name, takes, span);
                    return None;
                }
                None => {
                    // Says that nothing has this name.
                    self.reference(value, "dataset");
                    return None;
                }
            }
        }
        if let (Subject::Block(block), Some(data)) = (subject, &mut data) {
            let alone = alone(block, given);
            // Behind the block comes one value per channel, so that it is a network.
            match Template::output_channels(&alone, data.shape, data.classes) {
                Some(channels) => data.classes = channels,
                None => {
                    let text = format!("`{}` gives nothing for these data", block.name);
                    self.report(
                        Diagnostic::error("bnas::check::open", text)
                            .label(span, "has no output")
                            .help("give its parameters: `params(digits, channels = 8)`"),
                    );
                    return None;
                }
            }
            space = Some(alone);
        }
        let is_whole = repair.is_none() || policy.is_some();
        let (Some(space), Some(data), true) = (space, data, is_whole) else {
            self.wrong_arguments(metric.name, takes, span);
            return None;
        };
        if self.sink.has_errors() {
            return None;
        }
        let quantizers = self.reached.quantizers.iter().map(|(_, q)| q.clone());
        let mut experiment = network_only(space, data, policy, quantizers.collect());
        if let Some(repair) = repair {
            let name = Value::name(&repair.name);
            experiment.repairs = Slot::Fixed(Expr::Value(Value::Set(vec![name])));
            experiment.repair_definitions = vec![repair];
        }
        let template = match Template::new(&experiment) {
            Ok(template) => template,
            Err(problems) => {
                problems.into_iter().for_each(|p| self.report(p));
                return None;
            }
        };
        let point = template.decisions().default_point();
        match template.known(&point) {
            Ok(metrics) => {
                let value = Expr::number(*metrics.0.get(metric.name)?);
                Some(Typed::new(value, Type::in_unit(metric.unit), span))
            }
            Err(failure) => {
                self.report(
                    Diagnostic::error("bnas::check::open", "there is no such network")
                        .label(span, failure.to_string())
                        .help("name data whose shape the network takes"),
                );
                None
            }
        }
    }

    /// The kind of the declaration that an expression names, perhaps amended.
    fn kind_of(&mut self, e: &ast::Expr) -> Option<String> {
        match &e.kind {
            ExprKind::Path(path) => {
                let id = self.find(path.as_name()?)?;
                Some(self.modules.declaration(id).kind.text.clone())
            }
            ExprKind::Amend { base, .. } => self.kind_of(base),
            _ => None,
        }
    }

    fn wrong_arguments(&mut self, name: &str, takes: &str, span: Span) {
        self.report(
            Diagnostic::error(
                "bnas::type::arity",
                format!("`{name}` takes {takes} in this check"),
            )
            .label(span, "names others")
            .help(match takes {
                "a data set" => format!("write `{name}(digits)`, after `use std.data.digits`"),
                "a space, a policy and a data set" => {
                    format!("write `{name}(small_cnn, binary_body, digits)`, after importing them")
                }
                _ => format!("write `{name}(small_cnn, digits)`, after importing both"),
            }),
        );
    }

    /// A formula of a quantizer at a number, at the beginning of training or at the `progress` that is given.
    fn at_point(
        &mut self,
        quantizer: &Quantizer,
        name: &ast::Name,
        args: &[Argument],
        span: Span,
    ) -> Option<Typed> {
        let (mut x, mut progress) = (None, Some(0.0));
        for arg in args {
            match arg {
                Argument::Positional {
                    value,
                    filter: None,
                } if x.is_none() => x = self.constant(value),
                Argument::Fixed { name, value } if name.text == "progress" => {
                    progress = self.constant(value);
                }
                _ => {
                    let help = format!("write `{0}(0.5)` or `{0}(0.5, progress = 1)`", name.text);
                    let message = format!("`{}` takes a number, and perhaps `progress`", name.text);
                    self.report(
                        Diagnostic::error("bnas::type::arity", message)
                            .label(span, "takes others")
                            .help(help),
                    );
                    return None;
                }
            }
        }
        let (x, progress) = (x?, progress?);
        let mut known: Vec<(String, f64)> = (PROGRESS.iter())
            .map(|name| (name.to_string(), progress))
            .collect();
        known.extend(codes(quantizer));
        for binding in &quantizer.formulas.lets {
            if let Some(value) = default_of(&binding.slot, &known) {
                known.push((binding.name.clone(), value));
            }
        }
        known.push(("x".to_string(), x));
        let formula = match name.text.as_str() {
            "gradient" => gradient(quantizer),
            _ => forward(quantizer),
        };
        let Some(value) = number(&formula, &known) else {
            let message = format!("`{}` has no value at a number alone", name.text);
            self.report(
                Diagnostic::error("bnas::check::open", message)
                    .label(span, "depends on more than `x` and `progress`")
                    .help("state a fact of `codes` or `bits`, or of a formula over `x` alone"),
            );
            return None;
        };
        Some(Typed::new(Expr::number(value), Type::PLAIN, span))
    }

    fn constant(&mut self, e: &ast::Expr) -> Option<f64> {
        let typed = self.expr(e, None);
        let value = typed.expr.as_value().and_then(Value::as_number);
        if value.is_none() || !typed.ty.fits(&Type::PLAIN) {
            self.expected("a plain number", &typed);
            return None;
        }
        value
    }
}

/// The value of a name at its default.
fn default_of(slot: &Slot, known: &[(String, f64)]) -> Option<f64> {
    match slot {
        Slot::Fixed(expr) => number(expr, known),
        Slot::Chosen(_) => default_number(slot),
    }
}

fn number(expr: &Expr, known: &[(String, f64)]) -> Option<f64> {
    let find = |name: &str| {
        let found = known.iter().rev().find(|(n, _)| n == name)?;
        Some(Expr::number(found.1))
    };
    let reduced = evaluate::reduce(expr, &find).ok()?;
    reduced.as_value().and_then(Value::as_number)
}

/// `forward` as it is written, or what the kind of the quantizer does without it: the nearest code, times the scale if that is a formula.
fn forward(quantizer: &Quantizer) -> Expr {
    let formulas = &quantizer.formulas;
    if let Some(forward) = &formulas.forward {
        return of_one_value(forward);
    }
    let scale = formulas.scale.as_ref().map(of_one_value);
    let unit = in_units(quantizer);
    let code = match quantizer.codes {
        Codes::Binary => Expr::Call(Function::Sign, vec![unit]),
        Codes::Ternary | Codes::Uniform => {
            let end = |name: &str| Expr::Name(name.into(), Span::default());
            let clipped = Expr::Call(Function::Clip, vec![unit, end("low"), end("high")]);
            Expr::Call(Function::Round, vec![clipped])
        }
    };
    match scale {
        Some(scale) => Expr::Binary(BinaryOp::Multiply, Arc::new(scale), Arc::new(code)),
        None => code,
    }
}

/// What is rounded where no `forward` says it. With a rule for the scale, `x` is in units of it.
fn in_units(quantizer: &Quantizer) -> Expr {
    let formulas = &quantizer.formulas;
    let x = || Expr::Name("x".into(), Span::default());
    let value = (formulas.normalize.as_ref()).map_or_else(x, of_one_value);
    match formulas.scale.as_ref().map(of_one_value) {
        Some(scale) => Expr::Binary(BinaryOp::Divide, Arc::new(value), Arc::new(scale)),
        None => value,
    }
}

/// `gradient` as it is written, or what holds without it: 1 inside the range of the codes, 0 outside.
fn gradient(quantizer: &Quantizer) -> Expr {
    if let Some(gradient) = &quantizer.formulas.gradient {
        return of_one_value(gradient);
    }
    let name = |name: &str| Arc::new(Expr::Name(name.into(), Span::default()));
    let unit = match &quantizer.formulas.forward {
        Some(_) => name("x"),
        None => Arc::new(in_units(quantizer)),
    };
    let inside = Expr::Binary(
        BinaryOp::And,
        Arc::new(Expr::Binary(BinaryOp::LessEqual, name("low"), unit.clone())),
        Arc::new(Expr::Binary(BinaryOp::LessEqual, unit, name("high"))),
    );
    let (one, zero) = (Expr::number(1.0), Expr::number(0.0));
    Expr::If(Arc::new(inside), Arc::new(one), Arc::new(zero))
}

/// The smallest and the largest code at the defaults; grids are signed unless they say that they are not.
fn codes(quantizer: &Quantizer) -> Vec<(String, f64)> {
    let grid = match quantizer.codes {
        Codes::Binary => Grid::Binary,
        Codes::Ternary => Grid::Ternary,
        Codes::Uniform => {
            let bits = quantizer.bits.as_ref().and_then(default_number);
            let Some(bits) = bits else { return Vec::new() };
            Grid::Integer {
                bits: bits as u32,
                signed: quantizer.signed != Expr::bool(false),
            }
        }
    };
    let (low, high) = grid.range();
    vec![
        ("low".into(), f64::from(low)),
        ("high".into(), f64::from(high)),
    ]
}

/// Names that have a value in the facts of a subject.
fn names(subject: &Subject) -> Vec<Local> {
    let local = |(name, value): (&str, f64)| Local {
        constant: Some(Expr::number(value)),
        ..Local::built_in(name, Type::PLAIN)
    };
    let values = match subject {
        Subject::Dataset(d) => vec![
            ("train", d.splits.train as f64),
            ("validation", d.splits.validation as f64),
            ("test", d.splits.test as f64),
            ("classes", d.classes as f64),
            ("height", d.shape[0] as f64),
            ("width", d.shape[1] as f64),
            ("channels", d.shape[2] as f64),
            ("scale", d.scale),
        ],
        Subject::Quantizer(q) => {
            let bits = match q.codes {
                Codes::Binary => Some(1.0),
                Codes::Ternary => Some(2.0),
                Codes::Uniform => q.bits.as_ref().and_then(default_number),
            };
            let codes = match q.codes {
                Codes::Binary => Some(2.0),
                Codes::Ternary => Some(3.0),
                // Signed grids are symmetric, -(2^(b-1) - 1) … 2^(b-1) - 1; others are 0 … 2^b - 1.
                Codes::Uniform => {
                    let is_unsigned = q.signed.as_value().and_then(Value::as_bool) == Some(false);
                    bits.map(|b| 2.0_f64.powi(b as i32) - f64::from(u8::from(!is_unsigned)))
                }
            };
            let known = [("bits", bits), ("codes", codes)];
            let known = known.into_iter().filter_map(|(n, v)| Some((n, v?)));
            known.collect()
        }
        Subject::Block(_) | Subject::Space(_) | Subject::Policy(_) | Subject::Repair(_) => {
            Vec::new()
        }
    };
    values.into_iter().map(local).collect()
}

/// The number of a slot in the first trial.
fn default_number(slot: &Slot) -> Option<f64> {
    let domain = match slot {
        Slot::Fixed(expr) => return expr.as_value()?.as_number(),
        Slot::Chosen(domain) => domain,
    };
    match (&domain.default, &domain.kind) {
        (Some(default), _) => default.as_number(),
        (None, DomainKind::Set(items) | DomainKind::Categories(items)) => {
            items.first()?.as_value()?.as_number()
        }
        (None, DomainKind::Integers { low, .. }) => Some(*low as f64),
        (None, DomainKind::Reals { low, high, log }) => Some(match log {
            true => (low * high).sqrt(),
            false => low + (high - low) / 2.0,
        }),
        (None, DomainKind::Of(_)) => None,
    }
}

/// A space that is one copy of a block, with the mean of each channel behind it.
fn alone(block: &Block, args: Vec<(String, Slot)>) -> Space {
    let span = block.span;
    let copy = BlockStmt {
        name: None,
        calls: vec![BlockCall {
            block: Arc::new(block.clone()),
            args,
            span,
        }],
        choice: None,
        when: None,
        span,
    };
    let fixed = |name: &str, word: &str| {
        let value = Expr::Value(Value::name(word));
        (name.to_string(), Slot::Fixed(value))
    };
    let pool = Operation {
        name: "pool".into(),
        args: vec![
            fixed("kind", "average"),
            fixed("kernel", "global"),
            fixed("stride", "global"),
        ],
        span,
    };
    let head = LayerStmt {
        name: "mean".into(),
        chain: vec![pool],
        when: None,
        span,
    };
    Space {
        name: block.name.clone(),
        body: vec![Stmt::Block(copy), Stmt::Layer(head)],
        requires: Vec::new(),
        span,
    }
}

/// A network without a search: what facts measure.
fn network_only(
    space: Space,
    data: Dataset,
    policy: Option<Policy>,
    quantizers: Vec<Quantizer>,
) -> Experiment {
    Experiment {
        name: space.name.clone(),
        docs: String::new(),
        seed: 0,
        repeats: 1,
        init: Init::default(),
        lets: Vec::new(),
        span: space.span,
        data: Some(data),
        space: Some(space),
        policy,
        quantizers,
        repairs: Slot::Fixed(Expr::Value(Value::Set(Vec::new()))),
        repair_definitions: Vec::new(),
        target: None,
        policy_choice: None,
        target_choice: None,
        stages: Vec::new(),
        final_training: None,
        evaluator: None,
        search: Search {
            method: Method::Random,
            trials: 1,
            initial: 1,
            slots: 1,
        },
        goals: Vec::new(),
        requires: Vec::new(),
        expects: Vec::new(),
        units: Default::default(),
        provenance: Vec::new(),
        arms: Vec::new(),
    }
}

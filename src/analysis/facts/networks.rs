//! Facts of networks: a metric of the default member, on the data, the space and the policy that a fact names.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use super::Subject;
use crate::analysis::context::Cx;
use crate::analysis::expression::expr::Typed;
use crate::analysis::expression::types::Type;
use crate::analysis::structure::network::Network;
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::ir::{
    Block, BlockCall, BlockStmt, Dataset, Experiment, Expr, LayerStmt, Method, Operation, Policy,
    Quantizer, Search, Slot, Space, Stmt, Value,
};
use crate::model::Template;
use crate::model::metrics::{Metric, Metrics};
use crate::source::Span;
use crate::syntax::ast::{self, Argument, ExprKind};

impl Cx<'_> {
    /// A metric of the default network on the data that are named.
    pub(super) fn measured(
        &mut self,
        subject: &Subject,
        metric: &Metric,
        args: &[Argument],
        span: Span,
    ) -> Option<Typed> {
        // Many facts may speak of one network.
        let of = (span.source, self.text(span));
        let known = self.memory.networks.get(&of).cloned();
        let metrics = match known {
            Some(metrics) => metrics,
            None => {
                let found = Rc::new(self.default_network(subject, metric, args, span)?);
                self.memory.networks.insert(of, found.clone());
                found
            }
        };
        let value = Expr::number(*metrics.0.get(metric.name)?);
        Some(Typed::new(value, Type::in_unit(metric.unit), span))
    }

    /// Every metric of the default network on the data that are named.
    fn default_network(
        &mut self,
        subject: &Subject,
        metric: &Metric,
        args: &[Argument],
        span: Span,
    ) -> Option<Metrics> {
        let (mut network, mut data, mut policy) = (None, None, None);
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
                network = Some(own.clone());
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
                (
                    Argument::Fixed { name, .. } | Argument::Searched { name, .. },
                    Subject::Block(block),
                ) => {
                    self.no_parameter(block, name);
                    return None;
                }
                (Argument::Fixed { name, value }, Subject::Space(space)) => {
                    self.no_argument_of_space(metric.name, &space.space, args, (name, value));
                    return None;
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
                Some("space") if network.is_none() && !matches!(subject, Subject::Block(_)) => {
                    let merged = self.reference(value, "space")?;
                    network = Some(self.space(&merged, false));
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
            network = Some(Network::new(alone, Vec::new(), BTreeMap::new()));
        }
        let is_whole = repair.is_none() || policy.is_some();
        let (Some(network), Some(data), true) = (network, data, is_whole) else {
            self.wrong_arguments(metric.name, takes, span);
            return None;
        };
        if !self.is_sound() {
            return None;
        }
        let quantizers = self.reached.quantizers.iter().map(|(_, q)| q.clone());
        let requires = network.asks_of_layers(&data);
        let mut experiment = network_only(network.space, data, policy, quantizers.collect());
        experiment.requires = requires;
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
            Ok(metrics) => Some(metrics),
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

    /// `params(digits, width = 4)` of a space, which has values and no parameters.
    fn no_argument_of_space(
        &mut self,
        metric: &str,
        space: &Space,
        args: &[Argument],
        (name, value): (&ast::Name, &ast::Expr),
    ) {
        let known = space.body.iter().filter_map(|stmt| match stmt {
            Stmt::Let(value) => Some(value.name.as_str()),
            _ => None,
        });
        let known: Vec<&str> = known.collect();
        let own = known.iter().copied().find(|known| *known == name.text);
        let (own, question) = match (own, did_you_mean(&name.text, known)) {
            (None, Some(alike)) => (Some(alike), format!("did you mean `{alike}`? ")),
            (own, _) => (own, String::new()),
        };
        let data = args.iter().filter_map(|arg| match arg {
            Argument::Positional { value, .. } => Some(self.text(value.span)),
            _ => None,
        });
        let data: Vec<String> = data.collect();
        let fact = format!("{metric}({})", data.join(", "));
        let help = match own {
            Some(own) => format!(
                "{question}a space with another value is one of its own: `space other : {} {{ {own} = {}  check {fact} … }}`",
                space.name,
                self.text(value.span)
            ),
            None => format!("write `{fact}`"),
        };
        self.report(
            Diagnostic::error(
                "bnas::name::unknown_key",
                format!("`{metric}` of a space takes no `{}`", name.text),
            )
            .label(name.span, "a fact is of its default network")
            .help(help),
        );
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
        init: Slot::word("glorot_uniform"),
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
        amendments: Vec::new(),
    }
}

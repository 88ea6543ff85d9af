//! Operations of a layer.
//!
//! In: one link of a chain, `conv(channels = 16)`, `relu`, or a name that stands for an activation. Out: [`Operation`] with every argument of the schema.

use crate::analysis::context::{Cx, Local, list};
use crate::analysis::expression::fields::whole;
use crate::analysis::expression::types::Type;
use crate::analysis::schema;
use crate::diagnostic::{Diagnostic, meant};
use crate::ir::{DomainKind, Expr, Function, Operation, Slot, Value};
use crate::source::Span;
use crate::syntax::ast::{self, ExprKind};

/// Operations that a name may stand for.
pub(in crate::analysis) const ACTIVATIONS: &[&str] = &["relu", "relu6", "hardtanh"];

/// Activations of other tools, which are none here.
pub(in crate::analysis) const ELSEWHERE: &[&str] = &[
    "sigmoid",
    "silu",
    "swish",
    "gelu",
    "elu",
    "selu",
    "celu",
    "leaky_relu",
    "prelu",
    "hardswish",
    "hard_swish",
    "hardsigmoid",
    "softmax",
    "softplus",
    "mish",
    "identity",
];

impl Cx<'_> {
    /// One operation of a layer: `conv(channels = 16)` or `relu`.
    pub(in crate::analysis) fn operation(&mut self, e: &ast::Expr) -> Option<Operation> {
        let none: &[ast::Argument] = &[];
        let (path, args) = match &e.kind {
            ExprKind::Path(path) => (path, none),
            ExprKind::Call { callee, args } => (callee, args.as_slice()),
            ExprKind::Error => return None,
            _ => {
                self.report(
                    Diagnostic::error("bnas::type::mismatch", "a layer is a chain of operations")
                        .label(e.span, "this is none")
                        .help(match &e.kind {
                            ExprKind::Binary {
                                op: ast::BinaryOp::Add,
                                ..
                            } => "add what an earlier layer gives by an entry of its own, below the layer: `add name`",
                            _ => "write operations with arrows: `conv(channels = 16) -> norm -> relu`",
                        }),
                );
                return None;
            }
        };
        let name = whole(path);
        if let (ExprKind::Path(_), Some(local)) = (&e.kind, self.local(&name.text)) {
            return self.chosen_activation(&name, local, e.span);
        }
        let Some(callable) = schema::operation(&name.text) else {
            self.unknown_operation(&name, e.span);
            return None;
        };
        let written = self.arguments(&name, args, callable);
        let mut fields = self.filled_args(&written, callable);
        for (_, slot) in &mut fields {
            without_limits(slot);
        }
        let kernel = || fields.iter().find(|(n, _)| n == "kernel").map(|(_, s)| s);
        // Without a stride of its own, a window that is searched moves on by what it spans.
        if name.text == "pool"
            && written.get("stride").is_none()
            && let Some(Slot::Fixed(kernel)) = kernel()
        {
            let stride = match kernel.as_value().and_then(Value::as_name) {
                Some("global") => Expr::number(1.0),
                _ => kernel.clone(),
            };
            fields.push(("stride".into(), Slot::Fixed(stride)));
        }
        Some(Operation {
            name: name.text,
            args: fields,
            span: e.span,
        })
    }

    /// `-> act`, where `act` is one of the activations.
    fn chosen_activation(
        &mut self,
        name: &ast::Name,
        local: Local,
        span: Span,
    ) -> Option<Operation> {
        let is_activation =
            |value: &Value| matches!(value, Value::Name(n) if ACTIVATIONS.contains(&n.as_str()));
        let values = local.values.unwrap_or_default();
        let wrong = values.iter().find(|value| !is_activation(value));
        // The values of a parameter are known where the block is copied.
        let is_open = values.is_empty()
            && (local.ty.is_open() || local.ty == Type::PLAIN || local.ty == Type::Word);
        if wrong.is_some() || values.is_empty() && !is_open {
            let what = wrong.map_or(local.ty.name(), |value| format!("`{value}`"));
            let mut diagnostic = Diagnostic::error(
                "bnas::type::mismatch",
                format!("`{}` can be {what}, which is no activation", name.text),
            )
            .label(span, "an operation of a layer");
            if let Some(defined) = local.span {
                diagnostic = diagnostic.label(defined, "defined here");
            }
            self.report(diagnostic.help(format!(
                "a name in a chain is one of {}",
                list(ACTIVATIONS.iter().copied())
            )));
            return None;
        }
        let kind = match local.constant {
            Some(constant) => constant,
            None => Expr::Name(name.text.clone(), span),
        };
        Some(Operation {
            name: "activation".into(),
            args: vec![("kind".into(), Slot::Fixed(kind))],
            span,
        })
    }

    fn unknown_operation(&mut self, name: &ast::Name, span: Span) {
        if schema::OPERATIONS_LATER.contains(&name.text.as_str()) {
            self.later(&format!("the operation `{}`", name.text), span);
            return;
        }
        if self
            .locals
            .find(&name.text)
            .is_some_and(|l| l.ty == Type::Poison)
        {
            // What it was to be has been said to be wrong.
            return;
        }
        let mut known: Vec<&str> = schema::OPERATIONS.iter().map(|o| o.name).collect();
        if let Some(help) = self.block_as_layer(name, span) {
            self.report(
                Diagnostic::error(
                    "bnas::name::unknown",
                    format!("there is no operation `{}`", name.text),
                )
                .label(name.span, "a block, and no operation of a layer")
                .help(help),
            );
            return;
        }
        let defined = self.locals.iter().filter(|l| l.span.is_some());
        let defined: Vec<String> = defined.map(|l| l.name.clone()).collect();
        let operations = known.len();
        known.extend(defined.iter().map(String::as_str));
        let mut diagnostic = Diagnostic::error(
            "bnas::name::unknown",
            format!("there is no operation `{}`", name.text),
        )
        .label(name.span, "no operation of a layer");
        diagnostic = match meant(&name.text, known.iter().copied()) {
            _ if instead(&name.text).is_some() => {
                diagnostic.help(instead(&name.text).unwrap_or_default())
            }
            Some(alike) if alike == name.text => diagnostic.help(
                "a value is no operation: to choose one, write a block for each, and `block in {…}`",
            ),
            Some(alike) => diagnostic.help(format!("did you mean `{alike}`?")),
            None => {
                let known = known[..operations].iter().copied();
                diagnostic.help(format!("operations are {}", list(known)))
            }
        };
        self.report(diagnostic);
    }

    /// What to write for a block that stands where operations do: `layer g = basic(channels = 8)`.
    fn block_as_layer(&self, name: &ast::Name, span: Span) -> Option<String> {
        let module = self.modules.get(name.span.source);
        let meaning = module.and_then(|module| module.names.get(&name.text));
        let kind = meaning.map(|meaning| self.modules.declaration(meaning.id).kind.text.as_str());
        let import = match kind {
            Some("block") => String::new(),
            Some(_) => return None,
            None => {
                let path = self.modules.in_library_as(&name.text, "block")?;
                format!(", with `use {path}` at the top of the file")
            }
        };
        let before = &self.sources.get(span.source).text[..span.start as usize];
        let line = before.rsplit(['\n', '{']).next().unwrap_or("").trim();
        let alone = line.strip_prefix("layer ")?.strip_suffix('=')?.trim();
        let is_alone = alone.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        Some(match is_alone {
            true => format!("write `{alone} = {}`{import}", self.text(span)),
            false => format!(
                "write it on a line of its own, `block = {}`{import}",
                self.text(span)
            ),
        })
    }
}

/// Arguments of operations without limits around them: shapes are followed for every member where a space is unrolled, which says more.
fn without_limits(slot: &mut Slot) {
    let inner = |expr: &mut Expr| {
        if let Expr::Call(Function::Within | Function::WholeWithin, args) = expr {
            *expr = args.swap_remove(0);
        }
    };
    match slot {
        Slot::Fixed(expr) => inner(expr),
        Slot::Chosen(domain) => {
            if let DomainKind::Set(items) | DomainKind::Categories(items) = &mut domain.kind {
                items.iter_mut().for_each(inner);
            }
        }
    }
}

/// What to write for an operation of another tool that is several words here, or none.
fn instead(name: &str) -> Option<&'static str> {
    Some(match name.to_ascii_lowercase().as_str() {
        "maxpool" | "max_pool" | "maxpool2d" | "max_pool2d" | "maxpooling2d" => {
            "write `pool(max, kernel = 2)`"
        }
        "avgpool" | "avg_pool" | "avgpool2d" | "avg_pool2d" | "averagepooling2d" => {
            "write `pool(average, kernel = 2)`"
        }
        "global_avg_pool"
        | "globalaveragepooling2d"
        | "adaptiveavgpool2d"
        | "gap"
        | "global_pool" => "write `pool(average)`",
        "softmax" | "log_softmax" | "logsoftmax" => {
            "delete it: the loss takes what leaves the last layer"
        }
        "quantdense" => "write `linear`, and let the policy quantize it",
        "quantconv2d" | "binaryconv2d" => "write `conv`, and let the policy quantize it",
        "prelu" | "leaky_relu" | "leakyrelu" | "gelu" | "silu" | "swish" | "sigmoid" | "tanh"
        | "elu" | "selu" | "mish" | "hardswish" => "activations are `relu`, `relu6`, `hardtanh`",
        _ => return None,
    })
}

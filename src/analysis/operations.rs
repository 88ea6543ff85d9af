//! Operations of a layer.
//!
//! In: one link of a chain, `conv(channels = 16)` or `relu`. Out: [`Operation`] with every argument of the schema.

use super::context::{Cx, list};
use super::fields::{Given, whole};
use super::schema;
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::ir::{Expr, Operation, Slot, Value};
use crate::source::Span;
use crate::syntax::ast::{self, ExprKind};

impl Cx<'_> {
    /// One operation of a layer: `conv(channels = 16)` or `relu`.
    pub(super) fn operation(&mut self, e: &ast::Expr) -> Option<Operation> {
        let none: &[ast::Argument] = &[];
        let (path, args) = match &e.kind {
            ExprKind::Path(path) => (path, none),
            ExprKind::Call { callee, args } => (callee, args.as_slice()),
            ExprKind::Error => return None,
            _ => {
                self.report(
                    Diagnostic::error("bnas::type::mismatch", "a layer is a chain of operations")
                        .label(e.span, "this is none")
                        .help(
                            "write operations with arrows: `conv(channels = 16) -> norm -> relu`",
                        ),
                );
                return None;
            }
        };
        let name = whole(path);
        let Some(callable) = schema::operation(&name.text) else {
            self.unknown_operation(&name, e.span);
            return None;
        };
        let written = self.arguments(&name, args, callable);
        let mut fields = self.filled_args(&written, callable);
        if name.text == "pool" && written.get("stride").is_none() {
            match written.get("kernel") {
                Some((key, Given::Searched(..))) => self.report(
                    Diagnostic::error(
                        "bnas::field::missing",
                        "`pool` needs `stride` where its kernel is searched",
                    )
                    .label(key.span, "searched")
                    .help("add `stride = …`"),
                ),
                _ => {
                    let kernel = fields
                        .iter()
                        .find(|(n, _)| n == "kernel")
                        .map(|(_, s)| s.clone());
                    let stride =
                        kernel.filter(|s| *s != Slot::Fixed(Expr::Value(Value::name("global"))));
                    let stride = stride.unwrap_or(Slot::Fixed(Expr::number(1.0)));
                    fields.push(("stride".into(), stride));
                }
            }
        }
        Some(Operation {
            name: name.text,
            args: fields,
            span: e.span,
        })
    }

    fn unknown_operation(&mut self, name: &ast::Name, span: Span) {
        if schema::OPERATIONS_LATER.contains(&name.text.as_str()) {
            self.later(&format!("the operation `{}`", name.text), span);
            return;
        }
        let known: Vec<&str> = schema::OPERATIONS.iter().map(|o| o.name).collect();
        let mut diagnostic = Diagnostic::error(
            "bnas::name::unknown",
            format!("there is no operation `{}`", name.text),
        )
        .label(name.span, "no operation of a layer");
        diagnostic = match did_you_mean(&name.text, known.iter().copied()) {
            Some(alike) => diagnostic.help(format!("did you mean `{alike}`?")),
            None => diagnostic.help(format!("operations are {}", list(known.iter().copied()))),
        };
        self.report(diagnostic);
    }
}

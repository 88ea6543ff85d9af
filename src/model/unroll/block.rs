//! Copies of blocks, and choices among them.
//!
//! In: a [`BlockStmt`]. Out: the nodes of each block that may be copied, at paths of their own, behind what flows; what flows then is
//! the end of the one that is there.

use std::sync::Arc;

use super::{Place, Unroller};
use crate::diagnostic::Diagnostic;
use crate::ir::{BinaryOp, BlockCall, BlockChoice, BlockStmt, Domain, DomainKind, Expr};
use crate::model::expression::evaluate::both;
use crate::model::expression::frame::Frame;
use crate::model::shape::operation::{Arm, How};
use crate::source::Span;

/// The name of a block that puts nothing before the paths of its layers.
const BARE: &str = "block";

impl Unroller<'_, '_> {
    pub(super) fn block(&mut self, block: &BlockStmt, names: &mut Frame, place: &Place) {
        let guard = self.condition(block.when.as_ref(), names, place);
        let name = block.name.as_deref();
        if guard == Expr::bool(false) {
            self.absent.insert(place.of(name.unwrap_or(BARE)));
            return;
        }
        match &block.choice {
            None => {
                let place = Place {
                    path: name.map_or(place.path.clone(), |name| place.of(name)),
                    guard,
                    ..place.clone()
                };
                self.copy(&block.calls[0], names, &place);
                if name.is_some() {
                    self.end(&place);
                }
            }
            Some(choice) => {
                let place = Place {
                    path: place.of(name.unwrap_or(BARE)),
                    guard,
                    ..place.clone()
                };
                let which = self.one_of(block, choice, names, &place);
                names.define(name.unwrap_or(BARE), which);
            }
        }
    }

    /// Which of several blocks is there. Each begins with what flows before all of them.
    fn one_of(
        &mut self,
        block: &BlockStmt,
        choice: &BlockChoice,
        names: &Frame,
        place: &Place,
    ) -> Expr {
        let named = |call: &BlockCall| Expr::Record(call.block.name.clone(), Vec::new(), call.span);
        let items: Vec<Expr> = block.calls.iter().map(named).collect();
        let domain = Domain {
            kind: DomainKind::Set(Vec::new()),
            default: choice.default.clone(),
            unit: String::new(),
            span: choice.span,
        };
        let path = match place.path.as_str() {
            "" => "space".into(),
            path => format!("space.{path}"),
        };
        let (which, labels) = self.settler.which(&items, &domain, &path, &place.guard);
        let start = self.flow.clone();
        let mut arms = Vec::with_capacity(labels.len());
        for (call, label) in block.calls.iter().zip(labels) {
            let name = label.to_string();
            let label = Arc::new(Expr::Value(label));
            let chosen = Expr::Binary(BinaryOp::Equal, Arc::new(which.clone()), label);
            self.flow = start.clone();
            let place = Place {
                path: place.of(&name),
                guard: both(place.guard.clone(), chosen.clone()),
                ..place.clone()
            };
            self.copy(call, names, &place);
            self.end(&place);
            arms.push(Arm {
                guard: chosen,
                end: self.flow.clone(),
                name,
                span: call.span,
            });
        }
        self.flow = start;
        self.join(How::Either, arms, place, block.span);
        self.end(place);
        which
    }

    /// One copy of one block.
    fn copy(&mut self, call: &BlockCall, names: &Frame, place: &Place) {
        let BlockCall { block, args, span } = call;
        // What a block says itself comes before: only amendments speak of other names.
        let mut inner = self.around.clone();
        inner.define(
            "classes",
            names.get("classes").unwrap_or_else(|| Expr::number(0.0)),
        );
        let input = self.mark(&mut inner);
        for (param, default) in &block.params {
            let given = args
                .iter()
                .find(|(name, _)| name == param)
                .map(|(_, slot)| slot);
            let path = place.decision(param);
            let value = match (given, default) {
                (Some(slot), _) => self.settler.named(slot, &path, &place.guard, names),
                (None, Some(slot)) => self.settler.named(slot, &path, &place.guard, &inner),
                (None, None) => {
                    self.missing_argument(&block.name, param, *span);
                    Expr::number(1.0)
                }
            };
            inner.define(param, value);
        }
        let place = Place {
            input,
            root: place.path.clone(),
            ..place.clone()
        };
        self.copies += 1;
        self.check_length(*span);
        self.statements(&block.body, &mut inner, &place);
    }

    fn missing_argument(&mut self, block: &str, param: &str, span: Span) {
        let text = format!("`{block}` needs `{param}`");
        self.settler
            .sink
            .push(Diagnostic::error("bnas::field::missing", text).label(span, "in this call"));
    }
}

//! Copies of the body of a `repeat`.
//!
//! In: a body and how often it stands there. Out: the nodes of each copy up to the largest count, at a path of its own and under the condition that
//! there are so many. A count that is no count, or has too many values to list, and copies that are amended and never there, are reported.

use std::sync::Arc;

use super::{MOST_NODES, Place, Unroller};
use crate::diagnostic::Diagnostic;
use crate::ir::{BinaryOp, Expr, OfCopy, Stmt};
use crate::model::expression::evaluate;
use crate::model::expression::frame::Frame;
use crate::model::expression::members;
use crate::source::Span;

impl Unroller<'_, '_> {
    pub(super) fn repeat(
        &mut self,
        count: &Expr,
        index: &str,
        body: &[Stmt],
        span: Span,
        names: &Frame,
        place: &Place,
    ) {
        let counted = match count {
            Expr::Name(name, _) => Some(name.as_str()),
            _ => None,
        };
        let count = self
            .settler
            .expr(count, &place.decision(index), &place.guard, names);
        let (decisions, always) = (&self.settler.decisions, Expr::bool(true));
        let counts = members::numbers(&count, &place.guard, decisions)
            .or_else(|| members::numbers(&count, &always, decisions));
        let Some(counts) = counts else {
            let text =
                "the copies of this `repeat` cannot be listed: its count has too many values";
            self.settler.sink.push(
                Diagnostic::error("bnas::space::count", text)
                    .label(span, "how often cannot be bounded"),
            );
            return;
        };
        let fits = |n: &f64| n.fract() == 0.0 && (0.0..=MOST_NODES as f64).contains(n);
        if let Some(wrong) = counts.iter().find(|n| !fits(n)) {
            let text = format!("a `repeat` counts from 0 to {MOST_NODES}, found {wrong}");
            self.settler
                .sink
                .push(Diagnostic::error("bnas::space::count", text).label(span, "this count"));
            return;
        }
        let count = Arc::new(count);
        let most = counts.iter().copied().fold(0.0, f64::max);
        self.check_copies(body, index, (most as usize, counted), span);
        let least = counts.iter().copied().fold(most, f64::min);
        for i in 0..most as usize {
            let copy = Arc::new(Expr::number(i as f64));
            // The first copies exist whatever the count.
            let exists = match i < least as usize {
                true => Expr::bool(true),
                false => Expr::Binary(BinaryOp::Greater, count.clone(), copy),
            };
            let guard = evaluate::both(place.guard.clone(), exists);
            let mut inner = names.clone();
            inner.define(index, Expr::number(i as f64));
            let place = Place {
                path: place.of(&format!("{index}[{i}]")),
                guard,
                ..place.clone()
            };
            self.copies += 1;
            self.check_length(span);
            self.statements(body, &mut inner, &place);
            if self.is_too_long {
                return;
            }
            self.end(&place);
        }
    }

    /// Amendments of single copies speak of copies that can be there.
    fn check_copies(
        &mut self,
        body: &[Stmt],
        index: &str,
        (most, counted): (usize, Option<&str>),
        span: Span,
    ) {
        let more = match counted {
            Some(name) => format!("let `{name}` be more, here or where it is amended"),
            None => "let the `repeat` have more copies".to_string(),
        };
        let help = match most {
            0 => more,
            1 => format!("write `{index}[0]`, or {more}"),
            _ => format!(
                "the last one is `{index}[{}]`: write that, or {more}",
                most - 1
            ),
        };
        let mut open: Vec<&OfCopy> = body.iter().filter_map(as_of_copy).collect();
        while let Some(of_copy) = open.pop() {
            open.extend(of_copy.otherwise.iter().filter_map(as_of_copy));
            if of_copy.index == index && of_copy.copy >= most {
                let text = format!(
                    "there is no copy `{index}[{}]`: this `repeat` has {most} at most, counted from 0",
                    of_copy.copy
                );
                self.settler.sink.push(
                    Diagnostic::error("bnas::amend::no_such_copy", text)
                        .label(of_copy.span, "amends no copy")
                        .label(span, "the `repeat`")
                        .help(help.clone()),
                );
            }
        }
    }
}

fn as_of_copy(statement: &Stmt) -> Option<&OfCopy> {
    match statement {
        Stmt::OfCopy(of_copy) => Some(of_copy),
        _ => None,
    }
}

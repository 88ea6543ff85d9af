//! What an amendment says of one copy of a `repeat`: `s[0].depth = 2`.
//!
//! In: the statement of that copy, and what stands for all others. Out: [`OfCopy`], in which both are lowered.

use crate::analysis::context::{Cx, Local};
use crate::analysis::merged::Merged;
use crate::analysis::schema::COUNT;
use crate::diagnostic::Diagnostic;
use crate::ir::{OfCopy, Stmt, Value};
use crate::syntax::ast;

impl Cx<'_> {
    /// What an amendment says of one copy of a `repeat`. The name that both define may have the value of either.
    pub(in crate::analysis) fn of_copy(
        &mut self,
        merged: &Merged,
        of_copy: &ast::OfCopy,
    ) -> Option<Stmt> {
        let span = of_copy.copy.span;
        let copy = self.expr(&of_copy.copy, Some(COUNT.kind)).expr;
        let Some(n) = copy.as_value().and_then(Value::as_number) else {
            self.report(
                Diagnostic::error(
                    "bnas::amend::no_such_copy",
                    "the copy that is amended has a fixed number",
                )
                .label(span, "not a constant")
                .help("write a number, or `*` for every copy"),
            );
            return self.no_copy(merged, of_copy);
        };
        if n < 0.0 || n.fract() != 0.0 {
            self.report(
                Diagnostic::error("bnas::amend::no_such_copy", format!("there is no copy {n}"))
                    .label(span, "copies are counted from 0")
                    .help("write the number of a copy, or `*` for all of them"),
            );
            return self.no_copy(merged, of_copy);
        }
        // The copy's own statements are read like the others, and what they define is forgotten again.
        let mark = self.locals.len();
        let body = self.body(merged, std::slice::from_ref(&of_copy.entry), None);
        let of_one = self.leave(mark);
        let otherwise = self.body(merged, std::slice::from_ref(&of_copy.otherwise), None);
        let of_two_kinds: Vec<(Local, Local)> = (self.locals.iter().skip(mark))
            .filter_map(|local| Some((local, of_one.iter().find(|l| l.name == local.name)?)))
            .filter(|(local, one)| !one.ty.fits(&local.ty))
            .map(|(local, one)| (local.clone(), one.clone()))
            .collect();
        for (others, one) in of_two_kinds {
            self.of_another_kind(&others, &one);
        }
        for local in self.locals.iter_mut().skip(mark) {
            if let Some(one) = of_one.iter().find(|l| l.name == local.name) {
                local.constant = None;
                local.values = match (local.values.take(), one.values.clone()) {
                    (Some(mut all), Some(one)) => {
                        all.extend(one);
                        Some(all)
                    }
                    _ => None,
                };
            }
        }
        Some(Stmt::OfCopy(OfCopy {
            index: of_copy.index.text.clone(),
            copy: n as usize,
            body,
            otherwise,
            span,
        }))
    }

    /// Of a copy that is not there: what stands for the others defines what others read.
    fn no_copy(&mut self, merged: &Merged, of_copy: &ast::OfCopy) -> Option<Stmt> {
        let otherwise: &ast::Entry = &of_copy.otherwise;
        self.body(merged, std::slice::from_ref(otherwise), None)
            .pop()
    }

    /// A value of one copy that is of another kind than those of the others.
    fn of_another_kind(&mut self, others: &Local, one: &Local) {
        let (Some(at), Some(defined)) = (one.span, others.span) else {
            return;
        };
        let (wanted, found) = (others.ty.name(), one.ty.name());
        // The value of the others is not what is wrong: each copy is a case of its own.
        self.sink.push(
            Diagnostic::error(
                "bnas::type::mismatch",
                format!("expected {wanted}, found {found}"),
            )
            .label(at, format!("{found} in this copy"))
            .label(defined, format!("{wanted} in the others"))
            .help(format!("give `{}` {wanted} in every copy", others.name)),
        );
    }
}

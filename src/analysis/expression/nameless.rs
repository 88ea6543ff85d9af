//! Arguments without names.
//!
//! In: a call and the names that it takes. Out: one report for all of them, which writes the whole call, and the names that they were meant for.

use crate::analysis::context::{Cx, list};
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::syntax::ast::{self, Argument, ExprKind};

impl Cx<'_> {
    /// Reports the arguments at these places of a call, which have no names. `taken` is a name that another one stands for without being told.
    pub(in crate::analysis) fn nameless<'k>(
        &mut self,
        callee: &ast::Name,
        args: &[Argument],
        places: &[usize],
        known: &[&'k str],
        taken: Option<&str>,
    ) -> Vec<&'k str> {
        let values: Vec<&ast::Expr> = places.iter().filter_map(|i| value(&args[*i])).collect();
        let given: Vec<&str> = args.iter().filter_map(name_of).chain(taken).collect();
        let mut meant: Vec<Option<&'k str>> = Vec::with_capacity(values.len());
        // `act` was meant for `act`, wherever it stands.
        for value in &values {
            let itself = |name: &&&str| path_name(value) == Some(**name);
            let is_free = |name: &&str| !given.contains(name) && !meant.contains(&Some(*name));
            let itself = known.iter().find(itself).copied().filter(is_free);
            let compared = self.compared(value, known.iter().copied());
            meant.push(compared.map(|(name, _)| name).or(itself));
        }
        // People who leave names out keep the order of the others.
        for i in 0..meant.len() {
            let is_free = |name: &&&str| !given.contains(*name) && !meant.contains(&Some(**name));
            let next = known.iter().find(is_free).copied();
            meant[i] = meant[i].or(next);
        }
        let wrong: Vec<usize> = (0..values.len())
            .filter(|i| !matches!(values[*i].kind, ExprKind::Error))
            .collect();
        // What could not be read has been said.
        if !wrong.is_empty() {
            let mut diagnostic = Diagnostic::error(
                "bnas::name::positional",
                format!("arguments of `{}` are named", callee.text),
            );
            for i in &wrong {
                diagnostic = diagnostic.label(values[*i].span, "has no name");
            }
            let named = |i: usize| Some(self.as_named(meant[i]?, values[i]));
            let takes = || list(known.iter().copied());
            let help = match wrong.as_slice() {
                _ if known.is_empty() => format!("`{}` takes no arguments", callee.text),
                [only] => match named(*only) {
                    Some(named) => format!("write `{named}`"),
                    None => format!("`{}` takes {}", callee.text, takes()),
                },
                _ => match self.with_names(args, places, &named) {
                    Some(call) => format!("write `{}({call})`", callee.text),
                    None => format!("`{}` takes {}", callee.text, takes()),
                },
            };
            self.report(diagnostic.help(help));
        }
        meant.into_iter().flatten().collect()
    }

    /// All arguments of a call, those at these places with the names that they were meant for.
    fn with_names(
        &self,
        args: &[Argument],
        places: &[usize],
        named: &dyn Fn(usize) -> Option<String>,
    ) -> Option<String> {
        let all = args.iter().enumerate();
        let all = all.map(|(i, arg)| match places.iter().position(|p| *p == i) {
            Some(place) if !matches!(value(arg)?.kind, ExprKind::Error) => named(place),
            Some(_) => None,
            None => Some(self.text(span_of(arg))),
        });
        Some(all.collect::<Option<Vec<_>>>()?.join(", "))
    }

    /// `kernel in {3, 5}`, `channels = 8`: a value that is to have a name.
    fn as_named(&self, name: &str, value: &ast::Expr) -> String {
        if let Some((name, value)) = self.compared(value, std::iter::once(name)) {
            return format!("{name} = {value}");
        }
        let sign = match value.kind {
            ExprKind::Set(_)
            | ExprKind::Range { .. }
            | ExprKind::Subsets(_)
            | ExprKind::Categories(_) => "in",
            _ => "=",
        };
        format!("{name} {sign} {}", self.text(value.span))
    }

    /// `channels == 8` among arguments: the name of a field, and the value that it was probably to have.
    fn compared<'k>(
        &self,
        argument: &ast::Expr,
        mut known: impl Iterator<Item = &'k str>,
    ) -> Option<(&'k str, String)> {
        let ExprKind::Binary {
            op: ast::BinaryOp::Eq,
            left,
            right,
        } = &argument.kind
        else {
            return None;
        };
        let name = self.text(left.span);
        let field = known.find(|field| *field == name)?;
        Some((field, self.text(right.span)))
    }
}

/// An argument that is nothing but a value.
fn value(arg: &Argument) -> Option<&ast::Expr> {
    match arg {
        Argument::Positional { value, .. } => Some(value),
        _ => None,
    }
}

fn name_of(arg: &Argument) -> Option<&str> {
    match arg {
        Argument::Fixed { name, .. } | Argument::Searched { name, .. } => Some(&name.text),
        Argument::Positional { .. } => None,
    }
}

/// The name that an expression is nothing but.
fn path_name(value: &ast::Expr) -> Option<&str> {
    match &value.kind {
        ExprKind::Path(path) => path.as_name().map(|name| name.text.as_str()),
        _ => None,
    }
}

fn span_of(arg: &Argument) -> Span {
    match arg {
        Argument::Fixed { name, value } => name.span.to(value.span),
        Argument::Searched {
            name,
            domain,
            default,
        } => {
            let last = default.as_deref().unwrap_or(domain);
            name.span.to(last.span)
        }
        Argument::Positional { value, .. } => value.span,
    }
}

//! Where the values came from of an operation that does not fit.
//!
//! In: a diagnostic about an operation of a space. Out: the same with labels at the names and defaults that gave the values which it speaks of. Values that
//! are searched are in its help already.

use std::collections::BTreeSet;

use super::blame::is_of_amendment;
use crate::diagnostic::{Diagnostic, Label};
use crate::ir::{BlockCall, Expr, Let, Slot, Space, Stmt};
use crate::model::expression::fold;
use crate::source::Span;

/// The most labels that say where a value came from.
const MOST: usize = 3;

/// What gives a name its value in a body.
#[derive(Clone, Copy)]
enum Given<'e> {
    Let(&'e Let),
    /// A parameter of the block that this call copies, and the scope around the call.
    Argument(&'e BlockCall, &'e Scope<'e>),
}

/// Names in the body of a space or block, innermost last.
struct Scope<'e> {
    names: Vec<(&'e str, Given<'e>)>,
}

/// A diagnostic with the places of the values that it speaks of.
pub fn with_origins(mut diagnostic: Diagnostic, space: Option<&Space>) -> Diagnostic {
    let is_misfit = diagnostic.code == "bnas::shape::misfit";
    let main = diagnostic.labels.first().map(|label| label.span);
    // What an amendment gives is shown there.
    let is_declared = !diagnostic.labels.iter().any(is_of_amendment);
    let (true, Some(at), Some(space)) = (is_misfit && is_declared, main, space) else {
        return diagnostic;
    };
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut search = Search {
        at,
        words: diagnostic.message.split(|c| !is_word(c)).collect(),
        path: Vec::new(),
        found: Vec::new(),
    };
    search.body(&space.body, &mut Scope { names: Vec::new() });
    let layer = diagnostic.layers.last().map_or("", String::as_str);
    let layer: Vec<&str> = layer.split(['.', '[']).collect();
    let is_it = |path: &[String]| {
        let mut of_layer = layer.iter();
        path.iter().all(|name| of_layer.any(|other| other == name))
    };
    let (of_layer, others): (Vec<_>, Vec<_>) =
        (search.found.into_iter()).partition(|(path, _)| is_it(path));
    let copies = match of_layer.is_empty() {
        true => others,
        false => of_layer,
    };
    // Copies with other values are other cases: what all of them have is said.
    let mut found = copies.into_iter().map(|(_, labels)| labels);
    let mut labels = found.next().unwrap_or_default();
    for other in found {
        labels.retain(|label| other.contains(label));
    }
    let known: BTreeSet<Span> = diagnostic.labels.iter().map(|label| label.span).collect();
    labels.retain(|label| !known.contains(&label.span));
    diagnostic.labels.extend(labels.into_iter().take(MOST));
    diagnostic
}

/// The look for an operation.
struct Search<'d> {
    at: Span,
    /// The words of what is said of it.
    words: BTreeSet<&'d str>,
    /// The names of what is looked into.
    path: Vec<String>,
    /// For each copy, the names that lead there, and where its values came from.
    found: Vec<(Vec<String>, Vec<Label>)>,
}

impl Search<'_> {
    fn body<'e>(&mut self, body: &'e [Stmt], scope: &mut Scope<'e>) {
        let mark = scope.names.len();
        for statement in body {
            match statement {
                Stmt::Let(one) => scope.names.push((&one.name, Given::Let(one))),
                Stmt::Layer(layer) => {
                    let operations = layer.chain.iter().filter(|o| o.span == self.at);
                    for operation in operations {
                        let mut labels = Vec::new();
                        for (name, slot) in &operation.args {
                            if self.words.contains(name.as_str()) {
                                of_slot(slot, scope, &mut labels);
                            }
                        }
                        self.found.push((self.path.clone(), labels));
                    }
                }
                Stmt::Block(block) => {
                    let depth = self.path.len();
                    self.path.extend(block.name.clone());
                    for call in &block.calls {
                        let params = call.block.params.iter();
                        let names = params
                            .map(|(name, _)| (name.as_str(), Given::Argument(call, scope)))
                            .collect();
                        self.body(&call.block.body, &mut Scope { names });
                    }
                    self.path.truncate(depth);
                }
                Stmt::Repeat { body, .. } => self.body(body, scope),
                Stmt::Parallel(parallel) => {
                    for branch in &parallel.branches {
                        self.body(&branch.body, scope);
                    }
                }
                Stmt::OfCopy(of_copy) => {
                    self.body(&of_copy.body, scope);
                    self.body(&of_copy.otherwise, scope);
                }
                Stmt::Require(_) | Stmt::Add(_) => {}
            }
        }
        scope.names.truncate(mark);
    }
}

/// Where the value of a slot came from: the names that it reads, and what these read.
fn of_slot(slot: &Slot, scope: &Scope, labels: &mut Vec<Label>) {
    let Slot::Fixed(expr) = slot else {
        return;
    };
    for name in fold::names(expr) {
        let given = scope.names.iter().rev().find(|(known, _)| *known == name);
        match given.map(|(_, given)| *given) {
            Some(Given::Let(one)) => match &one.slot {
                Slot::Fixed(Expr::Value(value)) => labels.push(Label {
                    span: one.span,
                    text: format!("`{name}` is {value}"),
                }),
                slot => of_slot(slot, scope, labels),
            },
            Some(Given::Argument(call, around)) => {
                let argument = call.args.iter().find(|(arg, _)| *arg == name);
                match argument {
                    Some((_, Slot::Fixed(Expr::Value(value)))) => labels.push(Label {
                        span: call.span,
                        text: format!("`{name}` is {value} here"),
                    }),
                    Some((_, slot)) => of_slot(slot, around, labels),
                    None => labels.extend(of_default(call, &name)),
                }
            }
            None => {}
        }
    }
}

/// The default of a parameter that a call does not give.
fn of_default(call: &BlockCall, name: &str) -> Option<Label> {
    let mut params = call.block.params.iter();
    let (_, default) = params.find(|(param, _)| param == name)?;
    let Some(Slot::Fixed(Expr::Value(value))) = default else {
        return None;
    };
    Some(Label {
        span: call.block.span,
        text: format!("`{name}` is {value} by default"),
    })
}

//! Amendments of arguments: `stem.channels = 8` of a layer, `more.channels = 8` of a block's call, `block.basic.channels = 8` of an alternative.
//!
//! In: what is called, and the entry that overrides one argument. Out: the same call with that argument. Whether there is such an argument is
//! judged where the call is lowered.

use super::path::{Part, is_below, parts, with_path};
use crate::analysis::context::{Cx, list};
use crate::analysis::expression::functions::function;
use crate::analysis::quantization::quantizer::target;
use crate::analysis::schema;
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::ir::numbered;
use crate::syntax::ast::{self, Argument, Entry, EntryKind, ExprKind};

impl Cx<'_> {
    /// `stem.channels = 8`: an argument of the first operation of the layer that has one of this name.
    pub(super) fn override_argument(
        &mut self,
        layer: &mut ast::Layer,
        name: &ast::Name,
        entry: &Entry,
    ) {
        for operation in &mut layer.chain {
            let ExprKind::Call { callee, args } = &mut operation.kind else {
                continue;
            };
            let positional = schema::operation(&callee.head.text).and_then(|o| o.positional);
            if let Some(arg) = args.iter_mut().find(|arg| is_called(arg, name, positional)) {
                *arg = argument(name, entry);
                return;
            }
        }
        for operation in &mut layer.chain {
            let ExprKind::Call { callee, args } = &mut operation.kind else {
                continue;
            };
            let takes = schema::operation(&callee.head.text)
                .is_some_and(|o| o.fields.iter().any(|f| f.name == name.text));
            if takes {
                args.push(argument(name, entry));
                return;
            }
        }
        let known: Vec<&str> = layer
            .chain
            .iter()
            .filter_map(|op| match &op.kind {
                ExprKind::Call { callee, .. } => schema::operation(&callee.head.text),
                _ => None,
            })
            .flat_map(|o| o.fields.iter().map(|f| f.name))
            .collect();
        self.unknown_key(
            &format!("layer `{}`", layer.name.text),
            name,
            Some(layer.name.span),
            &known,
        );
    }

    /// `block.inverted_residual.expansion = 4`, `train.optimizer.sgd.lr = 1e-2`: within one alternative of a choice.
    pub(super) fn override_in_choice(
        &mut self,
        choice: &mut ast::Choice,
        rest: &[Part],
        entry: &Entry,
    ) {
        let alternatives = match &mut choice.domain.kind {
            ExprKind::Set(items) => &mut items[..],
            _ => &mut [],
        };
        let names = alternative_names(alternatives);
        let wanted = &rest[0].name;
        let at = names.iter().position(|n| *n == wanted.text);
        let (Some(at), [_, inner @ ..]) = (at.filter(|_| rest.len() > 1), rest) else {
            let at_name = choice.target.as_name().map_or("", |n| n.text.as_str());
            let known = names.iter().map(String::as_str);
            let takes = |value: &ast::Expr| match &value.kind {
                ExprKind::Call { callee, args } => is_argument(callee, args, wanted),
                _ => false,
            };
            let taking = alternatives.iter().position(takes).unwrap_or(0);
            let help = match (did_you_mean(&wanted.text, known.clone()), names.get(taking)) {
                (Some(alike), _) if rest.len() > 1 => format!("did you mean `{alike}`?"),
                (_, Some(name)) if rest.len() == 1 => {
                    format!("say whose: `{at_name}.{name}.{}`", wanted.text)
                }
                (_, Some(_)) => format!("its alternatives are {}", list(known)),
                (_, None) => format!("give it a new value: `{at_name} = …`"),
            };
            self.report(
                Diagnostic::error(
                    "bnas::name::unknown_key",
                    format!("`{at_name}` has no alternative `{}`", wanted.text),
                )
                .label(wanted.span, "unknown alternative")
                .label(choice.domain.span, "these are chosen from")
                .help(help),
            );
            return;
        };
        override_within(&mut alternatives[at], inner, entry);
    }
}

/// `step.factor = 0.2` in `warmup(0.1) * step(0.5)`, `flip` in nothing: an argument of a part, or what a declaration is amended by.
pub(super) fn override_within(value: &mut ast::Expr, path: &[Part], entry: &Entry) {
    let is_compound = matches!(value.kind, ExprKind::Set(_) | ExprKind::Binary { .. });
    if let (true, [part, inner @ ..]) = (is_compound && path.len() > 1, path) {
        let mut parts = Vec::new();
        calls_in(value, &mut parts);
        let names = numbered(parts.iter().map(|(name, _)| name.clone()).collect());
        if let Some(at) = names.iter().position(|n| *n == part.name.text) {
            return override_within(parts[at].1, inner, entry);
        }
    }
    match (&mut value.kind, path) {
        // What a block is given is one thing, and what it decides itself another: which one is meant is judged where it is copied.
        (ExprKind::Call { callee, args }, [name]) if is_argument(callee, args, &name.name) => {
            override_in_call(callee, args, &name.name, entry);
        }
        _ => add_amendment(value, with_path(entry, path)),
    }
}

/// The calls of a set or of an arithmetic expression, in order, with their names.
fn calls_in<'e>(value: &'e mut ast::Expr, found: &mut Vec<(String, &'e mut ast::Expr)>) {
    match &value.kind {
        ExprKind::Call { callee, .. } if schema::called(&callee.head.text).is_some() => {
            let name = callee.head.text.clone();
            found.push((name, value));
            return;
        }
        _ => {}
    }
    match &mut value.kind {
        ExprKind::Set(items) => items.iter_mut().for_each(|item| calls_in(item, found)),
        ExprKind::Binary { left, right, .. } => {
            calls_in(left, found);
            calls_in(right, found);
        }
        _ => {}
    }
}

/// Whether a name is an argument of this call, or may become one.
fn is_argument(callee: &ast::Path, args: &[Argument], name: &ast::Name) -> bool {
    schema::called(&callee.head.text).is_some() || args.iter().any(|a| is_called(a, name, None))
}

/// Sets an argument of a call; a positional one is replaced where the callee says that it has this name.
pub(super) fn override_in_call(
    callee: &ast::Path,
    args: &mut Vec<Argument>,
    name: &ast::Name,
    entry: &Entry,
) {
    let positional = schema::called(&callee.head.text).and_then(|c| c.positional);
    match args.iter_mut().find(|arg| is_called(arg, name, positional)) {
        Some(same) => *same = argument(name, entry),
        None => args.push(argument(name, entry)),
    }
}

/// Whether an argument has this name; a positional one has that which the schema gives it.
fn is_called(arg: &Argument, name: &ast::Name, positional: Option<&str>) -> bool {
    match arg {
        Argument::Fixed { name: known, .. } | Argument::Searched { name: known, .. } => {
            known.text == name.text
        }
        Argument::Positional { .. } => positional == Some(name.text.as_str()),
    }
}

/// The names of alternatives as paths have them: two calls of one thing are numbered.
fn alternative_names(items: &[ast::Expr]) -> Vec<String> {
    numbered(items.iter().map(|item| names_in(item).join("_")).collect())
}

/// What is called or named in an alternative: `warmup` and `cosine` in `warmup(0.1) * cosine`.
fn names_in(item: &ast::Expr) -> Vec<String> {
    match &item.kind {
        ExprKind::Call { callee, args } => match schema::called(&callee.head.text) {
            // A function of what is named: `max(cosine, 0.1)`.
            None if function(&callee.head.text).is_some() => {
                let values = args.iter().filter_map(|arg| match arg {
                    Argument::Positional { value, .. } => Some(value),
                    _ => None,
                });
                values.flat_map(names_in).collect()
            }
            _ => vec![callee.head.text.clone()],
        },
        ExprKind::Path(path) => vec![path.head.text.clone()],
        ExprKind::Amend { base, .. } => names_in(base),
        ExprKind::Set(items) => items.iter().flat_map(names_in).collect(),
        ExprKind::Binary { left, right, .. } => {
            let sides = [left, right].into_iter().flat_map(|e| names_in(e));
            sides
                .filter(|n| schema::called(n).is_some() || n == "cosine")
                .collect()
        }
        _ => Vec::new(),
    }
}

fn argument(name: &ast::Name, entry: &Entry) -> Argument {
    match &entry.kind {
        EntryKind::Choice(c) => Argument::Searched {
            name: name.clone(),
            domain: c.domain.clone(),
            default: c.default.clone(),
        },
        EntryKind::Field(f) => Argument::Fixed {
            name: name.clone(),
            value: f.value.clone(),
        },
        _ => unreachable!("only values override arguments"),
    }
}

/// `space = small_cnn` and `space.width = 8` are `space = small_cnn { width = 8 }`.
/// What is amended already is amended on: the value that is said around holds.
fn add_amendment(value: &mut ast::Expr, entry: Entry) {
    if let ExprKind::Amend { entries, .. } = &mut value.kind {
        if let Some(path) = target(&entry) {
            forget(entries, &[], &parts(path));
        }
        entries.push(entry);
        return;
    }
    let base = value.clone();
    value.kind = ExprKind::Amend {
        base: Box::new(base),
        entries: vec![entry],
    };
}

/// Removes the values that are said anew, and what is said below them: fields by their paths, those of sections included.
fn forget(entries: &mut Vec<Entry>, above: &[Part], anew: &[Part]) {
    let is_anew = |entry: &Entry| {
        target(entry).is_some_and(|path| is_below(&[above, &parts(path)].concat(), anew))
    };
    entries.retain(|earlier| !is_anew(earlier));
    for entry in entries {
        if let EntryKind::Section(section) = &mut entry.kind {
            let label = section.label.as_ref().map(|l| l.text.as_str());
            let path = schema::section_path(&section.name.text, label);
            let part = |text: &str| Part {
                name: ast::Name {
                    text: text.to_string(),
                    span: section.name.span,
                },
                copy: None,
            };
            let below: Vec<Part> = path.split('.').map(part).collect();
            forget(&mut section.entries, &[above, &below].concat(), anew);
        }
    }
}

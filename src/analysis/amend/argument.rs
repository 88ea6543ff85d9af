//! Amendments of arguments: `stem.channels = 8` of a layer, `more.channels = 8` of a block's call, `block.basic.channels = 8` of an alternative.
//!
//! In: what is called, and the entry that overrides one argument. Out: the same call with that argument. Whether there is such an argument is
//! judged where the call is lowered.

use super::{Cx, Part, add_amendment, with_path};
use crate::analysis::context::list;
use crate::analysis::schema;
use crate::diagnostic::{Diagnostic, did_you_mean};
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
            let ExprKind::Call { args, .. } = &mut operation.kind else {
                continue;
            };
            for arg in args {
                let (Argument::Fixed { name: known, .. } | Argument::Searched { name: known, .. }) =
                    arg
                else {
                    continue;
                };
                if known.text == name.text {
                    *arg = argument(name, entry);
                    return;
                }
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
            let help = match (did_you_mean(&wanted.text, known.clone()), names.first()) {
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
        match (&mut alternatives[at].kind, inner) {
            (ExprKind::Call { callee, args }, [name]) => {
                override_in_call(callee, args, &name.name, entry);
            }
            _ => add_amendment(&mut alternatives[at], with_path(entry, inner)),
        }
    }
}

/// Sets an argument of a call; a positional one is replaced where the callee says that it has this name.
pub(super) fn override_in_call(
    callee: &ast::Path,
    args: &mut Vec<Argument>,
    name: &ast::Name,
    entry: &Entry,
) {
    let positional = schema::record(&callee.head.text).and_then(|(_, c)| c.positional);
    let same = args.iter_mut().find(|arg| match arg {
        Argument::Fixed { name: known, .. } | Argument::Searched { name: known, .. } => {
            known.text == name.text
        }
        Argument::Positional { .. } => positional == Some(name.text.as_str()),
    });
    match same {
        Some(same) => *same = argument(name, entry),
        None => args.push(argument(name, entry)),
    }
}

/// The names of alternatives as paths have them: two calls of one thing are numbered.
fn alternative_names(items: &[ast::Expr]) -> Vec<String> {
    let names: Vec<&str> = items.iter().map(name_of).collect();
    let numbered = |(i, name): (usize, &&str)| {
        let count = |names: &[&str]| names.iter().filter(|n| *n == name).count();
        match count(&names) {
            0 | 1 => name.to_string(),
            _ => format!("{name}_{}", count(&names[..=i])),
        }
    };
    names.iter().enumerate().map(numbered).collect()
}

fn name_of(item: &ast::Expr) -> &str {
    match &item.kind {
        ExprKind::Call { callee, .. } => &callee.head.text,
        ExprKind::Path(path) => &path.head.text,
        ExprKind::Amend { base, .. } => name_of(base),
        _ => "",
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

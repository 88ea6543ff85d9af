//! What a list of entries says twice: `vector { width = 512 bit }  vector.width = 256 bit`, `s[0].depth = 1  s.depth = 2`.
//!
//! In: entries that stand beside each other. Out: a diagnostic for each value, section or formula that an earlier entry gives already. What one
//! entry says twice within itself is judged where that entry is read; `target = braintta { … }` and `target.clock = …` are an amendment that goes on,
//! unless the braces give the clock, too.

use std::collections::HashMap;

use super::path::{Part, parts};
use crate::analysis::context::Cx;
use crate::analysis::schema;
use crate::source::Span;
use crate::syntax::ast::{self, Argument, Entry, EntryKind, ExprKind};

/// A value that an entry gives: its path from where the entry stands, and the place that says so.
struct Said {
    path: Vec<Part>,
    span: Span,
}

impl Cx<'_> {
    /// Reports what is said twice; of one copy and then of all is twice, too.
    pub(in crate::analysis) fn said_once<'e>(
        &mut self,
        entries: impl IntoIterator<Item = &'e Entry>,
    ) {
        let mut sections: HashMap<(&str, Option<&str>), Span> = HashMap::new();
        let mut seen: HashMap<String, Vec<Said>> = HashMap::new();
        for entry in entries {
            if let EntryKind::Section(section) = &entry.kind {
                let named = section.label.as_ref().unwrap_or(&section.name);
                let label = section.label.as_ref().map(|l| l.text.as_str());
                let key = (section.name.text.as_str(), label);
                let first = *sections.entry(key).or_insert(named.span);
                if first != named.span {
                    self.twice(&named.text, named.span, first);
                    continue;
                }
            }
            let mut found = Vec::new();
            said(entry, &[], &mut found);
            // Of what stands within what is said twice, that is all there is to say.
            let mut twice: Option<&Said> = None;
            let paths: Vec<String> = found.iter().map(|one| names(&one.path)).collect();
            for (one, path) in found.iter().zip(&paths) {
                if twice.is_some_and(|above| begins_with(&one.path, &above.path)) {
                    continue;
                }
                let earlier = seen.get(path).into_iter().flatten();
                let mut covered = earlier.filter(|earlier| self.covers(&one.path, &earlier.path));
                if let Some(first) = covered.next().map(|earlier| earlier.span) {
                    twice = Some(one);
                    if self.is_new_twice(one.span, first) {
                        self.twice(&self.text(one.span), one.span, first);
                    }
                }
            }
            for (one, path) in found.into_iter().zip(paths) {
                seen.entry(path).or_default().push(one);
            }
        }
    }

    /// Whether two places of one declaration say the same, and that has not been said: one that derives from another may say all anew.
    pub(super) fn is_new_twice(&mut self, again: Span, first: Span) -> bool {
        let around = |span: Span| self.modules.around(span).map(|d| d.span);
        let mut said = self.said_twice.iter();
        if around(again) != around(first) || said.any(|s| *s != again && s.holds(again)) {
            return false;
        }
        self.said_twice.push(again);
        true
    }

    /// Whether every copy that an earlier path of the same names is about is one of the later path.
    fn covers(&self, later: &[Part], earlier: &[Part]) -> bool {
        let copy = |part: &Part| part.copy.as_ref().map(|copy| self.text(copy.span));
        let mut pairs = later.iter().zip(earlier);
        pairs.all(|(later, earlier)| copy(later).is_none_or(|l| copy(earlier) == Some(l)))
    }
}

/// The values that an entry gives below a path.
fn said(entry: &Entry, above: &[Part], found: &mut Vec<Said>) {
    let below = |rest: Vec<Part>| [above, &rest].concat();
    match &entry.kind {
        EntryKind::Field(ast::Field { target, value, .. })
        | EntryKind::Choice(ast::Choice {
            target,
            domain: value,
            ..
        }) => {
            let path = below(parts(target));
            let at = found.len();
            said_of_value(value, &path, found);
            let span = target.span;
            found.insert(at, Said { path, span });
        }
        EntryKind::Formula(formula) => found.push(Said {
            path: below(vec![part(&formula.name)]),
            span: formula.name.span,
        }),
        EntryKind::Section(section) => {
            let path = below(of_section(section));
            for inner in &section.entries {
                said(inner, &path, found);
            }
        }
        _ => {}
    }
}

/// The values that are given within a value: `width` in `space = small_cnn { width = 8 }`, `lr` in `optimizer = adam(lr = 0.1)`.
fn said_of_value(value: &ast::Expr, path: &[Part], found: &mut Vec<Said>) {
    match &value.kind {
        ExprKind::Amend { base, entries } => {
            said_of_value(base, path, found);
            for inner in entries {
                said(inner, path, found);
            }
        }
        ExprKind::Call { args, .. } => {
            let named = args.iter().filter_map(|argument| match argument {
                Argument::Positional { .. } => None,
                Argument::Fixed { name, value } => Some((name, value)),
                Argument::Searched { name, domain, .. } => Some((name, domain)),
            });
            for (name, value) in named {
                let path = [path, &[part(name)]].concat();
                let at = found.len();
                said_of_value(value, &path, found);
                let span = name.span;
                found.insert(at, Said { path, span });
            }
        }
        ExprKind::Set(items) => {
            for item in items {
                let base = match &item.kind {
                    ExprKind::Amend { base, .. } => base,
                    _ => item,
                };
                let name = match &base.kind {
                    ExprKind::Path(path) => path.as_name(),
                    ExprKind::Call { callee, .. } => callee.as_name(),
                    _ => None,
                };
                if let Some(name) = name {
                    said_of_value(item, &[path, &[part(name)]].concat(), found);
                }
            }
        }
        _ => {}
    }
}

/// How a path leads into a section: `vector.…`, `binary.…` of `precision binary`, `memory.a.…` of `memory a`.
fn of_section(section: &ast::Section) -> Vec<Part> {
    let label = section.label.as_ref().map(|l| l.text.as_str());
    let path = schema::section_path(&section.name.text, label);
    let name = |text: &str| ast::Name {
        text: text.to_string(),
        span: section.name.span,
    };
    path.split('.').map(|text| part(&name(text))).collect()
}

fn part(name: &ast::Name) -> Part {
    Part {
        name: name.clone(),
        copy: None,
    }
}

/// Whether a path leads to the same place as another one, or below it.
fn begins_with(path: &[Part], above: &[Part]) -> bool {
    let mut pairs = path.iter().zip(above);
    path.len() >= above.len() && pairs.all(|(p, a)| p.name.text == a.name.text)
}

/// The names of a path, whichever copies it speaks of.
fn names(path: &[Part]) -> String {
    let names: Vec<&str> = path.iter().map(|p| p.name.text.as_str()).collect();
    names.join(".")
}

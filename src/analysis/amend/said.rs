//! What a list of entries says twice: `vector { width = 512 bit }  vector.width = 256 bit`, `s[0].depth = 1  s.depth = 2`.
//!
//! In: entries that stand beside each other. Out: a diagnostic for each value, section or formula that an earlier entry gives already. What one
//! entry says twice within itself is judged where that entry is read; `target = braintta { … }` and `target.clock = …` are an amendment that goes on,
//! unless the braces give the clock, too.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};

use crate::analysis::context::Cx;
use crate::analysis::schema;
use crate::source::Span;
use crate::syntax::ast::{self, Argument, Entry, EntryKind, ExprKind};

/// One name of a path, and the number of its copy. Nearly nothing is said twice, so that nothing is copied to find out.
#[derive(Clone, Copy)]
struct Part<'e> {
    name: &'e str,
    copy: Option<&'e ast::Expr>,
}

/// Paths of the same names are equal, whichever copies they speak of.
struct Path<'e>(Vec<Part<'e>>);

impl<'e> Path<'e> {
    fn names(&self) -> impl Iterator<Item = &'e str> {
        self.0.iter().map(|part| part.name)
    }

    /// The path of what stands below this one.
    fn below(&self, rest: impl IntoIterator<Item = Part<'e>>) -> Path<'e> {
        Path(self.0.iter().copied().chain(rest).collect())
    }

    /// Whether it leads to the same place as another one, or below it.
    fn begins_with(&self, above: &Path) -> bool {
        self.0.len() >= above.0.len() && self.names().zip(above.names()).all(|(p, a)| p == a)
    }
}

impl PartialEq for Path<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.names().eq(other.names())
    }
}

impl Eq for Path<'_> {}

impl Hash for Path<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.names().for_each(|name| name.hash(state));
    }
}

/// A value that an entry gives: its path from where the entry stands, and the place that says so.
struct Said<'e> {
    path: Path<'e>,
    span: Span,
}

impl Cx<'_> {
    /// Reports what is said twice; of one copy and then of all is twice, too.
    pub(in crate::analysis) fn said_once<'e>(
        &mut self,
        entries: impl IntoIterator<Item = &'e Entry>,
    ) {
        let mut found = Vec::new();
        let stretch = |entry: &'e Entry| {
            let start = found.len();
            said(entry, &Path(Vec::new()), &mut found);
            (entry, start..found.len())
        };
        let stretches: Vec<_> = entries.into_iter().map(stretch).collect();
        let mut sections: HashMap<(&str, Option<&str>), Span> = HashMap::new();
        let mut seen: HashMap<&Path, Vec<&Said>> = HashMap::with_capacity(found.len());
        for (entry, stretch) in stretches {
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
            let own = &found[stretch];
            // Of what stands within what is said twice, that is all there is to say.
            let mut twice: Option<&Said> = None;
            for one in own {
                if twice.is_some_and(|above| one.path.begins_with(&above.path)) {
                    continue;
                }
                let earlier = seen.get(&one.path).into_iter().flatten();
                let mut covered = earlier.filter(|earlier| self.covers(&one.path, &earlier.path));
                if let Some(first) = covered.next().map(|earlier| earlier.span) {
                    twice = Some(one);
                    if self.is_new_twice(one.span, first) {
                        self.twice(&self.text(one.span), one.span, first);
                    }
                }
            }
            for one in own {
                seen.entry(&one.path).or_default().push(one);
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
    fn covers(&self, later: &Path, earlier: &Path) -> bool {
        let copy = |part: &Part| part.copy.map(|copy| self.text(copy.span));
        let mut pairs = later.0.iter().zip(&earlier.0);
        pairs.all(|(later, earlier)| copy(later).is_none_or(|l| copy(earlier) == Some(l)))
    }
}

/// The values that an entry gives below a path.
fn said<'e>(entry: &'e Entry, above: &Path<'e>, found: &mut Vec<Said<'e>>) {
    match &entry.kind {
        EntryKind::Field(ast::Field { target, value, .. })
        | EntryKind::Choice(ast::Choice {
            target,
            domain: value,
            ..
        }) => {
            let mut path = above.below([part(&target.head)]);
            for step in &target.steps {
                match step {
                    ast::Step::Member(name) => path.0.push(part(name)),
                    // A star stands for every copy, and may be left out.
                    ast::Step::All(_) => {}
                    ast::Step::Index(index) => {
                        path.0
                            .last_mut()
                            .expect("invariant: a path has a head")
                            .copy = Some(index);
                    }
                }
            }
            given(value, path, target.span, found);
        }
        EntryKind::Formula(formula) => found.push(Said {
            path: above.below([part(&formula.name)]),
            span: formula.name.span,
        }),
        EntryKind::Section(section) => {
            // How a path leads into it: `vector.…`, `binary.…` of `precision binary`, `memory.a.…` of `memory a`.
            let label = section.label.as_ref().map(|l| l.text.as_str());
            let names = schema::section_names(&section.name.text, label);
            let path = above.below(names.map(|name| Part { name, copy: None }));
            for inner in &section.entries {
                said(inner, &path, found);
            }
        }
        _ => {}
    }
}

/// A value at a path, and behind it what is given within it.
fn given<'e>(value: &'e ast::Expr, path: Path<'e>, span: Span, found: &mut Vec<Said<'e>>) {
    let at = found.len();
    said_of_value(value, &path, found);
    found.insert(at, Said { path, span });
}

/// The values that are given within a value: `width` in `space = small_cnn { width = 8 }`, `lr` in `optimizer = adam(lr = 0.1)`.
fn said_of_value<'e>(value: &'e ast::Expr, path: &Path<'e>, found: &mut Vec<Said<'e>>) {
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
                given(value, path.below([part(name)]), name.span, found);
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
                    said_of_value(item, &path.below([part(name)]), found);
                }
            }
        }
        _ => {}
    }
}

fn part(name: &ast::Name) -> Part<'_> {
    Part {
        name: &name.text,
        copy: None,
    }
}

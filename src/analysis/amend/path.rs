//! Paths of amendments: names, each perhaps with the number of a copy.

use crate::syntax::ast::{self, Entry, EntryKind, ExprKind, Step};

/// One name of a path, and the number of its copy.
#[derive(Clone)]
pub struct Part {
    pub name: ast::Name,
    pub copy: Option<ast::Expr>,
}

/// The names of a path. A star stands for every copy, and may be left out.
pub fn parts(path: &ast::Path) -> Vec<Part> {
    let part = |name: &ast::Name| Part {
        name: name.clone(),
        copy: None,
    };
    let mut parts = vec![part(&path.head)];
    for step in &path.steps {
        match step {
            Step::Member(name) => parts.push(part(name)),
            Step::All(_) => {}
            Step::Index(index) => {
                let last = parts.last_mut().expect("a path has a head");
                last.copy = Some(index.clone());
            }
        }
    }
    parts
}

/// The path of these names.
fn path_of(parts: &[Part]) -> ast::Path {
    let mut steps = Vec::new();
    for (i, part) in parts.iter().enumerate() {
        if i > 0 {
            steps.push(Step::Member(part.name.clone()));
        }
        steps.extend(part.copy.clone().map(Step::Index));
    }
    ast::Path {
        head: parts[0].name.clone(),
        steps,
        span: parts[0].name.span.to(parts[parts.len() - 1].name.span),
    }
}

/// An entry that stands at another path.
pub fn with_path(entry: &Entry, parts: &[Part]) -> Entry {
    let target = path_of(parts);
    let kind = match &entry.kind {
        EntryKind::Field(f) => EntryKind::Field(ast::Field {
            target,
            ..f.clone()
        }),
        EntryKind::Choice(c) => EntryKind::Choice(ast::Choice {
            target,
            ..c.clone()
        }),
        other => other.clone(),
    };
    Entry {
        kind,
        ..entry.clone()
    }
}

/// An entry of another name.
pub fn renamed(entry: &Entry, name: &ast::Name) -> Entry {
    let name = name.clone();
    with_path(entry, &[Part { name, copy: None }])
}

/// The number of a copy, where it is written as one.
pub fn number(copy: &ast::Expr) -> Option<f64> {
    match &copy.kind {
        ExprKind::Number(number) => Some(number.value),
        _ => None,
    }
}

/// Whether a path is another one or leads into what is there, of all copies that it speaks of.
pub fn is_below(path: &[Part], other: &[Part]) -> bool {
    let is_same = |(one, other): (&Part, &Part)| {
        let of_copy = match (&one.copy, &other.copy) {
            (_, None) => true,
            (Some(one), Some(other)) => number(one).is_some() && number(one) == number(other),
            (None, Some(_)) => false,
        };
        one.name.text == other.name.text && of_copy
    };
    path.len() >= other.len() && path.iter().zip(other).all(is_same)
}

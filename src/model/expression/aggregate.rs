//! One value from many: sums, products, extremes and orders over the copies of a `repeat`.
//!
//! In: items, each with the condition under which it exists, or an expression whose paths hold `[*]`. Out: the same in operators on
//! single values. Items that do not exist count for nothing.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::evaluate::{self, Failure, both, choose, either, implies};
use super::existence;
use crate::diagnostic::Diagnostic;
use crate::ir::{Aggregate, BinaryOp, Expr, Function};
use crate::source::Span;

/// How a list is labelled that no copy is in.
pub(in crate::model) const EMPTY_LIST: &str = "an empty list";

/// A value with a path.
#[derive(Debug, Clone)]
pub(in crate::model) struct Place {
    /// `space.s[1].d[0].kernel`.
    pub(in crate::model) path: String,
    /// Where it exists.
    pub(in crate::model) guard: Expr,
    pub(in crate::model) value: Expr,
}

/// Values with paths, the latest of each path at hand.
#[derive(Debug, Clone, Default)]
pub(in crate::model) struct Places {
    all: Vec<Place>,
    latest: HashMap<String, usize>,
}

impl Places {
    /// Those in the order in which they came.
    pub(in crate::model) fn iter(&self) -> impl Iterator<Item = &Place> {
        self.all.iter()
    }

    /// The latest definition of a name counts.
    pub(in crate::model) fn find(&self, path: &str) -> Option<&Place> {
        self.latest.get(path).map(|place| &self.all[*place])
    }
}

impl Extend<Place> for Places {
    fn extend<T: IntoIterator<Item = Place>>(&mut self, places: T) {
        for place in places {
            self.latest.insert(place.path.clone(), self.all.len());
            self.all.push(place);
        }
    }
}

/// The aggregate of items, each behind the condition under which it exists.
pub fn fold(aggregate: Aggregate, items: impl Iterator<Item = (Expr, Expr)>) -> Expr {
    use Aggregate::*;
    let together = |op, x: Expr, y: Expr| Expr::Binary(op, Arc::new(x), Arc::new(y));
    match aggregate {
        Sum => halved(
            items.map(|(exists, x)| choose(exists, x, Expr::number(0.0))),
            &|sum, x| together(BinaryOp::Add, sum, x),
        )
        .unwrap_or(Expr::number(0.0)),
        Count => {
            let ones = items.map(|(exists, _)| (exists, Expr::number(1.0)));
            fold(Sum, ones.collect::<Vec<_>>().into_iter())
        }
        Product => halved(
            items.map(|(exists, x)| choose(exists, x, Expr::number(1.0))),
            &|product, x| together(BinaryOp::Multiply, product, x),
        )
        .unwrap_or(Expr::number(1.0)),
        Max => extreme(Function::Max, f64::NEG_INFINITY, items),
        Min => extreme(Function::Min, f64::INFINITY, items),
        All => {
            halved(items.map(|(exists, x)| implies(exists, x)), &both).unwrap_or(Expr::bool(true))
        }
        Any => {
            halved(items.map(|(exists, x)| both(exists, x)), &either).unwrap_or(Expr::bool(false))
        }
        Increasing => ordered(BinaryOp::Less, items),
        Decreasing => ordered(BinaryOp::Greater, items),
        Nondecreasing => ordered(BinaryOp::LessEqual, items),
        Nonincreasing => ordered(BinaryOp::GreaterEqual, items),
    }
}

/// Few items are put together from left to right.
const FEW: usize = 64;

/// Items put together in pairs, the pairs in pairs, and so on, if they are many: everything that looks at an expression descends once for each
/// level of it.
pub fn halved(
    items: impl Iterator<Item = Expr>,
    together: &dyn Fn(Expr, Expr) -> Expr,
) -> Option<Expr> {
    let mut row: Vec<Expr> = items.collect();
    while row.len() > FEW {
        let mut pairs = Vec::with_capacity(row.len().div_ceil(2));
        let mut items = row.into_iter();
        while let Some(one) = items.next() {
            pairs.push(match items.next() {
                Some(other) => together(one, other),
                None => one,
            });
        }
        row = pairs;
    }
    row.into_iter().reduce(together)
}

fn extreme(function: Function, of_nothing: f64, items: impl Iterator<Item = (Expr, Expr)>) -> Expr {
    let items: Vec<_> = items.collect();
    if items.iter().all(|(exists, _)| *exists == Expr::bool(true)) {
        let larger = |x, y| Expr::Call(function, vec![x, y]);
        let extreme = halved(items.into_iter().map(|(_, x)| x), &larger);
        return extreme.unwrap_or(Expr::number(of_nothing));
    }
    let mut so_far: Option<Expr> = None;
    for (exists, x) in items {
        let before = so_far.take();
        so_far = Some(match before {
            None => choose(exists, x, Expr::number(of_nothing)),
            Some(before) if exists == Expr::bool(true) => Expr::Call(function, vec![before, x]),
            Some(before) => {
                // Shared, not copied: a copy within a copy within … would take exponential space.
                let (before, x) = (Arc::new(before), Arc::new(x));
                let order = match function {
                    Function::Max => BinaryOp::GreaterEqual,
                    _ => BinaryOp::LessEqual,
                };
                let keep = Expr::Binary(order, before.clone(), x.clone());
                let better = Expr::If(Arc::new(keep), before.clone(), x);
                Expr::If(Arc::new(exists), Arc::new(better), before)
            }
        });
    }
    so_far.unwrap_or(Expr::number(of_nothing))
}

/// Each item against the last one before it that exists.
fn ordered(op: BinaryOp, items: impl Iterator<Item = (Expr, Expr)>) -> Expr {
    let mut before: Option<(Expr, Expr)> = None;
    let mut holds = Vec::new();
    for (exists, x) in items {
        before = Some(match before {
            None => (exists, x),
            Some((one, last)) => {
                let rises = Expr::Binary(op, Arc::new(last.clone()), Arc::new(x.clone()));
                holds.push(implies(both(exists.clone(), one.clone()), rises));
                (either(exists.clone(), one), choose(exists, x, last))
            }
        });
    }
    halved(holds.into_iter(), &both).unwrap_or(Expr::bool(true))
}

/// An expression with its lists written out over the copies that `places` knows, and what `stands` for a path in its place.
pub(in crate::model) fn expand(
    expr: &Expr,
    places: &Places,
    stands: &dyn Fn(&Place) -> Expr,
) -> Result<Expr, Diagnostic> {
    let inner = |e: &Arc<Expr>| expand(e, places, stands).map(Arc::new);
    Ok(match expr {
        Expr::Unary(op, x) => Expr::Unary(*op, inner(x)?),
        Expr::Binary(op, x, y) => Expr::Binary(*op, inner(x)?, inner(y)?),
        Expr::If(c, x, y) => Expr::If(inner(c)?, inner(x)?, inner(y)?),
        Expr::Set(items) => {
            let items = items.iter().map(|e| expand(e, places, stands));
            Expr::Set(items.collect::<Result<_, _>>()?)
        }
        Expr::Call(function, args) => {
            let args: Vec<Expr> = args
                .iter()
                .map(|e| expand(e, places, stands))
                .collect::<Result<_, _>>()?;
            match (function, &args[..]) {
                (Function::Over(aggregate), [list]) => {
                    fold(*aggregate, copies(list, places)?.into_iter())
                }
                _ => Expr::Call(*function, args),
            }
        }
        Expr::Name(path, _) if !path.contains("[*]") => match places.find(path) {
            Some(place) => stands(place),
            None => expr.clone(),
        },
        Expr::Name(..) | Expr::Value(_) | Expr::Decision(_) | Expr::Record(..) => expr.clone(),
    })
}

/// An expression with `[*]` for every copy: the condition under which all that it looks at exists, and what it is there.
fn copies(list: &Expr, places: &Places) -> Result<Vec<(Expr, Expr)>, Diagnostic> {
    let mut starred: Vec<(String, Span)> = Vec::new();
    evaluate::walk(list, &mut |e| {
        if let Expr::Name(path, span) = e
            && path.contains("[*]")
        {
            starred.push((path.clone(), *span));
        }
    });
    let stars = |path: &str| path.matches("[*]").count();
    let Some((longest, span)) = starred.iter().max_by_key(|(path, _)| stars(path)).cloned() else {
        return Ok(Vec::new());
    };
    // Paths run together over the same copies; the copies of a policy's layers are those of the space.
    let copies_of = |path: &str| {
        let head = path.rfind("[*]").map_or("", |at| &path[..at]);
        let root = ["space.", "policy."]
            .iter()
            .find_map(|root| head.strip_prefix(root));
        format!("{}[*]", root.unwrap_or(head))
    };
    let all = copies_of(&longest);
    if let Some((other, at)) = starred.iter().find(|(path, _)| {
        let own = copies_of(path);
        match stars(path) == stars(&longest) {
            true => own != all,
            false => !all.starts_with(&own),
        }
    }) {
        let text = format!("`{longest}` and `{other}` do not run over the same copies");
        return Err(Diagnostic::error("bnas::type::copies", text)
            .label(*at, "these copies")
            .label(span, "and these")
            .help("paths in one list share everything up to their last `[*]`"));
    }
    let wrong = |failure: Failure| {
        Diagnostic::error("bnas::type::mismatch", failure.to_string()).label(span, "in this list")
    };
    let mut is_conditional = false;
    evaluate::walk(list, &mut |e| {
        use BinaryOp::{And, Implies, Or};
        is_conditional |= matches!(e, Expr::If(..) | Expr::Binary(And | Or | Implies, ..));
    });
    let mut found = Vec::new();
    let mut seen: HashSet<&str> = HashSet::new();
    for place in places.iter() {
        let Some(indices) = matched(&longest, &place.path) else {
            continue;
        };
        if !seen.insert(&place.path) {
            continue;
        }
        let at_copy = starred.iter().map(|(path, _)| {
            let place = places.find(&with_indices(path, &indices));
            (path.as_str(), place)
        });
        let at_copy: Vec<(&str, Option<&Place>)> = at_copy.collect();
        let names = |name: &str| {
            let (_, place) = at_copy.iter().find(|(path, _)| *path == name)?;
            Some(place.map_or_else(existence::nothing, |place| place.value.clone()))
        };
        let guards = |name: &str| {
            let (_, place) = at_copy.iter().find(|(path, _)| *path == name)?;
            Some(place.map_or(Expr::bool(false), |place| place.guard.clone()))
        };
        let mut exists = reached(list, &guards, &names).map_err(&wrong)?;
        if is_conditional {
            // What is not looked at in a copy makes no copy: it is one if any of its values is there.
            let own = at_copy
                .iter()
                .filter(|(path, _)| stars(path) == stars(&longest));
            let guards = own.filter_map(|(_, place)| Some(place.as_ref()?.guard.clone()));
            let there = guards.fold(Expr::bool(false), either);
            exists = both(there, exists);
        }
        if exists == Expr::bool(false) {
            continue;
        }
        let item = evaluate::reduce(list, &names).map_err(&wrong)?;
        found.push((exists, item));
    }
    if found.is_empty() {
        let text = format!("no copy of the space has `{longest}`");
        return Err(Diagnostic::error("bnas::name::unknown", text).label(span, EMPTY_LIST));
    }
    Ok(found)
}

/// Where everything that evaluating an expression looks at exists; `guards` and `names` are those of a copy.
fn reached(
    expr: &Expr,
    guards: &dyn Fn(&str) -> Option<Expr>,
    names: &dyn Fn(&str) -> Option<Expr>,
) -> Result<Expr, Failure> {
    let part = |e: &Expr| reached(e, guards, names);
    let value = |e: &Expr| evaluate::reduce(e, names);
    let all = |items: &[Expr]| {
        let mut parts = items.iter().map(part);
        parts.try_fold(Expr::bool(true), |sum, one| Ok(both(sum, one?)))
    };
    Ok(match expr {
        Expr::Value(_) | Expr::Decision(_) | Expr::Record(..) => Expr::bool(true),
        Expr::Name(name, _) => guards(name).unwrap_or(Expr::bool(true)),
        Expr::Unary(_, x) => part(x)?,
        Expr::Binary(op, x, y) => {
            let (left, right) = (part(x)?, part(y)?);
            // What is not asked for need not be there.
            let right = match op {
                _ if right == Expr::bool(true) || right == left => right,
                BinaryOp::And | BinaryOp::Implies => implies(value(x)?, right),
                BinaryOp::Or => either(value(x)?, right),
                _ => right,
            };
            both(left, right)
        }
        Expr::If(c, x, y) => {
            let (yes, no) = (part(x)?, part(y)?);
            let branch = match yes == no {
                true => yes,
                false => choose(value(c)?, yes, no),
            };
            both(part(c)?, branch)
        }
        Expr::Call(_, items) | Expr::Set(items) => all(items)?,
    })
}

/// The indices that make the pattern this path.
fn matched<'a>(pattern: &str, path: &'a str) -> Option<Vec<&'a str>> {
    let mut parts = pattern.split("[*]");
    let mut rest = path.strip_prefix(parts.next()?)?;
    let mut indices = Vec::new();
    for part in parts {
        let (index, behind) = rest.strip_prefix('[')?.split_once(']')?;
        indices.push(index);
        rest = behind.strip_prefix(part)?;
    }
    rest.is_empty().then_some(indices)
}

fn with_indices(pattern: &str, indices: &[&str]) -> String {
    let mut parts = pattern.split("[*]");
    let mut path = parts.next().unwrap_or("").to_string();
    for (part, index) in parts.zip(indices) {
        path.push_str(&format!("[{index}]{part}"));
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        let path = "space.s[1].d[12].kernel";
        assert_eq!(
            matched("space.s[*].d[*].kernel", path),
            Some(vec!["1", "12"])
        );
        assert_eq!(matched("space.s[*].d[12].kernel", path), Some(vec!["1"]));
        assert_eq!(matched("space.s[*].kernel", path), None);
        assert_eq!(
            with_indices("space.s[*].width", &["1", "12"]),
            "space.s[1].width"
        );
    }
}

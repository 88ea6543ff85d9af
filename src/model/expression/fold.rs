//! Expressions made of expressions.
//!
//! In: expressions with names. Out: expressions over decisions: names are replaced by what they stand for, what is constant is
//! folded, the rest is kept. This is how a space with choices in it is unrolled once for all candidates.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::evaluate::{Failure, Scope, binary, call, unary};
use super::quick::{Addresses, ByAddress};
use crate::ir::{BinaryOp, DomainKind, Expr, Function, Slot, UnaryOp, Value};

/// Replaces names by what `names` says (an expression over decisions), folds what is constant, keeps the rest. A name that
/// `names` does not know stays.
pub fn reduce(expr: &Expr, names: &dyn Fn(&str) -> Option<Expr>) -> Result<Expr, Failure> {
    Ok(match expr {
        Expr::Value(_) | Expr::Decision(_) => expr.clone(),
        Expr::Name(name, _) => names(name).unwrap_or_else(|| expr.clone()),
        Expr::Unary(op, x) => match reduce(x, names)? {
            Expr::Value(x) => Expr::Value(unary(*op, x)?),
            x => Expr::Unary(*op, Arc::new(x)),
        },
        Expr::Binary(op, x, y) => {
            let x = reduce(x, names)?;
            // A left side that decides keeps the right one from being looked at: `d > 0 and input.channels / d …`.
            match (op, x.as_value().and_then(Value::as_bool)) {
                (BinaryOp::And, Some(false)) => Expr::bool(false),
                (BinaryOp::Or, Some(true)) | (BinaryOp::Implies, Some(false)) => Expr::bool(true),
                _ => combine(*op, x, reduce(y, names)?)?,
            }
        }
        Expr::If(c, x, y) => match reduce(c, names)? {
            Expr::Value(Value::Bool(true)) => reduce(x, names)?,
            Expr::Value(Value::Bool(false)) => reduce(y, names)?,
            Expr::Value(v) => return Err(Failure::Kind("a truth value", v.to_string())),
            c => choose(c, reduce(x, names)?, reduce(y, names)?),
        },
        Expr::Call(function, args) => {
            let args = args
                .iter()
                .map(|a| reduce(a, names))
                .collect::<Result<Vec<_>, _>>()?;
            let mut numbers = Vec::with_capacity(args.len());
            for constant in args.iter().filter_map(Expr::as_value) {
                let number = constant.as_number();
                numbers
                    .push(number.ok_or_else(|| Failure::Kind("a number", constant.to_string()))?);
            }
            if numbers.len() == args.len()
                && !matches!(
                    function,
                    Function::Peak | Function::Over(_) | Function::Reduce(..)
                )
            {
                match call(*function, &numbers) {
                    // Who reaches it says so: here it may stand where no member comes.
                    Err(Failure::Limits(..)) => Expr::Call(*function, args),
                    found => Expr::Value(found?),
                }
            } else {
                Expr::Call(*function, args)
            }
        }
        Expr::Set(items) => {
            let items = items
                .iter()
                .map(|i| reduce(i, names))
                .collect::<Result<Vec<_>, _>>()?;
            match items
                .iter()
                .map(|i| i.as_value().cloned())
                .collect::<Option<Vec<_>>>()
            {
                Some(values) => Expr::Value(Value::Set(values)),
                None => Expr::Set(items),
            }
        }
        Expr::Record(name, fields, span) => {
            let mut reduced = Vec::with_capacity(fields.len());
            for (field, slot) in fields {
                reduced.push((
                    field.clone(),
                    match slot {
                        Slot::Fixed(e) => Slot::Fixed(reduce(e, names)?),
                        Slot::Chosen(_) => slot.clone(),
                    },
                ));
            }
            Expr::Record(name.clone(), reduced, *span)
        }
    })
}

/// An expression in which decisions and names that `scope` knows have become values, folded. Other names stay.
pub fn fix(expr: &Expr, scope: &dyn Scope) -> Result<Expr, Failure> {
    let shared = |e: &Arc<Expr>| fix(e, scope).map(Arc::new);
    let all = |items: &[Expr]| -> Result<Vec<Expr>, Failure> {
        items.iter().map(|e| fix(e, scope)).collect()
    };
    let fixed = match expr {
        Expr::Decision(index) => {
            let value = scope.decision(*index);
            return value.map(Expr::Value).ok_or(Failure::Inactive(*index));
        }
        Expr::Unary(op, x) => Expr::Unary(*op, shared(x)?),
        Expr::Binary(op, x, y) => Expr::Binary(*op, shared(x)?, shared(y)?),
        // The branch that is not taken may speak of decisions that do not exist.
        Expr::If(c, x, y) => match fix(c, scope)? {
            Expr::Value(Value::Bool(true)) => return fix(x, scope),
            Expr::Value(Value::Bool(false)) => return fix(y, scope),
            c => Expr::If(Arc::new(c), shared(x)?, shared(y)?),
        },
        Expr::Call(function, args) => Expr::Call(*function, all(args)?),
        Expr::Set(items) => Expr::Set(all(items)?),
        Expr::Value(_) | Expr::Name(..) | Expr::Record(..) => expr.clone(),
    };
    reduce(&fixed, &|name| scope.name(name).map(Expr::Value))
}

/// An expression in which one decision is made, folded.
pub fn with_choice(expr: &Expr, decision: usize, value: &Value) -> Result<Expr, Failure> {
    fn chosen(expr: &Expr, decision: usize, value: &Value) -> Expr {
        let part = |e: &Arc<Expr>| Arc::new(chosen(e, decision, value));
        let all = |items: &[Expr]| items.iter().map(|e| chosen(e, decision, value)).collect();
        match expr {
            Expr::Decision(index) if *index == decision => Expr::Value(value.clone()),
            Expr::Unary(op, x) => Expr::Unary(*op, part(x)),
            Expr::Binary(op, x, y) => Expr::Binary(*op, part(x), part(y)),
            Expr::If(c, x, y) => Expr::If(part(c), part(x), part(y)),
            Expr::Call(function, args) => Expr::Call(*function, all(args)),
            Expr::Set(items) => Expr::Set(all(items)),
            other => other.clone(),
        }
    }
    reduce(&chosen(expr, decision, value), &|_| None)
}

/// `if c then x else y`, folded where the condition is constant or both are the same.
pub fn choose(c: Expr, x: Expr, y: Expr) -> Expr {
    match c {
        Expr::Value(Value::Bool(true)) => x,
        Expr::Value(Value::Bool(false)) => y,
        _ if same(&x, &y) => x,
        c => Expr::If(Arc::new(c), Arc::new(x), Arc::new(y)),
    }
}

/// `x and y`, folded.
pub fn both(x: Expr, y: Expr) -> Expr {
    match (truth(&x), truth(&y)) {
        (Some(true), _) => y,
        (_, Some(true)) => x,
        (Some(false), _) | (_, Some(false)) => Expr::bool(false),
        _ if same(&x, &y) => x,
        _ => Expr::Binary(BinaryOp::And, Arc::new(x), Arc::new(y)),
    }
}

/// `x or y`, folded.
pub fn either(x: Expr, y: Expr) -> Expr {
    match (truth(&x), truth(&y)) {
        (Some(false), _) => y,
        (_, Some(false)) => x,
        (Some(true), _) | (_, Some(true)) => Expr::bool(true),
        _ if same(&x, &y) => x,
        _ => Expr::Binary(BinaryOp::Or, Arc::new(x), Arc::new(y)),
    }
}

/// `x implies y`, folded.
pub fn implies(x: Expr, y: Expr) -> Expr {
    match (truth(&x), truth(&y)) {
        (Some(true), _) => y,
        (Some(false), _) | (_, Some(true)) => Expr::bool(true),
        (_, Some(false)) => negate(x),
        _ => Expr::Binary(BinaryOp::Implies, Arc::new(x), Arc::new(y)),
    }
}

/// `not x`, folded.
pub fn negate(x: Expr) -> Expr {
    match x {
        Expr::Value(Value::Bool(b)) => Expr::bool(!b),
        Expr::Unary(UnaryOp::Not, x) => (*x).clone(),
        x => Expr::Unary(UnaryOp::Not, Arc::new(x)),
    }
}

fn truth(expr: &Expr) -> Option<bool> {
    expr.as_value().and_then(Value::as_bool)
}

/// Parts that [`same`] looks at before it gives up.
const LOOKS: usize = 64;

/// Whether two expressions are seen to be the same at a glance. Comparing all of two expressions that share their parts would take
/// exponential time.
pub(in crate::model) fn same(x: &Expr, y: &Expr) -> bool {
    fn within(x: &Expr, y: &Expr, looks: &mut usize) -> bool {
        if *looks == 0 {
            return false;
        }
        *looks -= 1;
        let mut shared = |x: &Arc<Expr>, y: &Arc<Expr>| Arc::ptr_eq(x, y) || within(x, y, looks);
        match (x, y) {
            (Expr::Unary(f, a), Expr::Unary(g, b)) => f == g && shared(a, b),
            (Expr::Binary(f, a, b), Expr::Binary(g, c, d)) => {
                f == g && shared(a, c) && shared(b, d)
            }
            (Expr::If(a, b, c), Expr::If(d, e, f)) => shared(a, d) && shared(b, e) && shared(c, f),
            (Expr::Call(f, a), Expr::Call(g, b)) => {
                f == g && a.len() == b.len() && a.iter().zip(b).all(|(a, b)| within(a, b, looks))
            }
            (Expr::Value(a), Expr::Value(b)) => a == b,
            (Expr::Name(a, _), Expr::Name(b, _)) => a == b,
            (Expr::Decision(a), Expr::Decision(b)) => a == b,
            _ => false,
        }
    }
    within(x, y, &mut { LOOKS })
}

/// `x op y` of reduced operands, folded at its root.
pub fn combine(op: BinaryOp, x: Expr, y: Expr) -> Result<Expr, Failure> {
    use BinaryOp::*;
    if let (Expr::Value(a), Expr::Value(b)) = (&x, &y) {
        return Ok(Expr::Value(binary(op, a.clone(), b.clone())?));
    }
    Ok(match op {
        And => both(x, y),
        Or => either(x, y),
        Implies => implies(x, y),
        _ => Expr::Binary(op, Arc::new(x), Arc::new(y)),
    })
}

/// Every decision that an expression mentions, ascending.
pub fn decisions(expr: &Expr) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    walk(expr, &mut |e| {
        if let Expr::Decision(index) = e {
            found.insert(*index);
        }
    });
    found
}

/// Every name that an expression mentions.
pub fn names(expr: &Expr) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    walk(expr, &mut |e| {
        if let Expr::Name(name, _) = e {
            found.insert(name.clone());
        }
    });
    found
}

/// How many parts an expression has, shared ones once.
pub fn size(expr: &Expr) -> u64 {
    let mut parts = 0;
    walk(expr, &mut |_| parts += 1);
    parts
}

/// Whether an expression has at most so many parts, shared ones as often as they stand there.
pub fn is_small(expr: &Expr, parts: usize) -> bool {
    fn count(expr: &Expr, left: &mut usize) -> bool {
        if *left == 0 {
            return false;
        }
        *left -= 1;
        match expr {
            Expr::Value(_) | Expr::Name(..) | Expr::Decision(_) => true,
            Expr::Unary(_, x) => count(x, left),
            Expr::Binary(_, x, y) => count(x, left) && count(y, left),
            Expr::If(c, x, y) => count(c, left) && count(x, left) && count(y, left),
            Expr::Call(_, items) | Expr::Set(items) => items.iter().all(|e| count(e, left)),
            Expr::Record(_, fields, _) => {
                let mut parts = fields.iter().flat_map(|(_, slot)| expressions(slot));
                parts.all(|e| count(e, left))
            }
        }
    }
    count(expr, &mut { parts })
}

/// Whether an expression mentions a name.
pub fn has_names(expr: &Expr) -> bool {
    let mut found = false;
    walk(expr, &mut |e| found |= matches!(e, Expr::Name(..)));
    found
}

/// Visits every part once. Unrolled expressions share their parts: without a memory, a chain of optional layers would take
/// exponential time.
pub fn walk(expr: &Expr, visit: &mut dyn FnMut(&Expr)) {
    walk_new(expr, &mut Addresses::default(), visit);
}

/// Visits every part that was not seen before. What was seen must outlive `seen`.
pub fn walk_new(expr: &Expr, seen: &mut Addresses, visit: &mut dyn FnMut(&Expr)) {
    visit(expr);
    let mut shared = |child: &Arc<Expr>| {
        if Arc::strong_count(child) == 1 || seen.insert(Arc::as_ptr(child)) {
            walk_new(child, seen, visit);
        }
    };
    match expr {
        Expr::Value(_) | Expr::Name(..) | Expr::Decision(_) => {}
        Expr::Unary(_, x) => shared(x),
        Expr::Binary(_, x, y) => [x, y].into_iter().for_each(shared),
        Expr::If(c, x, y) => [c, x, y].into_iter().for_each(shared),
        Expr::Call(_, items) | Expr::Set(items) => {
            items.iter().for_each(|i| walk_new(i, seen, visit));
        }
        Expr::Record(_, fields, _) => {
            for (_, slot) in fields {
                expressions(slot)
                    .iter()
                    .for_each(|e| walk_new(e, seen, visit));
            }
        }
    }
}

/// How many parts an expression nests. `known` remembers shared parts by address: they must outlive it.
pub fn depth(expr: &Expr, known: &mut ByAddress<usize>) -> usize {
    let mut shared = |part: &Arc<Expr>| {
        if let Some(depth) = known.get(&Arc::as_ptr(part)) {
            return *depth;
        }
        let found = depth(part, known);
        known.insert(Arc::as_ptr(part), found);
        found
    };
    let below = match expr {
        Expr::Value(_) | Expr::Name(..) | Expr::Decision(_) => return 0,
        Expr::Unary(_, x) => shared(x),
        Expr::Binary(_, x, y) => shared(x).max(shared(y)),
        Expr::If(c, x, y) => shared(c).max(shared(x)).max(shared(y)),
        Expr::Call(_, items) | Expr::Set(items) => {
            let depths = items.iter().map(|i| depth(i, known));
            depths.max().unwrap_or(0)
        }
        Expr::Record(_, fields, _) => {
            let exprs = fields.iter().flat_map(|(_, slot)| expressions(slot));
            exprs.map(|e| depth(e, known)).max().unwrap_or(0)
        }
    };
    below + 1
}

/// The expressions of a slot: its value, or the members of its domain.
pub fn expressions(slot: &Slot) -> &[Expr] {
    match slot {
        Slot::Fixed(expr) => std::slice::from_ref(expr),
        Slot::Chosen(domain) => match &domain.kind {
            DomainKind::Of(expr) => std::slice::from_ref(expr),
            DomainKind::Set(items) | DomainKind::Categories(items) => items,
            DomainKind::Integers { .. } | DomainKind::Reals { .. } => &[],
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Span;

    fn name(text: &str) -> Arc<Expr> {
        Arc::new(Expr::Name(text.into(), Span::default()))
    }

    fn number(n: f64) -> Arc<Expr> {
        Arc::new(Expr::number(n))
    }

    fn folded(expr: &Expr) -> Expr {
        let known = |name: &str| match name {
            "two" => Some(Expr::number(2.0)),
            "yes" => Some(Expr::bool(true)),
            "x" => Some(Expr::Decision(0)),
            _ => None,
        };
        reduce(expr, &known).unwrap()
    }

    #[test]
    fn constants_are_folded_and_the_rest_is_kept() {
        let sum = Expr::Binary(BinaryOp::Add, name("two"), number(3.0));
        assert_eq!(folded(&sum), Expr::number(5.0));
        let open = Expr::Binary(BinaryOp::Add, name("x"), Arc::new(sum));
        let expected = Expr::Binary(BinaryOp::Add, Arc::new(Expr::Decision(0)), number(5.0));
        assert_eq!(folded(&open), expected);
        assert_eq!(folded(&name("unheard")), *name("unheard"));
        let set = Expr::Set(vec![(*name("two")).clone(), Expr::number(1.0)]);
        let values = [2.0, 1.0].map(Value::Number).to_vec();
        assert_eq!(folded(&set), Expr::Value(Value::Set(values)));
        let call = Expr::Call(
            Function::Max,
            vec![Expr::number(1.0), (*name("two")).clone()],
        );
        assert_eq!(folded(&call), Expr::number(2.0));
    }

    #[test]
    fn what_is_not_reached_is_not_folded() {
        // 1 + true has no value, and is never looked at.
        let wrong = || {
            let truth = Arc::new(Expr::bool(true));
            Arc::new(Expr::Binary(BinaryOp::Add, number(1.0), truth))
        };
        let taken = Expr::If(name("yes"), number(1.0), wrong());
        assert_eq!(folded(&taken), Expr::number(1.0));
        let or = Expr::Binary(BinaryOp::Or, name("yes"), wrong());
        assert_eq!(folded(&or), Expr::bool(true));
        let not = Arc::new(Expr::Unary(UnaryOp::Not, name("yes")));
        for op in [BinaryOp::And, BinaryOp::Implies] {
            let expected = Expr::bool(op == BinaryOp::Implies);
            assert_eq!(folded(&Expr::Binary(op, not.clone(), wrong())), expected);
        }
    }

    #[test]
    fn truth_constants_vanish() {
        let x = || Expr::Decision(0);
        let (yes, no) = (|| Expr::bool(true), || Expr::bool(false));
        assert_eq!((both(x(), yes()), both(yes(), x())), (x(), x()));
        assert_eq!((both(x(), no()), both(no(), x())), (no(), no()));
        assert_eq!((either(x(), no()), either(no(), x())), (x(), x()));
        assert_eq!((either(x(), yes()), either(yes(), x())), (yes(), yes()));
        assert_eq!((implies(yes(), x()), implies(no(), x())), (x(), yes()));
        assert_eq!(
            (implies(x(), yes()), implies(x(), no())),
            (yes(), negate(x()))
        );
        assert_eq!((both(x(), x()), either(x(), x())), (x(), x()));
        assert_eq!(negate(negate(x())), x());
        assert_eq!(
            choose(x(), number(1.0).as_ref().clone(), Expr::number(1.0)),
            Expr::number(1.0)
        );
    }
}

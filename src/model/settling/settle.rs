//! From slots to decisions.
//!
//! In: a [`Slot`] with the path that it stands at and the guard under which it exists. Out: an expression over decisions; a
//! slot that is chosen has become a [`Decision`]. Knows names only through the scope that it is given.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::arrangement::Arrangement;
use super::reads::Reads;
use crate::diagnostic::{Diagnostic, Sink};
use crate::ir::{BinaryOp, Choice, Domain, DomainKind, Expr, Let, Quantizer, Require, Slot, Value};
use crate::model::decision::{Decision, Decisions};
use crate::model::expression::evaluate::{self, Failure};
use crate::model::expression::existence;
use crate::model::expression::frame::Frame;
use crate::model::expression::partial::{self, Use};
use crate::model::quantization::coded::at_default;
use crate::source::Span;

/// How deep a value may be, names and operators, once its names are written out: everything that looks at expressions descends once for each level.
const MOST_STEPS: usize = 1000;

/// The most parts that replacing names may copy: the operands of a function are not shared, so that a name that reads one twice that reads one twice … is
/// exponentially many.
const MOST_PARTS: usize = 10_000;

/// One of several declarations of which a search chooses one, or the only one.
pub(in crate::model) struct Alternative<'a, T> {
    pub(in crate::model) what: &'a T,
    /// Where its decisions stand: `target.braintta`, or `target` if it is the only one.
    pub(in crate::model) path: String,
    /// The condition under which it is the one.
    pub(in crate::model) guard: Expr,
}

/// Makes decisions out of slots, in the order in which it meets them.
pub(in crate::model) struct Settler<'a> {
    pub(in crate::model) decisions: Decisions,
    pub(in crate::model) sink: Sink,
    pub(in crate::model) quantizers: &'a [Quantizer],
    /// Where each decision is written, by path.
    pub(in crate::model) written: BTreeMap<String, Span>,
    /// What each constraint was written as, in the same order.
    pub(in crate::model) required: Vec<Require>,
    /// The decisions whose default is written.
    pub(in crate::model) defaults: BTreeSet<usize>,
    /// What decisions give whose members are formulas: `in {width, 2 * width}`.
    pub(in crate::model) computed: BTreeMap<usize, Expr>,
    /// Operations that have no value for some operands.
    pub(in crate::model) uses: Vec<Use>,
    /// Where decisions are read.
    pub(in crate::model) reads: Reads,
    /// The decisions that have a name, by which they are read, or that stand in what may be left out.
    pub(in crate::model) named: BTreeSet<usize>,
    /// Where each decision stands, once it is known where they are read.
    arranged: Option<Arrangement>,
}

impl<'a> Settler<'a> {
    pub(in crate::model) fn new(quantizers: &'a [Quantizer]) -> Self {
        Settler {
            decisions: Decisions::default(),
            sink: Sink::default(),
            quantizers,
            written: BTreeMap::new(),
            required: Vec::new(),
            defaults: BTreeSet::new(),
            computed: BTreeMap::new(),
            uses: Vec::new(),
            reads: Reads::default(),
            named: BTreeSet::new(),
            arranged: None,
        }
    }

    /// One whose decisions are known already, and where each exists.
    pub(in crate::model) fn arranged(quantizers: &'a [Quantizer], arranged: Arrangement) -> Self {
        let mut settler = Settler::new(quantizers);
        settler.decisions.all = arranged.decisions.clone();
        settler.reads.pause();
        settler.arranged = Some(arranged);
        settler
    }

    /// Adds a constraint over decisions. Where it needs a decision that does not exist, it does not bind.
    pub(in crate::model) fn require(&mut self, require: &Require, holds: &Expr) {
        let holds = existence::where_it_exists(holds, &self.decisions);
        self.decisions.constraints.push(holds);
        self.required.push(require.clone());
    }

    /// Adds a decision, whose path is new. What nothing reads is its default.
    pub(in crate::model) fn add(&mut self, decision: Decision, is_default_written: bool) -> Expr {
        let Some(arranged) = &self.arranged else {
            self.decisions.all.push(decision);
            let index = self.decisions.all.len() - 1;
            if is_default_written {
                self.defaults.insert(index);
            }
            return Expr::Decision(index);
        };
        let standing = arranged.standing(&decision.path);
        if is_default_written {
            self.defaults.extend(standing);
        }
        self.either_of(standing)
            .unwrap_or(Expr::Value(decision.default))
    }

    /// The one of these decisions that exists, of which one at most does.
    fn either_of(&self, decisions: &[usize]) -> Option<Expr> {
        let (last, others) = decisions.split_last()?;
        let last = Expr::Decision(*last);
        Some(others.iter().rev().fold(last, |rest, index| {
            let guard = self.decisions.all[*index].guard.clone();
            evaluate::choose(guard, Expr::Decision(*index), rest)
        }))
    }

    /// Where a decision exists, or another one of its path.
    pub(in crate::model) fn exists(&self, decision: usize) -> Expr {
        let guards = { self.of_its_path(&decision).iter() }.map(|i| &self.decisions.all[*i].guard);
        guards.cloned().fold(Expr::bool(false), evaluate::either)
    }

    fn of_its_path<'d>(&'d self, decision: &'d usize) -> &'d [usize] {
        let path = &self.decisions.all[*decision].path;
        let arranged = self.arranged.as_ref();
        arranged.map_or(std::slice::from_ref(decision), |all| all.standing(path))
    }

    /// Where a value that is settled under `guard` exists.
    pub(in crate::model) fn where_it_exists(&self, value: &Expr, guard: &Expr) -> Expr {
        match self.arranged {
            // Whatever is there has what it reads.
            None => guard.clone(),
            Some(_) => evaluate::both(guard.clone(), existence::condition(value, &self.decisions)),
        }
    }

    /// A value of what exists under `guard`, or of its decisions' defaults where these do not exist: nothing reads it there.
    pub(in crate::model) fn or_default(&self, value: Expr, guard: &Expr) -> Expr {
        if self.arranged.is_none() {
            return value;
        }
        let exists = existence::condition(&value, &self.decisions);
        match existence::entails(guard, &exists) {
            true => value,
            false => {
                let default = at_default(&value, &self.decisions);
                evaluate::choose(exists, value, default)
            }
        }
    }

    /// What the choice of a decision gives: its member, or the value of the formula that it is.
    pub(in crate::model) fn value_of(&self, decision: usize) -> Expr {
        let computed = self.computed.get(&decision).cloned();
        let chosen = || self.either_of(self.of_its_path(&decision));
        computed.or_else(chosen).unwrap_or(Expr::Decision(decision))
    }

    /// The choice at a path, among the decisions from a place on.
    pub(in crate::model) fn choice_at(&self, path: &str, from: usize) -> Option<Expr> {
        match &self.arranged {
            Some(arranged) => self.either_of(arranged.standing(path)),
            None => {
                let new = self.decisions.all.iter().enumerate().skip(from);
                let mut new = new.filter(|(_, decision)| decision.path == path);
                new.next().map(|(index, _)| Expr::Decision(index))
            }
        }
    }

    /// Whether a slot at this path, or a part of it, has become a decision.
    pub(in crate::model) fn has_decided(&self, path: &str) -> bool {
        let inside = format!("{path}.");
        self.written.contains_key(path)
            || (self.written.range(inside.clone()..).next())
                .is_some_and(|(other, _)| other.starts_with(&inside))
    }

    /// The value of a slot at `path`, which exists under `guard`. After a diagnostic the value is the number 1, so that one pass
    /// finds more.
    pub(in crate::model) fn slot(
        &mut self,
        slot: &Slot,
        path: &str,
        guard: &Expr,
        names: &Frame,
    ) -> Expr {
        match slot {
            Slot::Fixed(expr) => self.expr(expr, path, guard, names),
            Slot::Chosen(domain) => self.domain(domain, path, guard, names),
        }
    }

    /// The value of a name, which is defined from here on.
    pub(in crate::model) fn define(
        &mut self,
        binding: &Let,
        path: &str,
        guard: &Expr,
        names: &mut Frame,
    ) -> Expr {
        let parts = evaluate::expressions(&binding.slot).iter();
        let mut steps = parts.map(|e| names.steps(e)).max().unwrap_or(0);
        let value = match steps > MOST_STEPS {
            true => {
                steps = 0;
                let message = format!(
                    "`{}` is more than {MOST_STEPS} names and operators deep",
                    binding.name
                );
                let deep = Diagnostic::error("bnas::parse::nesting", message)
                    .label(binding.span, "this value reads one that reads one that …")
                    .help("write a list of items: `sum(a, b, c)`");
                self.sink.push(deep);
                Expr::number(1.0)
            }
            false => self.named(&binding.slot, path, guard, names),
        };
        names.push(binding.name.clone(), value.clone(), steps);
        value
    }

    /// The value of a slot that is read by a name.
    pub(in crate::model) fn named(
        &mut self,
        slot: &Slot,
        path: &str,
        guard: &Expr,
        names: &Frame,
    ) -> Expr {
        let before = self.decisions.all.len();
        let value = self.unread(|settler| settler.slot(slot, path, guard, names));
        self.named.extend(before..self.decisions.all.len());
        value
    }

    /// The declarations that a search may choose, whose decisions stand below `path`.
    pub(in crate::model) fn one_of<'t, T>(
        &mut self,
        first: &'t T,
        choice: Option<&'t Choice<T>>,
        path: &str,
        name: impl Fn(&T) -> &str,
    ) -> Vec<Alternative<'t, T>> {
        let always = Expr::bool(true);
        let Some(choice) = choice else {
            return vec![Alternative {
                what: first,
                path: path.into(),
                guard: always,
            }];
        };
        let all: Vec<&T> = std::iter::once(first).chain(&choice.others).collect();
        let named = |one: &&T| Expr::Value(Value::name(name(one)));
        let items: Vec<Expr> = all.iter().map(named).collect();
        let domain = Domain {
            kind: DomainKind::Set(Vec::new()),
            default: choice.default.clone(),
            unit: String::new(),
            span: choice.span,
        };
        let (which, labels) = self.which(&items, &domain, path, &always);
        let one = |(what, label): (&'t T, Value)| Alternative {
            what,
            path: format!("{path}.{label}"),
            guard: Expr::Binary(
                BinaryOp::Equal,
                Arc::new(which.clone()),
                Arc::new(Expr::Value(label)),
            ),
        };
        all.into_iter().zip(labels).map(one).collect()
    }

    /// A fixed expression: names replaced, choices within records made decisions.
    pub(in crate::model) fn expr(
        &mut self,
        expr: &Expr,
        path: &str,
        guard: &Expr,
        names: &Frame,
    ) -> Expr {
        if names.copied(expr) > MOST_PARTS {
            self.too_many_parts(span_of(expr));
            return Expr::number(1.0);
        }
        self.note_reads(expr, guard, names);
        let found = partial::uses(expr, guard, &|name| names.get(name));
        self.uses.extend(found);
        match evaluate::reduce(expr, &|name| names.get(name)) {
            // What names stand for is settled already.
            Ok(reduced) if !self.chooses(expr) && !matches!(expr, Expr::Name(..)) => reduced,
            Ok(reduced) => self.within(reduced, path, guard, names),
            Err(failure) => {
                self.fail(failure, span_of(expr));
                Expr::number(1.0)
            }
        }
    }

    /// Reports a value that reads too much; once, since whatever reads it does so, too.
    fn too_many_parts(&mut self, span: Span) {
        let text =
            format!("a value of more than {MOST_PARTS} parts, once its names are written out");
        self.sink.push(
            Diagnostic::error("bnas::parse::nesting", text)
                .label(span, "reads a name twice that reads one twice that …")
                .help("let each name read another one once"),
        );
    }

    pub(in crate::model) fn fail(&mut self, failure: Failure, span: Span) {
        let code = match failure {
            Failure::Unknown(_) => "bnas::name::unknown",
            _ => "bnas::type::mismatch",
        };
        self.sink
            .push(Diagnostic::error(code, failure.to_string()).label(span, "in this expression"));
    }
}

/// The first place that an expression remembers.
pub(in crate::model) fn span_of(expr: &Expr) -> Span {
    match expr {
        Expr::Name(_, span) | Expr::Record(_, _, span) => *span,
        Expr::Unary(_, x) => span_of(x),
        Expr::Binary(_, x, y) => first(&[x, y]),
        Expr::If(c, x, y) => first(&[c, x, y]),
        Expr::Call(_, items) | Expr::Set(items) => items
            .iter()
            .map(span_of)
            .find(|s| !s.is_empty())
            .unwrap_or_default(),
        Expr::Value(_) | Expr::Decision(_) => Span::default(),
    }
}

fn first(parts: &[&Arc<Expr>]) -> Span {
    parts
        .iter()
        .map(|p| span_of(p))
        .find(|s| !s.is_empty())
        .unwrap_or_default()
}

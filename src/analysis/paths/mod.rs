//! Paths of values without the indices of their copies: `space.s.d.kernel`, `train.optimizer.adam.lr`.
//!
//! In: lowered parts of an experiment. Out: every path that a requirement may name, with the type of what stands there, so that a
//! wrong one is found before anything is unrolled: decisions everywhere, in a space also fixed values and arguments of layers.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Deref, DerefMut};

mod copies;
mod network;
pub(super) mod policies;

use copies::InCopy;
pub(super) use network::{of_body, of_space};
pub(super) use policies::of_policies;

use super::expression::types::Type;
use crate::diagnostic::did_you_mean;
use crate::ir::{
    BinaryOp, Choice, Domain, DomainKind, Expr, Slot, Stage, Target, UnaryOp, Value, as_written,
};

/// What a path of a part of a network may end in.
const SIDES: [&str; 3] = ["height", "width", "channels"];

/// The type of what stands at each path.
#[derive(Debug, Clone, Default)]
pub(super) struct Paths {
    types: BTreeMap<String, Type>,
    /// Names of alternatives that have choices of their own: `adam`, `warmup_cosine`.
    pub(super) labels: BTreeSet<String>,
    /// Those of blocks.
    pub(super) blocks: BTreeSet<String>,
    /// The names of what is chosen from, by the path of the decision.
    pub(super) members: BTreeMap<String, Vec<String>>,
    /// The same of decisions that are others in one copy of a `repeat`.
    in_copies: Vec<InCopy>,
    /// The members of decisions among sets.
    pub(super) sets: BTreeMap<String, Vec<Vec<Value>>>,
    /// What those of them are called that hold calls: `shift_flip`.
    pub(super) named_sets: BTreeMap<String, Vec<Value>>,
    /// Fields that are a value of another name: `train.optimizer` is `opt`.
    pub(super) same: BTreeMap<String, String>,
    /// Parts of a network that give values: layers, copies, blocks, branches.
    parts: BTreeSet<String>,
    /// Those that have copies.
    pub(super) repeats: BTreeSet<String>,
    /// Names of the rules of policies.
    of_rules: BTreeMap<String, Type>,
    /// The names of what these choose from, if all rules that have one choose among names.
    members_of_rules: BTreeMap<String, Option<Vec<String>>>,
}

impl Paths {
    /// What stands in other copies of the same, which may be of another kind there.
    fn also(&mut self, others: Paths) {
        for (path, ty) in others.types {
            match self.types.get_mut(&path) {
                Some(known) if *known != ty => *known = Type::Any,
                Some(_) => {}
                None => {
                    self.types.insert(path, ty);
                }
            }
        }
        self.labels.extend(others.labels);
        self.blocks.extend(others.blocks);
        for (path, members) in others.members {
            let known = self.members.entry(path).or_default();
            let new = members.into_iter();
            let new: Vec<String> = new.filter(|name| !known.contains(name)).collect();
            known.extend(new);
        }
        self.in_copies.extend(others.in_copies);
        self.sets.extend(others.sets);
        self.named_sets.extend(others.named_sets);
        self.same.extend(others.same);
        self.parts.extend(others.parts);
        self.repeats.extend(others.repeats);
        self.of_rules.extend(others.of_rules);
        self.members_of_rules.extend(others.members_of_rules);
    }

    /// The side of a part of a network that was probably meant: `space.s.channels` by `space.s.chanels`.
    pub(super) fn side_alike(&self, path: &str) -> Option<String> {
        let (part, side) = path.rsplit_once('.')?;
        let side = did_you_mean(side, SIDES)?;
        self.parts.contains(part).then(|| format!("{part}.{side}"))
    }

    /// The type of what stands at a path. Every part of a network has the shape of what leaves it: `space.s.channels`.
    pub(super) fn type_of(&self, path: &str) -> Option<Type> {
        let of_part = || {
            let (part, side) = path.rsplit_once('.')?;
            (SIDES.contains(&side) && self.parts.contains(part)).then_some(Type::PLAIN)
        };
        let of_rule = || {
            let (_, name) = path.strip_prefix("policy.")?.rsplit_once('.')?;
            Some(self.of_rules.get(name).cloned().unwrap_or(Type::Any))
        };
        (self.types.get(path).cloned())
            .or_else(of_part)
            .or_else(of_rule)
    }
}

impl Deref for Paths {
    type Target = BTreeMap<String, Type>;

    fn deref(&self) -> &Self::Target {
        &self.types
    }
}

impl DerefMut for Paths {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.types
    }
}

/// The path of what has a name below another path; there are dozens in every experiment.
fn below(path: &str, name: &str) -> String {
    [path, ".", name].concat()
}

/// Decisions of a slot at this path.
pub(super) fn of_slot(slot: &Slot, path: &str, found: &mut Paths) {
    match slot {
        Slot::Fixed(expr) => of_expr(expr, path, found),
        Slot::Chosen(domain) => {
            found.insert(path.into(), of_domain(domain));
            of_members(domain, path, found);
        }
    }
}

/// Decisions of a stage of training.
pub(super) fn of_stage(stage: &Stage, found: &mut Paths) {
    let (path, training) = (&stage.name, &stage.training);
    let fields = [
        ("epochs", &training.epochs),
        ("batch", &training.batch),
        ("optimizer", &training.optimizer),
        ("schedule", &training.schedule),
        ("label_smoothing", &training.label_smoothing),
        ("quantize", &stage.quantize),
    ];
    let teacher = stage.teacher.iter().map(|slot| ("teacher", slot));
    let decay = training.weight_decay.iter();
    let decay = decay.map(|slot| ("weight_decay", slot));
    let fields = fields.into_iter().chain(teacher).chain(decay);
    for (name, slot) in fields.chain(training.techniques.iter()) {
        of_slot(slot, &below(path, name), found);
    }
    if let Some(Slot::Chosen(domain)) = &stage.teacher
        && let DomainKind::Set(items) = &domain.kind
    {
        found.labels.extend(Expr::labels(items));
    }
    let path = format!("{path}.loss");
    match &stage.loss_choice {
        None => of_slot(
            &stage.loss.temperature,
            &format!("{path}.temperature"),
            found,
        ),
        Some(choice) => {
            found.insert(path.clone(), Type::Any);
            for loss in std::iter::once(&stage.loss).chain(&choice.others) {
                let path = format!("{path}.{}.temperature", loss.name);
                of_slot(&loss.temperature, &path, found);
                found.labels.insert(loss.name.clone());
            }
        }
    }
}

/// Numbers of the target, or of each that may be chosen.
pub(super) fn of_targets(
    target: Option<&Target>,
    choice: Option<&Choice<Target>>,
    found: &mut Paths,
) {
    let Some(target) = target else { return };
    match choice {
        None => of_target(target, "target", found),
        Some(choice) => {
            found.insert("target".into(), Type::Declared("target"));
            let all = std::iter::once(target).chain(&choice.others);
            let names = all.map(|t| t.name.clone()).collect();
            found.members.insert("target".into(), names);
            for target in std::iter::once(target).chain(&choice.others) {
                of_target(target, &format!("target.{}", target.name), found);
            }
        }
    }
}

fn of_target(target: &Target, path: &str, found: &mut Paths) {
    for field in target.fields() {
        found.insert(below(path, &field.name), Type::in_unit(field.unit));
    }
}

fn of_expr(expr: &Expr, path: &str, found: &mut Paths) {
    match expr {
        Expr::Record(_, fields, _) => {
            for (name, slot) in fields {
                of_slot(slot, &below(path, name), found);
            }
        }
        Expr::Set(items) => match &items[..] {
            [only] => of_expr(only, path, found),
            _ => of_labelled(items, path, found),
        },
        Expr::If(_, x, y) => {
            let branches = [(**x).clone(), (**y).clone()];
            of_labelled(&branches, path, found);
        }
        Expr::Unary(..) | Expr::Binary(..) | Expr::Call(..) => {
            let mut records = Vec::new();
            operands(expr, &mut records);
            of_labelled(&records, path, found);
        }
        Expr::Name(name, _) => {
            found.same.insert(path.into(), as_written(name).to_string());
        }
        Expr::Value(_) | Expr::Decision(_) => {}
    }
}

/// The records of an arithmetic expression, in order.
fn operands(expr: &Expr, found: &mut Vec<Expr>) {
    match expr {
        Expr::Record(..) => found.push(expr.clone()),
        Expr::Unary(_, x) => operands(x, found),
        Expr::Binary(_, x, y) => [x, y].into_iter().for_each(|e| operands(e, found)),
        Expr::If(c, x, y) => [c, x, y].into_iter().for_each(|e| operands(e, found)),
        Expr::Call(_, items) => items.iter().for_each(|e| operands(e, found)),
        Expr::Set(_) | Expr::Value(_) | Expr::Name(..) | Expr::Decision(_) => {}
    }
}

fn of_labelled(items: &[Expr], path: &str, found: &mut Paths) {
    for (item, label) in items.iter().zip(Expr::labels(items)) {
        of_expr(item, &format!("{path}.{label}"), found);
    }
}

/// Members with choices of their own, `train.optimizer.adam.lr`, and their names.
fn of_members(domain: &Domain, path: &str, found: &mut Paths) {
    let (DomainKind::Set(items) | DomainKind::Categories(items)) = &domain.kind else {
        return;
    };
    if items.iter().any(|item| item.as_value().is_none()) {
        of_labelled(items, path, found);
        found.labels.extend(Expr::labels(items));
    }
    let of_sets = items.iter().map(|item| match item {
        Expr::Value(Value::Set(values)) => Some(values.clone()),
        // A call is called by its name: `{shift, flip}`.
        Expr::Set(items) => items.iter().map(name_of).collect(),
        _ => None,
    });
    if let Some(sets) = of_sets.collect::<Option<Vec<_>>>() {
        if items.iter().any(|item| item.as_value().is_none()) {
            let labels = Expr::labels(items).into_iter().map(Value::name);
            found.named_sets.insert(path.into(), labels.collect());
        }
        found.sets.insert(path.into(), sets);
    }
    if let Some(labels) = labels_of(items) {
        found.members.insert(path.into(), labels);
    }
}

/// The names of members, if all have one.
fn labels_of(items: &[Expr]) -> Option<Vec<String>> {
    let is_named = |item: &Expr| item.as_value().is_some_and(|v| v.as_name().is_some());
    let all = (items.iter()).all(|item| is_named(item) || !item.records().is_empty());
    all.then(|| Expr::labels(items))
}

/// The name of a member of a set.
fn name_of(item: &Expr) -> Option<Value> {
    match item {
        Expr::Record(name, ..) => Some(Value::name(name)),
        item => item.as_value().cloned(),
    }
}

/// The type of a value without a unit, or of the members that it is chosen from.
pub(super) fn type_of_slot(slot: &Slot) -> Type {
    match slot {
        Slot::Fixed(expr) => type_of(expr),
        Slot::Chosen(domain) => of_domain(domain),
    }
}

/// The type that all of these have; of words and numbers, `{same, 0}`, nobody knows which.
fn of_all(items: &[Expr]) -> Type {
    let mut types = items.iter().map(type_of);
    let first = types.next().unwrap_or(Type::Any);
    match types.all(|other| other.fits(&first)) {
        true => first,
        false => Type::Any,
    }
}

/// The type of a domain's members.
fn of_domain(domain: &Domain) -> Type {
    match &domain.kind {
        DomainKind::Integers { .. } | DomainKind::Reals { .. } => Type::PLAIN,
        DomainKind::Set(items) | DomainKind::Categories(items) => {
            match items.iter().any(|item| !item.records().is_empty()) {
                true => Type::Alternative,
                false => of_all(items),
            }
        }
        DomainKind::Of(_) => Type::Any,
    }
}

/// The type of a value in a space, whose numbers have no unit.
pub(super) fn type_of(expr: &Expr) -> Type {
    match expr {
        Expr::Value(Value::Number(_)) | Expr::Call(..) | Expr::Unary(UnaryOp::Negate, _) => {
            Type::PLAIN
        }
        Expr::Value(Value::Bool(_)) | Expr::Unary(UnaryOp::Not, _) => Type::Truth,
        Expr::Value(Value::Name(_)) => Type::Word,
        Expr::Binary(op, ..) => match op {
            BinaryOp::Add
            | BinaryOp::Subtract
            | BinaryOp::Multiply
            | BinaryOp::Divide
            | BinaryOp::Power => Type::PLAIN,
            _ => Type::Truth,
        },
        Expr::If(_, x, _) => type_of(x),
        _ => Type::Any,
    }
}

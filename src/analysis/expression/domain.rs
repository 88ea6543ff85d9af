//! Domains: what stands behind `in`.
//!
//! In: a set, a range, `categories`, or the name of a set. Out: a [`Domain`] with members of one kind, never empty, never
//! reversed. It must not know what the chosen value is used for beyond its field.

use std::collections::HashSet;

use super::expr::Typed;
use super::fits::{is_of_kind, limited};
use super::types::Type;
use crate::analysis::context::{Cx, Local, list};
use crate::analysis::run::author;
use crate::analysis::schema::{self, Field, Kind};
use crate::diagnostic::Diagnostic;
use crate::ir::{Domain, DomainKind, Expr, Value};
use crate::source::Span;
use crate::syntax::ast;

/// The most members of a set whose subsets are listed.
const MOST_IN_SUBSETS: usize = 10;

impl Cx<'_> {
    /// A domain and what its members are. With a field, each member must fit it.
    pub(in crate::analysis) fn domain(
        &mut self,
        e: &ast::Expr,
        default: Option<&ast::Expr>,
        field: Option<(&Field, Span)>,
    ) -> (Domain, Typed) {
        let want = field.map(|(f, _)| f.kind);
        let (kind, member) = match &e.kind {
            ast::ExprKind::Set(items) => {
                let (items, member) = self.members(items, e.span, field);
                (DomainKind::Set(items), member)
            }
            ast::ExprKind::Categories(inner) => match &inner.kind {
                ast::ExprKind::Set(items) => {
                    let (items, member) = self.members(items, e.span, field);
                    (DomainKind::Categories(items), member)
                }
                _ => {
                    let set = self.expr(inner, want);
                    match set.expr {
                        Expr::Value(Value::Set(values)) => {
                            let items = values.iter().cloned().map(Expr::Value).collect();
                            (
                                DomainKind::Categories(items),
                                element(&set.ty, Some(values), e.span),
                            )
                        }
                        _ => {
                            self.not_a_set(&set);
                            (DomainKind::Set(Vec::new()), Typed::poison(e.span))
                        }
                    }
                }
            },
            ast::ExprKind::Range {
                low,
                high,
                log,
                step,
            } => {
                let (kind, member) = self.range(low, high, *log, step.as_deref(), e.span);
                if let Some((field, at)) = field {
                    self.range_fits(&kind, &member, field, at);
                }
                (kind, member)
            }
            ast::ExprKind::Subsets(inner) => {
                let (items, of) = self.subsets_of(inner, want).unwrap_or_default();
                let values = items.iter().map(|item| item.as_value().cloned()).collect();
                let member = element(&of.set(), values, e.span);
                if let (Some((field, at)), false) = (field, items.is_empty()) {
                    self.fits(&member, field, at);
                }
                (DomainKind::Set(items), member)
            }
            _ => {
                let set = self.expr(e, want);
                let values = match set.values.as_deref() {
                    Some([Value::Set(values)]) => Some(values.clone()),
                    _ => None,
                };
                match &set.ty {
                    Type::Set(_) => {
                        let member = element(&set.ty, values, e.span);
                        if let Some((field, at)) = field {
                            self.fits(&member, field, at);
                        }
                        (DomainKind::Of(set.expr), member)
                    }
                    ty if ty.is_open() => (DomainKind::Of(set.expr), Typed::poison(e.span)),
                    _ => {
                        self.not_a_set(&set);
                        (DomainKind::Of(set.expr), Typed::poison(e.span))
                    }
                }
            }
        };
        let default = default.and_then(|d| self.default(d, &kind, &member, want));
        let domain = Domain {
            kind,
            default,
            unit: author::unit(e).unwrap_or_else(|| member.ty.base_unit()),
            span: e.span,
        };
        (domain, member)
    }

    /// `name in domain` among the statements of a body.
    pub(in crate::analysis) fn chosen(
        &mut self,
        name: &ast::Name,
        domain: &ast::Expr,
        default: Option<&ast::Expr>,
    ) -> (Domain, Local) {
        let (domain, member) = self.domain(domain, default, None);
        if let DomainKind::Reals { low, high, .. } = domain.kind {
            self.reals.insert(name.span, (low, high));
        }
        let local = Local {
            name: name.text.clone(),
            ty: member.ty,
            span: Some(name.span),
            values: member.values,
            constant: None,
            used: false,
        };
        (domain, local)
    }

    fn members(
        &mut self,
        items: &[ast::Expr],
        span: Span,
        field: Option<(&Field, Span)>,
    ) -> (Vec<Expr>, Typed) {
        if items.is_empty() {
            self.report(
                Diagnostic::error("bnas::domain::empty", "nothing to choose from")
                    .label(span, "this set is empty")
                    .help("write its members: `{a, b}`"),
            );
            return (Vec::new(), Typed::poison(span));
        }
        if field.is_none() && self.are_answers(items, span) {
            return (Vec::new(), Typed::poison(span));
        }
        let mut all = Vec::with_capacity(items.len());
        for item in items {
            self.may_be_word = field.is_none() && matches!(item.kind, ast::ExprKind::Path(_));
            all.push(self.expr(item, field.map(|(f, _)| f.kind)));
            self.may_be_word = false;
        }
        if let Some((field, at)) = field
            && self.lack_alike(&all, span, field, at)
        {
            return (Vec::new(), Typed::poison(span));
        }
        let mut first: Option<Typed> = None;
        let mut lowered: Vec<Expr> = Vec::with_capacity(items.len());
        let mut known = HashSet::with_capacity(items.len());
        let mut values = Some(Vec::with_capacity(items.len()));
        let mut poisoned = false;
        // Types of members that do not fit the field, which is one mistake for all of them.
        let mut misfits: Vec<Type> = Vec::new();
        // How many members are of the kind of the first, and those that are not.
        let (mut alike, mut odd) = (0, Vec::new());
        for (item, typed) in items.iter().zip(all) {
            let mut member = typed.expr.clone();
            if let Some((field, at)) = field {
                let is_said = misfits.contains(&typed.ty);
                match is_said || self.fits(&typed, field, at) {
                    _ if is_said => {}
                    true => member = limited(&typed, field),
                    false => {
                        poisoned = true;
                        if typed.ty == Type::Word || !is_of_kind(&typed, field.kind) {
                            misfits.push(typed.ty.clone());
                        }
                    }
                }
            } else if let Some(other) = &first {
                match typed.ty.fits(&other.ty) {
                    true => alike += 1,
                    false => odd.push(typed.clone()),
                }
            }
            poisoned |= typed.ty == Type::Poison;
            let is_known = match known_again(&typed.expr) {
                Some(constant) => !known.insert(constant),
                None => lowered.contains(&member),
            };
            if !typed.ty.is_poisoned() && is_known {
                self.repeated(item);
            }
            match (&mut values, &typed.values) {
                (Some(all), Some(some)) => all.extend(some.iter().cloned()),
                (all, _) => *all = None,
            }
            if typed.ty != Type::Poison {
                lowered.push(member);
            }
            // An empty set says nothing of its members: `{{}, {a}}`.
            let says_more = first.as_ref().is_none_or(|f| f.ty == Type::Any.set());
            if says_more {
                first = Some(typed);
            }
        }
        let is_mixed = !odd.is_empty();
        if self.is_in_network() && first.as_ref().is_some_and(is_count_or_word) {
            // Whether an operation takes words and counts is judged where it reads them.
            odd.retain(|member| !is_count_or_word(member));
        }
        if let (Some(first), true) = (&mut first, is_mixed && odd.is_empty()) {
            first.ty = Type::Any;
        } else if let Some(first) = &first {
            self.of_one_kind(
                "the members of a domain are of one kind",
                first,
                alike,
                &odd,
            );
        }
        poisoned |= !odd.is_empty();
        let ty = match first {
            Some(first) if !poisoned => first.ty,
            _ => Type::Poison,
        };
        let member = Typed {
            expr: lowered.first().cloned().unwrap_or(Expr::number(1.0)),
            ty,
            span,
            values,
        };
        (lowered, member)
    }

    /// Whether a space or block is lowered, whose names are read by operations.
    pub(in crate::analysis) fn is_in_network(&self) -> bool {
        let innermost = self.open.last().map(|id| self.modules.declaration(*id));
        innermost.is_some_and(|d| matches!(d.kind.text.as_str(), "space" | "block"))
    }

    /// All subsets of a set, as a set.
    pub(in crate::analysis) fn subsets(
        &mut self,
        of: &ast::Expr,
        span: Span,
        want: Option<Kind>,
    ) -> Typed {
        match self.subsets_of(of, want) {
            Some((items, of)) => self.folded(Expr::Set(items), of.set(), span),
            None => Typed::poison(span),
        }
    }

    /// All subsets of a set of constants and calls, the empty one first, then by their members in the order of the set; and their type.
    fn subsets_of(&mut self, of: &ast::Expr, want: Option<Kind>) -> Option<(Vec<Expr>, Type)> {
        let set = self.expr(of, want);
        if set.ty.is_poisoned() {
            return None;
        }
        let is_member = |item: &Expr| matches!(item, Expr::Value(_) | Expr::Record(..));
        let items: Vec<Expr> = match set.expr {
            Expr::Value(Value::Set(items)) => items.into_iter().map(Expr::Value).collect(),
            Expr::Set(items) if items.iter().all(is_member) => items,
            _ => {
                self.report(
                    Diagnostic::error(
                        "bnas::domain::subsets",
                        "`subsets` takes a set of constants",
                    )
                    .label(set.span, "this is none")
                    .help("write `subsets {a, b}`"),
                );
                return None;
            }
        };
        if items.len() > MOST_IN_SUBSETS {
            let text = format!(
                "a set of {} has more than {} subsets",
                items.len(),
                1 << MOST_IN_SUBSETS
            );
            self.report(
                Diagnostic::error("bnas::domain::subsets", text)
                    .label(set.span, format!("{MOST_IN_SUBSETS} members at most")),
            );
            return None;
        }
        let members = |mask: usize| {
            let chosen = items.iter().enumerate().filter(|(i, _)| mask >> i & 1 == 1);
            let chosen: Vec<Expr> = chosen.map(|(_, item)| item.clone()).collect();
            let values = chosen.iter().map(|item| item.as_value().cloned()).collect();
            match values {
                Some(values) => Expr::Value(Value::Set(values)),
                None => Expr::Set(chosen),
            }
        };
        Some(((0..1 << items.len()).map(members).collect(), set.ty))
    }

    fn default(
        &mut self,
        e: &ast::Expr,
        kind: &DomainKind,
        member: &Typed,
        want: Option<Kind>,
    ) -> Option<Value> {
        if let Some(label) = self.label(e, kind, member) {
            return label;
        }
        let typed = self.expr(e, want);
        if typed.ty.is_open() || member.ty.is_open() {
            return typed.expr.as_value().cloned();
        }
        // Beside calls, a constant is called as it is written.
        if let DomainKind::Set(items) | DomainKind::Categories(items) = kind
            && items.iter().any(|item| item.as_value().is_none())
            && let Some(value) = typed.expr.as_value()
            && items.iter().any(|item| item.as_value() == Some(value))
        {
            return Some(Value::Name(value.to_string()));
        }
        if !typed.ty.fits(&member.ty) {
            self.disagree("the default is a member of the domain", member, &typed);
            return None;
        }
        let Some(value) = typed.expr.as_value().cloned() else {
            self.report(
                Diagnostic::error("bnas::domain::default", "a default is a constant")
                    .label(typed.span, "depends on something else")
                    .help("write a member of the domain"),
            );
            return None;
        };
        let inside = match (kind, value.as_number()) {
            (
                DomainKind::Integers {
                    low, high, step, ..
                },
                Some(n),
            ) => {
                let steps = (n - *low as f64) / *step as f64;
                n >= *low as f64 && n <= *high as f64 && steps.fract() == 0.0
            }
            (DomainKind::Reals { low, high, .. }, Some(n)) => n >= *low && n <= *high,
            _ => member
                .values
                .as_ref()
                .is_none_or(|all| all.contains(&value)),
        };
        if !inside {
            let text = self.text(typed.span);
            self.report(
                Diagnostic::error(
                    "bnas::domain::default",
                    format!("the default {text} is not a member of its domain"),
                )
                .label(typed.span, "not in the domain")
                .label(member.span, "the domain")
                .help(members(kind)),
            );
            return None;
        }
        Some(value)
    }

    /// Of alternatives with choices of their own, the default is the name of one: `default adam`. `None`: it is no such name.
    fn label(&mut self, e: &ast::Expr, kind: &DomainKind, member: &Typed) -> Option<Option<Value>> {
        let (DomainKind::Set(items) | DomainKind::Categories(items)) = kind else {
            return None;
        };
        let ast::ExprKind::Path(path) = &e.kind else {
            return None;
        };
        let name = path.as_name()?;
        if items.iter().all(|item| item.as_value().is_some()) {
            return None;
        }
        let labels = Expr::labels(items);
        if labels.contains(&name.text) {
            return Some(Some(Value::name(&name.text)));
        }
        if self.local_named(&name.text) || member.ty.is_poisoned() {
            return None;
        }
        let text = format!("the default {} is not a member of its domain", name.text);
        self.report(
            Diagnostic::error("bnas::domain::default", text)
                .label(e.span, "not in the domain")
                .label(member.span, "the domain")
                .help(format!(
                    "its members are called {}",
                    list(labels.iter().map(String::as_str))
                )),
        );
        Some(None)
    }

    fn not_a_set(&mut self, found: &Typed) {
        if found.ty.is_open() {
            return;
        }
        let text = self.text(found.span);
        let name = found.ty.name();
        self.report(
            Diagnostic::error(
                "bnas::domain::not_a_set",
                format!("expected a set to choose from, found {name}"),
            )
            .label(found.span, name)
            .help(match self.local_named(&text) {
                true => format!("let `{text}` be a set: `{text} = {{…}}`"),
                false if let Some((low, high)) = ends(&text) => {
                    format!("write `in {low}..{high}` to search from the one to the other")
                }
                false => format!("write `= {text}` to fix it, or `in {{{text}, …}}` to search"),
            }),
        );
    }
}

/// The ends that a range with another sign has: `8-16`.
fn ends(text: &str) -> Option<(&str, &str)> {
    let (low, high) = text.split_once('-')?;
    let (low, high) = (low.trim(), high.trim());
    let [first, last] = [low.parse::<f64>().ok()?, high.parse().ok()?];
    (first < last).then_some((low, high))
}

/// What a default may be.
fn members(kind: &DomainKind) -> String {
    let ends = |low: String, high: String| format!("its members go from {low} to {high}");
    match kind {
        DomainKind::Integers {
            low, high, step, ..
        } if *step > 1 => format!(
            "its members go from {low} in steps of {step} to {}",
            low + (high - low) / step * step
        ),
        DomainKind::Integers { low, high, .. } => ends(low.to_string(), high.to_string()),
        DomainKind::Reals { low, high, .. } => ends(low.to_string(), high.to_string()),
        _ => "take one of its members".into(),
    }
}

/// What tells a number or a name from others, without a look at each of them.
pub(in crate::analysis) fn known_again(member: &Expr) -> Option<String> {
    match member {
        Expr::Value(Value::Number(x)) => Some(format!("{:?}", x + 0.0)),
        Expr::Value(Value::Name(name)) => Some(format!("`{name}")),
        _ => None,
    }
}

/// What one member of a set is.
fn element(set: &Type, values: Option<Vec<Value>>, span: Span) -> Typed {
    let ty = match set {
        Type::Set(of) => (**of).clone(),
        _ => Type::Poison,
    };
    Typed {
        expr: Expr::number(1.0),
        ty,
        span,
        values,
    }
}

/// Whether this is a number, or a word that stands for one where a field takes both: `same` of `padding in {same, 0}`.
fn is_count_or_word(typed: &Typed) -> bool {
    match (&typed.ty, &typed.expr) {
        (Type::Word, Expr::Value(Value::Name(word))) => schema::stands_for_a_count(word),
        (ty, _) => *ty == Type::PLAIN,
    }
}

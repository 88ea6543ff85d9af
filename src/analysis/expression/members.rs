//! Members of sets: they are of one kind, and each is there once.
//!
//! In: what stands in the braces. Out: the members as they are lowered, and diagnostics about those that do not belong.

use std::collections::HashSet;

use super::expr::Typed;
use super::fits::{in_unit, is_of_kind, limited};
use super::types::Type;
use crate::analysis::context::Cx;
use crate::analysis::schema::{self, Field, Kind};
use crate::diagnostic::Diagnostic;
use crate::ir::{Expr, Value};
use crate::source::Span;
use crate::syntax::ast;

/// How many members that lack something are shown.
const MOST_SHOWN: usize = 8;

/// Words for a truth value in other languages.
const ANSWERS: [[&str; 2]; 2] = [["no", "yes"], ["off", "on"]];

impl Cx<'_> {
    /// The members of a set as they are lowered, and what one of them is; of a wrong one, a diagnostic.
    pub(super) fn members(
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

    /// `{no, yes}`: whether members are words for truth values that nothing is called here; says so.
    pub(in crate::analysis) fn are_answers(&mut self, items: &[ast::Expr], set: Span) -> bool {
        let word = |item: &ast::Expr| match &item.kind {
            ast::ExprKind::Path(path) => path.as_name().cloned(),
            _ => None,
        };
        let Some(names) = items.iter().map(word).collect::<Option<Vec<_>>>() else {
            return false;
        };
        let [first, second] = names.as_slice() else {
            return false;
        };
        let mut words = [first.text.as_str(), second.text.as_str()];
        words.sort_unstable();
        let mut is_defined =
            |name: &ast::Name| self.local_named(&name.text) || self.find(name).is_some();
        if !ANSWERS.contains(&words) || is_defined(first) || is_defined(second) {
            return false;
        }
        let text = format!("unknown names `{}` and `{}`", first.text, second.text);
        self.report(
            Diagnostic::error("bnas::name::unknown", text)
                .label(set, "nothing here has these names")
                .help("write `{false, true}`"),
        );
        true
    }

    /// Whether several members lack the same, braces or a unit, without which none of them fits the field. One report writes the whole set: what is said of
    /// one member would be true of the next one, too.
    pub(in crate::analysis) fn lack_alike(
        &mut self,
        members: &[Typed],
        set: Span,
        field: &Field,
        at: Span,
    ) -> bool {
        let is_misfit = |member: &&Typed| !member.ty.is_open() && !is_of_kind(member, field.kind);
        let misfits: Vec<&Typed> = members.iter().filter(is_misfit).collect();
        let Some(first) = misfits.first().filter(|_| members.len() > 1) else {
            return false;
        };
        let is_none = |member: &Typed| member.expr == Expr::Value(Value::name("none"));
        let code = match field.kind {
            Kind::Repairs if misfits.iter().all(|m| m.ty == Type::Repair || is_none(m)) => {
                "bnas::type::mismatch"
            }
            Kind::Number(_)
                if misfits.len() > 1 && { misfits.iter() }
                    .all(|m| m.ty == Type::PLAIN && self.is_literal(m)) =>
            {
                "bnas::unit::mismatch"
            }
            _ => return false,
        };
        let written = |member: &Typed| {
            let text = self.text(member.span);
            match field.kind {
                _ if !is_misfit(&member) && !member.ty.is_open() => text,
                Kind::Number(unit) if is_misfit(&member) => in_unit(&text, unit),
                Kind::Repairs if is_none(member) => "{}".into(),
                Kind::Repairs => format!("{{{text}}}"),
                _ => text,
            }
        };
        let whole: Vec<String> = members.iter().map(written).collect();
        let kind = match self.text(set).starts_with("categories") {
            true => "categories ",
            false => "",
        };
        let whole = format!("{kind}{{{}}}", whole.join(", "));
        let help = match field.kind {
            Kind::Repairs => format!("write `{} in {whole}`: each member is a set", field.name),
            _ => format!("write `{whole}`"),
        };
        let (takes, found) = (self.taken(field), first.ty.name());
        let text = format!("expected {takes}, found {found}");
        let mut diagnostic = Diagnostic::error(code, text);
        for misfit in misfits.iter().take(MOST_SHOWN) {
            diagnostic = diagnostic.label(misfit.span, misfit.ty.name());
        }
        let what = format!("`{}` is {takes}", field.name);
        self.report(diagnostic.label(at, what).help(help));
        true
    }

    /// Whether a value is written as a number.
    fn is_literal(&self, member: &Typed) -> bool {
        self.text(member.span).parse::<f64>().is_ok()
    }

    /// Reports members of another kind than the first: one of each kind, or the first itself where all others are of one kind.
    pub(in crate::analysis) fn of_one_kind(
        &mut self,
        rule: &str,
        first: &Typed,
        alike: usize,
        odd: &[Typed],
    ) {
        if let [other, _, ..] = odd
            && alike == 0
            && odd.iter().all(|o| o.ty.fits(&other.ty))
        {
            self.disagree(rule, other, first);
            return;
        }
        let mut said: Vec<&Type> = Vec::new();
        for one in odd {
            if !said.iter().any(|ty| one.ty.fits(ty)) {
                said.push(&one.ty);
                self.disagree(rule, first, one);
            }
        }
    }

    /// A member of a set that is in it already.
    pub(in crate::analysis) fn repeated(&mut self, item: &ast::Expr) {
        let text = self.text(item.span);
        self.report(
            Diagnostic::warning(
                "bnas::domain::repeated",
                format!("`{text}` is in the set already"),
            )
            .label(item.span, "a set holds each member once")
            .help("remove it"),
        );
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

/// Whether this is a number, or a word that stands for one where a field takes both: `same` of `padding in {same, 0}`.
fn is_count_or_word(typed: &Typed) -> bool {
    match (&typed.ty, &typed.expr) {
        (Type::Word, Expr::Value(Value::Name(word))) => schema::stands_for_a_count(word),
        (ty, _) => *ty == Type::PLAIN,
    }
}

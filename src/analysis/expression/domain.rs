//! Domains: what stands behind `in`.
//!
//! In: a set, a range, `categories`, or the name of a set. Out: a [`Domain`] with members of one kind, never empty, never
//! reversed. It must not know what the chosen value is used for beyond its field.

use super::expr::Typed;
use super::types::Type;
use crate::analysis::context::{Cx, Local, list};
use crate::analysis::run::author;
use crate::analysis::schema::{Field, Kind};
use crate::diagnostic::Diagnostic;
use crate::ir::{Domain, DomainKind, Expr, Value};
use crate::source::Span;
use crate::syntax::ast;

/// What is said of the domain of a default that is no member.
pub(in crate::analysis) const THE_DOMAIN: &str = "the domain";

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

    /// Whether a space or block is lowered, whose names are read by operations.
    pub(in crate::analysis) fn is_in_network(&self) -> bool {
        let innermost = self.open.last().map(|id| self.modules.declaration(*id));
        innermost.is_some_and(|d| matches!(d.kind.text.as_str(), "space" | "block"))
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
                .label(member.span, THE_DOMAIN)
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
        if member.ty.is_poisoned() && !self.local_named(&name.text) {
            // It may be the member that is wrong, which has been said.
            return Some(None);
        }
        if items.iter().all(|item| item.as_value().is_some()) {
            return None;
        }
        let labels = Expr::labels(items);
        if labels.contains(&name.text) {
            return Some(Some(Value::name(&name.text)));
        }
        if self.local_named(&name.text) {
            return None;
        }
        let text = format!("the default {} is not a member of its domain", name.text);
        self.report(
            Diagnostic::error("bnas::domain::default", text)
                .label(e.span, "not in the domain")
                .label(member.span, THE_DOMAIN)
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

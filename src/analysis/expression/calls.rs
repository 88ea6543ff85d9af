//! Calls that make a value with fields, such as `adam(lr = 2e-3)` and `int { bits = 4 }`.
//!
//! In: a callee and its arguments. Out: a typed expression, with every default of the schema filled in. It must not know where the value goes.

use std::sync::Arc;

use super::expr::Typed;
use super::fields::{Given, Written, find};
use super::functions::function;
use super::lists::aggregate;
use super::types::{self, Type};
use crate::analysis::context::Cx;
use crate::analysis::schema::{self, Callable, Kind, QUANTIZER};
use crate::diagnostic::Diagnostic;
use crate::ir::{Expr, Slot};
use crate::source::Span;
use crate::syntax::ast;

/// Fields of a quantizer that may be given where it is used.
const GIVEN_IN_PLACE: usize = 4;

impl Cx<'_> {
    /// `abs(x)`, `adam(lr = 2e-3)`.
    /// `want` is the kind of the field that it fills.
    pub(in crate::analysis) fn call(
        &mut self,
        callee: &ast::Path,
        args: &[ast::Argument],
        span: Span,
        want: Option<Kind>,
    ) -> Typed {
        let Some(name) = callee.as_name() else {
            let text = self.text(callee.span);
            self.unknown_call(&text, callee.span, want);
            return Typed::poison(span);
        };
        if let Some(found) = self.fact_call(name, args, span) {
            return found;
        }
        if let Some((kind, record)) = schema::record(&name.text) {
            let written = self.arguments(name, args, record);
            let fields = self.filled_args(&written, record);
            return Typed {
                expr: Expr::Record(name.text.clone(), fields, span),
                ty: types::of_kind(*kind),
                span,
                values: None,
            };
        }
        if let Some(typed) = self.formula_call(name, args, span) {
            return typed;
        }
        if let Some(typed) = self.schedule_call(name, args, span) {
            return typed;
        }
        if let Some(aggregate) = aggregate(&name.text)
            && let Some(typed) = self.over(aggregate, name, args, span)
        {
            return typed;
        }
        if let Some((function, arity)) = function(&name.text) {
            return self.function(function, arity, name, args, span);
        }
        if schema::operation(&name.text).is_some() {
            self.report(
                Diagnostic::error(
                    "bnas::type::mismatch",
                    format!("`{}` is an operation of a layer", name.text),
                )
                .label(span, "no value")
                .help(match (name.text.as_str(), args) {
                    (activation, [ast::Argument::Positional { value, .. }]) => {
                        let x = self.text(value.span);
                        match activation {
                            "relu" => format!("write `max({x}, 0)`"),
                            "relu6" => format!("write `clip({x}, 0, 6)`"),
                            "hardtanh" => format!("write `clip({x}, -1, 1)`"),
                            _ => format!("write `layer name = {}`", self.text(span)),
                        }
                    }
                    _ => format!("write `layer name = {}`", self.text(span)),
                }),
            );
            return Typed::poison(span);
        }
        self.unknown_call(&name.text, callee.span, want);
        // What it was meant to be given is read.
        self.reads_all(span);
        Typed::poison(span)
    }

    /// Arguments by name; the positional one by the name that the schema gives it.
    pub(in crate::analysis) fn arguments<'e>(
        &mut self,
        name: &ast::Name,
        args: &'e [ast::Argument],
        callable: &'static Callable,
    ) -> Written<'e> {
        let mut written = Written::new(format!("`{}`", name.text), name.span);
        let mut nameless = Vec::new();
        let mut taken = None;
        for (place, arg) in args.iter().enumerate() {
            match arg {
                ast::Argument::Fixed { name, value } => {
                    self.give(&mut written, name, Given::Fixed(value), callable.fields);
                }
                ast::Argument::Searched {
                    name,
                    domain,
                    default,
                } => {
                    self.give(
                        &mut written,
                        name,
                        Given::Searched(domain, default.as_deref()),
                        callable.fields,
                    );
                }
                ast::Argument::Positional { value, filter } => {
                    if let Some(filter) = filter {
                        self.later("`where` behind an argument", filter.span);
                    }
                    match callable.positional {
                        Some(field)
                            if written.given.is_empty()
                                && !matches!(value.kind, ast::ExprKind::Error) =>
                        {
                            let name = ast::Name {
                                text: field.into(),
                                span: value.span,
                            };
                            written.given.push((name, Given::Fixed(value)));
                            taken = Some(field);
                        }
                        _ => nameless.push(place),
                    }
                }
            }
        }
        if !nameless.is_empty() {
            let known: Vec<&str> = callable.fields.iter().map(|f| f.name).collect();
            let meant = self.nameless(name, args, &nameless, &known, taken);
            meant.into_iter().for_each(|name| written.mean(name));
        }
        written
    }

    /// Every argument of a callable in the order of the schema; those without a value are left out.
    pub(in crate::analysis) fn filled_args(
        &mut self,
        written: &Written,
        callable: &'static Callable,
    ) -> Vec<(String, Slot)> {
        let mut fields = Vec::with_capacity(callable.fields.len());
        for field in callable.fields {
            if let Some(slot) = self.slot(written, field) {
                fields.push((field.name.to_string(), slot));
            }
        }
        fields
    }

    /// `ede { tmin = 0.1 }`: whether a field is unknown that may be meant for a name of the quantizer; says so.
    fn is_misspelt_own(
        &mut self,
        name: &ast::Name,
        entries: &[ast::Entry],
        own: &[String],
    ) -> bool {
        let is_uniform = self.is_uniform(name);
        let fields = QUANTIZER[..GIVEN_IN_PLACE].iter().map(|f| f.name);
        let fields = fields.filter(|field| *field != "bits" || is_uniform);
        let known: Vec<&str> = own.iter().map(String::as_str).chain(fields).collect();
        let heads = entries
            .iter()
            .filter_map(crate::analysis::quantization::quantizer::target);
        let is_known = |head: &str| {
            own.iter().any(|own| own == head) || QUANTIZER.iter().any(|f| f.name == head)
        };
        let unknown = heads.filter(|path| !is_known(&path.head.text));
        let unknown: Vec<ast::Name> = unknown.map(|path| path.head.clone()).collect();
        let owner = format!("`{}`", name.text);
        for head in &unknown {
            let declared = (name.span.source == head.span.source).then_some(name.span);
            self.unknown_key(&owner, head, declared, &known);
        }
        !unknown.is_empty()
    }

    /// `libra { scale = mean_abs }`: says that a rule changes nothing where a formula finds the scale.
    fn scale_is_a_formula(&mut self, name: &ast::Name, at: Span) {
        let Some(id) = self.find(name) else { return };
        let mut all = self.reached.quantizers.iter();
        let found = all.find(|(known, q)| *known == id && q.formulas.scale.is_some());
        let Some(declared) = found.map(|(_, q)| q.span) else {
            return;
        };
        self.report(
            Diagnostic::error(
                "bnas::quantizer::scale",
                format!("`{}` has a formula for its scale", name.text),
            )
            .label(at, "this rule would change nothing")
            .label(declared, "it finds its scale by `scale(w) = …`")
            .help(format!(
                "remove the rule, or write another formula: `quantizer mine : {} {{ scale(w) = … }}`",
                name.text
            )),
        );
    }

    /// `int { bits = 4 }`: a quantizer with fields of its own.
    pub(in crate::analysis) fn amended_value(
        &mut self,
        base: &ast::Expr,
        entries: &[ast::Entry],
        span: Span,
    ) -> Typed {
        let quantizer = match &base.kind {
            ast::ExprKind::Path(path) => path.as_name().cloned(),
            _ => None,
        };
        let typed = self.expr(base, None);
        let (Some(name), Type::Quantizer) = (quantizer, &typed.ty) else {
            if !typed.ty.is_open() {
                let found = typed.ty.name();
                let field = entries.first().map(|e| self.text(e.span));
                let help = match (&typed.ty, &base.kind) {
                    (Type::Optimizer, ast::ExprKind::Call { callee, .. }) => {
                        let (call, field) = (self.text(callee.span), field.unwrap_or_default());
                        let lead = field.find(&format!(".{call}."));
                        match lead.map(|at| (&field[..at], &field[at + call.len() + 1..])) {
                            Some((before, behind)) => format!(
                                "it is not one of several, and has no name: write `{before}{behind}`"
                            ),
                            None => format!("write it among the arguments: `{call}(…)`"),
                        }
                    }
                    _ => "a quantizer takes fields in braces: `int { bits = 4 }`".to_string(),
                };
                self.report(
                    Diagnostic::error(
                        "bnas::type::mismatch",
                        format!("{found} cannot be amended here"),
                    )
                    .label(base.span, found)
                    .help(help),
                );
            }
            return Typed::poison(span);
        };
        if matches!(typed.expr, Expr::Name(..)) {
            self.later("an amendment of a chosen quantizer", span);
            return Typed::poison(span);
        }
        let known = &QUANTIZER[..GIVEN_IN_PLACE];
        let entries = &self.with_whole_fields(&name, entries)[..];
        let of_formulas = self.names_of_quantizer(&name);
        let own: Vec<String> = of_formulas.iter().map(|(name, _)| name.clone()).collect();
        if self.is_misspelt_own(&name, entries, &own) {
            return Typed::poison(span);
        }
        let is_own = |e: &ast::Entry| {
            let path =
                crate::analysis::quantization::quantizer::target(e).and_then(ast::Path::as_name);
            path.is_some_and(|n| own.contains(&n.text))
        };
        let (own, entries): (Vec<ast::Entry>, Vec<ast::Entry>) =
            entries.iter().cloned().partition(is_own);
        let written = self.written(&format!("`{}`", name.text), name.span, &entries, known);
        let mut fields = Vec::with_capacity(written.given.len());
        for (field, given) in &written.given {
            let slot = self.filled(find(known, &field.text), *given, field.span);
            fields.push((field.text.clone(), slot));
        }
        for entry in &own {
            fields.extend(self.given_name(entry, &of_formulas, &fields));
        }
        if let Some((scale, _)) = written.get("scale") {
            self.scale_is_a_formula(&name, scale.span);
        }
        if let Some((bits, _)) = written.get("bits")
            && !self.is_uniform(&name)
        {
            self.report(
                Diagnostic::error(
                    "bnas::quantizer::bits",
                    format!("`{}` has codes of fixed width", name.text),
                )
                .label(bits.span, "only a uniform quantizer has `bits`")
                .help("write `int { bits = … }`"),
            );
        }
        Typed {
            expr: Expr::Record(name.text, fields, span),
            ty: Type::Quantizer,
            span,
            values: None,
        }
    }

    /// `y { scale.share = 0.5 }` as `y { scale = percentile(share = 0.5) }`: what the quantizer says, with what is given of it.
    fn with_whole_fields(&mut self, name: &ast::Name, entries: &[ast::Entry]) -> Vec<ast::Entry> {
        let target = crate::analysis::quantization::quantizer::target;
        let dotted = |e: &&ast::Entry| target(e).is_some_and(|path| path.as_name().is_none());
        let heads: Vec<&str> = { entries.iter().filter(dotted) }
            .filter_map(|e| Some(target(e)?.head.text.as_str()))
            .filter(|head| QUANTIZER[..GIVEN_IN_PLACE].iter().any(|f| f.name == *head))
            .collect();
        let is_of = |path: &ast::Path| heads.contains(&path.head.text.as_str());
        let mut all = entries.to_vec();
        if heads.is_empty() {
            return all;
        }
        let Some(mut merged) = self.find(name).and_then(|id| self.merged(id)) else {
            return all;
        };
        let of_heads = { entries.iter() }.filter(|e| target(e).is_some_and(is_of));
        let of_heads: Vec<ast::Entry> = of_heads.cloned().collect();
        self.override_entries(&mut merged, &of_heads, name, false);
        all.retain(|e| !target(e).is_some_and(is_of));
        let whole = Arc::unwrap_or_clone(merged.entries).into_iter();
        all.extend(whole.filter(|e| target(e).is_some_and(is_of)));
        all
    }

    /// `ede { t_min = 1e-2 }`: another value, or a domain, for a name of the quantizer's formulas.
    fn given_name(
        &mut self,
        entry: &ast::Entry,
        names: &[(String, Type)],
        before: &[(String, Slot)],
    ) -> Option<(String, Slot)> {
        let name = crate::analysis::quantization::quantizer::target(entry)?
            .as_name()?
            .clone();
        if before.iter().any(|(other, _)| *other == name.text) {
            self.twice(&name.text, name.span, name.span);
            return None;
        }
        let (slot, typed) = match crate::analysis::quantization::quantizer::given(entry)? {
            Given::Fixed(e) => {
                let typed = self.expr(e, None);
                (Slot::Fixed(typed.expr.clone()), typed)
            }
            Given::Searched(domain, default) => {
                let (domain, member) = self.domain(domain, default, None);
                (Slot::Chosen(domain), member)
            }
        };
        let is_it = |(own, _): &&(String, Type)| *own == name.text;
        let wanted = names.iter().find(is_it).map(|(_, ty)| ty);
        let wanted = wanted
            .filter(|ty| **ty == Type::Truth)
            .unwrap_or(&Type::PLAIN);
        if !typed.ty.fits(wanted) {
            self.expected(&wanted.name(), &typed);
            return None;
        }
        Some((name.text, slot))
    }
}

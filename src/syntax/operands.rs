//! Text to tree: operands of expressions.
//!
//! In: what stands between operators. Out: [`Expr`]s: numbers, texts, sets, references with their paths, arguments and amendments.
//! A number that is too large is reported to the reader's sink.

use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::syntax::ast::{Argument, Expr, ExprKind, Number, Path, Step};
use crate::syntax::behind;
use crate::syntax::explain;
use crate::syntax::grammar::Rule;
use crate::syntax::parse::Reader;
use crate::syntax::tree::{Pair, Parts};

impl<'t> Reader<'t, '_> {
    /// What an operator binds: a value, or anything in brackets.
    pub(super) fn operand(&mut self, pair: Pair<'t>) -> Expr {
        let span = self.span(pair);
        let rule = pair.rule();
        if rule == Rule::text {
            return Expr {
                kind: ExprKind::Text(self.string(pair).value),
                span,
            };
        }
        if rule == Rule::boolean {
            return Expr {
                kind: ExprKind::Bool(pair.text() == "true"),
                span,
            };
        }
        let mut parts = pair.parts();
        let kind = match rule {
            Rule::quantity | Rule::bare_quantity => self.quantity(&mut parts, span),
            Rule::group => self.expression(parts.must()).kind,
            Rule::set => ExprKind::Set(parts.map(|element| self.expression(element)).collect()),
            Rule::categories => {
                parts.must(); // the keyword
                ExprKind::Categories(Box::new(self.operand(parts.must())))
            }
            Rule::subsets => {
                parts.must(); // the keyword
                ExprKind::Subsets(Box::new(self.operand(parts.must())))
            }
            Rule::conditional => {
                let mut branch = || {
                    parts.must(); // `if`, `then`, `else`
                    Box::new(self.expression(parts.must()))
                };
                ExprKind::If {
                    condition: branch(),
                    yes: branch(),
                    no: branch(),
                }
            }
            Rule::reference | Rule::bare_reference => self.reference(&mut parts).kind,
            other => unreachable!("invariant: `{other:?}` is no operand of the grammar"),
        };
        Expr { kind, span }
    }

    fn quantity(&mut self, parts: &mut Parts<'t>, span: Span) -> ExprKind {
        let number = parts.must();
        let unit = parts.given(Rule::unit);
        let behind = match unit {
            Some(unit) => behind::number(self.text, number, unit),
            None => behind::apart(self.text, number),
        };
        if let Some(behind) = behind {
            return self.behind(behind, span).kind;
        }
        let text = number.text().to_string();
        let value: f64 = text
            .parse()
            .expect("invariant: the grammar's numbers are Rust's");
        if value.is_infinite() {
            let diagnostic = Diagnostic::error("bnas::parse::number", "this number is too large")
                .label(self.span(number), "beyond 1.8e308")
                .help("write a smaller one");
            self.sink.push(diagnostic);
        }
        let unit = unit.map(|unit| self.name(unit));
        ExprKind::Number(Number { text, value, unit })
    }

    fn reference(&mut self, parts: &mut Parts<'t>) -> Expr {
        let name = parts.must();
        let path = self.path(name);
        let mut span = path.span;
        let mut kind = match parts.given(Rule::arguments) {
            Some(arguments) => {
                span = span.to(self.span(arguments));
                ExprKind::Call {
                    callee: path,
                    args: self.arguments(arguments),
                }
            }
            None => ExprKind::Path(path),
        };
        if let Some(body) = parts.given(Rule::body) {
            if matches!(kind, ExprKind::Path(_)) && self.is_set_behind(name, body) {
                let kind = ExprKind::Error;
                return Expr {
                    kind,
                    span: span.to(self.span(body)),
                };
            }
            let base = Box::new(Expr { kind, span });
            span = span.to(self.span(body));
            kind = ExprKind::Amend {
                base,
                entries: self.body(body),
            };
        }
        Expr { kind, span }
    }

    pub(super) fn path(&mut self, pair: Pair<'t>) -> Path {
        let span = self.span(pair);
        let mut parts = pair.parts();
        let head = self.name(parts.must());
        let mut steps = Vec::new();
        for step in parts {
            let is_member = step.rule() == Rule::member;
            let part = step.parts().must();
            steps.push(match part.rule() {
                _ if is_member => Step::Member(self.name(part)),
                Rule::all => Step::All(self.span(part)),
                _ => Step::Index(self.expression(part)),
            });
        }
        Path { head, steps, span }
    }

    pub(super) fn arguments(&mut self, pair: Pair<'t>) -> Vec<Argument> {
        pair.parts()
            .map(|argument| self.argument(argument))
            .collect()
    }

    fn argument(&mut self, pair: Pair<'t>) -> Argument {
        let rule = pair.rule();
        let mut parts = pair.parts();
        if rule == Rule::positional {
            let value = self.expression(parts.must());
            if let Some(name) = self.of_bare_set(pair, &value) {
                return Argument::Fixed { name, value };
            }
            let filter = parts
                .passes(Rule::kw_where)
                .then(|| Box::new(self.expression(parts.must())));
            return Argument::Positional { value, filter };
        }
        let name = self.name(parts.must());
        if parts.must().rule() == Rule::equals {
            let value = self.expression(parts.must());
            return Argument::Fixed { name, value };
        }
        let (domain, default) = self.domain(&mut parts);
        Argument::Searched {
            name,
            domain,
            default,
        }
    }

    /// What stands behind `in`: a domain, and perhaps the first trial.
    pub(super) fn domain(&mut self, parts: &mut Parts<'t>) -> (Expr, Option<Box<Expr>>) {
        let domain = self.expression(parts.must());
        let Some(sign) = parts.given(Rule::kw_default) else {
            return (domain, None);
        };
        let default = self.expression(parts.must());
        (domain, Some(Box::new(self.own_value(sign, default))))
    }

    /// The value behind a sign, which is missing if what was read as one is the section on a line below: `lr in 1e-4..1e-2 log default`, and `train { … }`.
    pub(super) fn own_value(&mut self, sign: Pair<'t>, value: Expr) -> Expr {
        let ExprKind::Amend { base, .. } = &value.kind else {
            return value;
        };
        let ExprKind::Path(path) = &base.kind else {
            return value;
        };
        // No default is amended, and elsewhere what has the name of a section may be something else.
        let is_section =
            sign.rule() == Rule::kw_default || explain::SECTIONS.contains(&path.head.text.as_str());
        let between = &self.text[sign.end()..value.span.start as usize];
        if !is_section || !between.contains('\n') {
            return value;
        }
        let missing = explain::missing_value(self.span(sign), sign.text());
        self.sink.push(missing);
        let swallowed = &self.text[value.span.start as usize..value.span.end as usize];
        self.lose(swallowed);
        self.lose_within(swallowed);
        let kind = ExprKind::Error;
        Expr { kind, ..value }
    }
}

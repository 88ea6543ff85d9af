//! Text to tree: expressions.
//!
//! In: the flat rows of operands and operators that the grammar yields. Out: [`Expr`]s with precedence applied. The table
//! of precedence is [`power`]. Comparisons that chain, and scales and tolerances without what they belong to, are reported to the reader's sink.

use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::source::Span;
use crate::syntax::ast::{BinaryOp, Expr, ExprKind, UnaryOp};
use crate::syntax::grammar::Rule;
use crate::syntax::parse::Reader;
use crate::syntax::place::first_word;
use crate::syntax::tree::{Pair, Parts};
use crate::syntax::{brackets, explain};

/// How many operators and brackets may stand around an operand. Bounds every later walk over the tree.
const MOST_AROUND: usize = 512;

/// How tightly `not` and `-` bind their operand; see [`power`].
const NOT: u8 = 4;
const NEGATION: u8 = 11;
/// And `log` and `step` their range.
const SCALE: u8 = 7;

/// What stands between two operands.
#[derive(Clone, Copy, PartialEq)]
enum Infix {
    Binary(BinaryOp),
    /// `..`
    To,
    /// `~=`
    Approx,
    /// `within`
    Within,
}

/// The operator, and how tightly it binds the operands at its left and at its right: the table of precedence.
fn power(operator: &str) -> (Infix, u8, u8) {
    use BinaryOp::*;
    let (infix, level, to_the_right) = match operator {
        "implies" => (Infix::Binary(Implies), 1, true),
        "or" => (Infix::Binary(Or), 2, false),
        "and" => (Infix::Binary(And), 3, false),
        // `not` is 4.
        "within" => (Infix::Within, 5, false),
        "~=" => (Infix::Approx, 6, false),
        "==" => (Infix::Binary(Eq), 6, false),
        "!=" => (Infix::Binary(Ne), 6, false),
        "<" => (Infix::Binary(Lt), 6, false),
        "<=" => (Infix::Binary(Le), 6, false),
        ">" => (Infix::Binary(Gt), 6, false),
        ">=" => (Infix::Binary(Ge), 6, false),
        // `log` and `step` are 7.
        ".." => (Infix::To, 8, false),
        "+" => (Infix::Binary(Add), 9, false),
        "-" => (Infix::Binary(Sub), 9, false),
        "*" => (Infix::Binary(Mul), 10, false),
        "/" => (Infix::Binary(Div), 10, false),
        // `-x` is 11.
        "^" => (Infix::Binary(Pow), 12, true),
        other => unreachable!("invariant: `{other}` is no operator of the grammar"),
    };
    (infix, level, level - u8::from(to_the_right))
}

/// An expression on its way: `a ~= b` has to wait for its `within`, and `a <= b` in parentheses differs from one without.
enum Node<'t> {
    Done(Expr),
    /// A comparison without parentheses.
    Comparison(Expr),
    /// `left ~= right`.
    Approx(Expr, Expr),
    /// An operand that is built when its operator is known to be needed.
    Operand(Pair<'t>),
}

impl<'t> Reader<'t, '_> {
    /// Any `expression` or `condition`.
    pub(super) fn expression(&mut self, pair: Pair<'t>) -> Expr {
        let mut parts = pair.parts();
        let is_operator =
            |part: &Pair<'_>| matches!(part.rule(), Rule::operator | Rule::prefix | Rule::scale);
        let levels = 1 + parts.clone().filter(is_operator).count();
        // The operand itself is one level more.
        if self.depth + levels > MOST_AROUND + 1 {
            let span = self.span(pair);
            let room = MOST_AROUND.saturating_sub(self.depth);
            let first_too_many = parts.filter(is_operator).nth(room);
            let at = first_too_many.map_or(span, |sign| self.span(sign));
            self.sink
                .push(brackets::too_many_operators(at, MOST_AROUND));
            let kind = ExprKind::Error;
            return Expr { kind, span };
        }
        self.depth += levels;
        let node = self.row(&mut parts, 0);
        let expr = self.done(node);
        self.depth -= levels;
        expr
    }

    /// An operand and every operator behind it that binds more tightly than `least`.
    fn row(&mut self, parts: &mut Parts<'t>, least: u8) -> Node<'t> {
        let first = parts.must();
        let mut left = match first.rule() {
            Rule::prefix => {
                let (op, level) = match first.text() {
                    "-" => (UnaryOp::Neg, NEGATION),
                    _ => (UnaryOp::Not, NOT),
                };
                let operand = self.row(parts, level - 1);
                self.prefix(first, op, operand)
            }
            _ => Node::Operand(first),
        };
        while let Some(part) = parts.peek() {
            let is_scale = part.rule() == Rule::scale;
            if is_scale && SCALE > least {
                parts.must();
                left = self.scale(left, part);
                continue;
            }
            if is_scale {
                break;
            }
            let (infix, level, level_behind) = power(part.text());
            if level <= least {
                break;
            }
            parts.must();
            let right = self.row(parts, level_behind);
            left = self.infix(left, part, infix, right);
        }
        left
    }

    fn done(&mut self, node: Node<'t>) -> Expr {
        match node {
            Node::Done(expr) | Node::Comparison(expr) => expr,
            Node::Operand(pair) => self.operand(pair),
            Node::Approx(left, right) => {
                let span = left.span.to(right.span);
                let kind = ExprKind::Error;
                if self.misspelt_within(right.span) {
                    return Expr { kind, span };
                }
                let behind = &self.text[right.span.end as usize..];
                let rest = behind.trim_start_matches([' ', '\t']);
                let is_given = rest.starts_with(|c: char| c.is_ascii_digit());
                let help = match is_given {
                    true => "write `within` before it",
                    false => "write `within 1 %` behind it",
                };
                // What stands behind it on the line is no mistake of its own.
                self.said = Some(right.span.end as usize + behind.len() - rest.len());
                let diagnostic =
                    Diagnostic::error("bnas::parse::tolerance", "`~=` needs a tolerance")
                        .label(span, "within how much?")
                        .help(help);
                self.sink.push(diagnostic);
                Expr { kind, span }
            }
        }
    }

    /// Whether the word behind a value was meant to be `within`; says so, and that is all there is to say of it.
    fn misspelt_within(&mut self, before: Span) -> bool {
        let behind = &self.text[before.end as usize..];
        let word = first_word(behind.trim_start_matches([' ', '\t']));
        if did_you_mean(word, ["within"]).is_none() {
            return false;
        }
        let start = before.end as usize + behind.find(word).unwrap_or(0);
        let misspelt = Diagnostic::error(
            "bnas::parse::syntax",
            format!("no entry goes on with `{word}`"),
        )
        .label(
            Span::new(self.id, start, start + word.len()),
            "an unknown word",
        )
        .help("write `within`");
        self.sink.push(misspelt);
        self.said = Some(start);
        true
    }

    fn prefix(&mut self, sign: Pair<'t>, op: UnaryOp, operand: Node<'t>) -> Node<'t> {
        let operand = self.done(operand);
        let span = self.span(sign).to(operand.span);
        Node::Done(Expr {
            kind: ExprKind::Unary {
                op,
                operand: Box::new(operand),
            },
            span,
        })
    }

    fn infix(&mut self, left: Node<'t>, sign: Pair<'t>, infix: Infix, right: Node<'t>) -> Node<'t> {
        let compares = match infix {
            Infix::Within => return self.within(left, sign, right),
            Infix::Binary(op) => is_comparison(op),
            Infix::Approx => true,
            Infix::To => false,
        };
        if compares && matches!(left, Node::Comparison(_) | Node::Approx(..)) {
            return self.chained(left, sign, right);
        }
        let (left, right) = (self.done(left), self.done(right));
        let span = left.span.to(right.span);
        let between = &self.text[sign.end()..right.span.start as usize];
        if matches!(right.kind, ExprKind::Amend { .. }) && between.contains('\n') {
            // What is amended is no operand: `t = 1 +` stands above the next entry, `train { … }`.
            let missing = explain::missing_value(self.span(sign), sign.text());
            self.sink.push(missing);
            let kind = ExprKind::Error;
            return Node::Done(Expr { kind, span });
        }
        if infix == Infix::Approx {
            return Node::Approx(left, right);
        }
        let (left, right) = (Box::new(left), Box::new(right));
        let kind = match infix {
            Infix::Binary(op) => ExprKind::Binary { op, left, right },
            _ => ExprKind::Range {
                low: left,
                high: right,
                log: false,
                step: None,
            },
        };
        match compares {
            true => Node::Comparison(Expr { kind, span }),
            false => Node::Done(Expr { kind, span }),
        }
    }

    fn within(&mut self, left: Node<'t>, op: Pair<'t>, right: Node<'t>) -> Node<'t> {
        let tolerance = Box::new(self.done(right));
        if let Node::Approx(left, right) = left {
            let span = left.span.to(tolerance.span);
            let (left, right) = (Box::new(left), Box::new(right));
            return Node::Comparison(Expr {
                kind: ExprKind::Approx {
                    left,
                    right,
                    tolerance,
                },
                span,
            });
        }
        let left = self.done(left);
        let diagnostic = Diagnostic::error("bnas::parse::tolerance", "`within` belongs to `~=`")
            .label(self.span(op), "there is no `~=` before it")
            .help("write `a ~= b within 1 %`");
        self.sink.push(diagnostic);
        Node::Done(Expr {
            kind: ExprKind::Error,
            span: left.span.to(tolerance.span),
        })
    }

    fn chained(&mut self, left: Node<'t>, op: Pair<'t>, right: Node<'t>) -> Node<'t> {
        let left = match left {
            Node::Approx(left, right) => left.span.to(right.span),
            left => self.done(left).span,
        };
        let span = left.to(self.done(right).span);
        let diagnostic = Diagnostic::error("bnas::parse::chained", "comparisons do not chain")
            .label(self.span(op), "the second comparison")
            .help("join two comparisons: `a <= b and b <= c`");
        self.sink.push(diagnostic);
        Node::Done(Expr {
            kind: ExprKind::Error,
            span,
        })
    }

    /// `log` or `step n` behind a range.
    fn scale(&mut self, range: Node<'t>, scale: Pair<'t>) -> Node<'t> {
        let scale_span = self.span(scale);
        let mut expr = self.done(range);
        expr.span = expr.span.to(scale_span);
        let mut parts = scale.parts();
        let kind_of_scale = parts.must().rule();
        match (&mut expr.kind, kind_of_scale) {
            (
                ExprKind::Range {
                    log: log @ false,
                    step: None,
                    ..
                },
                Rule::log,
            ) => *log = true,
            (
                ExprKind::Range {
                    log: false,
                    step: step @ None,
                    ..
                },
                Rule::step,
            ) => {
                *step = Some(Box::new(self.operand(parts.must())));
            }
            (kind, _) => {
                let (message, help) = match kind {
                    ExprKind::Range { .. } => {
                        ("a range has one scale", "keep either `log` or `step n`")
                    }
                    _ => (
                        "this scale belongs to a range",
                        "write `low..high` before it",
                    ),
                };
                let diagnostic = Diagnostic::error("bnas::parse::scale", message)
                    .label(scale_span, "this scale")
                    .help(help);
                self.sink.push(diagnostic);
                *kind = ExprKind::Error;
            }
        }
        Node::Done(expr)
    }
}

fn is_comparison(op: BinaryOp) -> bool {
    use BinaryOp::*;
    matches!(op, Eq | Ne | Lt | Le | Gt | Ge)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use crate::diagnostic::Sink;
    use crate::source::{SourceId, Span};
    use crate::syntax::ast::EntryKind;
    use crate::syntax::parse;

    /// The expression with every operator in parentheses.
    fn shape(source: &str) -> String {
        let mut sink = Sink::default();
        let text = format!("bnas 1\nspace s {{\n  x = {source}\n}}\n");
        let mut file = parse(SourceId(0), &text, &mut sink);
        let found = sink.into_sorted();
        assert!(found.is_empty(), "{source}: {found:?}");
        let mut entries = Arc::unwrap_or_clone(file.declarations.remove(0).entries);
        match entries.remove(0).kind {
            EntryKind::Field(field) => written(&field.value),
            other => panic!("{other:?}"),
        }
    }

    fn written(expr: &Expr) -> String {
        match &expr.kind {
            ExprKind::Number(n) => match &n.unit {
                Some(unit) => format!("{} {}", n.text, unit.text),
                None => n.text.clone(),
            },
            ExprKind::Path(path) => path.head.text.clone(),
            ExprKind::Unary { op, operand } => format!("({op:?} {})", written(operand)),
            ExprKind::Binary { op, left, right } => {
                format!("({} {op:?} {})", written(left), written(right))
            }
            ExprKind::Range {
                low,
                high,
                log,
                step,
            } => {
                let step = step.as_ref().map(|s| written(s));
                format!("[{}..{} {log} {step:?}]", written(low), written(high))
            }
            ExprKind::If { condition, yes, no } => {
                format!(
                    "(if {} {} {})",
                    written(condition),
                    written(yes),
                    written(no)
                )
            }
            ExprKind::Approx {
                left,
                right,
                tolerance,
            } => {
                format!(
                    "({} ~ {} ± {})",
                    written(left),
                    written(right),
                    written(tolerance)
                )
            }
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn precedence_is_that_of_mathematics() {
        assert_eq!(
            shape("a + b * c ^ d ^ e"),
            "(a Add (b Mul (c Pow (d Pow e))))"
        );
        assert_eq!(shape("-x ^ 2"), "(Neg (x Pow 2))");
        assert_eq!(shape("2 ^ -s * 3"), "((2 Pow (Neg s)) Mul 3)");
        assert_eq!(
            shape("a - b - c / d / e"),
            "((a Sub b) Sub ((c Div d) Div e))"
        );
        assert_eq!(
            shape("a implies b or c and not d == e"),
            "(a Implies (b Or (c And (Not (d Eq e)))))"
        );
        assert_eq!(shape("a ~= b + 1 within 1 %"), "(a ~ (b Add 1) ± 1 %)");
        assert_eq!(shape("(a + b) * c"), "((a Add b) Mul c)");
        assert_eq!(
            shape("a + if b then c else d + e"),
            "(a Add (if b c (d Add e)))"
        );
    }

    #[test]
    fn ranges_take_whole_sums_and_a_scale() {
        assert_eq!(shape("-5.0..10.0"), "[(Neg 5.0)..10.0 false None]");
        assert_eq!(shape("1e-4..1e-1 log"), "[1e-4..1e-1 true None]");
        assert_eq!(
            shape("8 bit..n * 2 step 8 bit"),
            "[8 bit..(n Mul 2) false Some(\"8 bit\")]"
        );
    }

    #[test]
    fn a_parenthesized_span_holds_its_parentheses() {
        let span = |s: usize, e: usize| Span::new(SourceId(0), s, e);
        let text = "bnas 1 space s { x = (a + b) * c }";
        let file = parse(SourceId(0), text, &mut Sink::default());
        let EntryKind::Field(field) = &file.declarations[0].entries[0].kind else {
            panic!("{file:?}")
        };
        assert_eq!(field.value.span, span(21, 32));
        let ExprKind::Binary { left, .. } = &field.value.kind else {
            panic!("{file:?}")
        };
        assert_eq!(left.span, span(21, 28));
    }
}

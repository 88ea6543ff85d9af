//! Tokens on a line: how many blanks part them, and where a line that is too wide is broken.
//!
//! In: the tokens of a text and what the grammar says about them. Out: the text of lines.

use std::collections::BTreeSet;

use pest::iterators::Pair;

use crate::syntax::format::WIDTH;
use crate::syntax::grammar::Rule;
use crate::syntax::tokens::tokens as lexed;

/// A token with its place in the input.
pub(super) struct Token<'t> {
    pub(super) rule: Rule,
    pub(super) text: &'t str,
    pub(super) start: usize,
    /// Line ends between it and the token before.
    pub(super) line_ends: usize,
}

/// The tokens of a text; a unit is one token.
pub(super) fn tokens<'t>(text: &'t str, file: &Pair<'t, Rule>) -> Vec<Token<'t>> {
    let all = file.clone().into_inner().flatten();
    let mut units = all.filter(|pair| pair.as_rule() == Rule::unit).peekable();
    let mut tokens = Vec::new();
    let mut end = 0;
    for token in lexed(text) {
        let start = token.start;
        if start < end || token.text == "\u{FEFF}" {
            continue; // inside a unit, or the mark before the first line
        }
        let unit = units.next_if(|unit| unit.as_span().start() == start);
        let (rule, text_of) = unit.map_or((token.rule, token.text), |unit| {
            (Rule::unit, unit.as_span().as_str())
        });
        let between = text[end..start].replace("\r\n", "\n");
        let line_ends = between.matches(['\n', '\r']).count();
        tokens.push(Token {
            rule,
            text: text_of,
            start,
            line_ends,
        });
        end = start + text_of.len();
    }
    tokens
}

/// What the grammar says about tokens, by their first byte.
#[derive(Default)]
pub(super) struct Spacing {
    /// `(` and `[` that follow their name.
    calls: BTreeSet<usize>,
    /// The minus before an operand.
    negations: BTreeSet<usize>,
    /// Braces of sets and of imported names, both ends.
    sets: BTreeSet<usize>,
    /// Entries, and annotations behind them.
    apart: BTreeSet<usize>,
    /// Annotations and documentation above an entry.
    above: BTreeSet<usize>,
    /// Operators with two operands.
    operators: BTreeSet<usize>,
}

impl Spacing {
    pub(super) fn of(file: &Pair<'_, Rule>) -> Self {
        let mut spacing = Spacing::default();
        for pair in file.clone().into_inner().flatten() {
            let span = pair.as_span();
            let both = [span.start(), span.end().saturating_sub(1)];
            match pair.as_rule() {
                Rule::arguments | Rule::parameters | Rule::index => {
                    spacing.calls.insert(span.start());
                }
                Rule::neg => {
                    spacing.negations.insert(span.start());
                }
                Rule::set | Rule::import_names => spacing.sets.extend(both),
                Rule::entry => spacing.entry(&pair),
                Rule::plus
                | Rule::minus
                | Rule::times
                | Rule::divide
                | Rule::approx
                | Rule::eq
                | Rule::ne
                | Rule::le
                | Rule::ge
                | Rule::lt
                | Rule::gt
                | Rule::kw_and
                | Rule::kw_or
                | Rule::kw_implies => {
                    spacing.operators.insert(span.start());
                }
                _ => {}
            }
        }
        spacing
    }

    fn entry(&mut self, pair: &Pair<'_, Rule>) {
        let mut above = true;
        for part in pair.clone().into_inner() {
            let start = part.as_span().start();
            match part.as_rule() {
                Rule::doc | Rule::annotation if above => {
                    self.above.insert(start);
                }
                Rule::comment | Rule::end => {}
                _ => {
                    above = false;
                    self.apart.insert(start);
                }
            }
        }
    }

    /// Whether a token is the first of what stands above an entry.
    pub(super) fn leads(&self, start: usize) -> bool {
        self.above.contains(&start)
    }

    /// The tokens on one line.
    pub(super) fn joined(&self, tokens: &[Token<'_>]) -> String {
        let mut line = String::new();
        for (i, token) in tokens.iter().enumerate() {
            if i > 0 {
                line.push_str(self.between(tokens, i));
            }
            line.push_str(token.text);
        }
        line
    }

    /// The blanks before token `i`.
    fn between(&self, tokens: &[Token<'_>], i: usize) -> &'static str {
        let (a, b) = (&tokens[i - 1], &tokens[i]);
        let raises_unit = |sign: usize| sign > 0 && tokens[sign - 1].rule == Rule::unit;
        let tight = match (a.text, b.text) {
            ("{", "}") => true,
            ("{", _) if self.sets.contains(&a.start) => true,
            (_, "}") if self.sets.contains(&b.start) => true,
            // `3 m ^ 2` is no area.
            (_, "^") => !raises_unit(i),
            ("^", _) => !raises_unit(i - 1),
            ("(" | "[" | "." | ".." | "@", _) => true,
            (_, ")" | "]" | "," | "." | "..") => true,
            ("-", _) if self.negations.contains(&a.start) => true,
            (_, "(" | "[") => self.calls.contains(&b.start),
            _ => false,
        };
        if tight {
            ""
        } else if self.apart.contains(&b.start) && a.text != "{" {
            "  "
        } else {
            " "
        }
    }

    /// The tokens on as many lines as the width asks for: the first `indent` blanks in, the others `inner`.
    pub(super) fn wrapped(&self, tokens: &[Token<'_>], indent: usize, inner: usize) -> Vec<String> {
        let mut lines = Vec::new();
        let (mut rest, mut left) = (tokens, indent);
        while !rest.is_empty() {
            let line = self.joined(rest);
            let fits = left + line.chars().count() <= WIDTH;
            let Some(at) = (if fits {
                None
            } else {
                self.best_break(rest, WIDTH.saturating_sub(left))
            }) else {
                lines.push(line);
                break;
            };
            lines.push(self.joined(&rest[..at]));
            (rest, left) = (&rest[at..], inner);
        }
        lines
    }

    /// Where to break: within the width, inside as few brackets as possible, rather at a comma, an arrow or a clause than at
    /// an operator, and as late as possible. If nothing fits, at the first place there is.
    fn best_break(&self, tokens: &[Token<'_>], width: usize) -> Option<usize> {
        let (mut depth, mut columns) = (0_usize, 0);
        let mut best: Option<(usize, usize)> = None;
        for (i, token) in tokens.iter().enumerate() {
            if matches!(token.text, ")" | "]" | "}") && token.rule == Rule::sign {
                depth = depth.saturating_sub(1);
            }
            if i > 0
                && let Some(rank) = self.rank(&tokens[i - 1], token)
            {
                let cost = 2 * depth + rank;
                if columns > width {
                    return best.map(|(at, _)| at).or(Some(i));
                }
                if best.is_none_or(|(_, least)| cost <= least) {
                    best = Some((i, cost));
                }
            }
            if matches!(token.text, "(" | "[" | "{") && token.rule == Rule::sign {
                depth += 1;
            }
            let blanks = if i > 0 {
                self.between(tokens, i).len()
            } else {
                0
            };
            columns += blanks + token.text.chars().count();
        }
        best.map(|(at, _)| at)
    }

    /// How good a break between two tokens is, if one is allowed there: 0 is better than 1.
    fn rank(&self, a: &Token<'_>, b: &Token<'_>) -> Option<usize> {
        let clause = matches!(
            b.text,
            "->" | "when" | "via" | "default" | "against" | "where" | "within"
        );
        let branch = matches!(b.text, "then" | "else");
        if a.rule == Rule::sign && a.text == "," || clause && b.rule != Rule::text {
            Some(0)
        } else if branch || self.operators.contains(&b.start) {
            Some(1)
        } else {
            None
        }
    }
}

//! Stretches that no rule of the grammar reads.
//!
//! In: a stretch, and the text around it. Out: the names that it was probably to define, and one diagnostic of what is wrong with it, found by reading it
//! again as what it should have been.

use pest::error::{Error, InputLocation};

use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::syntax::explain;
use crate::syntax::grammar::Rule;
use crate::syntax::parse::Reader;
use crate::syntax::place::{first_word, is_keyword, line_start};
use crate::syntax::tokens::tokens;
use crate::syntax::tree::{Pair, Tree};

/// Operators that go on with the value before them.
const JOINING: [&str; 12] = [
    "->", "<=", ">=", "==", "!=", "<", ">", "+", "-", "*", "/", "^",
];

/// Words that a name stands before or behind, which may be the one that is missing.
const DEFINING: [&str; 4] = ["branch", "in", "layer", "repeat"];

/// The most names of one stretch that is lost: `let mut x = 1` may define any of its words.
const MOST_LOST: usize = 4;

/// How much behind a stretch is read to say what is wrong with it, and how far from the cut that must be.
const BEHIND: usize = 1024;
const MARGIN: usize = 256;

impl<'t> Reader<'t, '_> {
    /// Names that a stretch was probably to define: nothing more is said of them.
    pub(super) fn lose(&mut self, text: &str) {
        let mut rest = text;
        for _ in 0..MOST_LOST {
            let length = rest
                .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .unwrap_or(rest.len());
            let word = &rest[..length];
            if word.is_empty() || word.starts_with(|c: char| c.is_ascii_digit()) {
                return;
            }
            if !is_keyword(word) {
                self.lost.push(word.to_string());
            }
            rest = rest[length..].trim_start_matches([' ', '\t', ':']);
        }
    }

    /// Names that what stands in the braces of a stretch was to define.
    pub(super) fn lose_within(&mut self, text: &str) {
        if !text.contains('{') {
            return;
        }
        let tokens = tokens(text);
        let (mut before, mut depth) = ("", 0_usize);
        for (i, token) in tokens.iter().enumerate() {
            match token.text {
                "(" => depth += 1,
                ")" => depth = depth.saturating_sub(1),
                _ => {}
            }
            let next = tokens.get(i + 1).map(|next| next.text);
            let is_defined =
                ["as", "branch", "layer"].contains(&before) || matches!(next, Some("=" | "in"));
            // The arguments of a call are no names of the text.
            let is_name = token.rule == Rule::word && depth == 0 && !is_keyword(token.text);
            if is_name && is_defined {
                self.lost.push(token.text.to_string());
            }
            before = token.text;
        }
    }

    /// Where and why what stands behind an operator is no value, if a stretch goes on with one behind an entry: `y = x + .5`.
    fn misread_behind(&self, start: usize, length: usize) -> Option<(usize, Box<Error<Rule>>)> {
        let rest = &self.text[start..];
        let goes_on = self.text[..start].ends_with([' ', '\t']) || start == 0;
        let operator = JOINING.iter().find(|sign| rest.starts_with(**sign))?;
        if rest[operator.len()..].starts_with(['=', '<', '>']) {
            return None; // a sign of another language
        }
        let blanks = rest[operator.len()..].len()
            - rest[operator.len()..].trim_start_matches([' ', '\t']).len();
        let at = operator.len() + blanks;
        let error = misread(Rule::expression, &rest[at..], length.saturating_sub(at))?;
        goes_on.then_some((start + at, error))
    }

    /// What is said of a word between two conditions that is no operator, and was read as the unit of a number: `a == 4 xor b == 4`.
    fn foreign_operator(&self, start: usize) -> Option<Diagnostic> {
        let before = self.text[..start].trim_end_matches([' ', '\t']);
        let is_word = |c: char| c.is_ascii_alphabetic();
        let word = &before[before.trim_end_matches(is_word).len()..];
        let help = match word {
            "xor" => "compare two truth values: `(a) != (b)`",
            "unless" => "write `or`: `a unless b` is `a or b`",
            _ => return None,
        };
        let span = Span::new(self.id, before.len() - word.len(), before.len());
        let message = format!("`{word}` is no operator");
        Some(
            Diagnostic::error("bnas::parse::syntax", message)
                .label(span, "not a word of bnas")
                .help(help),
        )
    }

    /// Says what is wrong with a stretch that no rule reads, by reading it again as what it should have been.
    pub(super) fn lost(&mut self, pair: Pair<'t>, top_level: bool) {
        let (start, length) = (pair.start(), pair.text().len());
        let rest = &self.text[start..];
        let known = self.lost.len();
        if first_word(rest) != "in" {
            // What stands behind `in` defines nothing.
            self.lose(&rest[..length]);
        }
        let names_none = self.lost.len() == known;
        self.lose_within(&rest[..length]);
        if rest.starts_with('=') || rest.starts_with("in ") {
            // The name before it was read as the value of the entry above.
            let line = line_start(&self.text[..start]);
            self.lose(self.text[line..start].trim_start());
        }
        self.unread.push(self.span(pair));
        let line = self.text[line_start(&self.text[..start])..start].trim_start();
        let defines = rest.starts_with('=') || DEFINING.contains(&first_word(rest));
        if line.is_empty() && names_none && defines && !top_level {
            self.nameless.push(self.span(pair));
        }
        let is_of_compare = line.starts_with("compare ") && rest.starts_with("against");
        if self.said == Some(start) || is_of_compare {
            // Of `compare`, analysis says that it is not built.
            return;
        }
        if let Some(foreign) = self.foreign_operator(start) {
            self.sink.push(foreign);
            return;
        }
        if let Some((at, error)) = self.misread_behind(start, length) {
            let diagnostic = explain::syntax_error(self.id, self.text, at, &error);
            self.sink.push(diagnostic);
            return;
        }
        let rule = match top_level {
            true if rest.starts_with("use") => Rule::import,
            true => Rule::declaration,
            false => Rule::entry,
        };
        let diagnostic = match misread(rule, rest, length) {
            Some(error) => explain::syntax_error(self.id, self.text, start, &error),
            None => Diagnostic::error("bnas::parse::syntax", "this is not understood")
                .label(self.span(pair), "no rule of the language reads this"),
        };
        self.sink.push(diagnostic);
    }
}

/// Where and why a text, of which a stretch of `length` bytes is lost, does not read as `rule`. It reads no more of the text than that takes:
/// pest walks from the end of what it was given to the line of an error, so a file of many mistakes would take quadratic time.
fn misread(rule: Rule, text: &str, length: usize) -> Option<Box<Error<Rule>>> {
    let mut cut = length + BEHIND;
    loop {
        while cut < text.len() && !text.is_char_boundary(cut) {
            cut += 1;
        }
        let part = &text[..cut.min(text.len())];
        let read = Tree::read(rule, part);
        let end = match &read {
            Ok(tree) => tree.root().end(),
            Err(error) => match error.location {
                InputLocation::Pos(at) | InputLocation::Span((at, _)) => at,
            },
        };
        if part.len() == text.len() || end + MARGIN < part.len() {
            return read.err();
        }
        cut *= 2;
    }
}

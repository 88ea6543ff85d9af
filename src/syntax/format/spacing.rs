//! Tokens on a line: how many blanks part them, and where a line that is too wide is broken.
//!
//! In: the tokens of a text and what the grammar says about them. Out: the text of lines.

use crate::syntax::format::WIDTH;
use crate::syntax::grammar::Rule;
use crate::syntax::tokens::tokens as lexed;
use crate::syntax::tree::{Pair, Tree};

/// A token with its place in the input.
pub(super) struct Token<'t> {
    pub(super) rule: Rule,
    pub(super) text: &'t str,
    pub(super) start: usize,
    /// Line ends between it and the token before.
    pub(super) line_ends: usize,
    pub(super) role: Role,
    /// Characters.
    width: usize,
}

/// What the grammar says about a token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Plain,
    /// `(` or `[` that follows its name.
    Call,
    /// The minus before an operand.
    Negation,
    /// A brace of a set or of imported names, at either end.
    Set,
    /// The brace that opens a body.
    Body,
    /// The first of an entry, or of an annotation behind one.
    Apart,
    /// The first of an annotation or of documentation above an entry.
    Above,
    /// An operator with two operands at which a line may be broken.
    Operator,
}

/// The tokens of a text; a unit is one token.
pub(super) fn tokens<'t>(text: &'t str, tree: &'t Tree<'t>) -> Vec<Token<'t>> {
    let mut units = tree.pairs().filter(|p| p.rule() == Rule::unit).peekable();
    let mut tokens = Vec::new();
    let mut end = 0;
    for token in lexed(text) {
        let start = token.start;
        if start < end || token.text == "\u{FEFF}" {
            continue; // inside a unit, or the mark before the first line
        }
        let unit = units.next_if(|unit| unit.start() == start);
        let (rule, text_of) = match unit {
            Some(unit) => (Rule::unit, unit.text()),
            None => (token.rule, token.text),
        };
        tokens.push(Token {
            rule,
            text: text_of,
            start,
            line_ends: line_ends(&text[end..start]),
            role: Role::Plain,
            width: text_of.chars().count(),
        });
        end = start + text_of.len();
    }
    for pair in tree.pairs() {
        roles(&mut tokens, pair);
    }
    tokens
}

/// How often a line ends in blanks; `\r\n` is one end.
fn line_ends(blanks: &str) -> usize {
    let bytes = blanks.as_bytes();
    let is_end = |i: &usize| match bytes[*i] {
        b'\n' => *i == 0 || bytes[i - 1] != b'\r',
        byte => byte == b'\r',
    };
    (0..bytes.len()).filter(is_end).count()
}

/// Writes what a pair says about its tokens.
fn roles(tokens: &mut [Token<'_>], pair: Pair<'_>) {
    let mut mark = |byte: usize, role: Role| {
        let at = tokens.partition_point(|token| token.start < byte);
        if let Some(token) = tokens.get_mut(at) {
            token.role = role;
        }
    };
    match pair.rule() {
        Rule::arguments | Rule::parameters | Rule::index => mark(pair.start(), Role::Call),
        Rule::prefix if pair.text() == "-" => mark(pair.start(), Role::Negation),
        Rule::set | Rule::import_names => {
            mark(pair.start(), Role::Set);
            mark(pair.end() - 1, Role::Set);
        }
        Rule::body => mark(pair.start(), Role::Body),
        Rule::operator if !matches!(pair.text(), ".." | "^" | "within") => {
            mark(pair.start(), Role::Operator);
        }
        Rule::entry => {
            let mut role = Role::Above;
            for part in pair.parts().filter(|part| part.rule() != Rule::end) {
                if !matches!(part.rule(), Rule::doc | Rule::annotation) {
                    role = Role::Apart;
                }
                mark(part.start(), role);
            }
        }
        _ => {}
    }
}

/// The tokens on one line.
pub(super) fn joined(tokens: &[Token<'_>]) -> String {
    let mut line = String::with_capacity(WIDTH);
    for (i, token) in tokens.iter().enumerate() {
        line.push_str(&"  "[..between(tokens, i)]);
        line.push_str(token.text);
    }
    line
}

/// How wide the tokens are on one line, or some number beyond `most`.
pub(super) fn width(tokens: &[Token<'_>], most: usize) -> usize {
    let mut width = 0;
    for (i, token) in tokens.iter().enumerate() {
        width += between(tokens, i) + token.width;
        if width > most {
            break;
        }
    }
    width
}

/// How many blanks stand before token `i`.
fn between(tokens: &[Token<'_>], i: usize) -> usize {
    if i == 0 {
        return 0;
    }
    let (a, b) = (&tokens[i - 1], &tokens[i]);
    let raises_unit = |sign: usize| sign > 0 && tokens[sign - 1].rule == Rule::unit;
    let tight = match (a.text, b.text) {
        ("{", "}") => true,
        ("{", _) if a.role == Role::Set => true,
        (_, "}") if b.role == Role::Set => true,
        // `3 m ^ 2` is no area.
        (_, "^") => !raises_unit(i),
        ("^", _) => !raises_unit(i - 1),
        ("(" | "[" | "." | ".." | "@", _) => true,
        (_, ")" | "]" | "," | "." | "..") => true,
        ("-", _) if a.role == Role::Negation => true,
        (_, "(" | "[") => b.role == Role::Call,
        _ => false,
    };
    match tight {
        true => 0,
        false if b.role == Role::Apart && a.text != "{" => 2,
        false => 1,
    }
}

/// The tokens on as many lines as the width asks for: the first `indent` blanks in, the others `inner`.
pub(super) fn wrapped(tokens: &[Token<'_>], indent: usize, inner: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let (mut rest, mut left) = (tokens, indent);
    while !rest.is_empty() {
        let room = WIDTH.saturating_sub(left);
        let fits = width(rest, room) <= room;
        let at = if fits { None } else { best_break(rest, room) };
        let at = at.unwrap_or(rest.len());
        lines.push(joined(&rest[..at]));
        (rest, left) = (&rest[at..], inner);
    }
    lines
}

/// Where to break: within the width, inside as few brackets as possible, rather at a comma, an arrow or a clause than at
/// an operator, and as late as possible. If nothing fits, at the first place there is.
fn best_break(tokens: &[Token<'_>], width: usize) -> Option<usize> {
    let (mut depth, mut columns) = (0_usize, 0);
    let mut best: Option<(usize, usize)> = None;
    for (i, token) in tokens.iter().enumerate() {
        if matches!(token.text, ")" | "]" | "}") && token.rule == Rule::sign {
            depth = depth.saturating_sub(1);
        }
        if i > 0
            && let Some(rank) = rank(&tokens[i - 1], token)
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
        columns += between(tokens, i) + token.width;
    }
    best.map(|(at, _)| at)
}

/// How good a break between two tokens is, if one is allowed there: 0 is better than 1.
fn rank(a: &Token<'_>, b: &Token<'_>) -> Option<usize> {
    let clause = matches!(
        b.text,
        "->" | "when" | "via" | "default" | "against" | "where" | "within"
    );
    let branch = matches!(b.text, "then" | "else");
    if a.rule == Rule::sign && a.text == "," || clause && b.rule != Rule::text {
        Some(0)
    } else if branch || b.role == Role::Operator {
        Some(1)
    } else {
        None
    }
}

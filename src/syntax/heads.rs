//! Where declarations begin.
//!
//! In: the tokens of a text. Out: the kind and name that some begin with, and what stands above them.

use crate::source::{SourceId, Span};
use crate::syntax::ast::Name;
use crate::syntax::grammar::Rule;
use crate::syntax::place::{HEADS, is_keyword};
use crate::syntax::tokens::Token;

/// Kind and name, if these tokens begin a declaration.
pub(super) fn head(id: SourceId, tokens: &[Token<'_>]) -> Option<(Name, Name)> {
    let [kind, name, ..] = tokens else {
        return None;
    };
    // `block in {…}` is a choice.
    let is_named = name.rule == Rule::word && !is_keyword(name.text);
    let is_head = HEADS.contains(&kind.text) && is_named;
    let word = |token: &Token<'_>| Name {
        text: token.text.to_string(),
        span: Span::new(id, token.start, token.end()),
    };
    is_head.then(|| (word(kind), word(name)))
}

/// The last token on the line of a declaration's head, if neither that line nor the next has the brace that opens it.
/// It looks no further than the next declaration: in a text of heads alone, each would be looked at from all before it.
pub(super) fn unopened<'t, 'a>(
    id: SourceId,
    text: &str,
    tokens: &'a [Token<'t>],
) -> Option<&'a Token<'t>> {
    let mut depth = 0_usize;
    for (i, pair) in tokens.windows(2).enumerate() {
        let [before, token] = pair else { break };
        let is_below = text[before.end()..token.start].contains('\n');
        match token.text {
            "{" => return None,
            _ if depth == 0 && is_below => return Some(before),
            _ if is_below && starts_line(text, token) && head(id, &tokens[i + 1..]).is_some() => {
                return None;
            }
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

/// Where the documentation and annotations begin that these tokens end in.
pub(super) fn above(tokens: &[Token<'_>]) -> Option<usize> {
    let mut start = None;
    let mut rest = tokens;
    loop {
        rest = match rest {
            [before @ .., last] if last.rule == Rule::doc => before,
            [before @ .., last] if last.rule == Rule::comment => {
                rest = before;
                continue;
            }
            [before @ .., at, word] if at.text == "@" && word.rule == Rule::word => before,
            [.., last] if last.text == ")" => {
                let mut depth = 0_usize;
                let opens = rest.iter().rposition(|token| {
                    match token.text {
                        ")" => depth += 1,
                        "(" => depth -= 1,
                        _ => {}
                    }
                    depth == 0 || token.rule == Rule::doc
                });
                match opens.map(|at| &rest[..at]) {
                    Some([before @ .., at, word]) if at.text == "@" && word.rule == Rule::word => {
                        before
                    }
                    _ => return start,
                }
            }
            _ => return start,
        };
        start = tokens.get(rest.len()).map(|token| token.start);
    }
}

/// Whether not even a blank stands before a token on its line.
pub(super) fn starts_line(text: &str, token: &Token<'_>) -> bool {
    token.start == 0 || text.as_bytes()[token.start - 1] == b'\n'
}

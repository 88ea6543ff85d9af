//! Block comments, which other languages have.
//!
//! In: a text. Out: the same with blanks in place of each `/* … */`, every other byte in its place, and one diagnostic per comment.

use std::borrow::Cow;

use crate::diagnostic::{Diagnostic, Sink};
use crate::source::{SourceId, Span};
use crate::syntax::scan::blank;
use crate::syntax::tokens::tokens;

const OPEN: &str = "/*";
const CLOSE: &str = "*/";

/// The text without its block comments.
pub(super) fn without_blocks<'t>(id: SourceId, text: &'t str, sink: &mut Sink) -> Cow<'t, str> {
    if !text.contains(OPEN) {
        return Cow::Borrowed(text);
    }
    let mut kept = String::with_capacity(text.len());
    let mut at = 0;
    for token in tokens(text) {
        if token.start < at || !text[token.start..].starts_with(OPEN) {
            continue;
        }
        let inside = token.start + OPEN.len();
        let close = text[inside..].find(CLOSE);
        // One without an end is a line of it.
        let line = text[inside..].find(['\n', '\r']);
        let end = match close {
            Some(close) => inside + close + CLOSE.len(),
            None => line.map_or(text.len(), |line| inside + line),
        };
        sink.push(
            Diagnostic::error("bnas::parse::syntax", "there are no block comments")
                .label(
                    Span::new(id, token.start, inside),
                    "a comment goes to the end of its line",
                )
                .help("write `//` on every line of it"),
        );
        kept.push_str(&text[at..token.start]);
        blank(&text[token.start..end], &mut kept);
        at = end;
    }
    kept.push_str(&text[at..]);
    Cow::Owned(kept)
}

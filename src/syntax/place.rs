//! Where reading ended: the token there, and the words and signs around it.
//!
//! In: a text, the place, and what was expected. Out: a [`Place`] to ask. Nothing here says what is wrong; [`Slip`] is how it is said.

use std::fmt;

use pest::Parser;

use crate::syntax::grammar::{Grammar, Rule};
use crate::syntax::tokens;

// What messages call the things that were expected.
pub(super) const END: &str = "the end of the entry";
pub(super) const EQUALS: &str = "`=`";
pub(super) const IN: &str = "`in`";
pub(super) const NAME: &str = "a name";
pub(super) const OPEN: &str = "`{`";
pub(super) const OPERATOR: &str = "an operator";
pub(super) const VALUE: &str = "a value";

/// Words that begin a declaration at the start of a line: there, reading goes on after a bracket that has no partner.
pub(super) const HEADS: [&str; 8] = [
    "block",
    "dataset",
    "experiment",
    "policy",
    "quantizer",
    "repair",
    "space",
    "target",
];

/// Where reading ended, and what stands there.
pub(super) struct Place<'t> {
    pub(super) text: &'t str,
    /// Where the bad stretch starts.
    pub(super) start: usize,
    pub(super) at: usize,
    pub(super) found: Found<'t>,
}

/// The token at a place.
pub(super) enum Found<'t> {
    Token(&'t str),
    LineEnd,
    FileEnd,
}

/// A frequent slip.
pub(super) struct Slip {
    pub(super) message: String,
    pub(super) label: &'static str,
    pub(super) help: String,
}

impl Slip {
    pub(super) fn new(
        message: impl Into<String>,
        label: &'static str,
        help: impl Into<String>,
    ) -> Self {
        Slip {
            message: message.into(),
            label,
            help: help.into(),
        }
    }
}

impl<'t> Place<'t> {
    pub(super) fn find(text: &'t str, start: usize, at: usize, expected: &[String]) -> Self {
        let missed = |what: &String| matches!(what.as_str(), VALUE | "`then`" | "`else`");
        let behind = text[..at].trim_end();
        let skipped = &text[behind.len()..at];
        let last_line = &behind[line_start(behind)..];
        if skipped.contains('\n') && expected.iter().any(missed) && !last_line.contains("//") {
            // A value is missing at the end of a line; the word on the next one is innocent.
            return Place {
                text,
                start,
                at: behind.len(),
                found: Found::LineEnd,
            };
        }
        let rest = text[at..].trim_start_matches([' ', '\t']);
        let found = match rest.chars().next() {
            None => Found::FileEnd,
            Some('\n' | '\r') => Found::LineEnd,
            Some(first) => {
                let length = match tokens::first(rest) {
                    (Rule::comment | Rule::doc, _) => first.len_utf8(),
                    (_, length) => length,
                };
                Found::Token(&rest[..length])
            }
        };
        let at = if matches!(found, Found::Token(_)) {
            text.len() - rest.len()
        } else {
            at
        };
        Place {
            text,
            start,
            at,
            found,
        }
    }

    /// Its line up to the place, from the start of the bad stretch.
    pub(super) fn before(&self) -> &'t str {
        self.text_before().trim()
    }

    pub(super) fn text_before(&self) -> &'t str {
        let line = line_start(&self.text[..self.at]);
        &self.text[line.max(self.start).min(self.at)..self.at]
    }

    /// Its line up to the place.
    pub(super) fn line(&self) -> &'t str {
        let line = line_start(&self.text[..self.at]);
        &self.text[line..self.at]
    }

    /// What stands at it, if that is a token.
    pub(super) fn token(&self) -> Option<&'t str> {
        match self.found {
            Found::Token(token) => Some(token),
            Found::LineEnd | Found::FileEnd => None,
        }
    }

    /// Whether the bad stretch starts there: what stands before it was read.
    pub(super) fn is_start(&self) -> bool {
        self.at == self.start
    }

    /// Its line from the place on, or of a long one the first part.
    pub(super) fn rest(&self) -> &'t str {
        let rest = &self.text[self.at..];
        let mut end = rest.len().min(LONG_LINE);
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        rest[..end].split(['\n', '\r']).next().unwrap_or("")
    }

    /// Its line from the start of the bad stretch on, without a comment.
    pub(super) fn whole_line(&self) -> String {
        let line = format!("{}{}", self.text_before(), self.rest());
        let line = line.split("//").next().unwrap_or("");
        line.trim().to_string()
    }

    /// The word right before it on its line.
    pub(super) fn last_word(&self) -> &'t str {
        self.before().split_whitespace().next_back().unwrap_or("")
    }

    /// Whether an entry starts there, on a line of its own or behind the brace before it.
    pub(super) fn starts_entry(&self) -> bool {
        self.starts_line() || self.line().trim_end().ends_with(['{', '}'])
    }

    /// Whether nothing but blanks stands before it on its line.
    pub(super) fn starts_line(&self) -> bool {
        let behind = self.text[..self.at].trim_end_matches([' ', '\t']);
        behind.ends_with('\n')
    }
}

impl Found<'_> {
    pub(super) fn length(&self) -> usize {
        match self {
            Found::Token(token) => token.len(),
            Found::LineEnd | Found::FileEnd => 0,
        }
    }
}

impl fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Found::Token(token) => write!(f, "`{token}`"),
            Found::LineEnd => f.write_str("end of line"),
            Found::FileEnd => f.write_str("end of file"),
        }
    }
}

/// How far back the start of a line is looked for: on one line of many mistakes, each would be looked at from all behind it.
const LONG_LINE: usize = 4096;

/// Where the last line of a text starts, or of a long one its last part.
pub(super) fn line_start(text: &str) -> usize {
    let mut from = text.len().saturating_sub(LONG_LINE);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    text[from..].rfind('\n').map_or(from, |n| from + n + 1)
}

pub(super) fn is_keyword(word: &str) -> bool {
    let whole = Grammar::parse(Rule::word, word).is_ok_and(|pairs| pairs.as_str() == word);
    whole && Grammar::parse(Rule::name, word).is_err()
}

pub(super) fn is_letter(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

pub(super) fn first_word(text: &str) -> &str {
    &text[..text.find(|c| !is_letter(c)).unwrap_or(text.len())]
}

pub(super) fn last_word(text: &str) -> &str {
    text.rsplit(|c| !is_letter(c)).next().unwrap_or("")
}

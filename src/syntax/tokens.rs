//! A text as a row of tokens, which every text is.
//!
//! In: a text. Out: its [`Token`]s, as the rule `tokens` of the grammar defines them: a test holds the two against each other. This loop
//! is here for its speed alone, since brackets are counted and lines laid out over every token of a text.

use crate::syntax::grammar::Rule;

/// A token with its place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Token<'t> {
    /// `comment`, `doc`, `text`, `number`, `word` or `sign`.
    pub(super) rule: Rule,
    pub(super) text: &'t str,
    pub(super) start: usize,
}

impl Token<'_> {
    pub(super) fn end(&self) -> usize {
        self.start + self.text.len()
    }
}

/// A text without its comments.
pub fn without_comments(text: &str) -> String {
    let mut rest = String::with_capacity(text.len());
    let mut at = 0;
    for token in tokens(text).iter().filter(|t| t.rule == Rule::comment) {
        rest.push_str(&text[at..token.start]);
        at = token.end();
    }
    rest.push_str(&text[at..]);
    rest
}

/// Signs of two characters.
const PAIRS: [&str; 7] = ["->", "..", "~=", "==", "!=", "<=", ">="];

/// The tokens of a text in order.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    // One is hardly shorter than this with the blanks around it.
    let mut tokens = Vec::with_capacity(text.len() / 4);
    let mut start = 0;
    // Up to here no quote closes: what one has run into, those behind it on the way run into, too.
    let mut open_until = 0;
    while start < text.len() {
        let rest = &text[start..];
        if let b' ' | b'\t' | b'\n' | b'\r' = rest.as_bytes()[0] {
            start += 1;
            continue;
        }
        let (rule, length) = match rest.as_bytes()[0] {
            b'"' if start < open_until => (Rule::sign, 1),
            b'"' => match quoted(rest.as_bytes()) {
                Ok(length) => (Rule::text, length),
                Err(at) => {
                    open_until = start + at;
                    (Rule::sign, 1)
                }
            },
            _ => first(rest),
        };
        tokens.push(Token {
            rule,
            text: &rest[..length],
            start,
        });
        start += length;
    }
    tokens
}

/// Rule and length of the token that a text without a leading blank starts with.
pub(super) fn first(rest: &str) -> (Rule, usize) {
    let bytes = rest.as_bytes();
    let line = || rest.find(['\n', '\r']).unwrap_or(rest.len());
    match bytes[0] {
        b'/' if rest.starts_with("///") && !rest.starts_with("////") => (Rule::doc, line()),
        b'/' if rest.starts_with("//") => (Rule::comment, line()),
        b'"' => match quoted(bytes) {
            Ok(length) => (Rule::text, length),
            Err(_) => (Rule::sign, 1),
        },
        b'0'..=b'9' => (Rule::number, number(bytes)),
        b'a'..=b'z' | b'A'..=b'Z' | b'_' => {
            let is_word = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
            (Rule::word, bytes.iter().take_while(|b| is_word(b)).count())
        }
        _ if PAIRS.iter().any(|pair| rest.starts_with(pair)) => (Rule::sign, 2),
        _ => (Rule::sign, rest.chars().next().map_or(1, char::len_utf8)),
    }
}

/// The length of a text in quotes that ends on its line, or how far it goes without an end.
fn quoted(bytes: &[u8]) -> Result<usize, usize> {
    let mut at = 1;
    loop {
        match bytes.get(at) {
            Some(b'"') => return Ok(at + 1),
            None | Some(b'\n' | b'\r') => return Err(at),
            Some(b'\\') => match bytes.get(at + 1) {
                Some(b'"' | b'\\' | b'n' | b't') => at += 2,
                _ => return Err(at),
            },
            Some(_) => at += 1,
        }
    }
}

/// The length of a number: a point or an exponent belongs to it if digits follow.
fn number(bytes: &[u8]) -> usize {
    let digits = |from: usize| {
        let row = bytes[from.min(bytes.len())..].iter();
        row.take_while(|b| b.is_ascii_digit()).count()
    };
    let mut end = digits(0);
    if bytes.get(end) == Some(&b'.') && digits(end + 1) > 0 {
        end += 1 + digits(end + 1);
    }
    if let Some(b'e' | b'E') = bytes.get(end) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        match digits(end + 1 + sign) {
            0 => {}
            many => end += 1 + sign + many,
        }
    }
    end
}

#[cfg(test)]
mod tests {
    use pest::Parser;

    use super::*;
    use crate::syntax::grammar::Grammar;
    use crate::syntax::tests::SAMPLES;

    /// The tokens by the grammar.
    fn by_grammar(text: &str) -> Vec<Token<'_>> {
        let all = Grammar::parse(Rule::tokens, text).unwrap().flatten();
        all.filter(|pair| !matches!(pair.as_rule(), Rule::tokens | Rule::EOI))
            .map(|pair| Token {
                rule: pair.as_rule(),
                text: pair.as_str(),
                start: pair.as_span().start(),
            })
            .collect()
    }

    #[test]
    fn tokens_are_those_of_the_grammar() {
        for (_, text) in SAMPLES {
            assert_eq!(tokens(text), by_grammar(text));
        }
        let strange = [
            "1.5e3 1.e3 1..4 1e 1e+ 2e-7x 007.10",
            "\"a\\\"b\" \"open\n\"bad\\q\" \"\\\\\" \"é\"",
            "//// c\n/// d\n// e\r\n///\r/////\n/ //",
            "a_1 é_ -> - > .. . ~= ~ == = != ! <= >= \u{0}\u{FEFF}µ",
            "",
            "\"",
            "\"\\",
        ];
        for text in strange {
            assert_eq!(tokens(text), by_grammar(text), "{text}");
        }
        // Every pair of characters that may interact.
        let letters = [
            "1", ".", "e", "+", "-", "\"", "\\", "n", "/", "//", "\n", "\r", "_", "=", "~", ">",
            "é", " ",
        ];
        for a in letters {
            for b in letters {
                for c in letters {
                    let text = format!("{a}{b}{c}{a}1");
                    assert_eq!(tokens(&text), by_grammar(&text), "{text:?}");
                }
            }
        }
    }
}

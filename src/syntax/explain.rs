//! What is said about a text that the grammar does not read.
//!
//! In: pest's error, which knows the furthest place it got to and the rules it tried there. Out: a [`Diagnostic`] in the
//! words of the language, with help that can be typed. Frequent slips have messages of their own.

use std::fmt;

use pest::Parser;
use pest::error::{Error, ErrorVariant, InputLocation};

use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::source::{SourceId, Span};
use crate::syntax::grammar::{Grammar, Rule};
use crate::syntax::tokens;

// What messages call the things that were expected.
const END: &str = "the end of the entry";
const EQUALS: &str = "`=`";
const IN: &str = "`in`";
const NAME: &str = "a name";
const OPEN: &str = "`{`";
const OPERATOR: &str = "an operator";
const VALUE: &str = "a value";

/// Words that start entries.
const STATEMENTS: [&str; 20] = [
    "add", "after", "around", "before", "branch", "check", "compare", "each", "every", "expect",
    "first", "last", "layer", "maximize", "minimize", "parallel", "param", "remove", "repeat",
    "require",
];

/// Words of experiments that people write `=` behind.
const GOALS: [&str; 4] = ["maximize", "minimize", "require", "expect"];

/// The diagnostic for `error`, which pest found while it read `text[start..]`.
pub(super) fn syntax_error(
    id: SourceId,
    text: &str,
    start: usize,
    error: &Error<Rule>,
) -> Diagnostic {
    let (InputLocation::Pos(offset) | InputLocation::Span((offset, _))) = error.location;
    let tried: &[Rule] = match &error.variant {
        ErrorVariant::ParsingError { positives, .. } => positives,
        ErrorVariant::CustomError { .. } => &[],
    };
    let mut expected = Vec::new();
    for word in tried.iter().filter_map(|rule| friendly(*rule)) {
        if !expected.contains(&word) {
            expected.push(word);
        }
    }
    let place = Place::find(text, start, start + offset, &expected);
    let span = |at: usize, length: usize| Span::new(id, at, at + length);
    let whole = span(place.at, place.found.length());
    if let Some(at) = place.lonely_brace(&expected) {
        return Diagnostic::error(
            "bnas::parse::syntax",
            format!("`{}` stands on a line of its own", &text[at..=at]),
        )
        .label(span(at, 1), "it belongs to the name before it")
        .help("move it to the end of the line above");
    }
    if let Some(Slip {
        message,
        label,
        help,
    }) = place.slip(&expected)
    {
        return Diagnostic::error("bnas::parse::syntax", message)
            .label(whole, label)
            .help(help);
    }
    let label = match expected.len() {
        0 => "not understood here".to_string(),
        1..=6 => format!("expected {}", listed(&expected)),
        _ => "no entry goes on like this".to_string(),
    };
    let message = format!("unexpected {}", place.found);
    let diagnostic = Diagnostic::error("bnas::parse::syntax", message).label(whole, label);
    match place.help(&expected) {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}

/// What is said of a quote without an end.
const UNCLOSED_TEXT: [&str; 3] = [
    "this text is not closed on its line",
    "opened here",
    "write `\"` at its end, and `\\\\` for a backslash",
];

/// The diagnostic of a text without an end.
pub(super) fn unclosed_text(span: Span) -> Diagnostic {
    let [message, label, help] = UNCLOSED_TEXT;
    Diagnostic::error("bnas::parse::syntax", message)
        .label(span, label)
        .help(help)
}

/// Where reading ended, and what stands there.
struct Place<'t> {
    text: &'t str,
    /// Where the bad stretch starts.
    start: usize,
    at: usize,
    found: Found<'t>,
}

/// The token at a place.
enum Found<'t> {
    Token(&'t str),
    LineEnd,
    FileEnd,
}

/// A frequent slip.
struct Slip {
    message: String,
    label: &'static str,
    help: String,
}

impl Slip {
    fn new(message: impl Into<String>, label: &'static str, help: impl Into<String>) -> Self {
        Slip {
            message: message.into(),
            label,
            help: help.into(),
        }
    }
}

impl<'t> Place<'t> {
    fn find(text: &'t str, start: usize, at: usize, expected: &[String]) -> Self {
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
    fn before(&self) -> &'t str {
        let line = line_start(&self.text[..self.at]);
        self.text[line.max(self.start).min(self.at)..self.at].trim()
    }

    /// Its line up to the place.
    fn line(&self) -> &'t str {
        let line = line_start(&self.text[..self.at]);
        &self.text[line..self.at]
    }

    /// The word right before it on its line.
    fn last_word(&self) -> &'t str {
        self.before().split_whitespace().next_back().unwrap_or("")
    }

    /// Whether nothing but blanks stands before it on its line.
    fn starts_line(&self) -> bool {
        let behind = self.text[..self.at].trim_end_matches([' ', '\t']);
        behind.ends_with('\n')
    }

    /// Where an opening bracket stands alone that belongs to the line above.
    fn lonely_brace(&self, expected: &[String]) -> Option<usize> {
        let alone = match self.found {
            Found::Token("{" | "(") => self.starts_line(),
            Found::LineEnd => expected.iter().any(|e| e == OPEN),
            _ => false,
        };
        let rest = self.text[self.at..].trim_start();
        (alone && rest.starts_with(['{', '('])).then(|| self.text.len() - rest.len())
    }

    /// What people write by habit from other languages.
    fn slip(&self, expected: &[String]) -> Option<Slip> {
        let wants = |what: &str| expected.iter().any(|e| e == what);
        let rest = &self.text[self.at..];
        if rest.starts_with("..<") || rest.starts_with("..=") {
            let help = "write `low..high`, with the last value as `high`";
            return Some(Slip::new(
                "a range includes both of its ends",
                "not a range of bnas",
                help,
            ));
        }
        if rest.starts_with("/*") {
            let label = "a comment goes to the end of its line";
            return Some(Slip::new(
                "there are no block comments",
                label,
                "write `//` on every line of it",
            ));
        }
        let above = self.text[..self.at].trim_end();
        if above[line_start(above)..].trim_start().starts_with("///")
            && matches!(self.found, Found::FileEnd | Found::Token("}"))
        {
            let label = "nothing follows that it could document";
            return Some(Slip::new(
                "documentation stands above nothing",
                label,
                "write `//` for a comment",
            ));
        }
        let Found::Token(token) = self.found else {
            return None;
        };
        let logic = "logic is written in words";
        let apart = (
            "no separator is needed",
            "delete it, or write the next entry on a new line",
        );
        Some(match token {
            "#" => Slip::new(
                "`#` starts no comment",
                "a comment is written differently",
                "write `//`",
            ),
            "'" => Slip::new(
                "a text stands in double quotes",
                "not a quote of bnas",
                "write `\"…\"`",
            ),
            "\"" => {
                let [message, label, help] = UNCLOSED_TEXT;
                Slip::new(message, label, help)
            }
            "&" => Slip::new("`&` is no operator", logic, "write `and`"),
            "|" => Slip::new("`|` is no operator", logic, "write `or`"),
            "!" => Slip::new("`!` is no operator", logic, "write `not`"),
            ";" => Slip::new("entries are not parted by `;`", apart.0, apart.1),
            "," if wants(END) => Slip::new("entries are not parted by `,`", apart.0, apart.1),
            "[" if wants(VALUE) => Slip::new(
                "brackets hold an index",
                "not a list",
                "write a set: `{a, b}`",
            ),
            "." if wants(VALUE) => Slip::new(
                "a number starts with a digit",
                "none before this point",
                "write `0.` before the fraction",
            ),
            "=" if GOALS.contains(&self.last_word()) => Slip::new(
                format!("`{}` takes no `=`", self.last_word()),
                "nothing is fixed here",
                format!(
                    "write `{} …` as an entry of the experiment",
                    self.last_word()
                ),
            ),
            "=" if is_keyword(self.before()) => keyword(self.before()),
            "=" if self.starts_line() => Slip::new(
                "a name is missing before `=`",
                "nothing stands before this",
                "write `name = value`",
            ),
            "=" if wants(OPERATOR) || self.at == self.start => Slip::new(
                "`=` does not compare",
                "a value is already complete here",
                "write `==` to compare",
            ),
            ":" if wants(EQUALS) => Slip::new(
                "`:` fixes no value",
                "not a sign for this place",
                "write `=`",
            ),
            // The value before it was read as an entry of its own.
            "in" if self.at == self.start && self.line().contains('=') => Slip::new(
                "`=` fixes a value and `in` searches one",
                "a value stands before this already",
                "write `name = value` to fix it, or `name in {a, b}` to search it",
            ),
            word if (wants(NAME) || self.at == self.start) && is_keyword(word) => keyword(word),
            other => {
                let character = other.chars().next()?;
                if character.is_whitespace() {
                    Slip::new(
                        "this blank is no plain blank",
                        "a special space character",
                        "type a plain blank",
                    )
                } else if character.is_alphabetic() && !character.is_ascii() {
                    let label = "names are letters a to z, digits and `_`";
                    Slip::new(
                        format!("`{character}` cannot stand in a name"),
                        label,
                        "spell it with those",
                    )
                } else {
                    return None;
                }
            }
        })
    }

    /// Help for the general message.
    fn help(&self, expected: &[String]) -> Option<String> {
        let wants = |what: &str| expected.iter().any(|e| e == what);
        if wants("`as`") {
            return Some("name the counter: `repeat n as i {`".to_string());
        }
        if wants("`else`") {
            return Some("write `if … then … else …`: every branch has a value".to_string());
        }
        if self.before().ends_with("..") {
            return Some("write the end of the range: `low..high`".to_string());
        }
        let first = self.before().split_whitespace().next()?;
        let near = did_you_mean(first, STATEMENTS).filter(|near| *near != first);
        if let Some(near) = near.filter(|near| near.chars().next() == first.chars().next()) {
            return Some(format!("write `{near}`"));
        }
        if wants(EQUALS) && self.before().ends_with(')') {
            return Some(format!("a section stands in braces: `{first} {{ … }}`"));
        }
        if wants(EQUALS) && wants(IN) {
            return Some(format!(
                "write `{first} = value` to fix it, or `{first} in {{a, b}}` to search it"
            ));
        }
        None
    }
}

impl Found<'_> {
    fn length(&self) -> usize {
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
fn line_start(text: &str) -> usize {
    let mut from = text.len().saturating_sub(LONG_LINE);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    text[from..].rfind('\n').map_or(from, |n| from + n + 1)
}

fn keyword(word: &str) -> Slip {
    let help = format!("write another name, for example `{word}_`");
    Slip::new(
        format!("`{word}` is a keyword and no name"),
        "expected a name",
        help,
    )
}

pub(super) fn is_keyword(word: &str) -> bool {
    let whole = Grammar::parse(Rule::word, word).is_ok_and(|pairs| pairs.as_str() == word);
    whole && Grammar::parse(Rule::name, word).is_err()
}

/// `a`, `a or b`, `a, b or c`.
fn listed(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}

/// What a rule is called in a message; none for what would only add noise.
#[rustfmt::skip] // one line per thing that may be expected
fn friendly(tried: Rule) -> Option<String> {
    let word = match tried {
        Rule::name | Rule::kind | Rule::base | Rule::path => NAME,
        Rule::word | Rule::import_path => "a word",
        Rule::number | Rule::quantity | Rule::bare_quantity | Rule::expression | Rule::condition | Rule::group
        | Rule::set | Rule::reference | Rule::bare_reference | Rule::conditional | Rule::boolean | Rule::categories
        | Rule::subsets | Rule::prefix | Rule::kw_if | Rule::kw_categories | Rule::kw_subsets => VALUE,
        Rule::operator => OPERATOR,
        Rule::text => "a text in quotes",
        Rule::unit => "a unit",
        Rule::parameter => "a parameter",
        Rule::named | Rule::positional => "an argument",
        Rule::pattern_step => "an operation",
        Rule::declaration => "a declaration",
        Rule::end | Rule::EOI => END,
        Rule::body => OPEN,
        Rule::arguments | Rule::parameters => "`(`",
        Rule::selector => "`layer`",
        Rule::equals => EQUALS,
        Rule::arrow => "`->`",
        Rule::all => "`*`",
        other => {
            let keyword = format!("{other:?}");
            return keyword.strip_prefix("kw_").map(|word| format!("`{word}`"));
        }
    };
    Some(word.to_string())
}

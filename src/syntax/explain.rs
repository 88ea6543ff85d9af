//! What is said about a text that the grammar does not read.
//!
//! In: pest's error, which knows the furthest place it got to and the rules it tried there. Out: a [`Diagnostic`] in the
//! words of the language, with help that can be typed. Frequent slips have messages of their own.

use pest::Parser;
use pest::error::{Error, ErrorVariant, InputLocation};

use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::source::{SourceId, Span};
use crate::syntax::grammar::{Grammar, Rule};

/// The diagnostic for `error`, which pest found while it read `text[start..]`.
pub(super) fn syntax_error(
    id: SourceId,
    text: &str,
    start: usize,
    error: &Error<Rule>,
) -> Diagnostic {
    let at = start
        + match error.location {
            InputLocation::Pos(position) => position,
            InputLocation::Span((position, _)) => position,
        };
    let tried: &[Rule] = match &error.variant {
        ErrorVariant::ParsingError { positives, .. } => positives,
        ErrorVariant::CustomError { .. } => &[],
    };
    // An error right behind a line's last word is shown there; blanks before the next word belong to that word.
    let rest = &text[at..];
    let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
    let at = if rest[blanks..].starts_with(['\n', '\r']) || blanks == rest.len() {
        at
    } else {
        at + blanks
    };
    let found = Found::at(text, at);
    let span = Span::new(id, at, at + found.length());
    if let Some((message, label, help)) = slip(text, at, &found, tried) {
        return Diagnostic::error("bnas::parse::syntax", message)
            .label(span, label)
            .help(help);
    }
    let mut expected = Vec::new();
    for word in tried.iter().filter_map(|rule| friendly(*rule)) {
        if !expected.contains(&word) {
            expected.push(word);
        }
    }
    let mut diagnostic = Diagnostic::error("bnas::parse::syntax", format!("unexpected {found}"));
    let label = match expected.len() {
        0 => "not understood here".to_string(),
        1..=6 => format!("expected {}", listed(&expected)),
        _ => "no entry goes on like this".to_string(),
    };
    diagnostic = diagnostic.label(span, label);
    match help(text, at, &found, tried) {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}

/// The token at a place.
enum Found<'t> {
    Token(&'t str),
    LineEnd,
    FileEnd,
}

impl<'t> Found<'t> {
    fn at(text: &'t str, at: usize) -> Self {
        let rest = &text[at..];
        let Some(first) = rest.chars().next() else {
            return Found::FileEnd;
        };
        if rest
            .trim_start_matches([' ', '\t'])
            .starts_with(['\n', '\r'])
        {
            return Found::LineEnd;
        }
        if rest.trim_start_matches([' ', '\t']).is_empty() {
            return Found::FileEnd;
        }
        let token = [Rule::text, Rule::word, Rule::number, Rule::sign]
            .into_iter()
            .find_map(|rule| Some(Grammar::parse(rule, rest).ok()?.as_str()));
        Found::Token(token.unwrap_or(&rest[..first.len_utf8()]))
    }

    fn length(&self) -> usize {
        match self {
            Found::Token(token) => token.len(),
            Found::LineEnd | Found::FileEnd => 0,
        }
    }
}

impl std::fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Found::Token(token) => write!(f, "`{token}`"),
            Found::LineEnd => f.write_str("end of line"),
            Found::FileEnd => f.write_str("end of file"),
        }
    }
}

/// Message, label and help for what people write by habit from other languages.
fn slip(
    text: &str,
    at: usize,
    found: &Found,
    tried: &[Rule],
) -> Option<(String, &'static str, String)> {
    let rest = &text[at..];
    let say =
        |message: &str, label, help: &str| Some((message.to_string(), label, help.to_string()));
    let line_start = text[..at].rfind('\n').map_or(0, |n| n + 1);
    let before = text[line_start..at].trim_start();
    if rest.starts_with("..<") || rest.starts_with("..=") {
        return say(
            "a range includes both of its ends",
            "not a range of bnas",
            "write `low..high`, with the last value as `high`",
        );
    }
    if rest.starts_with("/*") {
        return say(
            "there are no block comments",
            "a comment goes to the end of its line",
            "write `//` on every line of it",
        );
    }
    let Found::Token(token) = found else {
        return None;
    };
    match *token {
        "#" => say(
            "`#` starts no comment",
            "a comment is written differently",
            "write `//`",
        ),
        "'" => say(
            "a text stands in double quotes",
            "not a quote of bnas",
            "write `\"…\"`",
        ),
        "\"" => say(
            "this text is not closed on its line",
            "opened here",
            "write `\"` at its end, and `\\\\` for a backslash",
        ),
        "&" => say(
            "`&&` is no operator",
            "logic is written in words",
            "write `and`",
        ),
        "|" => say(
            "`||` is no operator",
            "logic is written in words",
            "write `or`",
        ),
        "!" => say(
            "`!` is no operator",
            "logic is written in words",
            "write `not`",
        ),
        ";" => say(
            "entries are not parted by `;`",
            "no separator is needed",
            "delete it, or write the next entry on a new line",
        ),
        "," if tried.contains(&Rule::end) => say(
            "entries are not parted by `,`",
            "no separator is needed",
            "delete it, or write the next entry on a new line",
        ),
        "[" if tried.contains(&Rule::set) => say(
            "brackets hold an index",
            "not a list",
            "write a set in braces: `{a, b}`",
        ),
        "{" | "(" if before.is_empty() => Some((
            format!("`{token}` stands on a line of its own"),
            "it belongs to the name before it",
            format!("move `{token}` to the end of the line above"),
        )),
        "." if tried.contains(&Rule::number) => say(
            "a number starts with a digit",
            "there is none before this point",
            "write `0.` before the fraction",
        ),
        "=" if tried.contains(&Rule::eq) => say(
            "`=` does not compare",
            "a value is already complete here",
            "write `==` to compare",
        ),
        ":" if tried.contains(&Rule::equals) => say(
            "`:` fixes no value",
            "not a sign for this place",
            "write `=`",
        ),
        "@" if tried.contains(&Rule::name) && tried.contains(&Rule::end) => None,
        word if tried.contains(&Rule::name) && is_keyword(word) => Some((
            format!("`{word}` is a keyword and no name"),
            "expected a name",
            format!("write another name, for example `{word}_`"),
        )),
        blank if blank.chars().all(char::is_whitespace) => say(
            "this blank is no plain blank",
            "a special space character",
            "type a plain blank",
        ),
        letter if letter.chars().all(char::is_alphabetic) && !letter.is_ascii() => Some((
            format!("`{letter}` cannot stand in a name"),
            "names are letters a to z, digits and `_`",
            "spell it with those".to_string(),
        )),
        _ => None,
    }
}

/// Help for the general message.
fn help(text: &str, at: usize, found: &Found, tried: &[Rule]) -> Option<String> {
    let last = text[..at]
        .trim_end()
        .rsplit(|c: char| !(c.is_alphanumeric() || c == '_'))
        .next()
        .unwrap_or("");
    if tried == [Rule::kw_as] || tried.contains(&Rule::kw_as) && matches!(found, Found::Token("{"))
    {
        return Some("name the counter: `repeat n as i {`".to_string());
    }
    if tried.contains(&Rule::equals) && tried.contains(&Rule::kw_in) && !last.is_empty() {
        let starters = STATEMENTS.iter().copied();
        let line = &text[text[..at].rfind('\n').map_or(0, |n| n + 1)..at];
        let first = line.split_whitespace().next().unwrap_or(last);
        return Some(
            match did_you_mean(first, starters).filter(|near| *near != first) {
                Some(near) => format!("write `{near}`, or `{last} = value`"),
                None => format!(
                    "write `{last} = value` to fix it, or `{last} in {{a, b}}` to search it"
                ),
            },
        );
    }
    if text[..at].trim_end().ends_with("..") {
        return Some("write the end of the range: `low..high`".to_string());
    }
    None
}

/// Words that start entries.
const STATEMENTS: [&str; 18] = [
    "add", "after", "around", "before", "check", "compare", "each", "every", "expect", "first",
    "last", "layer", "maximize", "minimize", "param", "remove", "repeat", "require",
];

fn is_keyword(word: &str) -> bool {
    Grammar::parse(Rule::word, word).is_ok() && Grammar::parse(Rule::name, word).is_err()
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
fn friendly(rule: Rule) -> Option<String> {
    let quoted = |word: &str| Some(format!("`{word}`"));
    match rule {
        Rule::name | Rule::kind | Rule::base | Rule::path => Some("a name".into()),
        Rule::word | Rule::import_path => Some("a word".into()),
        Rule::number
        | Rule::quantity
        | Rule::bare_quantity
        | Rule::expression
        | Rule::condition
        | Rule::set => Some("a value".into()),
        Rule::group
        | Rule::reference
        | Rule::bare_reference
        | Rule::conditional
        | Rule::boolean => Some("a value".into()),
        Rule::kw_if | Rule::kw_true | Rule::kw_false | Rule::kw_categories | Rule::kw_subsets => {
            Some("a value".into())
        }
        Rule::categories | Rule::subsets | Rule::neg | Rule::kw_not => Some("a value".into()),
        Rule::text => Some("a text in quotes".into()),
        Rule::body => quoted("{"),
        Rule::arguments | Rule::parameters => quoted("("),
        Rule::selector | Rule::kw_layer => quoted("layer"),
        Rule::equals => quoted("="),
        Rule::arrow => quoted("->"),
        Rule::annotation => None,
        Rule::end | Rule::EOI => Some("the end of the entry".into()),
        Rule::plus
        | Rule::minus
        | Rule::times
        | Rule::divide
        | Rule::power
        | Rule::to
        | Rule::approx
        | Rule::eq
        | Rule::ne
        | Rule::le
        | Rule::ge
        | Rule::lt
        | Rule::gt
        | Rule::kw_and
        | Rule::kw_or
        | Rule::kw_implies
        | Rule::kw_within => Some("an operator".into()),
        Rule::unit => Some("a unit".into()),
        Rule::member
        | Rule::index
        | Rule::log
        | Rule::step
        | Rule::scale
        | Rule::doc
        | Rule::comment => None,
        Rule::parameter => Some("a parameter".into()),
        Rule::fixed | Rule::searched | Rule::positional => Some("an argument".into()),
        Rule::pattern_step => Some("an operation".into()),
        Rule::all => quoted("*"),
        other => {
            let debug = format!("{other:?}");
            debug.strip_prefix("kw_").and_then(quoted)
        }
    }
}

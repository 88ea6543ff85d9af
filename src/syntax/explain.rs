//! What is said about a text that the grammar does not read.
//!
//! In: pest's error, which knows the furthest place it got to and the rules it tried there. Out: a [`Diagnostic`] in the
//! words of the language, with help that can be typed. Frequent slips have messages of their own.

use pest::error::{Error, ErrorVariant, InputLocation};

use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::source::{SourceId, Span};
use crate::syntax::expected::{friendly, listed};
use crate::syntax::grammar::Rule;
use crate::syntax::place::{EQUALS, Found, HEADS, IN, NAME, OPEN, Place, Slip, line_start};
use crate::syntax::signs::LOGIC;
use crate::units::Unit;

/// Words that start entries.
const STATEMENTS: [&str; 20] = [
    "add", "after", "around", "before", "branch", "check", "compare", "each", "every", "expect",
    "first", "last", "layer", "maximize", "minimize", "parallel", "param", "remove", "repeat",
    "require",
];

/// Words that go on with an entry.
const CLAUSES: [&str; 6] = ["default", "join", "via", "when", "where", "within"];

/// Sections without a name of their own.
pub(super) const SECTIONS: [&str; 9] = [
    "arms",
    "final",
    "finetune",
    "normalize",
    "search",
    "shape",
    "splits",
    "train",
    "vector",
];

/// What a value follows.
const UNFINISHED: [&str; 15] = [
    "->", "<=", ">=", "==", "!=", "=", "<", ">", "+", "-", "*", "/", "^", " in", " default",
];

/// Words behind which people write `!` for `not`.
const BEFORE_A_TRUTH: [&str; 7] = ["and", "or", "not", "implies", "if", "then", "else"];

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
    if let Some((at, sign)) = place.unfinished() {
        return missing_value(span(at, sign.len()), sign);
    }
    if let Some(at) = place.lonely_brace(&expected) {
        return Diagnostic::error(
            "bnas::parse::syntax",
            format!("`{}` stands on a line of its own", &text[at..=at]),
        )
        .label(span(at, 1), "it belongs to the name before it")
        .help("move it to the end of the line above");
    }
    if let Some(at) = place.negation() {
        return Diagnostic::error("bnas::parse::syntax", "`!` is no operator")
            .label(span(at, 1), LOGIC)
            .help("write `not`");
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
    if let Some((at, word, meant)) = place.misspelt_in_rule(&expected) {
        return Diagnostic::error(
            "bnas::parse::syntax",
            format!("`{word}` is no word of a rule"),
        )
        .label(span(at, word.len()), "an unknown word")
        .help(format!("write `{meant}`"));
    }
    if let Some((at, word, meant)) = place.misspelt() {
        let message = match CLAUSES.contains(&meant) {
            true => format!("no entry goes on with `{word}`"),
            false => format!("no statement begins with `{word}`"),
        };
        return Diagnostic::error("bnas::parse::syntax", message)
            .label(span(at, word.len()), "an unknown word")
            .help(format!("write `{meant}`"));
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

/// The diagnostic of a sign at the end of a line that a value should follow.
pub(super) fn missing_value(sign: Span, text: &str) -> Diagnostic {
    let message = format!("a value is missing behind `{text}`");
    Diagnostic::error("bnas::parse::syntax", message)
        .label(sign, "its line ends here")
        .help("write the value on this line, or delete the entry")
}

/// What is said of a quote without an end.
pub(super) const UNCLOSED_TEXT: [&str; 3] = [
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

impl Place<'_> {
    /// The sign at the end of the line above, if what begins here is an entry of its own that was read as the value: `k =`, and `t = 3` below it.
    fn unfinished(&self) -> Option<(usize, &str)> {
        if self.token() == Some("default") && self.rest().trim() == "default" {
            // What stands below it was read as no value.
            return Some((self.at, "default"));
        }
        let is_entry = matches!(self.found, Found::Token("=" | "in"));
        let name = self.line().trim();
        let is_path = |c: char| c.is_ascii_alphanumeric() || "_.[]*".contains(c);
        if !is_entry || name.is_empty() || !name.chars().all(is_path) {
            return None;
        }
        let above = self.text[..line_start(&self.text[..self.at])].trim_end();
        let line = &above[line_start(above)..];
        let line = line.split("//").next().unwrap_or(line).trim_end();
        let sign = UNFINISHED.iter().find(|sign| line.ends_with(**sign))?;
        let sign = sign.trim_start();
        Some((line_start(above) + line.len() - sign.len(), sign))
    }

    /// Where the `!` of `and !x` stands: with it the word before it was not read.
    fn negation(&self) -> Option<usize> {
        let word = self.token().filter(|w| BEFORE_A_TRUTH.contains(w))?;
        let mut behind = self.rest()[word.len()..].trim_start();
        behind = behind.strip_prefix("not ").unwrap_or(behind).trim_start();
        let is_not = behind.starts_with('!') && !behind.starts_with("!=");
        is_not.then(|| self.at + self.rest().len() - behind.len())
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

    /// The first word, where it stands, and the statement or clause that it was meant to be.
    fn misspelt(&self) -> Option<(usize, &str, &'static str)> {
        let before = self.text_before();
        let word = before.split_whitespace().next()?;
        let known: &[&'static str] = match self.goes_on() {
            true => &CLAUSES,
            false => &STATEMENTS,
        };
        let near = did_you_mean(word, known.iter().copied())
            .or_else(|| did_you_mean(word, ["join"]).filter(|_| self.is_behind_brace()))
            .filter(|near| *near != word)?;
        let is_near = near.chars().next() == word.chars().next();
        let blanks = before.len() - before.trim_start().len();
        is_near.then_some((self.at - before.len() + blanks, word, near))
    }

    /// The word before it, where it stands, and the word of a rule of a policy that it was meant to be: `each laer`, `conv layer whre`.
    fn misspelt_in_rule(&self, expected: &[String]) -> Option<(usize, &str, &'static str)> {
        let before = self.text_before().trim_end();
        let word = self.last_word();
        let wants = |what: &str| expected.iter().any(|e| e == what);
        let is_rule = wants("`layer`") || wants("`where`") || self.token() == Some("where");
        let meant = did_you_mean(word, ["layer", "where"]).filter(|meant| *meant != word)?;
        let is_second = before.trim_start().len() > word.len();
        let start = self.at - self.text_before().len();
        (is_rule && is_second).then(|| (start + before.len() - word.len(), word, meant))
    }

    /// Whether the bad stretch stands behind a closing brace on its line.
    fn is_behind_brace(&self) -> bool {
        let line = &self.text[line_start(&self.text[..self.start])..self.start];
        line.trim_end().ends_with('}')
    }

    /// Whether the bad stretch stands behind an entry on its line.
    fn goes_on(&self) -> bool {
        let line = &self.text[line_start(&self.text[..self.start])..self.start];
        let is_set = line.trim_end().ends_with('}') && line.contains(" in {");
        is_set || !line.trim().is_empty() && !line.trim_end().ends_with(['{', '}'])
    }

    /// Help for the general message.
    fn help(&self, expected: &[String]) -> Option<String> {
        let wants = |what: &str| expected.iter().any(|e| e == what);
        let words: Vec<&str> = self.before().split_whitespace().collect();
        match words.as_slice() {
            ["param" | "params"] if self.goes_on() => {
                return Some("delete it: what is counted has no unit".to_string());
            }
            [unit] if self.goes_on() && self.token() == Some("^") => {
                return Unit::of(unit).is_some().then(|| {
                    format!("write a whole power, such as `{unit}^2`: units have no other")
                });
            }
            [unit] if self.goes_on() && Unit::of(unit).is_some() && !self.is_behind_brace() => {
                let before = self.text[..self.start].trim_end().rsplit(' ').next()?;
                // `405 f J`.
                if Unit::of(before).is_none() && Unit::of(&[before, unit].concat()).is_some() {
                    return Some(format!("write the unit without blanks: `{before}{unit}`"));
                }
                return Some(format!("write `*` between units: `{before}*{unit}`"));
            }
            [unit] if self.goes_on() && Unit::of(unit).is_some() => {
                let set = self.line().trim_end().strip_suffix(unit).unwrap_or("");
                let set = set.trim_end().strip_suffix('}').unwrap_or("");
                let members = set.rsplit('{').next().unwrap_or("").split(',');
                let members: Vec<String> = members
                    .map(|member| format!("{} {unit}", member.trim()))
                    .collect();
                return Some(match members.len() {
                    2..=6 => format!(
                        "write the unit behind each number: `{{{}}}`",
                        members.join(", ")
                    ),
                    _ => format!("write the unit behind each number: `{{1 {unit}, 2 {unit}}}`"),
                });
            }
            ["per", of, ..] if self.goes_on() => {
                let is_one = ["inference", "image", "sample", "frame"].contains(of);
                return is_one
                    .then(|| format!("delete `per {of}`: metrics are those of one inference"));
            }
            _ => {}
        }
        if wants("`as`") || wants(NAME) && self.last_word() == "as" {
            return Some("name the counter: `repeat n as i {`".to_string());
        }
        if wants("`else`") {
            return Some("write `if … then … else …`: every branch has a value".to_string());
        }
        if self.before().ends_with("..") {
            return Some("write the end of the range: `low..high`".to_string());
        }
        let first = self.before().split_whitespace().next()?;
        let name = first.split('(').next().unwrap_or(first);
        if wants(EQUALS) && self.before().ends_with(')') {
            return Some(match SECTIONS.contains(&name) {
                true => format!("a section stands in braces: `{name} {{ … }}`"),
                false => format!("a call is the value of something: write `name = {name}(…)`"),
            });
        }
        if wants(OPEN) && !wants(EQUALS) {
            // `quantizer q extends binary`, `method bayes trials 40`: two words, and then a third.
            let words: Vec<&str> = self.before().split_whitespace().collect();
            match (words.as_slice(), self.token()) {
                ([kind, name], Some(_)) if HEADS.contains(kind) => {
                    return Some(format!(
                        "write `{kind} {name} {{`, or `{kind} {name} : base {{`"
                    ));
                }
                (["layer", path], Some("=")) => {
                    let layer = path.split('.').next().unwrap_or(path);
                    return Some(format!(
                        "write a policy with a rule for it, and name that: `policy mine : base {{ layer {layer} {{ weights = int8  activations = int8 }} }}`"
                    ));
                }
                (["stage", name], Some(more)) => {
                    return Some(format!(
                        "a stage has one word as its name: `stage {name}_{more} {{`"
                    ));
                }
                ([_, name], Some("=")) if self.rest().contains("->") => {
                    return Some(format!("write `layer {name} = …`"));
                }
                // The third word starts the next entry.
                ([name, value], Some(more))
                    if more.starts_with(|c: char| c.is_ascii_alphabetic())
                        && *name != "require"
                        && !self.goes_on() =>
                {
                    return Some(format!("write `{name} = {value}`"));
                }
                _ => {}
            }
        }
        if wants(EQUALS) && wants(IN) {
            return Some(format!(
                "write `{first} = value` to fix it, or `{first} in {{a, b}}` to search it"
            ));
        }
        None
    }
}

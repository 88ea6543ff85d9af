//! Words behind a number or a condition that could have ended there, and that change what it was meant to be.
//!
//! In: the text, and the pairs before the words. Out: a [`Behind`], so that the entry and the words behind it are one mistake: `5 micro J`,
//! `75_000 B`, `require q in {a, b}`, `require a <= b when c`. Other slips are in `habits`.

use std::ops::Range;

use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::syntax::ast::{Expr, ExprKind};
use crate::syntax::parse::Reader;
use crate::syntax::place::{Place, Slip, is_keyword};
use crate::syntax::tree::Pair;
use crate::units::Unit;

/// A slip, where it stands, and where the stretch begins that no rule will read, if there is one.
pub(super) struct Behind {
    slip: Slip,
    place: Range<usize>,
    unread: Option<usize>,
}

/// How people say a prefix in words, and what stands for it.
const PREFIXES: [(&str, &str); 15] = [
    ("atto", "a"),
    ("femto", "f"),
    ("pico", "p"),
    ("nano", "n"),
    ("micro", "u"),
    ("milli", "m"),
    ("centi", "c"),
    ("kilo", "k"),
    ("thousand", "k"),
    ("mega", "M"),
    ("million", "M"),
    ("giga", "G"),
    ("billion", "G"),
    ("tera", "T"),
    ("peta", "P"),
];

/// The longest condition that is repeated in a help.
const LONGEST: usize = 60;

impl Reader<'_, '_> {
    /// Reports what stands behind `span`, and gives what stands for the whole.
    pub(super) fn behind(&mut self, behind: Behind, span: Span) -> Expr {
        let Behind {
            slip,
            place,
            unread,
        } = behind;
        let diagnostic = Diagnostic::error("bnas::parse::syntax", slip.message)
            .label(Span::new(self.id, place.start, place.end), slip.label)
            .help(slip.help);
        self.sink.push(diagnostic);
        self.said = unread.or(self.said);
        let kind = ExprKind::Error;
        Expr { kind, span }
    }
}

/// What is wrong with a number by its unit and the word behind that: `75_000`, `0x10`, `5 micro J`.
pub(super) fn number(text: &str, number: Pair<'_>, unit: Pair<'_>) -> Option<Behind> {
    let (digits, word) = (number.text(), unit.text());
    let next = last_word(text, unit.end());
    let is_joined = number.end() == unit.start();
    let behind = next.clone().map_or("", |next| &text[next]);
    let slip = |message: &str, label, meant: &str| Behind {
        slip: Slip::new(message, label, format!("write `{}`", meant.trim_end())),
        place: number.start()..next.clone().map_or(unit.end(), |next| next.end),
        unread: next.clone().map(|next| next.start),
    };
    let is_digit = |c: char| c.is_ascii_digit() || c == '_';
    if is_joined && word.starts_with('_') && word.chars().all(is_digit) {
        let whole = format!("{digits}{} {behind}", word.replace('_', ""));
        let message = "the digits of a number stand together";
        return Some(slip(message, "`_` cannot stand in a number", &whole));
    }
    if is_joined
        && digits == "0"
        && let Some(value) = other_base(word)
    {
        let message = "numbers are decimal";
        let meant = format!("{value} {behind}");
        return Some(slip(message, "not a decimal number", &meant));
    }
    if behind.is_empty() || Unit::of(word).is_some() {
        return None;
    }
    let lower = word.to_ascii_lowercase();
    let prefix = PREFIXES.iter().find(|(name, _)| *name == lower);
    let prefix = prefix.map_or(word, |(_, prefix)| prefix);
    let joined = format!("{prefix}{behind}");
    let meant = match Unit::parse(&joined) {
        Ok(_) => joined,
        Err(unknown) => unknown.suggestion?,
    };
    let message = "a prefix stands right before its unit";
    Some(slip(message, "two words", &format!("{digits} {meant}")))
}

/// What is wrong with a number whose unit stands too far from it: `5  uJ`.
pub(super) fn apart(text: &str, number: Pair<'_>) -> Option<Behind> {
    let place = last_word(text, number.end())?;
    let unit = &text[place.clone()];
    Unit::of(unit)?;
    let help = format!("write `{} {unit}`", number.text());
    Some(Behind {
        slip: Slip::new(
            "at most one blank stands before a unit",
            "too far from its number",
            help,
        ),
        unread: Some(place.start),
        place,
    })
}

/// `x10`, `b101`, `o17` behind a zero.
fn other_base(word: &str) -> Option<u64> {
    let (base, digits) = word.split_at_checked(1)?;
    let radix = match base {
        "x" | "X" => 16,
        "b" | "B" => 2,
        "o" | "O" => 8,
        _ => return None,
    };
    u64::from_str_radix(digits, radix).ok()
}

/// The word behind a place, if it stands alone at the end of its entry.
fn last_word(text: &str, at: usize) -> Option<Range<usize>> {
    let rest = line(text, at);
    let word = rest.trim_start_matches([' ', '\t']);
    let start = at + rest.len() - word.len();
    let ends = |c: char| c.is_whitespace() || ",}(){;=\"".contains(c);
    let length = word.find(ends).unwrap_or(word.len());
    let behind = word[length..].trim_start_matches([' ', '\t']);
    let is_end = behind.is_empty() || behind.starts_with([',', '}']) || behind.starts_with("//");
    let is_word = word.starts_with(|c: char| c.is_ascii_alphabetic());
    let stands = start > at && is_end && is_word && !is_keyword(&word[..length]);
    stands.then_some(start..start + length)
}

/// What is wrong with a condition by the words behind it: `w in {1, 2}`, `a <= b when c`.
pub(super) fn condition(text: &str, condition: Pair<'_>) -> Option<Behind> {
    let rest = line(text, condition.end());
    let words = rest.trim_start_matches([' ', '\t']);
    let start = condition.end() + rest.len() - words.len();
    let (first, behind) = first_word(words);
    let is_not = first == "not" && first_word(behind.trim_start()).0 == "in";
    let (slip, length) = match first {
        "in" => (member(condition.text(), behind, false), 2),
        "not" if is_not => {
            let behind = behind.trim_start()[2..].trim_start();
            (member(condition.text(), behind, true), 3)
        }
        "when" => (implied(condition.text(), behind), 4),
        _ => return None,
    };
    Some(Behind {
        slip,
        place: start..start + length,
        unread: Some(start),
    })
}

/// `require w in {1, 2}`.
pub(super) fn member(condition: &str, domain: &str, is_not: bool) -> Slip {
    let joined = [" and ", " or ", " implies ", "not "];
    let last = { joined.iter() }.fold(condition, |rest, word| {
        rest.rsplit(word).next().unwrap_or(rest)
    });
    let last = last.trim();
    // What stands before it would bind to the first of several comparisons.
    let is_joined = last.len() < condition.trim().len();
    let is_compared = last.contains(['<', '>', '=', '\n']) || last.len() > LONGEST / 2;
    let value = if is_compared { "x" } else { last };
    let (sign, join) = match is_not {
        false => ("==", " or "),
        true => ("!=", " and "),
    };
    let domain = domain.trim();
    let inside = domain.strip_prefix('{').and_then(|set| set.split_once('}'));
    let members: Vec<&str> = match inside {
        Some((members, _)) => members.split(',').map(str::trim).collect(),
        None => vec![domain.split([',', '}']).next().unwrap_or("").trim()],
    };
    let is_plain = |member: &&str| {
        !member.is_empty() && member.len() < LONGEST / 2 && !member.contains(['{', '(', '"'])
    };
    let compared = |member: &&str| match member.split_once("..") {
        Some((low, high)) if is_not && members.len() == 1 => {
            format!("{value} < {low} or {value} > {high}")
        }
        Some((low, high)) if is_not => format!("({value} < {low} or {value} > {high})"),
        Some((low, high)) => format!("{value} >= {low} and {value} <= {high}"),
        None => format!("{value} {sign} {member}"),
    };
    let is_set = inside.is_some() || domain.contains("..");
    let help = match is_set && !is_compared && members.len() <= 4 && members.iter().all(is_plain) {
        true => {
            let all: Vec<String> = members.iter().map(compared).collect();
            let all = all.join(join);
            let is_one = !all.contains(" or ") && !all.contains(" and ");
            match is_joined && !is_one {
                true => format!("write `({all})`"),
                false => format!("write `{all}`"),
            }
        }
        false => format!("compare it with each member: `({value} {sign} a{join}{value} {sign} b)`"),
    };
    Slip::new(
        "`in` searches a value, and compares none",
        "not a comparison",
        help,
    )
}

/// `require all(s[*].w in {1, 2})`, `require not (w in {1, 2})`.
pub(super) fn member_inside(place: &Place<'_>, token: &str, entry: &str) -> Option<Slip> {
    if !["in", "not"].contains(&token) || !["check", "expect", "require"].contains(&entry) {
        return None;
    }
    let before = place.before().trim_end();
    let (value, set) = match token {
        "in" => (before.strip_suffix(" not"), place.rest()),
        _ => (Some(before), place.rest().strip_prefix("not")?.trim_start()),
    };
    let set = set.strip_prefix("in")?;
    let is_not = value.is_some();
    let value = value.unwrap_or(before);
    let inside = value.rfind(['(', ',']).map(|at| &value[at + 1..])?;
    Some(member(inside, set, is_not))
}

/// `if (a <= 1 then 2 else 0)`: a bracket that begins behind `if` ends before `then`.
pub(super) fn half_in_brackets(place: &Place<'_>, token: &str) -> Option<Slip> {
    let before = place.before();
    let open = before.rfind('(').filter(|_| token == "then")?;
    let is_if = before[..open].trim_end().ends_with("if");
    let condition = &before[open + 1..];
    (is_if && !condition.contains(')')).then(|| {
        let condition = condition.trim();
        let help = format!("write `(if {condition} then …)`: the bracket opens before `if`");
        Slip::new(
            "`then` stands in a bracket that its `if` is not in",
            "expected `)`",
            help,
        )
    })
}

/// `require a <= b when c`.
fn implied(condition: &str, behind: &str) -> Slip {
    let when = behind.split("//").next().unwrap_or("");
    let when = when.split([',', '}']).next().unwrap_or("").trim();
    let is_short = !when.is_empty() && when.len() + condition.len() <= 2 * LONGEST;
    let help = match is_short && !condition.contains('\n') {
        true => format!("write `{when} implies {condition}`"),
        false => "write `condition implies …`".to_string(),
    };
    Slip::new(
        "`when` belongs to layers, blocks and branches",
        "not understood behind a condition",
        help,
    )
}

/// The line of a place from there on, or of a long one the first part.
fn line(text: &str, at: usize) -> &str {
    let mut end = text.len().min(at + 4 * LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[at..end].split(['\n', '\r']).next().unwrap_or("")
}

fn first_word(text: &str) -> (&str, &str) {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split_at(text.find(|c| !is_word(c)).unwrap_or(text.len()))
}

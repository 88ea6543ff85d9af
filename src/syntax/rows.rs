//! Things that stand side by side without a sign, or are parted by the wrong one: members, arguments, entries.
//!
//! In: a [`Place`] and what was expected there. Out: a [`Slip`] if it is a known habit.

use crate::syntax::place::{OPERATOR, Place, Slip, first_word, is_keyword, is_letter, last_word};

/// What stands side by side, or is parted by the wrong sign.
pub(super) fn slip(place: &Place<'_>, token: &str, wants: &dyn Fn(&str) -> bool) -> Option<Slip> {
    let line = place.line();
    let around = enclosing(line);
    let completes = wants(OPERATOR) || place.is_start();
    let is_layer = line.trim_start().starts_with("layer ") && around.is_none();
    let is_searched = line.contains(" in ");
    let set = "write a set: `{a, b}`";
    match token {
        "|" | "," if is_layer => Some(Slip::new(
            format!("operations are not parted by `{token}`"),
            "the next operation of the layer",
            "write `->` between them",
        )),
        "|" if is_searched => Some(Slip::new(
            "`|` is no operator",
            "members stand in braces",
            set,
        )),
        "," if around == Some('(') && line.contains(" in (") => Some(Slip::new(
            "round brackets hold one value",
            "a second one",
            "write a range, `low..high`, or a set, `{a, b}`",
        )),
        "," if around == Some('(')
            && opened(line).is_some_and(|at| line[..at].trim_end().ends_with('=')) =>
        {
            Some(Slip::new(
                "round brackets hold one value",
                "a second one",
                "write one value: a kernel or a stride is the same for rows and columns",
            ))
        }
        word if place.last_word() == "log"
            && is_searched
            && word.starts_with(|c: char| c.is_ascii_digit()) =>
        {
            Some(Slip::new(
                "`log` stands behind its range",
                "the range",
                "write `low..high log`",
            ))
        }
        "," if (around.is_none() || around == Some('{') && in_a_body(line))
            && is_searched
            && place.rest()[1..]
                .trim_start()
                .starts_with(|c: char| c.is_ascii_digit()) =>
        {
            Some(Slip::new("members stand in braces", "a second one", set))
        }
        ";" if around.is_some_and(|_| completes) && !place.is_start() && !in_a_body(line) => {
            Some(Slip::new(
                "items are not parted by `;`",
                "between two items",
                "write `,`",
            ))
        }
        "=" if around == Some('{') && wants(OPERATOR) && !place.is_start() => {
            let (outer, _) = line.rsplit_once('{')?;
            let outer = outer.trim_end().strip_suffix('=')?;
            let help = format!("write `{} {{ … }}`", last_word(outer.trim_end()));
            Some(Slip::new(
                "a section takes no `=` before its brace",
                "an entry, not a value",
                help,
            ))
        }
        text if text.starts_with('"')
            && completes
            && ["require", "expect", "check"].contains(&first_word(line.trim_start())) =>
        {
            Some(Slip::new(
                "a reason is parted from its condition",
                "the reason",
                "write `,` before it",
            ))
        }
        "(" if place.is_start() && place.unit_in_brackets().is_some() => Some(Slip::new(
            "a unit stands without brackets",
            "the unit of this number",
            format!("write `{}`", place.unit_in_brackets().unwrap_or_default()),
        )),
        "(" if place.is_start()
            && line
                .trim_end()
                .ends_with(|c: char| c.is_ascii_digit() || c == ')') =>
        {
            Some(Slip::new(
                "two values stand side by side",
                "a value is already complete here",
                "write `*` to multiply",
            ))
        }
        word if wants(OPERATOR) && !is_keyword(word) && around.is_some() && !place.is_start() => {
            let starts_value = word
                .starts_with(|c: char| is_letter(c) || c.is_ascii_digit() || "\"({".contains(c));
            let inside_if = ["`then`", "`else`", "`as`"].iter().any(|word| wants(word));
            (starts_value && !inside_if).then(|| {
                let help = match around {
                    Some('{') => "write `,` between the members of a set",
                    _ => "write `,` between arguments, or an operator between values",
                };
                Slip::new(
                    "two values stand side by side",
                    "a value is already complete here",
                    help,
                )
            })
        }
        _ => None,
    }
}

/// The innermost bracket that is open at the end of a line.
fn enclosing(line: &str) -> Option<char> {
    line[opened(line)?..].chars().next()
}

/// Where that stands.
fn opened(line: &str) -> Option<usize> {
    let mut closed = 0_usize;
    for (at, c) in line.char_indices().rev() {
        match c {
            ')' | ']' | '}' => closed += 1,
            '(' | '[' | '{' if closed == 0 => return Some(at),
            '(' | '[' | '{' => closed -= 1,
            _ => {}
        }
    }
    None
}

/// Whether the innermost bracket that is open at the end of a line holds entries: `train { epochs = 2; `.
fn in_a_body(line: &str) -> bool {
    opened(line).is_some_and(|at| {
        let before = line[..at].trim_end();
        let behind_name = before.ends_with(|c: char| is_letter(c) || c == ')');
        line[at..].starts_with('{')
            && behind_name
            && !["in", "subsets"].contains(&last_word(before))
    })
}

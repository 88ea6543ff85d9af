//! What people write by habit from other languages, told by the words and signs around the place where reading ended.
//!
//! In: a [`Place`] and what was expected there. Out: a [`Slip`] if it is a known habit. Other slips are in `explain`.

use crate::syntax::place::{
    EQUALS, HEADS, NAME, OPEN, OPERATOR, Place, Slip, VALUE, first_word, is_letter, last_word,
};
use crate::syntax::{behind, imports, rows};

/// Words of other languages that start a line, and what stands in their place here.
const OTHERS: [(&[&str], &str); 7] = [
    (
        &["concat", "concatenate", "residual", "shortcut", "skip"],
        "add name",
    ),
    (
        &["assert", "assume", "constraint", "ensure", "st", "subject"],
        "require …",
    ),
    (
        &["disallow", "exclude", "forbid", "forbidden"],
        "require not (…)",
    ),
    (&["for", "while", "loop"], "repeat n as i { … }"),
    (&["return"], "layer name = …"),
    (&["min"], "minimize …"),
    (&["max"], "maximize …"),
];

/// Words of other languages in front of a name that is defined.
const DEFINE: [&str; 12] = [
    "auto", "const", "def", "float", "fn", "func", "function", "int", "let", "mut", "val", "var",
];

/// Signs that compare.
const COMPARE: [&str; 6] = ["<", "<=", ">", ">=", "==", "!="];

/// What people write by habit, if this is that.
pub(super) fn habit(place: &Place<'_>, expected: &[String]) -> Option<Slip> {
    let wants = |what: &str| expected.iter().any(|e| e == what);
    let Some(token) = place.token() else {
        // `max x`, and nothing behind it.
        return of_a_head(place, "", &wants);
    };
    imports::slip(place, token)
        .or_else(|| of_a_name(place, token, &wants))
        .or_else(|| of_a_head(place, token, &wants))
        .or_else(|| of_a_selector(place, token))
        .or_else(|| of_a_sign(place, token, &wants))
        .or_else(|| rows::slip(place, token, &wants))
}

/// `experiment "e" {`, `experiment my-own {`.
fn of_a_name(place: &Place<'_>, token: &str, wants: &dyn Fn(&str) -> bool) -> Option<Slip> {
    if wants(NAME) && !wants(VALUE) {
        let kind = place.before();
        if let Some(text) = token.strip_prefix('"').filter(|text| text.ends_with('"')) {
            let name = text.trim_end_matches('"');
            let help = match name.chars().all(|c| is_letter(c) || c == '.') {
                true => format!("write `{name}`"),
                false => "write its letters, digits and `_` alone; layers are named one by one, or by the copies of a `repeat`, `s[*].name`".to_string(),
            };
            return Some(Slip::new(
                "a name stands without quotes",
                "expected a name",
                help,
            ));
        }
        let declares = HEADS.contains(&kind)
            || ["branch", "layer", "memory", "param", "stage"].contains(&kind)
            || kind.ends_with(" as");
        if declares && token.starts_with(|c: char| c.is_ascii_digit()) {
            let help = format!("write a letter before it: `n{token}`");
            return Some(Slip::new(
                "a name starts with a letter",
                "expected a name",
                help,
            ));
        }
        if token == "{" && HEADS.contains(&kind) {
            let help = format!("write `{kind} name {{`");
            return Some(Slip::new(
                format!("this {kind} has no name"),
                "expected a name",
                help,
            ));
        }
    }
    let behind = place
        .rest()
        .strip_prefix('-')
        .filter(|rest| rest.starts_with(is_letter))?;
    let (before, behind) = (last_word(place.line()), first_word(behind));
    (!before.is_empty() && (wants(EQUALS) || wants(OPEN))).then(|| {
        let help = format!("write `{before}_{behind}`");
        Slip::new(
            "`-` cannot stand in a name",
            "names are letters, digits and `_`",
            help,
        )
    })
}

/// `let x in 1..4`, `assert x <= y`, `layer conv(…)`.
fn of_a_head(place: &Place<'_>, token: &str, wants: &dyn Fn(&str) -> bool) -> Option<Slip> {
    let before = place.before();
    let first = first_word(before);
    let behind = before[first.len()..].trim_start();
    let of_condition = behind::member_inside(place, token, first);
    let of_condition = of_condition.or_else(|| behind::half_in_brackets(place, token));
    if of_condition.is_some() {
        return of_condition;
    }
    if COMPARE.contains(&token) && wants(EQUALS) && !place.is_start() {
        let help = format!("write `require {before} {token} …`");
        return Some(Slip::new("a comparison is no entry", "compares", help));
    }
    if first == "layer" && token == "(" && wants(EQUALS) && !behind.is_empty() {
        let help = format!("write `layer name = {behind}(…)`");
        return Some(Slip::new("this layer has no name", "expected `=`", help));
    }
    let is_value = token == "=" || token == "in";
    if first == "block" && is_value && wants(OPEN) && !behind.is_empty() {
        let help = format!("write `{behind} {token} …`");
        let label = "a block is declared by `{ … }`";
        let message = "a copy of a block has its name alone";
        return Some(Slip::new(message, label, help));
    }
    let joined = [behind, token].concat();
    if first == "join" && wants(OPEN) && ["add", "concat"].contains(&joined.as_str()) {
        let message = "branches are joined behind the brace that closes them";
        let help = format!("move it there: `}} join {joined}`");
        return Some(Slip::new(message, "among the branches", help));
    }
    let is_alone = !behind.is_empty() && !behind.starts_with('=');
    if DEFINE.contains(&first) && is_alone {
        let label = "a name is defined by `=` or `in` alone";
        return Some(Slip::new(
            format!("`{first}` is no word of bnas"),
            label,
            format!("delete `{first}`"),
        ));
    }
    if first == "for" && place.rest().starts_with("each") {
        return Some(Slip::new(
            "`for` is no word of bnas",
            "a rule starts here",
            "write `each layer { … }`",
        ));
    }
    let (_, here) = OTHERS.iter().find(|(words, _)| words.contains(&first))?;
    let label = "not understood behind it";
    is_alone.then(|| {
        Slip::new(
            format!("`{first}` is no word of bnas"),
            label,
            format!("write `{here}`"),
        )
    })
}

/// `first, last layer { … }`, `layer[0] { … }`.
fn of_a_selector(place: &Place<'_>, token: &str) -> Option<Slip> {
    let before = place.before();
    let is_selector = ["each", "every", "first", "last"].contains(&first_word(before));
    if let ("in", Some((_, condition))) = (token, before.split_once(" where ")) {
        let set = place.rest().strip_prefix("in")?;
        return Some(behind::member(condition, set, false));
    }
    match token {
        "first" | "last" | "layer"
            if before.ends_with("except")
                || before.ends_with("but")
                || before.ends_with("without") =>
        {
            Some(Slip::new(
                "a rule leaves no layer out",
                "the last rule that matches wins",
                "write a rule for these layers below this one: `first layer { … }`",
            ))
        }
        "," | "and" | "or" if is_selector && place.rest().contains("layer") => Some(Slip::new(
            "each part of a selector ends in `layer`",
            "the first part ends here",
            "write `first layer, last layer { … }`",
        )),
        "[" if before == "layer" => Some(Slip::new(
            "layers have no numbers",
            "not a layer",
            "write `first layer`, `last layer` or `layer name`",
        )),
        _ => None,
    }
}

/// Signs that mean something elsewhere.
fn of_a_sign(place: &Place<'_>, token: &str, wants: &dyn Fn(&str) -> bool) -> Option<Slip> {
    let (line, rest) = (place.line().trim_end(), place.rest());
    let completes = wants(OPERATOR) || place.is_start();
    let none = |sign: &str, help: &str| {
        let message = format!("`{sign}` is no operator");
        Some(Slip::new(message, "not a sign of bnas", help))
    };
    match token {
        "==" | ">=" | "<=" | "!=" if place.is_start() && rest[2..].starts_with('=') => {
            none(&rest[..3], &format!("write `{token}`"))
        }
        ">" if place.is_start() && rest.starts_with(">==") => none(">==", "write `>=`"),
        "<" if place.is_start() && rest.starts_with("<>") => none("<>", "write `!=`"),
        "->" if place.is_start() && line.trim_start().starts_with("require ") => {
            none("->", "write `implies`")
        }
        "->" if place.is_start() => {
            let name = line.trim_start().split_once('=')?.0.trim_end();
            let is_name = !name.is_empty() && name.chars().all(is_letter);
            is_name.then(|| {
                Slip::new(
                    "operations stand in a layer",
                    "the next operation",
                    format!("write `layer {name} = …`"),
                )
            })
        }
        "²" | "³" => {
            let power = if token == "²" { 2 } else { 3 };
            Some(Slip::new(
                format!("`{token}` stands behind units alone"),
                "no power of a value",
                format!("write `{}^{power}`", last_word(line)),
            ))
        }
        "%" if place.is_start() && !rest[1..].trim_start().is_empty() => Some(Slip::new(
            "`%` is a hundredth, and no operator",
            "stands behind no number",
            "write `x - y * floor(x / y)` for a remainder",
        )),
        "." if line.ends_with("..") => Some(Slip::new(
            "a range is written with two points",
            "one point too many",
            "write `low..high`",
        )),
        "*" if line.ends_with('*') => none("**", "write `^` for a power"),
        "?" => none("?", "write `if … then … else …`"),
        "=" if rest.starts_with("=>") && line.trim_start().starts_with("layer ") => {
            none("=>", "write `->`")
        }
        "=" if rest.starts_with("=>") && line.trim_start().starts_with("require ") => {
            none("=>", "write `implies`, or `>=` to compare")
        }
        "=" if rest.starts_with("=>") => none(
            "=>",
            "write `>=` to compare, and a formula as `name(x) = …`",
        ),
        "=" if rest.starts_with("=<") => none("=<", "write `<=`"),
        ":" if rest.starts_with(":=") => none(":=", "write `=`"),
        "if" if completes && takes_when(line, rest) => Some(Slip::new(
            "what is there under a condition says so by `when`",
            "`if` chooses between two values",
            "write `when` in place of `if`",
        )),
        "if" if completes && searched(line).is_some() => {
            let name = searched(line).unwrap_or_default();
            Some(Slip::new(
                "a domain has no condition",
                "the domain is complete here",
                format!(
                    "leave the condition out: `{name}` is searched only where something reads it, and what reads it may have `when`"
                ),
            ))
        }
        "if" if place.is_start() && place.starts_entry() => {
            let condition = rest["if".len()..].split(['{', '}']).next().unwrap_or("");
            Some(Slip::new(
                "`if` chooses between two values, and holds no entries",
                "starts no entry",
                format!("write `when {}` behind each entry", condition.trim()),
            ))
        }
        "if" if completes => Some(Slip::new(
            "a condition stands before both of its values",
            "a value is already complete here",
            "write `if … then … else …`",
        )),
        "default" if rest[token.len()..].trim_start().starts_with(['=', ':']) => Some(Slip::new(
            "`default` takes no sign behind it",
            "names the member of the first trial",
            "write `default value`",
        )),
        thousand
            if thousand.len() == 3
                && thousand.bytes().all(|b| b.is_ascii_digit())
                && line
                    .strip_suffix(',')
                    .is_some_and(|l| l.ends_with(|c: char| c.is_ascii_digit())) =>
        {
            let number = line.trim_end_matches(',');
            let number = &number[number.trim_end_matches(|c: char| c.is_ascii_digit()).len()..];
            Some(Slip::new(
                "the digits of a number stand together",
                "parted by a comma",
                format!("write `{number}{thousand}`"),
            ))
        }
        number if place.is_start() && number.starts_with(|c: char| c.is_ascii_digit()) => {
            match last_word(line) {
                "by" => Some(Slip::new(
                    "a range is walked by `step`",
                    "how far each step goes",
                    format!("write `low..high step {number}`"),
                )),
                _ if let Some(instead) = place.unit_of_one() => Some(Slip::new(
                    "a unit begins with a name",
                    "no number stands in a unit",
                    format!("write `{instead}`: a `frame` is 1"),
                )),
                _ if line.ends_with('%') => Some(Slip::new(
                    "`%` is a hundredth, and no operator",
                    "a value is already complete here",
                    "write `x - y * floor(x / y)` for a remainder",
                )),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The name whose domain stands at the end of a line.
fn searched(line: &str) -> Option<&str> {
    let (before, domain) = line.rsplit_once(" in ")?;
    let is_whole = domain.matches('{').count() == domain.matches('}').count();
    (is_whole && !domain.contains('=')).then(|| last_word(before))
}

/// Whether the entry of a line, which goes on with `if …`, may stand under a condition.
fn takes_when(line: &str, rest: &str) -> bool {
    let first = first_word(line.trim_start());
    let is_entry = ["layer", "block", "add", "branch"].contains(&first);
    is_entry && !rest.contains(" then ") && !rest.contains(" else ")
}

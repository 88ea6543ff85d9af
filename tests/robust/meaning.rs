use bnas::analysis::Checked;
use bnas::diagnostic::Sink;
use bnas::source::SourceId;
use bnas::syntax;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::Value;

use super::{checked, texts};

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn layout_means_nothing(
        text in any::<Index>(),
        blanks in prop::collection::vec(any::<u8>(), 256),
    ) {
        let all = texts();
        let text = &all[text.index(all.len())];
        let other = respaced(text, &blanks);
        same_meaning(text, &other);
        formatting_means_nothing(&other);
    }
}

#[test]
fn formatting_keeps_the_meaning_of_every_text() {
    for text in texts() {
        formatting_means_nothing(&text);
    }
}

/// The comparison sees a difference in a file that declares no experiment.
#[test]
fn another_meaning_is_seen() {
    let text = std::fs::read_to_string("stdlib/quantizers/reste.bnas").unwrap();
    assert_ne!(
        tree(&text),
        tree(&text.replace("reach       = 1.5", "reach       = 1.25"))
    );
    assert_eq!(
        tree(&text),
        tree(&text.replace("reach       = 1.5", "reach =\n 1.5"))
    );
}

/// Where the grammar has a `gap`, so that a line may end: a sign and whether before or behind it.
const MAY_BREAK: &[(&str, bool, bool)] = &[
    ("(", false, true),
    ("[", false, true),
    ("{", false, true),
    (")", true, false),
    ("]", true, false),
    ("}", true, false),
    (",", true, true),
    ("..", true, true),
    (" = ", false, true),
    (" == ", true, true),
    (" <= ", true, true),
    (" >= ", true, true),
    (" + ", true, true),
    (" - ", true, true),
    (" * ", true, true),
    (" / ", true, true),
    (" -> ", true, true),
    (" in ", false, true),
    (" and ", true, true),
    (" or ", true, true),
    (" implies ", true, true),
    (" default ", true, true),
    (" when ", true, true),
    (" then ", true, true),
    (" else ", true, true),
    ("require ", false, true),
    ("minimize ", false, true),
    ("maximize ", false, true),
];

/// A line with further line ends in it.
fn split(line: &str, next: &mut impl FnMut(u8) -> u8) -> String {
    // The steps of an edit's pattern stand on one line.
    let is_edit = ["around ", "before ", "after "]
        .iter()
        .any(|word| line.starts_with(word));
    let mut out = String::new();
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        let sign = MAY_BREAK.iter().find(|(sign, ..)| rest.starts_with(sign));
        match sign.filter(|(sign, ..)| !(is_edit && *sign == " -> ")) {
            Some((sign, before, behind)) => {
                out.push_str(if *before && next(5) == 0 { "\n" } else { "" });
                out.push_str(sign);
                out.push_str(if *behind && next(5) == 0 { "\n" } else { "" });
                rest = &rest[sign.len()..];
            }
            None => {
                out.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    out
}

/// A text that says the same: other indentation and blank lines, wider gaps, comments where lines end, lines that are joined and split.
fn respaced(text: &str, random: &[u8]) -> String {
    let mut random = random.iter().cycle().copied();
    let mut next = move |n: u8| random.next().unwrap_or(0) % n;
    let mut out = String::new();
    let mut lines = text.lines().map(str::trim).peekable();
    while let Some(plain) = lines.next() {
        out.push_str(&" ".repeat(next(7).into()));
        let is_open = !plain.contains("//") && !plain.contains('"') && !plain.starts_with('@');
        match next(4) {
            0 if is_open => {
                // A quantity has one blank at most, so only blanks behind words are doubled.
                let mut before = ' ';
                for c in plain.chars() {
                    let widens = c == ' ' && !before.is_ascii_digit();
                    out.push_str(if widens { "  " } else { "" });
                    out.push(c);
                    before = c;
                }
            }
            1 if is_open => out.push_str(&split(plain, &mut next)),
            _ => out.push_str(plain),
        }
        // An annotation behind an entry belongs to that, and what is above a blank line may not belong to what is below.
        let may_join = |below: &&str| !below.is_empty() && !below.starts_with('@');
        if is_open && !plain.is_empty() && lines.peek().is_some_and(may_join) && next(3) == 0 {
            out.push(' ');
            continue;
        }
        if is_open && next(4) == 0 {
            out.push_str(&format!("   // note {}", next(100)));
        }
        out.push('\n');
        match next(6) {
            0 => out.push_str("\n\n"),
            1 => out.push_str(&format!("      // remark {}\n", next(100))),
            _ => {}
        }
    }
    out
}

/// What must hold of formatting: idempotent, the same tokens and comments in the same order, the same meaning.
#[track_caller]
fn formatting_means_nothing(text: &str) {
    let format = |text: &str| syntax::format(SourceId(0), text);
    let once = format(text).unwrap_or_else(|found| panic!("{found:?} in\n{text}"));
    assert_eq!(format(&once).as_ref(), Ok(&once), "not idempotent:\n{text}");
    assert_eq!(dense(&once), dense(text), "other tokens than\n{text}");
    same_meaning(text, &once);
}

/// Two texts are one tree, whatever they declare, with the same diagnostics, and the same program where there are experiments.
#[track_caller]
fn same_meaning(text: &str, other: &str) {
    assert_eq!(tree(text), tree(other), "another tree:\n{text}\n{other}");
    let (before, after) = (checked(text).0, checked(other).0);
    let codes = |c: &Checked| c.diagnostics.iter().map(|d| d.code).collect::<Vec<_>>();
    assert_eq!(codes(&before), codes(&after), "{text}\n{other}");
    let program = |c: Checked| meaning(serde_json::to_value(c.program).unwrap());
    assert_eq!(
        program(before),
        program(after),
        "another program:\n{text}\n{other}"
    );
}

/// The tree of a text without its places.
fn tree(text: &str) -> String {
    let debug = format!(
        "{:?}",
        syntax::parse(SourceId(0), text, &mut Sink::default())
    );
    let mut parts = debug.split("Span { source: SourceId(0), start: ");
    let mut out = parts.next().unwrap_or("").to_string();
    for part in parts {
        out.push_str(part.split_once('}').map_or(part, |(_, rest)| rest));
    }
    out
}

/// Everything but blanks, comments included.
fn dense(text: &str) -> String {
    text.split_whitespace().collect()
}

/// A program without places: spans are gone, and what is quoted from the text is without blanks.
fn meaning(mut value: Value) -> Value {
    match &mut value {
        Value::Object(fields) => {
            let is_span = fields.len() == 3 && fields.contains_key("start");
            if is_span && fields.contains_key("end") {
                return Value::Null;
            }
            for field in fields.values_mut() {
                *field = meaning(field.take());
            }
        }
        Value::Array(items) => {
            for item in items.iter_mut() {
                *item = meaning(item.take());
            }
        }
        Value::String(text) => *text = dense(text),
        _ => {}
    }
    value
}

use std::io::{Error, ErrorKind};
use std::path::Path;

use bnas::analysis::{Checked, Loader, check};
use bnas::diagnostic::{Sink, render};
use bnas::model::Template;
use bnas::source::{SourceId, Sources};
use bnas::syntax;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::Value;
use walkdir::WalkDir;

/// The library, and no other file: a random `use "…"` reads nothing.
struct Library;

impl Loader for Library {
    fn file(&self, _: &Path) -> std::io::Result<Vec<u8>> {
        Err(Error::new(ErrorKind::NotFound, "no such file"))
    }
}

fn checked(text: &str) -> (Checked, Sources) {
    let mut sources = Sources::default();
    let main = sources.add("spec.bnas", text);
    (check(&mut sources, main, &Library), sources)
}

/// What must hold of any text: a program or an error, and every diagnostic can be drawn.
fn answered(text: &str) {
    let (checked, sources) = checked(text);
    let failed = checked.diagnostics.iter().any(|d| d.is_error());
    assert_ne!(checked.program.is_some(), failed, "{text}");
    // Drawing looks at every span.
    render(&checked.diagnostics, &sources, false);
    for experiment in checked.program.iter().flat_map(|p| &p.experiments) {
        let _ = Template::new(experiment);
    }
}

/// The texts of the examples and of the library.
fn texts() -> Vec<String> {
    let found = ["examples", "stdlib", "tests/fixtures/warning"]
        .into_iter()
        .flat_map(|folder| WalkDir::new(folder).sort_by_file_name());
    found
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| path.extension().is_some_and(|x| x == "bnas"))
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect()
}

/// A text as a row of words, numbers, signs and stretches of blanks.
fn tokens(text: &str) -> Vec<&str> {
    let sort = |c: char| match c {
        c if c.is_alphanumeric() || c == '_' => 0,
        '\n' => 1,
        c if c.is_whitespace() => 2,
        _ => 3,
    };
    let mut found = Vec::new();
    let mut start = 0;
    let mut last = None;
    for (at, c) in text.char_indices() {
        let this = sort(c);
        if last.is_some_and(|l| l != this || l == 3) {
            found.push(&text[start..at]);
            start = at;
        }
        last = Some(this);
    }
    found.push(&text[start..]);
    found
}

/// One slip of an editor.
#[derive(Debug, Clone)]
enum Slip {
    Delete(Index),
    Double(Index),
    /// A line, or what stands between a bracket and its partner, is gone, there twice, or elsewhere.
    Part(Index, Index, Moved),
    Swap(Index, Index),
    Replace(Index, &'static str),
    /// The rest comes from another text.
    Splice(Index, Index, Index),
}

/// What happens to a part of a text.
#[derive(Debug, Clone, Copy)]
enum Moved {
    Gone,
    Twice,
    Elsewhere,
}

/// The part of a row that begins at a token: from a bracket to its partner, from any other one to the end of its line.
fn part(row: &[&str], at: usize) -> std::ops::Range<usize> {
    let mut depth = 0_usize;
    for (i, token) in row.iter().enumerate().skip(at) {
        match *token {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => depth = depth.saturating_sub(1),
            _ => {}
        }
        let ends = token.contains('\n') || row[at] == "{" || row[at] == "(";
        if depth == 0 && ends {
            return at..i + 1;
        }
    }
    at..row.len()
}

fn slip() -> impl Strategy<Value = Slip> {
    let index = any::<Index>;
    let strange = prop::sample::select(vec![
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        "in",
        "=",
        "..",
        "-",
        "\n",
        "\"",
        "//",
        "///",
        "layer",
        "@",
        "é",
        "1e999",
        "^",
        "if",
        "%",
        "\u{0}",
        "repeat 9 as i {",
        "5 nJ",
        "{}",
        "log",
        "default",
        "0",
        "-1",
        "use",
        "space",
    ]);
    prop_oneof![
        index().prop_map(Slip::Delete),
        index().prop_map(Slip::Double),
        (
            index(),
            index(),
            prop::sample::select(vec![Moved::Gone, Moved::Twice, Moved::Elsewhere])
        )
            .prop_map(|(at, to, how)| Slip::Part(at, to, how)),
        (index(), index()).prop_map(|(a, b)| Slip::Swap(a, b)),
        (index(), strange).prop_map(|(at, by)| Slip::Replace(at, by)),
        (index(), index(), index()).prop_map(|(at, text, from)| Slip::Splice(at, text, from)),
    ]
}

/// A text with slips in it.
fn mutant(text: &str, slips: &[Slip], all: &[String]) -> String {
    let mut row = tokens(text);
    for slip in slips {
        if row.is_empty() {
            break;
        }
        let n = row.len();
        match slip {
            Slip::Delete(at) => drop(row.remove(at.index(n))),
            Slip::Part(at, to, how) => {
                let range = part(&row, at.index(n));
                let moved: Vec<&str> = match how {
                    Moved::Twice => row[range].to_vec(),
                    Moved::Gone | Moved::Elsewhere => row.drain(range).collect(),
                };
                if !matches!(how, Moved::Gone) {
                    let to = to.index(row.len() + 1);
                    row.splice(to..to, moved);
                }
            }
            Slip::Double(at) => row.insert(at.index(n), row[at.index(n)]),
            Slip::Swap(a, b) => row.swap(a.index(n), b.index(n)),
            Slip::Replace(at, by) => row[at.index(n)] = by,
            Slip::Splice(at, text, from) => {
                let other = tokens(&all[text.index(all.len())]);
                row.truncate(at.index(n));
                row.extend(&other[from.index(other.len())..]);
            }
        }
    }
    row.concat()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        answered(&String::from_utf8_lossy(&bytes));
        let inside = format!("bnas 1\nexperiment e {{ {} }}", String::from_utf8_lossy(&bytes));
        answered(&inside);
    }

    #[test]
    fn any_slips_are_answered(
        text in any::<Index>(),
        slips in prop::collection::vec(slip(), 1..4),
    ) {
        let all = texts();
        answered(&mutant(&all[text.index(all.len())], &slips, &all));
    }

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

/// A thousand levels of anything that nests is a diagnostic.
#[test]
fn deep_nesting_is_answered() {
    let deep = |open: &str, inner: &str, close: &str| {
        format!("{}{inner}{}", open.repeat(1000), close.repeat(1000))
    };
    let values = [
        deep("(", "1", ")"),
        deep("{", "1", "}"),
        deep("x[", "1", "]"),
        deep("max(1, ", "1", ")"),
        deep("-", "1", ""),
        deep("not ", "true", ""),
        deep("2 ^ ", "2", ""),
        deep("1 + ", "1", ""),
        deep("true implies ", "true", ""),
        deep("if true then ", "1", " else 1"),
        deep("if ", "true", " then true else true"),
        deep("if true then 1 else ", "1", ""),
        deep("s { x = ", "1", " }"),
        deep("categories ", "{1}", ""),
        deep("(", "1", ""),
        deep("", "1", ")"),
    ];
    for value in values {
        let text = format!("bnas 1\nexperiment e {{\n  x = {value}\n  minimize x\n}}\n");
        answered(&text);
        assert!(checked(&text).0.program.is_none());
    }
    let bodies = [
        deep("repeat 1 as i { ", "layer a = norm", " }"),
        deep("each layer { ", "", " }"),
        deep("around every sign { ", "", " }"),
        deep("train { ", "", " }"),
    ];
    for body in bodies {
        let text = format!("bnas 1\nspace s {{\n  {body}\n}}\n");
        answered(&text);
        assert!(checked(&text).0.program.is_none());
    }
}

/// A domain of more points than can be listed is answered, not listed.
#[test]
fn vast_domains_are_answered() {
    for domain in [
        "1..9007199254740991",
        "1..1000000000000000000000000000000",
        "0.0..1e300",
        "1e-300..1e300 log",
        "-1e308..1e308",
        "0..1000000000 step 3",
    ] {
        answered(&format!(
            "bnas 1\nexperiment e {{\n  x in {domain}\n  y in {domain}\n  minimize x + y\n  search {{ trials = 2 }}\n}}\n"
        ));
    }
}

/// An experiment with these entries.
fn experiment(entries: &str) -> String {
    format!(
        "bnas 1\n\nexperiment e {{\n  x in 0..9\n{entries}  minimize x\n  search {{ trials = 3 }}\n}}\n"
    )
}

/// Long texts that were slow once: more than a few steps per line and this would not end.
#[test]
fn long_specs_of_many_shapes_are_answered() {
    let row = |n: usize, line: &dyn Fn(usize) -> String| (0..n).map(line).collect::<String>();
    let mistakes = experiment(&row(500, &|i| format!("  c{i} = {i} + y{i}\n")));
    assert!(checked(&mistakes).0.diagnostics.len() >= 500);
    answered(&mistakes);
    // Each of many mistakes on one line is drawn with what stands beside it, not with the whole line.
    let words = experiment(&format!(
        "  y in {{{}}}\n",
        row(500, &|i| format!("w{i}, "))
    ));
    let (found, sources) = checked(&words);
    assert!(found.diagnostics.len() >= 500);
    assert!(render(&found.diagnostics, &sources, false).len() < 2_000_000);
    // No graph of this chain is short; the count is given up by steps.
    let chain = row(1500, &|i| format!("  x{i} in 0..3\n"));
    let chain = chain + &row(1499, &|i| format!("  require x{i} <= x{}\n", i + 1));
    answered(&experiment(&chain));
    // Each requirement excludes a member of its own decision.
    let narrow = row(1500, &|i| {
        format!(
            "  x{i} in {{{i}, {}}}\n  require x{i} >= {}\n",
            i + 1,
            i + 1
        )
    });
    let (found, _) = checked(&experiment(&narrow));
    let program = found.program.expect("no errors");
    let template = Template::new(&program.experiments[0]).expect("it has a point");
    let survey = bnas::model::survey::survey(&template);
    assert_eq!(survey.pruned.len(), 1500);
    assert_eq!(survey.pruned[7].by.as_deref(), Some("x7 >= 8"));
}

/// Lists of thousands of items and chains of thousands of names nest no stack away, and quotes without an end cost no more than their line.
#[test]
fn wide_lists_and_long_chains_are_answered() {
    let row = |n: usize, item: &dyn Fn(usize) -> String| (0..n).map(item).collect::<String>();
    let decisions = row(5000, &|i| format!("  d{i} in 0..3\n"));
    let items = row(5000, &|i| format!("{}d{i}", if i > 0 { ", " } else { "" }));
    for of in ["sum", "max", "min", "product", "nondecreasing"] {
        let limit = if of == "nondecreasing" {
            ""
        } else {
            " <= 7000"
        };
        answered(&experiment(&format!(
            "{decisions}  require {of}({items}){limit}\n"
        )));
    }
    let compared = row(5000, &|i| {
        format!("{}d{i} == 2", if i > 0 { ", " } else { "" })
    });
    for of in ["all", "any"] {
        answered(&experiment(&format!(
            "{decisions}  require {of}({compared})\n"
        )));
    }
    let chain = row(4000, &|i| format!("  y{} = y{i} + x\n", i + 1));
    let (found, _) = checked(&experiment(&format!(
        "  y0 = x\n{chain}  require y4000 >= 0\n"
    )));
    let program = found.program.expect("analysis has no limit of its own");
    let Err(found) = Template::new(&program.experiments[0]) else {
        panic!("4000 links are too deep");
    };
    assert!(found.iter().all(|d| d.code == "bnas::parse::nesting"));
    // After each, the chain goes on from a number: an operator and a name a link.
    assert_eq!(found.len(), 4000 / 500 - 1);
    let members = row(50_000, &|i| format!("{i}, "));
    answered(&experiment(&format!(
        "  y in {{{members}}}\n  z in categories {{{members}}}\n"
    )));
    let quotes = format!("  y = \"{}\n", "\\\"".repeat(200_000));
    answered(&experiment(&quotes));
    answered(&format!(
        "bnas 1\nspace s {{\n{}}}\n",
        "@paper(\"a\")\n".repeat(20_000)
    ));
    answered(&format!("bnas 1\n{}", "block a(\n".repeat(20_000)));
    answered(&experiment(&format!("  {}\n", "a { = } ".repeat(20_000))));
}

/// Two vast domains that a requirement relates are answered within memory: neither is written out member by member.
#[test]
fn vast_domains_may_be_related() {
    let entries = "  a in 0..1000000000000000\n  b in 0..1000000000000000\n  require a <= b\n";
    answered(&experiment(entries));
}

/// Of very many diagnostics the first are drawn, errors before warnings.
#[test]
fn very_many_diagnostics_are_not_all_drawn() {
    let line = |i: usize| format!("  c{i} = {i}\n  d{i} = y{i}\n");
    let (found, sources) = checked(&experiment(&(0..1500).map(line).collect::<String>()));
    assert!(found.diagnostics.len() >= 1500);
    let drawn = render(&found.diagnostics, &sources, false);
    let more = found.diagnostics.len() - 1000;
    assert!(drawn.ends_with(&format!("and {more} more problems\n")));
    assert_eq!(drawn.matches("bnas::name::unknown\n").count(), 1000);
}

/// Every token of every text deleted, doubled, and swapped with the next one, in turn: a few of them on each run of the tests, all of them with
/// `BNAS_EVERY_TOKEN=1`.
#[test]
fn each_token_of_each_text_may_be_wrong() {
    let every = std::env::var_os("BNAS_EVERY_TOKEN").is_some();
    let mut turn = 0_usize;
    for text in texts() {
        let row = tokens(&text);
        for at in 0..row.len() {
            turn += 1;
            if row[at].trim().is_empty() || !(every || turn.is_multiple_of(97)) {
                continue;
            }
            let mut deleted = row.clone();
            deleted.remove(at);
            let mut doubled = row.clone();
            doubled.insert(at, row[at]);
            let mut swapped = row.clone();
            swapped.swap(at, (at + 1) % row.len());
            for mutant in [deleted, doubled, swapped] {
                answered(&mutant.concat());
            }
        }
    }
}

/// A row of a million operators nests nothing: it is called what it is, and no reader gets all of it.
#[test]
fn long_rows_of_operators_are_shown_in_short() {
    for row in [" + x", " and x <= 3"] {
        let text = format!(
            "bnas 1\nexperiment e {{\n  x in 1..4\n  require x <= 3{}\n  minimize x\n}}\n",
            row.repeat(100_000)
        );
        let (found, sources) = checked(&text);
        let operators = found
            .diagnostics
            .iter()
            .filter(|d| d.message.contains("operators"));
        assert_eq!(operators.count(), 1);
        let shown = render(&found.diagnostics, &sources, false);
        assert!(shown.len() < 4000, "{} bytes", shown.len());
    }
}

/// A chain of derivation ends in an error, not in an exhausted stack.
#[test]
fn long_chains_of_derivation_are_refused_once() {
    let mut text = experiment("");
    text.push_str("experiment e0 : e {}\n");
    for i in 1..3000 {
        text.push_str(&format!("experiment e{i} : e{} {{}}\n", i - 1));
    }
    let (found, _) = checked(&text);
    let codes: Vec<&str> = found.diagnostics.iter().map(|d| d.code).collect();
    assert_eq!(codes, ["bnas::parse::nesting"]);
}

use proptest::prelude::*;
use proptest::sample::Index;

use super::{answered, texts};

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

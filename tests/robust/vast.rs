use bnas::diagnostic::render;
use bnas::model::Template;

use super::{answered, checked};
use crate::util;

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

/// The same of blocks that copy each other.
#[test]
fn long_chains_of_copies_are_refused_once() {
    let mut text =
        "bnas 1\nblock b0(channels) { layer l = conv(channels = channels) }\n".to_string();
    for i in 1..3000 {
        let before = i - 1;
        text.push_str(&format!(
            "block b{i}(channels) {{ b = b{before}(channels = channels) }}\n"
        ));
    }
    let (found, _) = checked(&text);
    let codes: Vec<&str> = found.diagnostics.iter().map(|d| d.code).collect();
    assert_eq!(codes, ["bnas::parse::nesting"]);
}

/// Each rule comes before those above it, and each amendment of a copy before what stands for all: conditions within conditions. The program has the
/// stack for thousands.
#[test]
fn thousands_of_rules_and_of_amended_copies_are_answered() {
    let folder = tempfile::tempdir().unwrap();
    let check = |text: &str| {
        let spec = util::write(folder.path(), "spec.bnas", text);
        let output = util::run(&["check", spec.to_str().unwrap()]);
        util::expect_code(&output, 0);
    };
    let head = "bnas 1
use std.data.digits
use std.quantizers.{binary, int8}
use std.spaces.small_cnn
";
    let experiment = |space: &str| {
        format!(
            "experiment e {{
  data = digits
  {space}
  train {{ epochs = 1 }}
  search {{ trials = 2 }}
  maximize accuracy
}}
"
        )
    };
    let rule = "each layer where channels >= 3 { q in {int8, binary}  weights = q }\n";
    let policy = format!("policy p {{\n{}}}\n", rule.repeat(3000));
    check(&format!(
        "{head}{policy}{}",
        experiment("space = small_cnn  policy = p")
    ));
    let copies = 800;
    let space = format!(
        "space deep {{
  repeat {copies} as s {{ c in {{4, 8}}  layer l = conv(channels = c) -> norm -> relu }}
  layer head = pool(average) -> linear(classes)
}}
"
    );
    let amended: String = (0..copies).map(|i| format!("  s[{i}].c = 4\n")).collect();
    check(&format!(
        "{head}{space}{}",
        experiment(&format!("space = deep {{\n{amended}}}"))
    ));
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

//! The parser on the shapes of the language, on slips, and on texts that no author would write.

mod mistakes;
mod robust;

use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Sink, render};
use crate::source::{SourceId, Sources};
use crate::syntax::ast::{
    Argument, EntryKind, ExprKind, File, Position, Quantifier, Step, UseFrom,
};
use crate::syntax::grammar::Rule;
use crate::syntax::parse;
use crate::syntax::tree::Tree;

/// One of each shape of the language.
pub(super) const SAMPLES: [(&str, &str); 7] = [
    ("quickstart", include_str!("../samples/quickstart.bnas")),
    ("spaces", include_str!("../samples/spaces.bnas")),
    ("quantizers", include_str!("../samples/quantizers.bnas")),
    ("policies", include_str!("../samples/policies.bnas")),
    ("repairs", include_str!("../samples/repairs.bnas")),
    ("target", include_str!("../samples/target.bnas")),
    ("experiments", include_str!("../samples/experiments.bnas")),
];

fn parsed(text: &str) -> (File, Vec<Diagnostic>) {
    let mut sink = Sink::default();
    let file = parse(SourceId(0), text, &mut sink);
    (file, sink.into_sorted())
}

/// The tree of a text that has no errors.
fn sound(text: &str) -> File {
    let (file, found) = parsed(text);
    assert!(found.is_empty(), "{}", drawn(text, &found));
    file
}

fn drawn(text: &str, found: &[Diagnostic]) -> String {
    let mut sources = Sources::default();
    sources.add("test.bnas", text);
    render(found, &sources, false)
}

#[test]
fn every_shape_of_the_language_parses() {
    for (name, text) in SAMPLES {
        let file = sound(text);
        assert!(!file.declarations.is_empty(), "{name}");
    }
}

/// The only declaration's entries.
fn entries(body: &str) -> Vec<EntryKind> {
    let mut file = sound(&format!("bnas 1\nspace s {{\n{body}\n}}\n"));
    let entries = Arc::unwrap_or_clone(file.declarations.remove(0).entries);
    entries.into_iter().map(|entry| entry.kind).collect()
}

/// The only entry's value.
fn value(expression: &str) -> ExprKind {
    match entries(&format!("x = {expression}")).remove(0) {
        EntryKind::Field(field) => field.value.kind,
        other => panic!("{other:?}"),
    }
}

/// The main message and help of each diagnostic.
fn said(text: &str) -> Vec<(String, String)> {
    let (_, found) = parsed(text);
    found
        .into_iter()
        .map(|d| (d.message, d.help.unwrap_or_default()))
        .collect()
}

fn said_in_body(body: &str) -> Vec<(String, String)> {
    said(&format!("bnas 1\nspace s {{\n{body}\n}}\n"))
}

#[test]
fn the_file_around_the_entries() {
    let file = sound(
        "// first\nbnas 1 // one\nuse std.a.{b, c}\nuse \"layers.bnas\".{x}\nuse std.layer\n\n\
         /// Says\n///  what.\n@paper(\"arXiv:1\", where = \"abstract\")\n// not this\nblock b(n, k = 3) : base {}\n",
    );
    assert_eq!(file.edition.as_ref().map(|e| e.value), Some(1));
    let UseFrom::Path(segments) = &file.uses[0].from else {
        panic!("{file:?}")
    };
    assert_eq!(
        segments.iter().map(|s| s.text.as_str()).collect::<Vec<_>>(),
        ["std", "a"]
    );
    assert_eq!(file.uses[0].names.as_ref().map(Vec::len), Some(2));
    assert!(matches!(&file.uses[1].from, UseFrom::File(path) if path.value == "layers.bnas"));
    assert!(file.uses[2].names.is_none());
    let block = &file.declarations[0];
    assert_eq!(
        block
            .docs
            .iter()
            .map(|d| d.value.as_str())
            .collect::<Vec<_>>(),
        ["Says", " what."]
    );
    assert!(
        matches!(&block.annotations[0].args[1], Argument::Fixed { name, .. } if name.text == "where")
    );
    assert_eq!(
        (block.params.len(), block.params[1].default.is_some()),
        (2, true)
    );
    assert_eq!(block.base.as_ref().map(|b| b.text.as_str()), Some("base"));
}

#[test]
fn a_quantity_is_a_number_and_a_unit_on_one_line() {
    let unit = |text: &str| match value(text) {
        ExprKind::Number(number) => number.unit.map(|unit| unit.text),
        other => panic!("{other:?}"),
    };
    for (text, expected) in [
        ("35 fJ/op", "fJ/op"),
        ("300MHz", "MHz"),
        ("99.9 %", "%"),
        ("2 mm^2", "mm^2"),
        ("5 µJ", "µJ"),
        ("1 furlong", "furlong"),
    ] {
        assert_eq!(unit(text).as_deref(), Some(expected), "{text}");
    }
    // The next entry's first word is no unit, and neither is a word two blanks or a line further on.
    for body in [
        "a = 25 b = 64",
        "a = 25 b in {1}",
        "a = 25 b { c = 1 }",
        "a = 25 stage c { d = 1 }",
        "a = 25 f(x) = x",
        "a = 25 b.c = 1",
        "a = 25 b[0].c = 1",
        "a = 25\nb = 1",
        "a = 25 add b",
        "a = 25 maximize b",
    ] {
        let found = entries(body);
        assert_eq!(found.len(), 2, "{body}: {found:?}");
        assert!(
            matches!(&found[0], EntryKind::Field(f) if matches!(&f.value.kind, ExprKind::Number(n) if n.unit.is_none()))
        );
    }
    for body in [
        "a = 200 MHz vector { d = 1 }",
        "a = 200 MHz  vector { d = 1 }",
        "a = 200 MHz stage c { d = 1 }",
    ] {
        let found = entries(body);
        assert_eq!(found.len(), 2, "{body}: {found:?}");
        assert!(
            matches!(&found[0], EntryKind::Field(f) if matches!(&f.value.kind, ExprKind::Number(n) if n.unit.is_some()))
        );
    }
    assert!(matches!(value("1..4"), ExprKind::Range { .. }));
    assert!(matches!(
        value("1 ms..2 ms log"),
        ExprKind::Range { log: true, .. }
    ));
}

#[test]
fn brackets_open_on_the_line_of_their_name() {
    assert!(matches!(value("a { b = 1 }"), ExprKind::Amend { .. }));
    assert!(matches!(value("f (1)"), ExprKind::Call { .. }));
    assert!(
        matches!(value("f(1) { b = 1 }"), ExprKind::Amend { base, .. } if matches!(base.kind, ExprKind::Call { .. }))
    );
    let found = said("bnas 1\nspace s\n{\n  x = 1\n}\n");
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, "`{` stands on a line of its own");
    assert_eq!(
        said_in_body("a = b\n{ c = 1 }")[0].0,
        "`{` stands on a line of its own"
    );
}

#[test]
fn keywords_end_where_words_end() {
    let found = entries(
        "init = 8\nordering = input\nlayers = normal\nlogs = step\nlast = first\nlayer first = norm",
    );
    assert_eq!(found.len(), 6);
    assert!(matches!(value("log(x)"), ExprKind::Call { .. }));
    assert!(matches!(
        &entries("a = 1..2\nlog = 3")[..],
        [EntryKind::Field(_), EntryKind::Field(_)]
    ));
    assert!(matches!(
        &entries("a = 1..2 step = 3")[..],
        [EntryKind::Field(_), EntryKind::Field(_)]
    ));
}

#[test]
fn sets_and_amendments_differ_by_what_precedes_them() {
    assert!(matches!(value("{}"), ExprKind::Set(elements) if elements.is_empty()));
    assert!(matches!(value("{{}, {a}}"), ExprKind::Set(elements) if elements.len() == 2));
    assert!(matches!(
        value("categories {1, 2,}"),
        ExprKind::Categories(_)
    ));
    assert!(matches!(value("subsets kinds"), ExprKind::Subsets(_)));
    let ExprKind::Call { args, .. } =
        value("min(size where accuracy >= 85 %, n in {1, 2} default 1)")
    else {
        panic!()
    };
    assert!(matches!(
        &args[0],
        Argument::Positional {
            filter: Some(_),
            ..
        }
    ));
    assert!(matches!(
        &args[1],
        Argument::Searched {
            default: Some(_),
            ..
        }
    ));
}

#[test]
fn rules_name_their_layers() {
    let body = "each layer { a = 1 }\nfirst layer, last layer { a = 1 }\nlayer s[0].d[*].project { a = 1 }\n\
                every conv layer where channels <= 16 bit { a = 1 }\nconv layer where n <= limit { a = 1 }";
    let rules: Vec<_> = entries(body)
        .into_iter()
        .map(|kind| match kind {
            EntryKind::Rule(rule) => rule,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        rules[0].quantifier.as_ref().map(|q| q.value),
        Some(Quantifier::Each)
    );
    let positions: Vec<_> = rules[1]
        .selectors
        .iter()
        .filter_map(|s| s.position.as_ref())
        .map(|p| p.value)
        .collect();
    assert_eq!(positions, [Position::First, Position::Last]);
    let path = rules[2].selectors[0].path.as_ref().unwrap();
    assert!(matches!(
        &path.steps[..],
        [
            Step::Index(_),
            Step::Member(_),
            Step::All(_),
            Step::Member(_)
        ]
    ));
    assert_eq!(
        rules[3].quantifier.as_ref().map(|q| q.value),
        Some(Quantifier::Every)
    );
    assert!(rules.iter().all(|rule| rule.entries.len() == 1));
    assert!(rules[4].selectors[0].condition.is_some());
}

#[test]
fn annotations_stand_above_or_behind() {
    let file = sound(
        "bnas 1\ntarget t {\n  a = 1 @x(\"a\")\n  @y(\"b\")\n  b = 2\n  v { c = 1 }  @z\n}\n",
    );
    let names: Vec<Vec<_>> = file.declarations[0]
        .entries
        .iter()
        .map(|e| e.annotations.iter().map(|a| a.name.text.as_str()).collect())
        .collect();
    assert_eq!(names, [["x"], ["y"], ["z"]]);
}

//! The parser on the shapes of the language, on slips, and on texts that no author would write.

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
    ("quickstart", include_str!("samples/quickstart.bnas")),
    ("spaces", include_str!("samples/spaces.bnas")),
    ("quantizers", include_str!("samples/quantizers.bnas")),
    ("policies", include_str!("samples/policies.bnas")),
    ("repairs", include_str!("samples/repairs.bnas")),
    ("target", include_str!("samples/target.bnas")),
    ("experiments", include_str!("samples/experiments.bnas")),
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
    file.declarations
        .remove(0)
        .entries
        .into_iter()
        .map(|entry| entry.kind)
        .collect()
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

#[test]
fn one_parse_reports_many() {
    let body = "  x in 1..<4\n  good = 1\n  train { a = 1, b = 2 }\n  y : 3\n  z = .5\n  w = [1, 2]\n  nested { a = \n b = 2 }";
    let (file, found) = parsed(&format!(
        "bnas 1\nspace s {{\n{body}\n}}\nspace t {{ a = 1 }}\n"
    ));
    assert_eq!(found.len(), 6, "{found:?}");
    assert!(
        found
            .iter()
            .all(|d| d.code.starts_with("bnas::parse::") && !d.labels.is_empty() && d.is_error())
    );
    assert_eq!(file.declarations.len(), 2, "the rest is still read");
    assert!(file.declarations[0].entries.len() >= 2);
}

#[test]
fn slips_have_messages_of_their_own() {
    for (body, message, help) in [
        (
            "x in 1..<4",
            "a range includes both of its ends",
            "write `low..high`, with the last value as `high`",
        ),
        (
            "t { a = 1, b = 2 }",
            "entries are not parted by `,`",
            "delete it, or write the next entry on a new line",
        ),
        (
            "a = 1;",
            "entries are not parted by `;`",
            "delete it, or write the next entry on a new line",
        ),
        ("y : 3", "`:` fixes no value", "write `=`"),
        (
            "layer = 4",
            "`layer` is a keyword and no name",
            "write another name, for example `layer_`",
        ),
        (
            "repeat 3 { x = 1 }",
            "unexpected `{`",
            "name the counter: `repeat n as i {`",
        ),
        (
            "z = .5",
            "a number starts with a digit",
            "write `0.` before the fraction",
        ),
        (
            "w = [1, 2]",
            "brackets hold an index",
            "write a set: `{a, b}`",
        ),
        (
            "x = 1 <= 2 <= 3",
            "comparisons do not chain",
            "join two comparisons: `a <= b and b <= c`",
        ),
        (
            "check a ~= b",
            "`~=` needs a tolerance",
            "write `within 1 %` behind it",
        ),
        (
            "check a == b within 1 %",
            "`within` belongs to `~=`",
            "write `a ~= b within 1 %`",
        ),
        (
            "z = 5 log",
            "this scale belongs to a range",
            "write `low..high` before it",
        ),
        (
            "z = 1..5 log step 2",
            "a range has one scale",
            "keep either `log` or `step n`",
        ),
        (
            "maximise accuracy",
            "unexpected end of line",
            "write `maximize`",
        ),
        (
            "x = if a then b",
            "unexpected end of line",
            "write `if … then … else …`: every branch has a value",
        ),
        (
            "x = 1..",
            "unexpected end of line",
            "write the end of the range: `low..high`",
        ),
        (
            "search ( trials = 3 )",
            "unexpected end of line",
            "a section stands in braces: `search { … }`",
        ),
        (
            "= 3",
            "a name is missing before `=`",
            "write `name = value`",
        ),
        (
            "in in 1..2",
            "`in` is a keyword and no name",
            "write another name, for example `in_`",
        ),
        (
            "foo",
            "unexpected end of line",
            "write `foo = value` to fix it, or `foo in {a, b}` to search it",
        ),
        ("x = a && b", "`&` is no operator", "write `and`"),
        (
            "y = \"abc",
            "this text is not closed on its line",
            "write `\"` at its end, and `\\\\` for a backslash",
        ),
        (
            "y = 'abc'",
            "a text stands in double quotes",
            "write `\"…\"`",
        ),
        (
            "require x = 1",
            "`=` does not compare",
            "write `==` to compare",
        ),
        ("# note", "`#` starts no comment", "write `//`"),
        (
            "/* note */",
            "there are no block comments",
            "write `//` on every line of it",
        ),
        (
            "/// for nothing",
            "documentation stands above nothing",
            "write `//` for a comment",
        ),
        (
            "länge = 3",
            "`ä` cannot stand in a name",
            "spell it with those",
        ),
        (
            "x\u{A0}= 3",
            "this blank is no plain blank",
            "type a plain blank",
        ),
        (
            "x = 1e999",
            "this number is too large",
            "write a smaller one",
        ),
    ] {
        let found = said_in_body(body);
        assert_eq!(found, [(message.to_string(), help.to_string())], "{body}");
    }
}

#[test]
fn the_edition_is_named_first() {
    let code = |text: &str| parsed(text).1.iter().map(|d| d.code).collect::<Vec<_>>();
    assert_eq!(code(""), ["bnas::file::empty"]);
    assert_eq!(code("// only\n  // comments\n"), ["bnas::file::empty"]);
    assert_eq!(code("experiment e {}\n"), ["bnas::parse::edition_missing"]);
    assert_eq!(
        code("bnas 2\nwhat the = { future brings }\n"),
        ["bnas::parse::edition_unknown"]
    );
    assert_eq!(code("bnas\n"), ["bnas::parse::edition_unknown"]);
    assert_eq!(
        code("bnas 1\nspace s {}\nuse std.a\n"),
        ["bnas::parse::late_use"]
    );
}

#[test]
fn brackets_are_named_on_both_sides() {
    let labels = |text: &str| {
        let (_, found) = parsed(text);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].code, "bnas::parse::bracket");
        found[0]
            .labels
            .iter()
            .map(|l| l.span.start)
            .collect::<Vec<_>>()
    };
    assert_eq!(labels("bnas 1\nspace s {\n  x = (1 +\n}\n"), [28, 23]);
    assert_eq!(labels("bnas 1\n}\n"), [7]);
    assert_eq!(
        labels("bnas 1\nspace s {\n  x = 1\n\nspace t {\n}\n"),
        [15, 26]
    );
    assert!(
        sound("bnas 1\nspace s { x = \"}\" } // }\n")
            .declarations
            .len()
            == 1
    );
}

#[test]
fn deep_nesting_is_a_diagnostic() {
    let deep = |open: &str, inside: &str, close: &str, n: usize| {
        format!(
            "bnas 1\nspace s {{ x = {}{inside}{} }}\n",
            open.repeat(n),
            close.repeat(n)
        )
    };
    for n in [1_000, 20_000] {
        for text in [
            deep("(", "1", ")", n),
            deep("{", "1", "}", n),
            deep("f(", "1", ")", n),
            deep("a { x = ", "1", " }", n),
            deep("x[", "1", "]", n),
            deep("if a then ", "1", " else b", n),
            deep("if a then b else ", "1", "", n),
            deep("-", "1", "", n),
            deep("not ", "a", "", n),
            deep("1 + ", "1", "", n),
            deep("1 ^ ", "1", "", n),
            deep("(1 + ", "1", ")", n),
            deep("a ~= ", "b", "", n),
            deep("(", "", "", n),
        ] {
            let (_, found) = parsed(&text);
            assert!(!found.is_empty(), "{}", &text[..60]);
        }
    }
    // What stays below the bound is fine, on the small stack of a test thread, too.
    for text in [
        deep("(", "1", ")", 120),
        deep("{", "1", "}", 120),
        deep("f(", "1", ")", 120),
        deep("a { x = ", "1", " }", 120),
        deep("if a then b else ", "1", "", 120),
        deep("-", "1", "", 300),
        deep("1 + ", "1", "", 300),
    ] {
        sound(&text);
    }
}

/// Recovery must not try a text in exponentially many ways.
#[test]
fn deep_errors_are_found_once() {
    let deep = |open: &str, close: &str| {
        format!(
            "bnas 1\nspace s {{ x = {}= ={} }}\n",
            open.repeat(120),
            close.repeat(120)
        )
    };
    for (open, close) in [
        ("(", ")"),
        ("{", "}"),
        ("f(", ")"),
        ("f(a = ", ")"),
        ("f(a in ", ")"),
        ("a { x = ", " }"),
        ("x[", "]"),
        ("a {\n x = ", "\n}"),
        ("if a then ", " else b"),
        ("a {\nbad bad\nlayer y = ", "\nbad\n}"),
        ("a { f(x = ", ") = 3 }"),
        ("1 step (", ")"),
        ("a { conv layer where ", " { } }"),
        ("a { repeat ", " as i { } }"),
        ("categories {", "}"),
        ("a { @x(", ") y = 1 }"),
    ] {
        let (_, found) = parsed(&deep(open, close));
        assert!(!found.is_empty(), "{open}");
    }
}

/// Bytes of the samples are deleted, doubled, swapped or replaced; whatever comes out is answered, quickly.
#[test]
fn no_text_panics() {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = |n: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % n
    };
    let bits = [
        "{", "}", "(", ")", "in", " = ", "..", "-", "\n", "\"", "//", "///", "layer ", "@", "é",
        "1", "^", "[", "if ", "%", "\u{0}",
    ];
    for round in 0..400 {
        let (_, sample) = SAMPLES[round % SAMPLES.len()];
        let mut text: Vec<char> = sample.chars().collect();
        for _ in 0..=random(4) {
            let at = random(text.len());
            match random(4) {
                0 => drop(text.remove(at)),
                1 => text.truncate(at.max(8)),
                2 => text
                    .splice(at..at, bits[random(bits.len())].chars())
                    .for_each(drop),
                _ => {
                    let other = random(text.len());
                    text.swap(at, other);
                }
            }
        }
        let text: String = text.into_iter().collect();
        let (_, found) = parsed(&text);
        assert!(!drawn(&text, &found).contains('\u{7}'));
        if found.is_empty() {
            crate::syntax::format::tests::holds(&text);
        }
    }
}

#[test]
fn a_file_of_another_kind_is_not_read_at_length() {
    let text = " ".repeat(super::parse::LONGEST + 1);
    let mut sink = Sink::default();
    let file = parse(SourceId(0), &text, &mut sink);
    assert!(file.broken && file.declarations.is_empty());
    let found = sink.into_sorted();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].code, "bnas::parse::length");
}

/// Documentation above nothing is one stretch, with what follows it: one per line would read those below it again for each.
#[test]
fn documentation_of_nothing_is_one_stretch() {
    for (body, stretches) in [
        ("/// a\n/// b\n\n/// c\n", 1),
        ("/// a\n/// b\n)( x\n", 1),
        ("/// a\n// c\n/// b\n", 1),
        ("/// a\nx ( 1 ) 2\n/// b\n/// c\n", 2),
    ] {
        let text = format!("bnas 1\nspace s {{\n{}}}\n", body.replace(")(", "=="));
        let tree = Tree::read(Rule::file, &text).unwrap();
        let lost = tree.pairs().filter(|p| p.rule() == Rule::lost).count();
        assert_eq!(lost, stretches, "{text}");
    }
}

/// What is wrong with a stretch is found in a part of the text, and is the same as in all of it.
#[test]
fn mistakes_are_the_same_in_long_texts() {
    let far = "\n  a = f(x,\n y)".repeat(400);
    for mistake in [
        "bad bad",
        "x = ",
        "x == 1",
        "layer a = norm -> ",
        "f(x) =",
        "x = \"never closed",
        "repeat 2 as { }",
        "x = 1 é",
    ] {
        let short = said_in_body(&format!("  {mistake}\n  a = f(x,\n y)"));
        let long = said_in_body(&format!("  {mistake}{far}"));
        assert_eq!(short, long, "{mistake}");
    }
    // The mistake itself may be far behind the start of its stretch.
    let blanks = " ".repeat(10_000);
    let long = said_in_body(&format!("  x = {blanks} == 2\n  y = 3"));
    assert_eq!(long, said_in_body("  x =  == 2\n  y = 3"));
}

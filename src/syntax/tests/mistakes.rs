//! Slips, and what is said of them.

use super::*;

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
            "x = s { y in 8, 16 }",
            "members stand in braces",
            "write a set: `{a, b}`",
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
            "no statement begins with `maximise`",
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
            "require a => b",
            "`=>` is no operator",
            "write `implies`, or `>=` to compare",
        ),
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
            "x in 1..4 /// of x\n  y = 2",
            "documentation stands above what it documents",
            "write `//` for a comment, or put it on the line above",
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

/// Each is one report, whatever stands in the comment, and the rest is read.
#[test]
fn block_comments() {
    for text in [
        "/* a license */\nbnas 1\nspace s { x = 1 }\n",
        "bnas 1\n/* two { lines\n of \" it */\nspace s { x = 1 }\n",
        "bnas 1\nspace s { /* one */ x = 1 }\n",
        "bnas 1\nspace s { x = 1 /* no end\n}\n",
    ] {
        let (file, found) = parsed(text);
        let messages: Vec<&str> = found.iter().map(|d| d.message.as_str()).collect();
        assert_eq!(messages, ["there are no block comments"], "{text}");
        assert!(file.declarations.len() == 1, "{text}");
    }
    sound("bnas 1\nspace s { x = \"/* a text\" } // and /* a comment\n");
}

#[test]
fn an_import_takes_one_path() {
    for (line, meant) in [
        ("use std.data.digits digits", "use std.data.digits"),
        ("use use std.data.digits", "use std.data.digits"),
        ("use std std.data.digits", "use std.data.digits"),
        ("use std.data data.digits", "use std.data.digits"),
        ("use std..data.digits", "use std.data.digits"),
    ] {
        let (file, found) = parsed(&format!("bnas 1\n{line}\nspace s {{ x = 1 }}\n"));
        assert_eq!(found.len(), 1, "{line}: {found:?}");
        assert_eq!(found[0].help, Some(format!("write `{meant}`")), "{line}");
        assert!(file.uses.is_empty() && file.declarations.len() == 1);
    }
}

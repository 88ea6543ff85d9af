use super::format;
use crate::diagnostic::Sink;
use crate::source::SourceId;
use crate::syntax::tests::SAMPLES;
use crate::syntax::tokens::tokens;
use crate::syntax::{grammar::Rule, parse};

fn formatted(text: &str) -> String {
    format(SourceId(0), text).unwrap_or_else(|found| panic!("{text}\n{found:?}"))
}

/// The tree of a text without its spans.
fn tree(text: &str) -> String {
    let debug = format!("{:?}", parse(SourceId(0), text, &mut Sink::default()));
    let mut parts = debug.split("Span { source: SourceId(0), start: ");
    let mut out = parts.next().unwrap_or("").to_string();
    for part in parts {
        out.push_str(part.split_once('}').map_or(part, |(_, rest)| rest));
    }
    out
}

fn comments(text: &str) -> Vec<&str> {
    let tokens = tokens(text).into_iter();
    tokens
        .filter(|t| matches!(t.rule, Rule::comment | Rule::doc))
        .map(|t| t.text.trim_end())
        .collect()
}

/// What must hold of every text that parses.
pub(in crate::syntax) fn holds(text: &str) -> String {
    let once = formatted(text);
    assert_eq!(formatted(&once), once, "not idempotent on\n{text}");
    assert_eq!(tree(&once), tree(text), "another tree than\n{text}");
    assert_eq!(
        comments(&once),
        comments(text),
        "other comments than\n{text}"
    );
    assert!(
        once.lines().all(|line| line.trim_end() == line),
        "blanks at line ends\n{once}"
    );
    once
}

#[test]
fn samples_keep_their_tree_and_comments() {
    for (name, text) in SAMPLES {
        let once = holds(text);
        assert!(
            once.lines()
                .all(|line| line.chars().count() <= 128 || line.contains("//")),
            "{name}\n{once}"
        );
        holds(&text.replace('\n', "\r\n"));
        // Everything that may stand further left stands there, and blank lines abound.
        let flat: Vec<_> = text.lines().map(str::trim).collect();
        holds(&flat.join("\n\n\n"));
    }
}

/// The layout of a body's lines.
fn body(text: &str) -> String {
    let once = holds(&format!("bnas 1\nspace s {{\n{text}\n}}\n"));
    let inside = once
        .strip_prefix("bnas 1\nspace s {\n")
        .unwrap()
        .strip_suffix("}\n")
        .unwrap();
    inside
        .lines()
        .map(|line| line.strip_prefix("  ").unwrap_or(line))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn one_blank_between_tokens_and_none_inside_brackets() {
    assert_eq!(body("x=f( a ,b )+ -c*2 ^ n"), "x = f(a, b) + -c * 2^n");
    assert_eq!(body("x   in{ 1,2 }default 2"), "x in {1, 2} default 2");
    assert_eq!(body("x in 1 .. 4   step 2"), "x in 1..4 step 2");
    assert_eq!(body("e = 35fJ/op"), "e = 35 fJ/op");
    assert_eq!(body("v = 3 m ^ 2"), "v = 3 m ^ 2");
    assert_eq!(body("r={}"), "r = {}");
    assert_eq!(body("a = b{}"), "a = b {}");
    assert_eq!(
        body("require all( space.s[ * ].n ==3 ) ,\"why\""),
        "require all(space.s[*].n == 3), \"why\""
    );
}

#[test]
fn a_body_on_one_line_stays_there_if_it_fits() {
    assert_eq!(body("t{a=1 b=2   @x c=3}"), "t { a = 1  b = 2  @x  c = 3 }");
    assert_eq!(body("t {\na = 1 b = 2 }"), "t {\n  a = 1\n  b = 2\n}");
    let wide = format!("t {{ {} }}", "aaaaaaaaaa = 1111111111 ".repeat(6));
    assert_eq!(body(&wide).lines().count(), 8);
    assert_eq!(body("t { // why\n a = 1 }"), "t {  // why\n  a = 1\n}");
}

#[test]
fn blank_lines_collapse_and_comments_stay_where_they_are() {
    assert_eq!(
        body("\n\na = 1\n\n\n\n// b\nb = 2 // c\n\n"),
        "a = 1\n\n// b\nb = 2  // c"
    );
    assert_eq!(body("a = f(1, // one\n2)"), "a = f(1,  // one\n    2)");
    assert_eq!(body("a = f(\n// none\n1)"), "a = f(\n    // none\n    1)");
}

#[test]
fn neighbors_align() {
    assert_eq!(
        body("a = 1 // x\nlong in {1} // y\n\nb = 2"),
        "a    = 1     // x\nlong in {1}  // y\n\nb = 2"
    );
    assert_eq!(
        body("a { x = 1 }\nlong { x = 1 }\nb = 1"),
        "a    { x = 1 }\nlong { x = 1 }\nb = 1"
    );
}

#[test]
fn wide_lines_break_where_brackets_are_fewest() {
    let call = format!(
        "layer x = conv({}) -> norm when a > b",
        ["channels = 16"; 7].join(", ")
    );
    let lines = body(&call);
    assert_eq!(lines.lines().count(), 2, "{lines}");
    assert!(
        lines.ends_with(",\n    channels = 16) -> norm when a > b"),
        "{lines}"
    );
    let sum = format!("x = {}", ["abcdefghij"; 30].join(" + "));
    assert!(body(&sum).lines().all(|line| line.len() <= 120));
}

#[test]
fn a_text_with_errors_is_left_alone() {
    let found = format(SourceId(0), "bnas 1\nspace s { x = }\n").unwrap_err();
    assert_eq!(found.len(), 1);
}

#[test]
fn a_minus_stands_at_its_bracket() {
    let text =
        "bnas 1\n\nexperiment e {\n  x in 1..2\n  minimize exp(- (x / 2)^2) - (x - 1) + - x\n}\n";
    assert!(holds(text).contains("minimize exp(-(x / 2)^2) - (x - 1) + -x\n"));
}

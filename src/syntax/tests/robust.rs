//! Texts that no author would write: deep nesting, deep errors, bytes thrown about.

use super::*;

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
        deep("1 + ", "1", "", 512),
    ] {
        sound(&text);
    }
    let (_, found) = parsed(&deep("1 + ", "1", "", 513));
    assert_eq!(found[0].code, "bnas::parse::nesting");
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

//! The parser on the shapes of the language, on slips, and on texts that no author would write.

use crate::diagnostic::{Diagnostic, Sink, render};
use crate::source::{SourceId, Sources};
use crate::syntax::ast::{
    Argument, EntryKind, ExprKind, File, Position, Quantifier, Step, UseFrom,
};
use crate::syntax::parse;

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

#[test]
fn slips_look() {
    for text in [
        "",
        "// nothing\n",
        "experiment e {}\n",
        "bnas 2\nexperiment e {}",
        "bnas\n",
        "bnas 1\nspace s {\n  x in 1..<4\n  train { a = 1, b = 2 }\n  y : 3\n  layer = 4\n  repeat 3 {\n x = 1 }\n z = .5\n w = [1, 2]\n}\n",
        "bnas 1\nspace s\n{\n  x = 1\n}\n",
        "bnas 1\nspace s {\n  x = (1 + \n  y = 2\n}\n",
        "bnas 1\nspace s {\n  x = 1\n\nspace t {\n  y = 2\n}\n",
        "bnas 1\nspace s {\n  x = 1 <= 2 <= 3\n  y = a ~= b\n  z = 5 log\n  maximise accuracy\n  q = \n  layer x = conv(a = ) -> norm\n /// nothing\n}\n",
        "bnas 1\nspace s {\n  x = a && b\n  y = \"abc\n  require x = 1\n  foo\n  conv laier { }\n  /* a */\n ünit = 3\n}\n}\n",
    ] {
        let (_, found) = parsed(text);
        println!("-----\n{text}\n{}", drawn(text, &found));
        assert!(!found.is_empty(), "{text}");
    }
}

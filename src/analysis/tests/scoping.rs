//! Whose names a formula reads: those of the text that it stands in.

use super::checked;
use crate::diagnostic::render;
use crate::model::Template;

fn spec(lines: &str) -> String {
    format!(
        "bnas 1
use std.data.digits
use std.policies.tied
use std.quantizers.{{int2, int4}}
use std.spaces.small_cnn
experiment e {{
  data = digits
  train {{ epochs = 1 }}
  search {{ method = random  trials = 4 }}
  maximize accuracy
  {lines}
}}
"
    )
}

/// The members of each decision of an experiment with these lines.
fn members(lines: &str) -> Vec<String> {
    // Not every experiment uses everything.
    let (found, sources) = checked("test.bnas", &spec(lines));
    let program = found
        .program
        .unwrap_or_else(|| panic!("{}", render(&found.diagnostics, &sources, false)));
    let template = Template::new(&program.experiments[0]).unwrap();
    let all = template.decisions().all.iter();
    all.map(|d| format!("{}: {:?}", d.path, d.choices))
        .collect()
}

#[test]
fn what_is_amended_keeps_its_own_names() {
    let plain = members("space = small_cnn  policy = tied");
    assert!(plain[1].contains("int8"), "{plain:?}");
    // `tied` of the library says `int8`, and means the quantizer.
    let named = members("int8 = int2  space = small_cnn  policy = tied { kinds = {int8, int4} }");
    assert!(
        named[1].contains("int2") && named[1].contains("int4"),
        "{named:?}"
    );
    let beside = members("int8 in {int2, int4}  space = small_cnn  policy = tied");
    // Nothing reads the other one.
    assert_eq!(beside, plain);
}

#[test]
fn an_amendment_reads_names_of_the_experiment() {
    let searched = members("w in {4, 8}  space = small_cnn { width = w }");
    assert_eq!(searched.len(), 1, "{searched:?}");
    assert!(searched[0].starts_with("w:"), "{searched:?}");
}

#[test]
fn positional_arguments_are_amended_by_name() {
    let (found, sources) = checked(
        "test.bnas",
        &spec("space = small_cnn { head.kind = max  head.outputs = 10 }"),
    );
    assert!(
        found.program.is_some(),
        "{}",
        render(&found.diagnostics, &sources, false)
    );
}

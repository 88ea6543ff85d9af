//! Words, signs and forms of other tools and languages: each is one report.

use super::consequences::OF_TARGET;
use super::only;

#[test]
fn a_field_under_a_name_of_another_tool() {
    let trained = |train: &str| {
        format!(
            "experiment e {{\n data = digits\n space = small_cnn\n {train}\n search {{ trials = 2 }}\n maximize accuracy\n}}\n"
        )
    };
    only(
        &trained("train { num_epochs = 20 }"),
        &["name::unknown_key"],
    );
    only(
        &trained("train { max_epochs = 20 }"),
        &["name::unknown_key"],
    );
    only(&trained("train = 3"), &["type::mismatch"]);
    only(
        "space s {
  layer a = conv(out_channels = 8, kernel_size = 3) -> norm -> relu
  layer head = pool(average) -> linear(classes)
}
",
        &["name::unknown_key", "name::unknown_key"],
    );
    // What enters is another thing than what leaves.
    only(
        "space s {
  layer a = conv(channels = 8, in_channels = 3) -> norm -> relu
  layer head = pool(average) -> linear(classes)
}
",
        &["name::unknown_key"],
    );
}

#[test]
fn units_behind_a_set() {
    only(
        &OF_TARGET.replacen(
            "target = core",
            "target = core { clock in {100, 300} MHz }",
            1,
        ),
        &["parse::syntax"],
    );
}

#[test]
fn what_has_no_parameters() {
    for (declaration, count) in [
        ("space s(w) { layer head = pool(average) -> linear(w) }", 1),
        ("policy p(b) { each layer { weights = int8 } }", 1),
        ("target t(x = 3) : braintta { clock = 300 MHz }", 1),
        ("quantizer q(a, b) : binary { gradient(x) = a }", 1),
        ("dataset d(n) : digits { }", 1),
        ("repair r(n) : training { features = binary }", 1),
    ] {
        let codes = vec!["name::parameters"; count];
        only(&format!("{declaration}\n"), &codes);
    }
}

#[test]
fn entries_of_another_kind() {
    only(
        "policy mine { all layers { weights = int8  activations = int8 } }\n",
        &["name::stray"],
    );
    only(
        "space mine {
  parallel { layer b = conv(channels = 8) } join concat
  layer head = pool(average) -> linear(classes)
}
",
        &["name::stray"],
    );
    only(
        "experiment e {
  b in {true, false}
  a in {1, 2} when b
  maximize a
  search { trials = 2 }
}
",
        &["name::stray"],
    );
}

#[test]
fn signs_of_other_languages_are_one_mistake() {
    let goal = |line: &str| {
        format!(
            "experiment e {{\n data = digits\n space = small_cnn\n train {{ epochs = 3 }}\n search {{ trials = 2 }}\n maximize accuracy\n {line}\n}}\n"
        )
    };
    only(&goal("require accuracy >= .5"), &["parse::syntax"]);
    only(
        "space s {
  w in {8, 16}
  layer a = conv(channels = w // 2) -> norm -> relu
  layer head = pool(average) -> linear(classes)
}
",
        &["parse::bracket"],
    );
}

#[test]
fn members_of_one_wrong_kind() {
    only(
        "policy p { each layer { weights in {2, 4, 8}  activations = int8 } }\n",
        &["type::mismatch"],
    );
    only(
        "policy p { each layer { weights in {2, \"a\", 8}  activations = int8 } }\n",
        &["type::mismatch", "type::mismatch"],
    );
}

#[test]
fn operators_of_other_languages() {
    let holds = |condition: &str| {
        format!(
            "experiment e {{\n a in {{1, 4}}\n b in {{1, 4}}\n maximize a\n search {{ trials = 2 }}\n require {condition}\n}}\n"
        )
    };
    only(&holds("a == 4 xor b == 4"), &["parse::syntax"]);
    only(&holds("a == 4 unless b == 4"), &["parse::syntax"]);
    only(&holds("(a == 4) != (b == 4)"), &[]);
}

#[test]
fn an_index_that_is_a_range() {
    only(
        "space sp {
  repeat 2 as s { k in {3, 5}  layer c = conv(channels = 8, kernel = k) }
  layer head = pool(average) -> linear(classes)
}
experiment e {
  data = digits
  space = sp
  train { epochs = 1 }
  search { trials = 2 }
  maximize accuracy
  require all(space.s[0..1].k == 3)
}
",
        &["type::mismatch"],
    );
}

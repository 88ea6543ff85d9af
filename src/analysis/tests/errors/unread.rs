//! One mistake, one report, where the grammar reads a line no more, or reads the next one with it.

use super::{checked, one_error, only, render};

/// Spaces, policies and quantizers that read what stands above; one place to spoil.
const OF_ALL: &str = "quantizer q : binary {
  t_clip = 1.5
  steep(x) = abs(x)^2
  gradient(x) = if abs(x) <= 0.5 then 1
                else if abs(x) <= t_clip then steep(x)
                else 0
}
space s {
  act in {relu, relu6} default relu6
  layer stem = conv(channels = 8) -> norm -> act
  repeat 2 as s {
    kernel in {1, 3} default 3
    layer down = conv(channels = 8, kernel = kernel) -> norm -> act when s > 0
  }
  add s[1].down
  layer head = pool(average) -> linear(classes)
}
policy p {
  widths = {2, 4, 8}
  each layer {
    wb in widths default 8
    ab in {4, 8} default 8
    weights = int { bits = wb }
    activations = int { bits = ab }
    require wb <= ab
  }
}
experiment e {
  data = digits
  space = s
  policy = p
  lr in 1e-3..1e-2 log default 3e-3
  train {
    epochs = 1
    optimizer in {sgd(lr = 0.1), adam(lr = lr)} default adam
    schedule in {cosine, constant}
  }
  search { trials = 2 }
  maximize accuracy
  require train.optimizer == sgd implies train.schedule == cosine
  require space.s[1].kernel == 3
}
";

/// Spoils one place of this, and asserts that there is one error of the syntax with this help.
fn spoiled(right: &str, wrong: &str, help: &str) {
    assert!(OF_ALL.contains(right), "{right}");
    let text = format!("{}{}", super::HEAD, OF_ALL.replacen(right, wrong, 1));
    let (checked, sources) = checked("test.bnas", &text);
    let shown = render(&checked.diagnostics, &sources, false);
    assert_eq!(checked.diagnostics.len(), 1, "{wrong}\n{shown}");
    let found = &checked.diagnostics[0];
    assert_eq!(found.code, "bnas::parse::syntax", "{wrong}\n{shown}");
    assert!(
        found.help.as_deref().unwrap_or_default().contains(help),
        "{wrong}\n{shown}"
    );
}

#[test]
fn nothing_is_wrong_before() {
    only(OF_ALL, &[]);
}

#[test]
fn the_edition_without_its_word() {
    for line in ["1", "1 // the edition", "bnas1", "version 1"] {
        let (checked, sources) = checked("test.bnas", &format!("{line}\nspace s {{ }}\n"));
        let shown = render(&checked.diagnostics, &sources, false);
        let codes: Vec<&str> = checked.diagnostics.iter().map(|d| d.code).collect();
        assert_eq!(codes, ["bnas::parse::edition_missing"], "{line}\n{shown}");
    }
}

#[test]
fn an_else_is_missing() {
    let help = "`if … then … else …`";
    for (right, wrong) in [
        ("else if abs(x)", "if abs(x)"),
        ("else if abs(x)", "esle if abs(x)"),
        ("else 0", "0"),
        ("else 0", "steep(x)"),
        ("else 0", ""),
    ] {
        spoiled(right, wrong, help);
    }
    // What stands below it may be a mistake of its own.
    let text = OF_ALL.replacen("\n                else 0", "\n  t = [1, 2]", 1);
    only(&text, &["parse::syntax", "parse::syntax"]);
}

#[test]
fn a_default_is_missing() {
    let help = "write the value on this line";
    for (right, wrong) in [
        ("default 3e-3", "default"),
        ("default relu6", "default"),
        ("default 3\n", "default\n"),
        ("wb in widths default 8", "wb in widths default"),
        ("ab in {4, 8} default 8", "ab in {4, 8} default"),
        ("default adam", "default"),
        ("lr in 1e-3..1e-2 log default 3e-3", "lr in"),
        ("lr in 1e-3..1e-2 log default 3e-3", "lr ="),
    ] {
        spoiled(right, wrong, help);
    }
}

#[test]
fn a_value_below_its_sign() {
    // What is amended there may be the value.
    let text = OF_ALL.replacen("space = s\n", "space =\n    s { act = relu }\n", 1);
    only(&text, &[]);
}

#[test]
fn a_counter_is_missing() {
    let help = "name the counter: `repeat n as i {`";
    spoiled("repeat 2 as s", "repeat 2 as", help);
    spoiled("repeat 2 as s", "repeat 2", help);
    spoiled("repeat 2 as s", "repeat 2 s", help);
}

#[test]
fn a_name_is_missing_before_in() {
    let help = "write `name in domain`";
    spoiled("wb in widths", "in widths", help);
    spoiled("ab in {4, 8}", "in {4, 8}", help);
    spoiled("kernel in {1, 3}", "in {1, 3}", help);
    spoiled("lr in 1e-3..1e-2", "in 1e-3..1e-2", help);
}

#[test]
fn the_value_of_a_skip_is_misspelt() {
    one_error(
        &OF_ALL.replacen("add s[1].down", "add t[1].down", 1),
        "bnas::skip::missing",
        "t[1].down",
        "`stem`",
    );
}

//! One value is wrong, and several places read it: one mistake.

use super::{checked, one_error, only, render};

/// Constants that several places read by themselves and in formulas; one place to spoil.
const OF_CONSTANTS: &str = "space s {
  width = 8
  layer stem = conv(channels = width) -> norm
  layer more = conv(channels = 2 * width) -> norm
  repeat 2 as s { layer c = conv(channels = width * 2^s) -> norm }
  layer head = pool(average) -> linear(classes)
}
policy p {
  widths = {2, 4, 8}
  each layer {
    wb in widths default 8
    weights = int { bits = wb }
    activations = int { bits = 8 }
  }
}
experiment e {
  data = digits
  space = s
  policy = p
  lr = 1e-3
  train { epochs = 1  optimizer = adam(lr = lr) }
  finetune { epochs = 1  optimizer = adam(lr = lr / 10) }
  search { trials = 2 }
  maximize accuracy
}
";

#[test]
fn a_constant_that_is_wrong() {
    only(OF_CONSTANTS, &[]);
    // The value is read in formulas alone, too.
    let formulas = OF_CONSTANTS.replacen("channels = width)", "channels = 3 * width)", 1);
    let formulas = formulas.replacen("(lr = lr)", "(lr = lr * 2)", 1);
    // Or in formulas first.
    let last = OF_CONSTANTS.replacen("channels = width)", "channels = 3 * width)", 1);
    let last = last.replacen("2 * width)", "width)", 1);
    for text in [OF_CONSTANTS, &formulas, &last] {
        for (right, wrong, code) in [
            ("width = 8", "width = 0", "domain::out_of_range"),
            ("width = 8", "width = -1", "domain::out_of_range"),
            ("width = 8", "width = 4 s", "unit::mismatch"),
            ("lr = 1e-3", "lr = 0", "domain::out_of_range"),
            ("lr = 1e-3", "lr = 4 s", "unit::mismatch"),
        ] {
            only(&text.replacen(right, wrong, 1), &[code]);
        }
    }
}

#[test]
fn every_use_is_shown() {
    let text = OF_CONSTANTS.replacen("width = 8", "width = 0", 1);
    let (checked, sources) = checked("test.bnas", &format!("{}{text}", super::HEAD));
    let shown = render(&checked.diagnostics, &sources, false);
    for label in ["`width` gets its value here", "this can be 0"] {
        assert!(shown.contains(label), "{shown}");
    }
    assert!(shown.contains("2 * width"), "{shown}");
}

#[test]
fn the_default_was_a_member_of_a_set_with_a_name() {
    one_error(
        &OF_CONSTANTS.replacen("{2, 4, 8}", "{2, 4, -1}", 1),
        "bnas::domain::out_of_range",
        "wb",
        "`bits = 2`",
    );
}

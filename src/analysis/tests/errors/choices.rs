//! A member of a choice is wrong, or is not there: one mistake, whatever names it.

use super::{checked, one_error, only};

/// Choices among blocks, and requirements on them; one place to spoil.
const OF_CHOICES: &str = "use std.blocks.{basic, separable}

block cell(channels) { layer a = conv(channels = channels) -> norm -> relu }
block plain(channels) { layer a = conv(channels = channels, kernel = 1) -> norm -> relu }

space net {
  width in {8, 16}
  layer stem = conv(channels = width) -> norm
  repeat 2 as s {
    layer down = conv(channels = 8) -> norm
    block in {cell(channels = 8), plain(channels = 8), basic(channels = 8)} default cell
    second in {basic(channels = 8), separable(channels = 8)} default basic
    repeat 2 as d {
      block in {cell(channels = 8), plain(channels = 8)}
    }
  }
  layer head = pool(average) -> linear(classes)
  require s[0].block == cell
  require s[1].d[0].block == plain
  require count(s[*].block == plain) <= 1
  require s[0].second == basic implies width == 8
}

experiment e {
  data = digits
  space = net
  train { epochs = 1 }
  search { trials = 2 }
  maximize accuracy
  require space.s[1].block == plain implies space.width == 8
  require s[1].second == separable
  require s[1].d[1].block == cell
}
";

#[test]
fn a_block_of_a_choice_is_misspelt() {
    let short = OF_CHOICES.replacen("layer down = conv(channels = 8) -> norm\n", "", 1);
    for text in [OF_CHOICES, &short] {
        let text = text.replacen("  require s[1].second == separable\n", "", 1);
        only(&text, &[]);
        for (right, wrong) in [
            ("{cell(", "{cel("),
            (" plain(", " plan("),
            ("{basic(", "{basi("),
            ("separable(", "seprable("),
            (
                "{cell(channels = 8), plain(channels = 8)}",
                "{cel(channels = 8), plain(channels = 8)}",
            ),
        ] {
            assert!(text.contains(right), "{right}");
            only(&text.replacen(right, wrong, 1), &["name::unknown"]);
        }
    }
}

#[test]
fn a_default_is_no_block_of_its_choice() {
    for wrong in ["cel", "separable"] {
        one_error(
            &OF_CHOICES.replacen("default cell", &format!("default {wrong}"), 1),
            "bnas::domain::default",
            wrong,
            "`cell`, `plain`, `basic`",
        );
    }
}

/// What several declarations name is missing in the file, or misspelt where it is declared.
#[test]
fn a_block_is_not_there() {
    for (right, wrong, at, help) in [
        ("block cell", "block cel", "cell", "did you mean `cel`?"),
        (
            "blocks.{basic, separable}",
            "blocks.separable",
            "basic",
            "use std.blocks.basic",
        ),
    ] {
        let text = OF_CHOICES.replacen(right, wrong, 1);
        one_error(&text, "bnas::name::unknown", at, help);
        let (checked, _) = checked("test.bnas", &format!("{}{text}", super::HEAD));
        assert!(
            checked.diagnostics[0].labels.len() > 1,
            "shown wherever it is named"
        );
    }
    let text = OF_CHOICES.replacen("{basic, separable}", "{basc, separable}", 1);
    one_error(&text, "bnas::import::missing", "basc", "std.blocks.basic");
}

#[test]
fn the_default_is_the_member_that_is_misspelt() {
    let text = |train: &str| {
        format!(
            "experiment e {{
  data = digits
  space = small_cnn
  opt in {{adam(lr = 1e-3), sgd(lr = 0.1)}} default sgd
  train {{ epochs = 1  {train} }}
  finetune {{ epochs = 1  optimizer = opt }}
  search {{ trials = 2 }}
  maximize accuracy
  require train.optimizer == adam implies train.schedule == cosine
  require opt == sgd implies train.optimizer.adam.lr >= 2e-3
}}
"
        )
    };
    let right = "optimizer in {sgd(lr = 0.1), adam(lr in {1e-3, 3e-3})} default adam  schedule in {cosine, step(at = 0.5)} default cosine";
    only(&text(right), &[]);
    for (part, wrong) in [
        (", adam(", ", adm("),
        ("{sgd(", "{sdg("),
        ("cosine, ", "cosin, "),
        ("step(", "stp("),
    ] {
        only(&text(&right.replacen(part, wrong, 1)), &["name::unknown"]);
    }
    for (part, wrong) in [("opt in {adam(", "opt in {adm("), ("3), sgd(", "3), sdg(")] {
        only(&text(right).replacen(part, wrong, 1), &["name::unknown"]);
    }
}

/// A block that is wrong in one space says nothing of those in others.
#[test]
fn a_path_of_another_space() {
    let text = format!(
        "{OF_CHOICES}
space other {{
  repeat 2 as s {{ block in {{cell(channels = 8), plain(channels = 8)}} }}
  layer head = pool(average) -> linear(classes)
  require s[0].second == cell
}}
"
    );
    only(&text, &["name::unknown"]);
    let text = text.replacen("{basic(channels = 8), sep", "{basc(channels = 8), sep", 1);
    only(&text, &["name::unknown", "name::unknown"]);
}

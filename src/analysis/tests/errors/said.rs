//! What is said twice, as another kind of entry, or in another layout.

use super::once::{OF_BLOCK, OF_SPACE};
use super::{HEAD, checked, one_error, only, render};

#[test]
fn a_value_in_braces_and_with_dots() {
    let twice = |first: &str, again: &str| {
        only(
            &format!(
                "experiment e {{\n data = digits\n space = small_cnn\n policy = tied\n target = braintta\n train {{ epochs = 3 }}\n search {{ trials = 2 }}\n maximize accuracy\n}}\nexperiment f : e {{ {first} }}\nexperiment g : f {{ {again} }}\n"
            ),
            &[],
        );
        only(
            &format!(
                "experiment e {{\n data = digits\n space = small_cnn\n policy = tied\n target = braintta\n train {{ epochs = 3 }}\n search {{ trials = 2 }}\n maximize accuracy\n}}\nexperiment f : e {{ {first}  {again} }}\n"
            ),
            &["name::duplicate"],
        );
    };
    twice("space = small_cnn { width = 9 }", "space.width = 8");
    twice(
        "target = braintta { clock = 300 MHz }",
        "target.clock = 200 MHz",
    );
    twice(
        "data = digits { augment = flip }",
        "data.augment = shift(1)",
    );
    twice(
        "train { optimizer = adam(lr = 0.1) }",
        "train.optimizer.lr = 0.2",
    );
    twice(
        "target = braintta { vector.width = 512 bit }",
        "target.vector.width = 1024 bit",
    );
}

#[test]
fn what_an_amendment_repeats() {
    only(
        "use std.quantizers.binry
experiment a {
  data = digits
  space = small_cnn
  policy = tied
  train { epochs = 1 }
  search { trials = 2 }
  maximize accuracy
  require policy.wide.q == binry
}
experiment b : a { policy = teid }
",
        &["import::missing", "name::unknown"],
    );
}

#[test]
fn sections_and_fields_are_told_apart() {
    let data = |inner: &str| format!("dataset d : digits {{ {inner} }}\n");
    only(&data("normalize = true"), &["type::mismatch"]);
    only(&data("splits = 3"), &["type::mismatch"]);
    let derived = |inner: &str| {
        format!(
            "experiment e {{\n data = digits\n space = small_cnn\n train {{ epochs = 3 }}\n search {{ trials = 2 }}\n maximize accuracy\n}}\nexperiment f : e {{ {inner} }}\n"
        )
    };
    // What a base has may be amended so, and what none has is declared elsewhere.
    only(&derived("space { width = 6 }"), &[]);
    only(&derived("data { augment = flip }"), &[]);
    only(&derived("policy { bits = 6 }"), &["type::mismatch"]);
    only(&derived("train = 3"), &["type::mismatch"]);
    only(&derived("train.optimizer.lr = 0.1"), &["name::unknown_key"]);
}

#[test]
fn goals_are_named_the_same_however_they_are_written() {
    let named = |goal: &str| {
        let text = format!(
            "{HEAD}experiment e {{\n x in {{1, 2}}\n y in {{1, 2}}\n maximize {goal}\n search {{ trials = 2 }}\n}}\n"
        );
        let (checked, sources) = checked("test.bnas", &text);
        let shown = render(&checked.diagnostics, &sources, false);
        let program = checked.program.unwrap_or_else(|| panic!("{shown}"));
        program.experiments[0].goals[0].text.clone()
    };
    assert_eq!(named("x + // first\n   y"), "x + y");
    assert_eq!(named("x+y*( 2 )"), "x + y * (2)");
    assert_eq!(named("max( x,\n y,\n )"), "max(x, y)");
    assert_eq!(named("-x ^ 2"), "-x^2");
}

#[test]
fn an_end_that_no_step_arrives_at() {
    let range = |range: &str| {
        format!("experiment e {{\n x in {range}\n minimize x\n search {{ trials = 2 }}\n}}\n")
    };
    only(&range("1..10 step 2"), &["domain::step_beyond"]);
    only(&range("1..10 step 20"), &["domain::step_beyond"]);
    only(&range("0.0..1.0 step 0.3"), &["domain::step_beyond"]);
    only(&range("1..10 step 2 default 10"), &["domain::default"]);
    for whole in [
        "0..64 step 8",
        "0.0..1.0 step 0.1",
        "-2.0..2.0 step 0.25",
        "3..3 step 4",
    ] {
        only(&range(whole), &[]);
    }
}

#[test]
fn a_line_is_there_twice() {
    let doubled = ["  space = s { width in {8, 24} }\n", "  width in {8, 16}\n"];
    for line in doubled {
        let text = OF_SPACE.replacen(line, &format!("{line}{line}"), 1);
        only(&text, &["name::duplicate"]);
    }
    let data = "data = digits { augment in {none, shift(pixels in 1..2)} }\n";
    let text = OF_SPACE.replacen("data = digits\n", &format!("{data}{data}"), 1);
    only(&text, &["name::duplicate"]);
}

#[test]
fn the_first_definition_is_no_amendment() {
    let text = OF_SPACE.replacen(
        "  width in {8, 16}\n",
        "  width = 4\n  width in {8, 16}\n",
        1,
    );
    one_error(&text, "bnas::name::duplicate", "width", "remove one");
    let (checked, sources) = checked("test.bnas", &format!("{HEAD}{text}"));
    let lines: Vec<usize> = (checked.diagnostics[0].labels.iter())
        .map(|label| sources.line(label.span))
        .collect();
    assert_eq!(lines[0], lines[1] + 1);
}

#[test]
fn branches_that_are_there_twice() {
    let branches = "  parallel {
    branch a { layer x = conv(channels = 4) -> norm }
    branch b { layer y = conv(channels = 4) -> norm }
  } join concat
";
    assert!(OF_BLOCK.contains(branches));
    let of_blocks = OF_BLOCK.replacen("block.first", "first", 1);
    let doubled = of_blocks.replacen(branches, &branches.repeat(2), 1);
    only(&doubled, &["name::duplicate"]);
    // Other layers in branches of the same names are no mistake.
    let others = branches
        .replace("layer x", "layer v")
        .replace("layer y", "layer w");
    only(
        &of_blocks.replacen(branches, &format!("{branches}{others}"), 1),
        &[],
    );
}

#[test]
fn spaces_of_one_name() {
    let text = OF_SPACE.replacen(
        "space = s { width in {8, 24} }",
        "space in {s { width = 4 }, s} default s_2  require space == s_2",
        1,
    );
    only(&text, &["name::duplicate"]);
}

#[test]
fn a_change_of_images_said_twice() {
    for changes in [
        "= {flip, flip}",
        "= {shift(1), shift(1)}",
        "in {{flip, flip}, none}",
    ] {
        let data = format!("data = digits {{ augment {changes} }}");
        only(
            &OF_SPACE.replacen("data = digits", &data, 1),
            &["name::duplicate"],
        );
    }
}

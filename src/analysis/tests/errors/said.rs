//! What is said twice, as another kind of entry, or in another layout.

use super::{HEAD, checked, only, render};

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

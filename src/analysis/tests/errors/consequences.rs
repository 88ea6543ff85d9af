//! One mistake, one report: what follows from it is not reported.

use super::{HEAD, checked, render};

/// Asserts that this text has these diagnostics and no others.
fn only(body: &str, codes: &[&str]) {
    let text = format!("{HEAD}{body}");
    let (checked, sources) = checked("test.bnas", &text);
    let found: Vec<&str> = (checked.diagnostics.iter())
        .filter(|d| d.code != "bnas::import::unused")
        .map(|d| d.code.trim_start_matches("bnas::"))
        .collect();
    let shown = render(&checked.diagnostics, &sources, false);
    assert_eq!(found, codes, "{body}\n{shown}");
}

/// A space with a decision `w`, requirements on it, and one place to spoil.
const OF_SPACE: &str = "space s {
  w in {8, 16}
  act in {relu, hardtanh}
  layer a = conv(channels = w) -> norm -> act
  layer head = pool(average) -> linear(classes)
}
experiment e {
  data = digits
  space = s
  train { epochs = 1  optimizer in {adam(lr = 1e-3), sgd(lr = 0.1)} }
  search { trials = 2 }
  maximize accuracy
  require space.w >= 8 and space.w <= 16
  require params <= 100 * space.w
  require space.w == 8 implies space.act == hardtanh
  require train.optimizer == sgd
}
";

/// The same with a memory of the target.
const OF_TARGET: &str =
    "target core : braintta { memory data { holds = activations  size in {1 KiB, 2 KiB} } }
experiment e {
  data = digits
  space = small_cnn
  policy = tied
  target = core
  train { epochs = 1 }
  search { trials = 2 }
  maximize accuracy
  minimize target.memory.data.size
}
";

/// The same with stages.
const OF_STAGES: &str = "experiment e {
  data = digits
  space = small_cnn
  policy = tied
  share in {0.2, 0.8}
  stage acts { quantize = activations  epochs = 1 }
  stage both { quantize = all  epochs = 1  teacher = acts  loss = (1 - share) * task + share * distill(kl) }
  search { trials = 2 }
  maximize accuracy
}
";

#[test]
fn paths_below_what_is_wrong() {
    for (text, right, wrong, code) in [
        (OF_SPACE, "w in {8, 16}", "w in {8 16}", "parse::syntax"),
        (OF_SPACE, "w in {8, 16}", "w in [8, 16]", "parse::syntax"),
        (OF_SPACE, "w in {8, 16}", "w: {8, 16}", "parse::syntax"),
        (
            OF_SPACE,
            "w in {8, 16}",
            "let w in {8, 16}",
            "parse::syntax",
        ),
        (OF_SPACE, "data = digits", "data =", "parse::syntax"),
        (OF_SPACE, "space = s", "spcae = s", "name::unknown_key"),
        (OF_SPACE, "space s {", "spcae s {", "name::unknown_kind"),
        (OF_SPACE, "act in {relu,", "act in {rleu,", "name::unknown"),
        (OF_SPACE, "sgd(lr", "sdg(lr", "name::unknown"),
        (OF_TARGET, "holds =", "hold =", "name::unknown_key"),
        (OF_TARGET, "activations", "activation", "name::unknown"),
        (OF_TARGET, "memory data", "memroy data", "name::unknown_key"),
        (
            OF_TARGET,
            "target = core",
            "targt = core",
            "name::unknown_key",
        ),
        (OF_TARGET, "target core", "targt core", "name::unknown_kind"),
        (OF_STAGES, "stage acts", "stge acts", "name::unknown_key"),
        (OF_STAGES, "teacher =", "teachr =", "name::unknown_key"),
        (OF_STAGES, "loss =", "lss =", "name::unknown_key"),
        (OF_STAGES, "+ share", "+ shar", "name::unknown"),
    ] {
        assert!(text.contains(right), "{right}");
        only(&text.replacen(right, wrong, 1), &[code]);
    }
    // Two mistakes are two.
    let both = OF_SPACE
        .replacen("channels = w", "chanels = w", 1)
        .replacen("require space.w >=", "require space.W >=", 1);
    only(&both, &["name::unknown_key", "name::unknown"]);
}

#[test]
fn a_name_that_is_used_through_another_one() {
    only(
        "quantizer z : uniform {
  bits = 4
  margin = 0.5
  centered = marjin * 2
  normalize(w) = w * centered
}
",
        &["name::unknown"],
    );
}

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
fn what_stands_beside_an_evaluator() {
    only(
        "experiment e {
  x in 0.0..1.0
  evaluate = command(\"python train.py\", metrics = {acc})
  space = small_cnn
  search { method = random  trials = 5 }
  maximize accuracy
}
",
        &["evaluate::table"],
    );
}

#[test]
fn a_value_that_is_missing_above_a_section() {
    only(
        &OF_TARGET
            .replacen("target = core\n", "target =\n", 1)
            .replacen("  minimize target.memory.data.size\n", "", 1),
        &["parse::syntax"],
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
fn fields_that_a_section_lacks() {
    only(
        "dataset d : embedded { content = digits }\n",
        &["field::missing", "field::missing", "field::missing"],
    );
}

#[test]
fn blocks_that_are_not_there() {
    let choice = |import: &str, members: &str| {
        format!(
            "{import}
block plain(channels) {{ layer a = conv(channels = channels) -> norm -> relu }}
space s {{
  block in {{{members}}}
  layer head = pool(average) -> linear(classes)
}}
"
        )
    };
    only(
        &choice("", "plain(channels = 8), plian(channels = 8)"),
        &["name::unknown"],
    );
    only(
        &choice("", "plain(channels = 8), basic(channels = 8)"),
        &["name::unknown"],
    );
    let missing = format!(
        "use std.blocks.basik\n{}",
        choice("", "plain(channels = 8), basik(channels = 8)")
    );
    only(&missing, &["import::missing"]);
}

#[test]
fn a_lost_declaration_loses_what_stands_above_it() {
    for above in [
        "/// D\n",
        "@paper(\"x\", where = \"y\")\n",
        "/// D\n// c\n/// E\n@paper(\"x\")\n",
    ] {
        only(
            &format!(
                "policy p {{ each layer {{ weights = int8  activations = int8 }} }}\n{above}experiment a {{ x in 0.0..1.0  search {{ trials = 3  maximize x }}\n"
            ),
            &["parse::bracket"],
        );
    }
}

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
fn sections_and_fields_are_told_apart() {
    let data = |inner: &str| format!("dataset d : digits {{ {inner} }}\n");
    only(&data("normalize = true"), &["type::mismatch"]);
    only(&data("splits = 3"), &["type::mismatch"]);
    let derived = |inner: &str| {
        format!(
            "experiment e {{\n data = digits\n space = small_cnn\n train {{ epochs = 3 }}\n search {{ trials = 2 }}\n maximize accuracy\n}}\nexperiment f : e {{ {inner} }}\n"
        )
    };
    only(&derived("space { width = 6 }"), &["type::mismatch"]);
    only(&derived("data { augment = flip }"), &["type::mismatch"]);
    only(&derived("train = 3"), &["type::mismatch"]);
    only(&derived("train.optimizer.lr = 0.1"), &["name::unknown_key"]);
}

#[test]
fn an_end_that_no_step_arrives_at() {
    let range = |range: &str| {
        format!("experiment e {{\n x in {range}\n minimize x\n search {{ trials = 2 }}\n}}\n")
    };
    only(&range("1..10 step 2"), &["domain::step_beyond"]);
    only(&range("1..10 step 20"), &["domain::step_beyond"]);
    only(&range("0.0..1.0 step 0.3"), &["domain::step_beyond"]);
    only(
        &range("1..10 step 2 default 10"),
        &["domain::step_beyond", "domain::default"],
    );
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
fn a_warning_hides_no_error() {
    only(
        "quantizer z : binary { kc = 1  gradient(x) = log2(x) }\n",
        &["domain::undefined"],
    );
}

#[test]
fn an_error_of_one_experiment_hides_none_of_another_one() {
    let text = format!(
        "{HEAD}experiment e {{ data = digits  space = small_cnn  train {{ epochs = 3 }}  search {{ trials = 2 }}  maximize accuracy }}
policy p {{ each layer {{ weights = int8  activations = int8 }}  layer foo {{ weights = int8 }} }}
experiment a : e {{ policy = p }}
experiment b : e {{ train.epochs = 0.5 }}
experiment c : e {{ maximise macs }}
experiment d : a {{ sede = 3 }}
"
    );
    let (checked, _) = checked("test.bnas", &text);
    let sound: Vec<&str> = checked.sound.iter().map(|e| e.name.as_str()).collect();
    assert_eq!(sound, ["e", "a"]);
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
fn a_value_that_reads_one_that_goes_wrong() {
    only(
        "quantizer z : binary {
  low_t = 0
  t = 0.1 * (10 / low_t)^progress
  k = max(1 / t, 1)
  gradient(x) = k * t * x
}
",
        &["domain::undefined"],
    );
}

#[test]
fn a_copy_that_is_not_there() {
    for copy in ["-1", "1.5", "\"a\""] {
        let text = format!(
            "space sp {{
  repeat 2 as s {{ depth in {{1, 2}}  layer c = conv(channels = 8 * depth) -> norm -> relu }}
  layer head = pool(average) -> linear(classes)
}}
experiment e {{
  data = digits
  space = sp {{ s[{copy}].depth = 2 }}
  train {{ epochs = 1 }}
  search {{ trials = 2 }}
  maximize accuracy
}}
"
        );
        let (checked, sources) = checked("test.bnas", &format!("{HEAD}{text}"));
        let shown = render(&checked.diagnostics, &sources, false);
        assert_eq!(checked.diagnostics.len(), 1, "{shown}");
    }
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

//! One mistake, one report: what follows from it is not reported.

use super::{HEAD, checked, only, render};

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
pub(super) const OF_TARGET: &str =
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
    let of_space = [
        ("w in {8, 16}", "w in {8 16}", "parse::syntax"),
        ("w in {8, 16}", "w in [8, 16]", "parse::syntax"),
        ("w in {8, 16}", "w: {8, 16}", "parse::syntax"),
        ("w in {8, 16}", "let w in {8, 16}", "parse::syntax"),
        ("data = digits", "data =", "parse::syntax"),
        ("space = s", "spcae = s", "name::unknown_key"),
        ("space s {", "spcae s {", "name::unknown_kind"),
        ("act in {relu,", "act in {rleu,", "name::unknown"),
        ("sgd(lr", "sdg(lr", "name::unknown"),
    ];
    let of_target = [
        ("holds =", "hold =", "name::unknown_key"),
        ("activations", "activation", "name::unknown"),
        ("memory data", "memroy data", "name::unknown_key"),
        ("target = core", "targt = core", "name::unknown_key"),
        ("target core", "targt core", "name::unknown_kind"),
    ];
    let of_stages = [
        ("stage acts", "stge acts", "name::unknown_key"),
        ("teacher =", "teachr =", "name::unknown_key"),
        ("loss =", "lss =", "name::unknown_key"),
        ("+ share", "+ shar", "name::unknown"),
    ];
    for (text, spoiled) in [
        (OF_SPACE, &of_space[..]),
        (OF_TARGET, &of_target),
        (OF_STAGES, &of_stages),
    ] {
        for (right, wrong, code) in spoiled {
            assert!(text.contains(right), "{right}");
            only(&text.replacen(right, wrong, 1), &[code]);
        }
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
fn a_value_that_goes_wrong_and_is_read() {
    only(
        "quantizer mine : binary {
  start = 0
  t = 1 / start
  k = 1 / t
  forward(x) = sign(x)
  gradient(x) = k * sqrt(t)
}
",
        &["domain::undefined"],
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

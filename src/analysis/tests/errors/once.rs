//! One mistake, one report, where several places read what is wrong.

use super::{HEAD, checked, one_error, only, render};
use crate::model::Template;

/// A block with a fact of its own, and a space that copies it and adds to its layers; one place to spoil.
pub(super) const OF_BLOCK: &str = "block unit(channels, stride = 1) {
  layer first = conv(channels = channels, stride = stride) -> norm -> relu
  layer second = conv(channels = channels) -> norm
  add first when stride == 1
  check params(digits, channels = 8) >= 10
}
space s {
  layer stem = conv(channels = 8) -> norm -> relu
  repeat 2 as s {
    block = unit(channels = 8 * (s + 1), stride = if s == 0 then 1 else 2)
  }
  layer wide = conv(channels = 8) -> norm
  add stem via conv_shortcut
  parallel {
    branch a { layer x = conv(channels = 4) -> norm }
    branch b { layer y = conv(channels = 4) -> norm }
  } join concat
  layer head = pool(average) -> linear(classes)
}
experiment e {
  data = digits
  space = s
  target = braintta { check peak(binary) ~= 614 Gop/s within 1 % }
  policy = tied
  train { epochs = 1 }
  search { trials = 2 }
  maximize accuracy
  require space.s[0].block.first.channels <= 16
}
";

/// What `bnas check` reports: what is found in the text, and in the networks of experiments that nothing is wrong in.
fn everything(text: &str) -> (Vec<&'static str>, String) {
    let (checked, sources) = checked("test.bnas", text);
    let mut found = checked.diagnostics;
    for experiment in &checked.sound {
        found.extend(Template::new(experiment).err().into_iter().flatten());
    }
    found.retain(|d| d.code != "bnas::import::unused");
    let shown = render(&found, &sources, false);
    (found.iter().map(|d| d.code).collect(), shown)
}

#[test]
fn what_stands_beside_what_is_not_read() {
    let spoiled = [
        ("layer first =", "laer first ="),
        ("layer first = conv", "layer first : conv"),
        (
            ") -> norm -> relu\n  layer second",
            ") => norm -> relu\n  layer second",
        ),
        ("add first when", "add first whn"),
        ("layer stem =", "layr stem ="),
        ("repeat 2 as s", "repat 2 as s"),
        ("== 0 then", "== 0 thn"),
        ("1 else 2", "1 ele 2"),
        ("join concat", "jion concat"),
        ("parallel {", "paralel {"),
        ("within 1", "witin 1"),
    ];
    for (right, wrong) in spoiled {
        assert!(OF_BLOCK.contains(right), "{right}");
        let text = format!("{HEAD}{}", OF_BLOCK.replacen(right, wrong, 1));
        let (codes, shown) = everything(&text);
        assert_eq!(codes, ["bnas::parse::syntax"], "{wrong}\n{shown}");
    }
    for (right, wrong) in [("stride = 1) {", "stride = 1) {{"), ("as s {", "as s {{")] {
        let text = format!("{HEAD}{}", OF_BLOCK.replacen(right, wrong, 1));
        let (codes, shown) = everything(&text);
        assert_eq!(codes, ["bnas::parse::bracket"], "{wrong}\n{shown}");
    }
}

#[test]
fn a_folder_of_the_library_is_misspelt() {
    let uses = "bnas 1\nuse std.quantisers.{binary, int8, ternary}\n";
    let text = HEAD.replacen("bnas 1\n", uses, 1);
    let text = text.replace("use std.quantizers.{binary, int, int8}\n", "");
    let (checked, sources) = checked(
        "test.bnas",
        &format!("{text}policy p {{ each layer {{ weights = int8  activations = binary }} }}\n"),
    );
    let shown = render(&checked.diagnostics, &sources, false);
    assert_eq!(checked.diagnostics.len(), 1, "{shown}");
    assert!(shown.contains("did you mean `std.quantizers`?"), "{shown}");
}

/// An experiment with a space of its own, and one place to spoil.
pub(super) const OF_SPACE: &str = "space s {
  width in {8, 16}
  layer stem = conv(channels = width) -> norm
  layer head = pool(average) -> linear(classes)
}
experiment e {
  data = digits
  space = s { width in {8, 24} }
  train { epochs = 1 }
  search { trials = 2 }
  maximize accuracy
}
";

#[test]
fn the_odd_member_is_the_first() {
    for (set, code) in [
        ("{2 ms, 4, 8}", "unit::mismatch"),
        ("{\"x\", 4, 8}", "type::mismatch"),
        ("{4, 2 ms, 8, 3 ms}", "unit::mismatch"),
    ] {
        let text = OF_SPACE.replacen("{8, 16}", set, 1);
        only(&text.replacen(" { width in {8, 24} }", "", 1), &[code]);
        let text = OF_SPACE.replacen(
            "width in {8, 16}",
            &format!("width in {{8, 16}}\n  all = {set}"),
            1,
        );
        only(&text, &[code]);
    }
}

#[test]
fn what_an_experiment_lacks() {
    let text = OF_SPACE.replacen(
        "  space = s { width in {8, 24} }\n",
        "  require space.width <= 8\n",
        1,
    );
    only(&text, &["field::missing"]);
    // A goal that is missing, too, is another mistake.
    let text = text.replacen("  require space.width <= 8\n", "", 1);
    let text = text.replacen("  maximize accuracy\n", "", 1);
    only(&text, &["field::missing", "field::missing"]);
    // Without a policy, nothing has a price, and weights are as large as they are.
    for lines in [
        "target = braintta { memory m { holds = weights  size = 10 B } }",
        "target = braintta  require latency <= 1 ns  require model_size <= 1 bit",
    ] {
        let text = OF_SPACE.replacen("train {", &format!("{lines}\n  train {{"), 1);
        let (checked, _) = checked("test.bnas", &format!("{HEAD}{text}"));
        let program = checked.program.expect("nothing is wrong with the text");
        let found = Template::new(&program.experiments[0])
            .err()
            .unwrap_or_default();
        let codes: Vec<&str> = found.iter().map(|d| d.code).collect();
        assert_eq!(codes, ["bnas::target::float"], "{lines}");
    }
}

#[test]
fn facts_of_data_are_not_searched() {
    for amended in [
        "classes in {5, 10}",
        "scale in {16, 32}",
        "shape.height in {8, 16}",
    ] {
        let text = OF_SPACE.replacen(
            "data = digits",
            &format!("data = digits {{ {amended} }}"),
            1,
        );
        only(&text, &["domain::not_searched"]);
    }
}

#[test]
fn a_default_that_is_a_word() {
    for default in ["\"x\"", "true"] {
        let text = OF_SPACE.replacen(
            "  layer head",
            "  size in {1, 3}\n  block = unit(channels = 8, kernel = size)\n  layer head",
            1,
        );
        let block = format!(
            "block unit(channels, kernel = {default}) {{ layer a = conv(channels = channels, kernel = kernel) -> norm }}\n"
        );
        only(&format!("{block}{text}"), &["type::mismatch"]);
    }
}

#[test]
fn a_name_that_is_taken() {
    let text = OF_SPACE.replace("width", "energy");
    only(
        &text.replacen(" { energy in {8, 24} }", "", 1),
        &["name::duplicate"],
    );
}

#[test]
fn an_evaluator_under_a_name() {
    let text = |n: &str| {
        format!(
            "experiment e {{\n  width in {{4, 8}}\n  n {n}\n  evaluate = n\n  search {{ method = grid }}\n  maximize accuracy\n}}\n"
        )
    };
    one_error(
        &text("in {table(\"a.csv\"), table(\"b.csv\")}"),
        "bnas::evaluate::table",
        "table",
        "`arms { evaluate in {table(\"a.csv\"), table(\"b.csv\")} }`",
    );
    one_error(
        &text("= table(\"a.csv\")"),
        "bnas::evaluate::table",
        "table",
        "write `evaluate = table(\"a.csv\")`",
    );
}

#[test]
fn a_name_misspelt_at_its_definition() {
    for right in ["width in {8, 16}", "unit(channels, stride = 1)"] {
        let name = if right.starts_with('w') {
            "width"
        } else {
            "channels"
        };
        let (text, wrong) = match name {
            "width" => (OF_SPACE, "widht"),
            _ => (OF_BLOCK, "chanels"),
        };
        let layers = "layer twice = conv(channels = width) -> norm\n  layer head";
        let text = match name {
            "width" => text.replacen("layer head", layers, 1),
            _ => text.to_string(),
        };
        let text = text.replacen(right, &right.replacen(name, wrong, 1), 1);
        let (checked, sources) = checked("test.bnas", &format!("{HEAD}{text}"));
        let mut found = checked.diagnostics;
        found.retain(|d| d.is_error());
        let shown = render(&found, &sources, false);
        assert_eq!(found.len(), 1, "{shown}");
        assert_eq!(found[0].labels.len(), 2, "{shown}");
        let help = format!("did you mean `{wrong}`?");
        assert_eq!(found[0].help.as_deref(), Some(help.as_str()), "{shown}");
    }
}

#[test]
fn a_block_that_is_amended_is_wrong() {
    let right = "block unit(channels) {
  repeat 2 as d {
    kernel = 3
    layer one = conv(channels = channels, kernel = kernel) -> norm -> relu
  }
}
space s {
  block = unit(channels = 8)
  layer head = pool(average) -> linear(classes)
}
experiment e {
  data = digits
  space = s { d[0].kernel = 1  d[1].kernel in {1, 3} }
  train { epochs = 1 }
  search { trials = 2 }
  maximize accuracy
}
";
    only(right, &[]);
    for (part, wrong, code) in [
        (
            "unit(channels = 8)",
            "unit(chanels = 8)",
            "name::unknown_key",
        ),
        ("unit(channels = 8)", "unti(channels = 8)", "name::unknown"),
        (
            "(channels = channels",
            "(channels = chanels",
            "name::unknown",
        ),
        ("unit(channels)", "unit(chanels)", "name::unknown"),
        ("kernel = kernel", "kernel =", "parse::syntax"),
        ("repeat", "repat", "parse::syntax"),
    ] {
        only(&right.replacen(part, wrong, 1), &[code]);
    }
}

#[test]
fn a_formula_of_metrics_is_wrong() {
    let text = OF_SPACE.replacen(
        "maximize accuracy",
        "target = braintta  policy = tied  edp = eergy * latency  minimize edp  expect best.edp <= 3",
        1,
    );
    one_error(&text, "bnas::name::unknown", "eergy", "`energy`");
}

#[test]
fn a_value_wrong_in_place_whatever_is_amended() {
    let text = OF_SPACE.replacen("channels = width", "channels = width * 1 s", 1);
    only(&text, &["unit::mismatch"]);
}

#[test]
fn a_table_beside_a_network() {
    // Its cells are no numbers, which is of no matter.
    let table = "evaluate = table(\"tests/fixtures/evaluate/parts/word.csv\")  train {";
    only(
        &OF_SPACE.replacen("train {", table, 1),
        &["evaluate::table"],
    );
}

#[test]
fn fields_that_belong_into_another_section() {
    let distilled = "finetune { epochs = 1  teacher = train  loss = 0.5 * hard + 0.5 * soft(teacher) }  search {";
    only(
        &OF_SPACE.replacen("search {", distilled, 1),
        &["name::unknown_key"],
    );
}

#[test]
fn fields_of_another_base_of_data() {
    let data = |fields: &str| {
        format!(
            "dataset d : cifar {{ {fields}  classes = 10
  shape {{ height = 32  width = 32  channels = 3 }}
  splits {{ train = 8  validation = 1  test = 1 }}
}}
"
        )
    };
    for fields in ["images = \"a\"", "images = \"a\"  labels = \"b\""] {
        only(&data(fields), &["name::unknown_key"]);
    }
    // What no base needs stands in place of nothing.
    only(
        &data("label = \"a\""),
        &["field::missing", "name::unknown_key"],
    );
}

#[test]
fn a_path_to_a_name_that_is_misspelt_where_it_is_defined() {
    let space = "space s {
  wdth in {8, 16}
  repeat 2 as s { dep in {false, true}  layer c = conv(channels = width) when deep }
  layer head = pool(average) -> linear(classes)
}
";
    let claims = "require space.width == 8  require any(space.s[*].deep)";
    let experiment = "experiment e { data = digits  space = s  train { epochs = 1 }
  search { trials = 2 }  maximize accuracy  REQUIRE }
";
    let text = format!("{space}{}", experiment.replace("REQUIRE", claims));
    only(&text, &["name::unknown", "name::unknown"]);
    let metrics = experiment.replace(
        "REQUIRE",
        "edap = params * macs  minimize edp  expect best.edp <= 1e9 mac",
    );
    only(
        &format!(
            "{}{metrics}",
            space.replace("wdth", "width").replace("dep in", "deep in")
        ),
        &["name::unknown"],
    );
}

#[test]
fn blocks_in_a_condition_are_one_mistake() {
    let body = "use std.blocks.{basic, separable}
space net {
  big in {false, true}
  layer stem = conv(channels = 8) -> norm -> relu
  block = if big then basic(channels = 8) else separable(channels = 8)
  layer head = pool(average) -> linear(classes)
}";
    only(body, &["name::unknown"]);
}

/// What names members of an amendment that could not be read follows from that.
#[test]
fn members_of_an_amendment_that_is_lost() {
    let body = "use std.blocks.basic
space net {
  repeat 2 as s { block in {basic(channels = 8), basic(channels = 16)} }
  layer head = pool(average) -> linear(classes)
}
experiment e {
  data = digits
  space = net { s[1] .block in {basic(channels = 8), basic(channels = 16), basic(channels = 32)} }
  require space.s[1].block == basic_3
  train { epochs = 1 }
  search { trials = 2 }
  maximize accuracy
}";
    only(body, &["parse::syntax"]);
}

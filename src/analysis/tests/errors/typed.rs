//! Help that can be typed, and then works: a mistake, the help, and what is written by it.

use super::{HEAD, checked, one_error, only, render};
use crate::model::Template;

/// An experiment with a space; `#` stands for what comes first in that.
fn in_space(first: &str) -> String {
    format!(
        "space s {{
  x in 1..4
  {first}
  layer head = pool(average) -> linear(classes)
}}
experiment e {{ data = digits  space = s  train {{ epochs = 1 }}  search {{ trials = 2 }}  maximize accuracy }}
"
    )
}

/// Asserts that this text has one error with this help, and that the other text has none.
fn typed(wrong: &str, help: &str, right: &str) {
    let (found, sources) = checked("test.bnas", &format!("{HEAD}{wrong}"));
    let shown = render(&found.diagnostics, &sources, false);
    let errors: Vec<_> = found.diagnostics.iter().filter(|d| d.is_error()).collect();
    assert_eq!(errors.len(), 1, "{shown}");
    let said = errors[0].help.as_deref().unwrap_or_default();
    assert!(said.contains(help), "{shown}");
    let (found, sources) = checked("test.bnas", &format!("{HEAD}{right}"));
    let shown = render(&found.diagnostics, &sources, false);
    assert!(found.program.is_some(), "{shown}");
}

#[test]
fn an_argument_is_compared() {
    let layer = |argument: &str| in_space(&format!("layer a = conv({argument}) -> norm"));
    typed(
        &layer("channels == x"),
        "write `channels = x`",
        &layer("channels = x"),
    );
    let block = "block unit(channels) { layer a = conv(channels = channels) -> norm }\n";
    let copy =
        |argument: &str| format!("{block}{}", in_space(&format!("block = unit({argument})")));
    typed(
        &copy("channels == x"),
        "write `channels = x`",
        &copy("channels = x"),
    );
}

#[test]
fn a_decision_under_a_condition() {
    let layer = "layer a = conv(channels = 8 * x) -> norm\n  layer b = conv(channels = 8, kernel = if x > 2 then k else 1) -> norm";
    let with = |first: &str| in_space(&format!("{first}\n  {layer}"));
    let right = with("k in {1, 3}");
    typed(
        &with("k in {1, 3} when x > 2"),
        "leave `when x > 2` out",
        &right,
    );
    typed(
        &with("k in {1, 3} if x > 2"),
        "leave the condition out: `k` is searched only where",
        &right,
    );
    let of_name = layer.replace("if x > 2 then k else 1", "j");
    let with = |first: &str| in_space(&format!("{first}\n  {of_name}"));
    typed(
        &with("j = if x > 2 then 1..3 else 1"),
        "write `name in 1..3` above, and `name` here",
        &with("name in 1..3\n  j = if x > 2 then name else 1"),
    );
}

#[test]
fn copies_are_counted() {
    let copies = |domain: &str| {
        in_space(&format!(
            "depth in {domain}\n  repeat depth as d {{ layer a = conv(channels = 8 * x) -> norm }}"
        ))
    };
    typed(&copies("1..1.5"), "`depth in 1..2`", &copies("1..2"));
    typed(&copies("1..1e30"), "`depth in 1..4`", &copies("1..4"));
}

#[test]
fn words_of_rules() {
    let policy = |rule: &str| {
        format!(
            "policy p {{ {rule} {{ weights = int8  activations = int8 }} }}\n{}",
            in_space("layer a = conv(channels = x) -> norm")
        )
    };
    for (wrong, right) in [
        ("each laer", "each layer"),
        (
            "conv laer where channels <= 8",
            "conv layer where channels <= 8",
        ),
        ("laer a", "layer a"),
        ("first laer", "first layer"),
    ] {
        typed(&policy(wrong), "write `layer`", &policy(right));
    }
    typed(
        &policy("conv layer whre channels <= 8"),
        "write `where`",
        &policy("conv layer where channels <= 8"),
    );
}

#[test]
fn a_parameter_in_a_fact() {
    one_error(
        "block unit(channels) { layer a = conv(channels = channels) -> norm  check params(digits, chanels = 4) >= 40 }\n",
        "bnas::name::unknown_key",
        "chanels",
        "did you mean `channels`?",
    );
}

#[test]
fn a_value_in_a_fact_of_a_space() {
    let fact = |value: &str, fact: &str| {
        in_space("w in {4, 8}\n  layer a = conv(channels = w * x) -> norm")
            + &format!("space t : s {{ {value} check {fact} >= 4 }}\n")
    };
    let wrong = fact("", "params(digits, v = 8)");
    typed(
        &wrong,
        "write `params(digits)`",
        &fact("", "params(digits)"),
    );
    typed(
        &fact("", "params(digits, w = 8)"),
        "`space other : t { w = 8  check params(digits) … }`",
        &fact("w = 8 ", "params(digits)"),
    );
    let meant = "did you mean `width`? a space with another value is one of its own";
    let wide = |text: &str| {
        text.replace("w in", "width in")
            .replace("= w *", "= width *")
    };
    typed(
        &wide(&fact("", "params(digits, widht = 8)")),
        meant,
        &wide(&fact("width = 8 ", "params(digits)")),
    );
}

#[test]
fn blocks_of_one_name_are_compared() {
    let block = "block unit(channels) { layer a = conv(channels = channels) -> norm }\n";
    let choice = "block in {unit(channels = x), unit(channels = 2 * x)}";
    for (wrong, right) in [
        ("space.block == unit", "space.block == unit_1"),
        ("space.block != unit", "space.block != unit_2"),
    ] {
        let with = |claim: &str| {
            format!("{block}{}", in_space(choice))
                .replace("maximize", &format!("require {claim}  maximize"))
        };
        typed(&with(wrong), "one of `unit_1`, `unit_2`", &with(right));
    }
    let other = "block other(channels) { layer a = conv(channels = channels) -> norm }\n";
    let text = format!("{block}{other}{}", in_space(choice));
    let text = text.replace("maximize", "require space.block != other  maximize");
    only(&text, &["name::unknown"]);
}

#[test]
fn a_requirement_of_one_arm() {
    let text = |space: &str, claim: &str| {
        in_space("layer a = conv(channels = x) -> norm").replace(
            "space = s ",
            &format!("arms {{ space in {{{space}, small_cnn}} }} {claim} "),
        )
    };
    typed(
        &text("s", "require space.x <= 3"),
        "in the arm that has it: `s { require x … }`",
        &text("s { require x <= 3 }", ""),
    );
}

#[test]
fn a_name_for_a_count_or_a_word() {
    let padded = |p: &str, claim: &str| {
        in_space(&format!(
            "p in {p}\n  layer a = conv(channels = x, padding = p) -> norm"
        ))
        .replace("maximize", &format!("{claim}  maximize"))
    };
    only(
        &padded("{same, 0}", "require space.p == same implies space.x <= 2"),
        &[],
    );
    only(
        &padded("{0, 1, same} default same", "require space.p != 0"),
        &[],
    );
    only(&padded("{relu, 0}", ""), &["type::mismatch"]);
    // The text is wrong, and the number beside the word is not.
    only(&padded("{same, \"x\", 0}", ""), &["type::mismatch"]);
    only(
        "experiment a { x in {same, 4}  minimize x  search { method = grid } }\n",
        &["type::mismatch"],
    );
}

#[test]
fn what_can_be_added() {
    let body = "layer stem = conv(channels = 8) -> norm
  repeat 2 as s { layer b = conv(channels = 8 * x) -> norm }
  ADD
  layer tail = conv(channels = 8) -> norm";
    let with = |add: &str| in_space(&body.replace("ADD", add));
    let help = "what can be added here is `input`, `stem`, `s[0].b`";
    typed(&with("add zzz"), help, &with("add stem"));
}

#[test]
fn a_path_that_one_arm_has() {
    let text = in_space("layer a = conv(channels = 8 * x) -> norm").replace(
        "space = s ",
        "arms { space in {s, small_cnn} }  require space.x <= 3  ",
    );
    only(&text, &["name::unknown"]);
    let (found, _) = checked("test.bnas", &format!("{HEAD}{text}"));
    let said = &found.diagnostics;
    let said = said.iter().find(|d| d.is_error()).expect("one error");
    assert!(
        said.message.ends_with("in the arm `space = small_cnn`"),
        "{}",
        said.message
    );
}

#[test]
fn what_every_arm_replaces_is_checked() {
    let text = in_space("layer a = conv(channels = 8 * x) -> norm").replace(
        "search {",
        "finetune { epochs in 1 }  arms { finetune.epochs in {0, 1} }  search {",
    );
    let (found, sources) = checked("test.bnas", &format!("{HEAD}{text}"));
    let shown = render(&found.diagnostics, &sources, false);
    assert_eq!(
        found.diagnostics.iter().filter(|d| d.is_error()).count(),
        1,
        "{shown}"
    );
}

#[test]
fn documentation_of_nothing() {
    for doc in ["\n /// dangling\n}", " /// dangling\n}"] {
        one_error(
            &format!("experiment a {{ x in 1..2  minimize x  search {{ method = grid }}{doc}\n"),
            "bnas::parse::syntax",
            "/",
            "write `//` for a comment",
        );
    }
}

#[test]
fn units_and_their_signs() {
    let value = |y: &str| {
        format!(
            "experiment a {{ x in 1..2\n y = {y}\n minimize x * y  search {{ method = grid }} }}\n"
        )
    };
    for (wrong, help) in [
        ("1 TOPS/(W*mm^2)", "write `1 TOPS/W/mm^2`"),
        ("1 fJ/(op*mac)", "write `1 fJ/op/mac`"),
        ("405 f J/op", "write `405 fJ/op`"),
        ("5 W h", "write `*` between units: `W*h`"),
        ("1 MB^0.5", "write a whole power"),
        ("1,5 ms", "write `.` in its place"),
        ("3 (ms)", "write `3 ms`"),
        ("3 [ms]", "write `3 ms`"),
        ("1 1/s", "write `1 frame/s`"),
        ("2 1 / ms", "write `2 frame/ms`"),
        ("1 /s", "write `1 frame/s`"),
        ("2 / ms", "write `2 frame/ms`"),
    ] {
        let (found, sources) = checked("test.bnas", &format!("{HEAD}{}", value(wrong)));
        let shown = render(&found.diagnostics, &sources, false);
        let errors: Vec<_> = found.diagnostics.iter().filter(|d| d.is_error()).collect();
        assert_eq!(errors.len(), 1, "{wrong}\n{shown}");
        assert!(
            errors[0].help.as_deref().unwrap_or_default().contains(help),
            "{shown}"
        );
    }
}

#[test]
fn names_that_go_on_and_types() {
    let network = in_space("layer a = conv(channels = 8 * x) -> norm");
    let expect =
        |path: &str| network.replace("maximize", &format!("expect {path} >= 1 %  maximize"));
    typed(
        &expect("best.acc"),
        "did you mean `best.accuracy`?",
        &expect("best.accuracy"),
    );
    let experiment =
        |x: &str| format!("experiment a {{ {x}\n minimize x  search {{ method = grid }} }}\n");
    typed(
        &experiment("x: int in 1..4"),
        "write `x in 1..4`",
        &experiment("x in 1..4"),
    );
    typed(
        &experiment("x : {8, 16}"),
        "write `in`",
        &experiment("x in {8, 16}"),
    );
    typed(
        "experiment a { x in 1..4  search { method = grid } }\n",
        "add `minimize x`",
        "experiment a { x in 1..4  minimize x  search { method = grid } }\n",
    );
    let text = network.replace("maximize", "final { stage in {train} }  maximize");
    only(&text, &["domain::not_searched"]);
}

#[test]
fn where_a_value_came_from() {
    let block = "block unit(channels, kernel = 4) { layer a = conv(channels = channels, kernel = kernel) -> norm }\n";
    let text = format!("{HEAD}{block}{}", in_space("block = unit(channels = x)"));
    let (found, sources) = checked("test.bnas", &text);
    let program = found.program.expect("nothing is wrong with the text");
    let found = Template::new(&program.experiments[0])
        .err()
        .unwrap_or_default();
    let shown = render(&found, &sources, false);
    assert!(shown.contains("`kernel` is 4 by default"), "{shown}");
}

#[test]
fn a_unit_gets_its_number() {
    let fact = |value: &str| format!("space t : small_cnn {{ check macs(digits) >= {value} }}\n");
    typed(
        &fact("mac/inference"),
        "write a number in front of it: `1 mac/inference`",
        &fact("1 mac"),
    );
}

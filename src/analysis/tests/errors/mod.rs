//! Mistakes: the code of the diagnostic, the text under its main label, and a piece of the help.

mod choices;
mod consequences;
mod copies;
mod edits;
mod foreign;
mod meant;
mod members;
mod names;
mod network;
mod once;
mod origins;
mod plain;
mod said;
mod slips;
mod typed;
mod unread;
mod values;

use super::checked;
use crate::diagnostic::render;

/// Declarations around one mistake; `#` stands for it.
const HEAD: &str = "bnas 1
use std.data.digits
use std.spaces.small_cnn
use std.policies.tied
use std.targets.braintta
use std.quantizers.{binary, int, int8}
use std.repairs.training.feature_ede
";

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

/// Checks a text with these declarations in front; asserts that there is exactly one error.
fn one_error(body: &str, code: &str, at: &str, help: &str) {
    let text = format!("{HEAD}{body}");
    let (checked, sources) = checked("test.bnas", &text);
    let shown = render(&checked.diagnostics, &sources, false);
    assert_eq!(checked.diagnostics.len(), 1, "{shown}");
    let found = &checked.diagnostics[0];
    assert_eq!(found.code, code, "{shown}");
    assert_eq!(sources.slice(found.labels[0].span), at, "{shown}");
    assert!(
        found.help.as_deref().unwrap_or_default().contains(help),
        "{shown}"
    );
    assert!(checked.program.is_none());
}

/// An experiment with a network, and one line more.
fn in_experiment(line: &str, code: &str, at: &str, help: &str) {
    let body = format!(
        "experiment e {{\n data = digits\n space = small_cnn\n search {{ method = grid }}\n {line}\n}}\n"
    );
    let body = if line.contains("train") {
        body
    } else {
        body.replace("search {", "train { epochs = 2 }\n search {")
    };
    let body = if line.contains("imize ") {
        body
    } else {
        body.replace("search {", "maximize accuracy\n search {")
    };
    one_error(&body, code, at, help);
}

#[test]
fn what_is_missing() {
    in_experiment(
        "train { batch = 8 }",
        "bnas::field::missing",
        "train",
        "epochs",
    );
    in_experiment(
        "minimize energy",
        "bnas::field::missing",
        "e",
        "use std.targets.braintta",
    );
    one_error(
        "experiment e { data = digits space = small_cnn search { method = grid } maximize accuracy }",
        "bnas::field::missing",
        "e",
        "train { epochs",
    );
    one_error(
        "experiment e { x in {1, 2} search { method = grid } }",
        "bnas::field::missing",
        "e",
        "minimize x",
    );
    one_error(
        "experiment e { x in {1, 2} search { method = bayes } minimize x }",
        "bnas::field::missing",
        "search",
        "trials",
    );
    one_error(
        "block b(channels) { layer a = conv(channels = channels) }\nspace s { block = b() }",
        "bnas::field::missing",
        "b()",
        "channels",
    );
    one_error(
        "target t : tta {
  op_per_mac = 2 op/mac
  vector { width = 8 bit  lanes = 1  idle = 0 }
  precision int8 { energy = 1 fJ/op  macs = 1 mac/cycle }
}",
        "bnas::field::missing",
        "t",
        "clock",
    );
    one_error(
        "quantizer q { bits = 3 }",
        "bnas::field::missing",
        "q",
        "`uniform`",
    );
}

#[test]
fn facts_and_promises() {
    in_experiment(
        "target = braintta { check peak(binary) ~= 600 Gop/s within 1 % }",
        "bnas::target::check",
        "peak(binary)",
        "correct",
    );
    one_error(
        "repair r : training { remove skip }",
        "bnas::repair::not_training",
        "remove skip",
        "topology",
    );
    one_error(
        "repair r : topology { before every sign { param b per channel = 0 } }",
        "bnas::repair::unsupported",
        "before every sign { param b per channel = 0 }",
        "features",
    );
    one_error(
        "repair r : training { features = int8 }",
        "bnas::repair::not_binary",
        "int8",
        "binary",
    );
    one_error(
        "quantizer q : binary { bits = 2 }",
        "bnas::quantizer::bits",
        "bits",
        "uniform",
    );
    in_experiment("expect 1 <= 2", "bnas::expect::constant", "1 <= 2", "best");
}

#[test]
fn what_is_not_built_is_said() {
    in_experiment(
        "compare accuracy against seed = 1",
        "bnas::unsupported",
        "compare accuracy against seed = 1",
        "",
    );
    in_experiment(
        "require mean(1) <= 2",
        "bnas::type::mismatch",
        "mean(1)",
        "",
    );
    one_error(
        "quantizer q : binary { scale(w) = 2 * w }",
        "bnas::quantizer::scale",
        "2 * w",
        "per = filter",
    );
    one_error(
        "quantizer q : binary { forward(x) = tanh(x) }",
        "bnas::quantizer::codes",
        "tanh(x)",
        "sign(…)",
    );
    one_error(
        "policy p { each layer { weights = int8 output = int8 } }",
        "bnas::name::stray",
        "output = int8",
        "",
    );
}

#[test]
fn many_mistakes_are_many_diagnostics() {
    let text = format!(
        "{HEAD}
space s {{
  depth in 4..1
  layer a = conv(chanels = depth) -> nrm -> relu
  repeat depth as i {{ layer c = linear(classes + clases) }}
}}
experiment e {{
  data = digts
  space = s
  train {{ epochs = 2.5 }}
  search {{ method = bayes  trails = 30 }}
  maximize acuracy
}}"
    );
    let (checked, _) = checked("test.bnas", &text);
    let mut codes: Vec<_> = checked.diagnostics.iter().map(|d| d.code).collect();
    codes.sort_unstable();
    assert_eq!(
        codes,
        [
            "bnas::domain::not_whole",
            "bnas::domain::reversed",
            "bnas::name::unknown",
            "bnas::name::unknown",
            "bnas::name::unknown",
            "bnas::name::unknown",
            "bnas::name::unknown_key",
            "bnas::name::unknown_key",
        ]
    );
}

#[test]
fn unused_names_are_warnings() {
    let text = "bnas 1
use std.data.digits
experiment e { x in {1, 2}  yy = 3  search { method = grid }  minimize x }";
    let (checked, _) = checked("test.bnas", text);
    let codes: Vec<_> = checked.diagnostics.iter().map(|d| d.code).collect();
    assert_eq!(codes, ["bnas::import::unused", "bnas::name::unused"]);
    assert!(checked.program.is_some());
}

#[test]
fn an_empty_file_is_an_error() {
    for text in ["", "  \n\n"] {
        let (checked, _) = checked("test.bnas", text);
        assert_eq!(checked.diagnostics[0].code, "bnas::file::empty");
    }
}

//! Mistakes: the code of the diagnostic, the text under its main label, and a piece of the help.

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
fn names() {
    one_error(
        "experimnt f { }",
        "bnas::name::unknown_kind",
        "experimnt",
        "`experiment`",
    );
    in_experiment("sed = 3", "bnas::name::unknown_key", "sed", "`seed`");
    in_experiment("policy = teid", "bnas::name::unknown", "teid", "`tied`");
    in_experiment(
        "require log(params) <= 9",
        "bnas::name::unknown",
        "log",
        "`ln(…)`",
    );
    in_experiment(
        "require log10(params) <= 4",
        "bnas::name::unknown",
        "log10",
        "`ln(…) / ln(10)`",
    );
    in_experiment(
        "minimize acuracy",
        "bnas::name::unknown",
        "acuracy",
        "`accuracy`",
    );
    in_experiment(
        "train { epoch = 2 }",
        "bnas::name::unknown_key",
        "epoch",
        "`epochs`",
    );
    in_experiment(
        "network = small_cnn",
        "bnas::name::unknown_key",
        "network",
        "`space = …`",
    );
    in_experiment(
        "policy = tied { kids = {binary} }",
        "bnas::name::unknown_key",
        "kids",
        "`kinds`",
    );
    in_experiment(
        "policy = tied { kinds = {binary, int5} }",
        "bnas::name::unknown",
        "int5",
        "`int",
    );
    in_experiment(
        "policy = resnet20",
        "bnas::name::unknown",
        "resnet20",
        "use std.spaces.resnet20",
    );
    in_experiment(
        "expect accuracy >= 3 %",
        "bnas::name::unknown",
        "accuracy",
        "`best.accuracy`",
    );
    in_experiment(
        "require space.wdth <= 8",
        "bnas::name::unknown",
        "space.wdth",
        "`space.width`",
    );
    in_experiment(
        "policy = tied policy = tied",
        "bnas::name::duplicate",
        "policy",
        "remove",
    );
    one_error(
        "policy tied { each layer { weights = int8 } }",
        "bnas::name::duplicate",
        "tied",
        "rename",
    );
    one_error(
        "policy p { each layer { wights = int8 } }",
        "bnas::name::unknown_key",
        "wights",
        "`weights`",
    );
    one_error(
        "policy p { dense layer { weights = int8 } }",
        "bnas::policy::kind",
        "dense",
        "`linear`",
    );
    one_error(
        "space s { layer a = conv(chanels = 3) }",
        "bnas::name::unknown_key",
        "chanels",
        "`channels`",
    );
    one_error(
        "space s { layer a = convolution(channels = 3) }",
        "bnas::name::unknown",
        "convolution",
        "`conv`",
    );
    one_error(
        "space s { layer a = conv(3) }",
        "bnas::name::positional",
        "3",
        "`channels = 3`",
    );
    one_error(
        "block b(channels) { layer a = conv(channels = channels) }\nspace s { block = b(chanels = 3) channels = 2 layer d = conv(channels = channels) }",
        "bnas::name::unknown_key",
        "chanels",
        "`channels`",
    );
    one_error(
        "@papr(\"x\")\npolicy p { each layer { weights = int8 } }",
        "bnas::name::unknown",
        "@papr(\"x\")",
        "`@paper`",
    );
}

#[test]
fn units_and_types() {
    in_experiment(
        "require 10 ms + 5 nJ <= 1 s",
        "bnas::unit::mismatch",
        "5 nJ",
        "one dimension",
    );
    in_experiment(
        "target = braintta require latency <= 8 KiB",
        "bnas::unit::mismatch",
        "8 KiB",
        "`8 ms`",
    );
    in_experiment(
        "require model_size <= 8 KiBb",
        "bnas::unit::unknown",
        "KiBb",
        "`KiB`",
    );
    in_experiment("require macs <= 5e6", "bnas::unit::mismatch", "5e6", "");
    in_experiment(
        "target = braintta { clock = 300 ms }",
        "bnas::unit::mismatch",
        "300 ms",
        "`Hz`",
    );
    in_experiment(
        "target = braintta { precision binary { energy = 35 fJ } }",
        "bnas::unit::mismatch",
        "35 fJ",
        "`J/op`",
    );
    in_experiment("train { epochs = 2 s }", "bnas::unit::mismatch", "2 s", "");
    in_experiment(
        "train { epochs = true }",
        "bnas::type::mismatch",
        "true",
        "",
    );
    in_experiment(
        "train { epochs = 2 schedule = cosin }",
        "bnas::name::unknown",
        "cosin",
        "`cosine`",
    );
    in_experiment(
        "train { epochs = 2 schedule = average }",
        "bnas::type::mismatch",
        "average",
        "`cosine`",
    );
    in_experiment(
        "train { epochs = 2 optimizer = adm(lr = 1) }",
        "bnas::name::unknown",
        "adm",
        "`adam`",
    );
    in_experiment(
        "policy = small_cnn",
        "bnas::type::mismatch",
        "small_cnn",
        "a policy",
    );
    in_experiment(
        "repairs = feature_ede",
        "bnas::type::mismatch",
        "feature_ede",
        "{feature_ede}",
    );
    in_experiment(
        "require accuracy",
        "bnas::type::mismatch",
        "accuracy",
        "comparison",
    );
    in_experiment(
        "require sqrt(energy) <= 1",
        "bnas::unit::mismatch",
        "energy",
        "divide",
    );
    in_experiment("require max(1) <= 1", "bnas::type::arity", "max(1)", "");
    in_experiment("minimize 1 / 0", "bnas::domain::not_finite", "1 / 0", "");
    one_error(
        "space s { layer a = conv(channels = int8) }",
        "bnas::type::mismatch",
        "int8",
        "",
    );
}

#[test]
fn domains() {
    in_experiment(
        "x in 4..1 require x <= 2",
        "bnas::domain::reversed",
        "4..1",
        "`1..4`",
    );
    in_experiment(
        "x in {} require x <= 2",
        "bnas::domain::empty",
        "{}",
        "members",
    );
    in_experiment(
        "x in {1, true} require x <= 2",
        "bnas::type::mismatch",
        "true",
        "one kind",
    );
    in_experiment(
        "x in 0.0..1.0 log require x <= 2",
        "bnas::domain::log",
        "0.0",
        "",
    );
    in_experiment(
        "x in 1..4 default 7 require x <= 2",
        "bnas::domain::default",
        "7",
        "members",
    );
    in_experiment(
        "x in 3 require x <= 2",
        "bnas::domain::not_a_set",
        "3",
        "`= 3`",
    );
    in_experiment(
        "x = 1..4 require x <= 2",
        "bnas::type::mismatch",
        "1..4",
        "`in`",
    );
    in_experiment(
        "seed in {1, 2}",
        "bnas::domain::not_searched",
        "{1, 2}",
        "`repeats = 3`",
    );
    in_experiment(
        "train { epochs = 2.5 }",
        "bnas::domain::not_whole",
        "2.5",
        "",
    );
    in_experiment(
        "train { epochs in 1.0..4.0 }",
        "bnas::domain::not_whole",
        "1.0..4.0",
        "`1..4`",
    );
    in_experiment(
        "train { epochs = 2 label_smoothing = 150 % }",
        "bnas::domain::out_of_range",
        "150 %",
        "",
    );
    one_error(
        "policy p { each layer { weights = int { bits in {4, 9} } } }",
        "bnas::domain::out_of_range",
        "9",
        "",
    );
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
        "maximize",
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

#[test]
fn schedules_are_for_stages_and_take_shares() {
    one_error(
        "experiment e { x in 0.0..1.0  minimize x * warmup(0.1)  search { method = random  trials = 2 } }",
        "bnas::type::mismatch",
        "warmup(0.1)",
        "`schedule` of a stage",
    );
    let of = |schedule: &str| {
        format!(
            "experiment e {{ data = digits  space = small_cnn  train {{ epochs = 3  schedule = {schedule} }}  \
             search {{ method = random  trials = 2 }}  maximize accuracy }}"
        )
    };
    // Five epochs are meant, and a share is taken.
    let range = "bnas::domain::out_of_range";
    one_error(&of("warmup(5) * cosine"), range, "5", "the most is");
    one_error(&of("step(at = 0.5) * step(2)"), range, "2", "the most is");
    one_error(
        &of("step(factor = 0.5)"),
        "bnas::field::missing",
        "step",
        "at",
    );
}

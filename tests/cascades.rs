use crate::util;

/// A whole experiment; each mistake below changes one place of it.
const RIGHT: &str = r#"bnas 1

use std.data.digits
use std.quantizers.{binary, int8}
use std.targets.braintta

block pair(channels, stride = 1) {
  layer one = conv(channels = channels, stride = stride) -> norm -> relu
  layer two = conv(channels = channels) -> norm -> relu
}

space net {
  width in {8, 16, 24} default 16
  stages = 2
  layer stem = conv(channels = width) -> norm -> relu
  repeat stages as s {
    block = pair(channels = width * 2^s, stride = if s > 0 then 2 else 1)
  }
  layer head = pool(average) -> linear(classes)
}

policy mixed {
  kinds = {binary, int8}
  each layer              { q in kinds  weights = q  activations = q }
  first layer, last layer { weights = int8  activations = int8 }
}

experiment e {
  seed   = 1
  data   = digits { augment = shift(1) }
  space  = net { width in {8, 16} }
  policy = mixed
  target = braintta

  train    { epochs = 2  batch = 64  optimizer = adam(lr = 2e-3)  schedule = cosine }
  finetune { epochs = 1 }
  search   { method = bayes  trials = 8  initial = 4 }

  maximize accuracy
  minimize energy
  require  model_size <= 64 KiB, "fits the memory"
  expect   best.test.accuracy >= 10 %
}
"#;

/// What is there, what is written instead, and the code of the only diagnostic.
const MISTAKES: &[(&str, &str, &str)] = &[
    (
        "use std.data.digits",
        "use std.data.digit",
        "import::missing",
    ),
    (
        "use std.quantizers.{binary, int8}",
        "use std.quantizers.{binary, int9}",
        "import::missing",
    ),
    (
        "use std.targets.braintta",
        "use std.target.braintta",
        "import::missing",
    ),
    ("use std.data.digits\n", "", "name::unknown"),
    ("block pair(", "blok pair(", "name::unknown_kind"),
    (
        "block pair(channels, stride = 1) {",
        "block pair(channels, stride = 1)",
        "parse::bracket",
    ),
    (
        "conv(channels = channels)",
        "conv(chanels = channels)",
        "name::unknown_key",
    ),
    (
        "conv(channels = channels)",
        "conv(channels = chanels)",
        "name::unknown",
    ),
    ("layer two = conv", "layer two = covn", "name::unknown"),
    ("-> norm -> relu\n}", "-> nrom -> relu\n}", "name::unknown"),
    (
        "width in {8, 16, 24} default 16",
        "width in {8, 16, 24} default 17",
        "domain::default",
    ),
    (
        "width in {8, 16, 24} default 16",
        "width in 24..8",
        "domain::reversed",
    ),
    (
        "width in {8, 16, 24} default 16",
        "width in [8, 16, 24]",
        "parse::syntax",
    ),
    (
        "width in {8, 16, 24} default 16",
        "width = \"wide\"",
        "type::mismatch",
    ),
    ("  stages = 2\n", "", "name::unknown"),
    ("stages = 2", "stages = 2.5", "domain::not_whole"),
    ("repeat stages as s {", "repeat stages {", "parse::syntax"),
    (
        "pair(channels = width * 2^s",
        "pair(channel = width * 2^s",
        "name::unknown_key",
    ),
    ("pair(channels", "piar(channels", "name::unknown"),
    ("linear(classes)\n}", "linear(classes)\n", "parse::bracket"),
    (
        "kinds = {binary, int8}",
        "kinds = binary",
        "domain::not_a_set",
    ),
    (
        "kinds = {binary, int8}",
        "kinds = {binary, int8",
        "parse::bracket",
    ),
    ("each layer ", "each layers ", "parse::syntax"),
    (
        "q in kinds  weights = q",
        "q in kind  weights = q",
        "name::unknown",
    ),
    (
        "data   = digits { augment = shift(1) }",
        "data   = digits { augmentation = shift(1) }",
        "name::unknown_key",
    ),
    (
        "space  = net { width in {8, 16} }",
        "space  = net { width in {8, 12.5} }",
        "domain::not_whole",
    ),
    (
        "space  = net { width in {8, 16} }",
        "space  = nett",
        "name::unknown",
    ),
    (
        "space  = net { width in {8, 16} }",
        "space  = mixed",
        "type::mismatch",
    ),
    ("policy = mixed", "polcy  = mixed", "name::unknown_key"),
    (
        "target = braintta",
        "target = braintta { clock = 300 ms }",
        "unit::mismatch",
    ),
    ("train    {", "trian    {", "name::unknown_key"),
    ("train    {", "train slow {", "name::label"),
    ("epochs = 2 ", "epoch = 2 ", "name::unknown_key"),
    ("epochs = 2 ", "epochs: 2 ", "parse::syntax"),
    (
        "optimizer = adam(lr = 2e-3)",
        "optimizer = adma(lr = 2e-3)",
        "name::unknown",
    ),
    (
        "optimizer = adam(lr = 2e-3)",
        "lr = 2e-3",
        "name::unknown_key",
    ),
    ("search   {", "serach   {", "name::unknown_key"),
    ("maximize accuracy", "maximise accuracy", "parse::syntax"),
    ("minimize energy", "minimize enrgy", "name::unknown"),
    ("64 KiB", "64 ms", "unit::mismatch"),
    ("64 KiB", "64 KB_", "unit::unknown"),
    ("64 KiB", "64 kilo B", "parse::syntax"),
    ("64 KiB", "65_536 B", "parse::syntax"),
    ("64 KiB", "0x10000 B", "parse::syntax"),
    (
        "model_size <= 64 KiB",
        "space.width in {8, 16}",
        "parse::syntax",
    ),
    ("64 KiB", "64 KiB when space.width == 8", "parse::syntax"),
    (
        "space  = net { width in {8, 16} }",
        "space { width in {8, 16} }",
        "type::mismatch",
    ),
    (
        "train    { epochs = 2  batch = 64  optimizer = adam(lr = 2e-3)  schedule = cosine }\n  finetune { epochs = 1 }",
        "stage { epochs = 2 }",
        "name::label",
    ),
    (
        "maximize accuracy",
        "maximize accuracy\n  maximize accuracy",
        "goal::repeated",
    ),
    ("best.test.accuracy", "accuracy", "name::unknown"),
];

/// One mistake is one diagnostic: what follows from it is silent.
#[test]
fn one_mistake_is_one_diagnostic() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(found(folder.path(), RIGHT), Vec::<String>::new());
    let mut wrong = Vec::new();
    for (right, mistake, code) in MISTAKES {
        assert!(RIGHT.contains(right), "{right}");
        let codes = found(folder.path(), &RIGHT.replacen(right, mistake, 1));
        if codes != [format!("bnas::{code}")] {
            wrong.push(format!(
                "{right} -> {mistake}: {codes:?} in place of {code}"
            ));
        }
    }
    assert!(MISTAKES.len() >= 30);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Mistakes that have nothing to do with each other are all reported at once, whatever their kind.
#[test]
fn twelve_mistakes_are_twelve_diagnostics() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = RIGHT.to_string();
    for (right, mistake) in [
        ("conv(channels = channels)", "conv(chanels = channels)"),
        (
            "layer one = conv(channels = channels, stride = stride)",
            "layer one = conv(channels = channels, stride = 1.5)",
        ),
        ("default 16", "default 17"),
        ("  stages = 2\n", "  stages = 2\n  depth ~ 3\n"),
        ("linear(classes)", "linear(classes + clases)"),
        ("activations = int8 }", "activations = int9 }"),
        ("augment = shift(1)", "augment = shft(1)"),
        ("target = braintta", "target = braintta { clock = 300 ms }"),
        ("batch = 64", "batch = 0.5"),
        ("schedule = cosine", "shedule = cosine"),
        ("64 KiB", "64 ms"),
        ("minimize energy", "minimize enrgy"),
    ] {
        assert!(text.contains(right), "{right}");
        text = text.replacen(right, mistake, 1);
    }
    let codes = found(folder.path(), &text);
    assert_eq!(codes.len(), 12, "{codes:#?}");
}

/// What cannot be read hides no wrong name on another line, of a key or of a value.
#[test]
fn an_unread_line_hides_no_other_mistake() {
    let folder = tempfile::tempdir().unwrap();
    let text = RIGHT
        .replacen("maximize accuracy", "maximise accuracy", 1)
        .replacen("net { width in {8, 16} }", "net { widht in {8, 16} }", 1)
        .replacen("epochs = 2 ", "epoch = 2 ", 1)
        .replacen("policy = mixed", "policy = something", 1)
        .replacen("64 KiB", "8 ms", 1);
    let codes = found(folder.path(), &text);
    let wanted = [
        "bnas::name::unknown_key",
        "bnas::name::unknown",
        "bnas::name::unknown_key",
        "bnas::parse::syntax",
        "bnas::unit::mismatch",
    ];
    assert_eq!(codes, wanted);
}

/// What is wrong with one experiment hides nothing of another one's network.
#[test]
fn an_experiment_hides_no_mistake_of_another() {
    let folder = tempfile::tempdir().unwrap();
    let (before, first) = RIGHT.split_once("experiment e {").unwrap();
    let other = first.replacen("net { width in {8, 16} }", "net { stages = 9 }", 1);
    let wrong = first.replacen("batch = 64", "bach = 64", 1);
    let text = format!("{before}experiment e {{{wrong}\nexperiment other {{{other}");
    let codes = found(folder.path(), &text);
    assert_eq!(
        codes,
        ["bnas::name::unknown_key", "bnas::require::unmeetable"]
    );
}

/// A bracket that is not closed costs its declaration, and the others are still read.
#[test]
fn an_open_bracket_hides_no_other_mistake() {
    let folder = tempfile::tempdir().unwrap();
    let text = RIGHT
        .replacen("linear(classes)\n}", "linear(classes\n}", 1)
        .replacen("{ q in kinds", "{ q in kinds }", 1)
        .replacen("epochs = 2 ", "epoch = 2 ", 1);
    let codes = found(folder.path(), &text);
    let wanted = [
        "bnas::parse::bracket",
        "bnas::parse::bracket",
        "bnas::name::unknown_key",
    ];
    assert_eq!(codes, wanted);
}

fn found(folder: &std::path::Path, text: &str) -> Vec<String> {
    let path = util::write(folder, "spec.bnas", text);
    let output = util::run(&["check", "--format", "json", path.to_str().unwrap()]);
    let document: serde_json::Value = serde_json::from_str(&util::stdout(&output)).unwrap();
    let found = document["files"][0]["diagnostics"].as_array().unwrap();
    let code = |d: &serde_json::Value| d["code"].as_str().unwrap().to_string();
    found.iter().map(code).collect()
}

/// A layer that does not fit is one report, however many experiments and arms have it.
#[test]
fn a_layer_of_several_experiments_does_not_fit_once() {
    let of = |name: &str, space: &str| {
        format!(
            "experiment {name} {{\n  data = digits\n  {space}\n  train {{ epochs = 1 }}\n  search {{ method = random  trials = 2 }}\n  maximize accuracy\n}}\n"
        )
    };
    let text = [
        "bnas 1\nuse std.data.digits\nuse std.spaces.small_cnn\nspace net {\n  layer stem = conv(channels = 8, kernel = 5, padding = 0)\n  layer two = conv(channels = 8, kernel = 5, padding = 0)\n  layer head = pool(average) -> linear(classes)\n}\n",
        &of("a", "space = net"),
        &of("b", "space in {net, small_cnn}"),
        &of("c", "arms { space in {net, small_cnn} }"),
    ]
    .concat();
    let folder = tempfile::tempdir().unwrap();
    let spec = util::write(folder.path(), "spec.bnas", &text);
    let output = util::run(&["check", spec.to_str().unwrap()]);
    util::expect_code(&output, 1);
    let said = util::stderr(&output);
    assert_eq!(
        said.matches("kernel 5 does not fit a 4x4 input").count(),
        1,
        "{said}"
    );
    assert!(said.contains("1 error"), "{said}");
}

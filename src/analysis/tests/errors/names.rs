//! Names that nothing has, or that are taken.

use super::{in_experiment, one_error, only};
use crate::analysis::tests::checked;

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
        "train { epochs = 1  seed = 3 }",
        "bnas::name::unknown_key",
        "seed",
        "it belongs into the experiment itself: `seed = …`",
    );
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
        "what this file has of the kind is `tied`",
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
        "space s { repeat 2 as d { layer a = conv(channels = 3) } repeat 2 as d { layer b = conv(channels = 3) } layer h = pool(average) -> linear(classes) }",
        "bnas::name::duplicate",
        "d",
        "another index",
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
fn members_are_those_of_the_copy() {
    let space = "block small(channels = 4) { layer a = conv(channels = channels) -> norm }
block large(channels = 8) { layer a = conv(channels = channels) -> norm }
space net {
  repeat 2 as s { block in {small(), large()} }
  layer head = pool(average) -> linear(classes)
}
space own : net { s[1].block in {small(channels = 2), small(channels = 3)} }
experiment e {
  data = digits  space = own  train { epochs = 1 }  maximize accuracy  search { trials = 2 }
  require #
}
";
    let asked = |require: &str| space.replace('#', require);
    let said = |require: &str, at: &str, help: &str| {
        one_error(&asked(require), "bnas::name::unknown", at, help);
    };
    for right in [
        "space.s[1].block == small_2",
        "space.s[0].block != small",
        "all(space.s[*].block != small_1)",
    ] {
        only(&asked(right), &[]);
    }
    said("space.s[1].block != small", "small", "`small_1`, `small_2`");
    said("space.s[0].block != small_1", "small_1", "`small`");
    said(
        "all(space.s[*].block != tiny)",
        "tiny",
        "`small`, `large`, `small_1`, `small_2`",
    );
}

#[test]
fn a_misspelt_stage_is_no_new_one() {
    let text = "bnas 1
use std.data.digits
use std.spaces.small_cnn
experiment base {
  data = digits  space = small_cnn
  stage float { quantize = none  epochs = 1 }
  search { method = random  trials = 2 }
  maximize accuracy
}
experiment e : base { stage floot { epochs = 2 } }";
    let (checked, _) = checked("test.bnas", text);
    let [one] = &checked.diagnostics[..] else {
        panic!("{:?}", checked.diagnostics);
    };
    assert_eq!(one.help.as_deref(), Some("did you mean `float`?"));
}

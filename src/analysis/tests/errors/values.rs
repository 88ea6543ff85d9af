//! Values that do not fit where they stand.

use super::{in_experiment, one_error};

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
fn schedules_are_for_stages_and_take_shares() {
    one_error(
        "quantizer z : uniform { bits = 4  scale(w) = -0.5 }",
        "bnas::domain::out_of_range",
        "-0.5",
        "mean(abs(w), per = filter)",
    );
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

#[test]
fn scales_of_quantizers() {
    let of = |scale: &str| {
        format!("use std.quantizers.pact\nquantizer q : uniform {{ bits = 4  scale {scale} }}")
    };
    let range = "bnas::domain::out_of_range";
    for share in ["101 %", "1e3 %"] {
        let scale = format!("= percentile({share})");
        one_error(&of(&scale), range, share, "the most is `share = 100 %`");
    }
    one_error(&of("= percentile(99)"), range, "99", "write `99 %`");
    // A quantizer that is known by its rule stands in place of the rule.
    let unknown = "bnas::name::unknown";
    one_error(&of("= lsq"), unknown, "lsq", "`scale = learned`");
    one_error(&of("in {mse, lsq}"), unknown, "lsq", "`scale = learned`");
    one_error(&of("= dorefa"), unknown, "dorefa", "one of `max_abs`");
    let mismatch = "bnas::type::mismatch";
    one_error(&of("= pact"), mismatch, "pact", "`scale = learned_clip`");
}

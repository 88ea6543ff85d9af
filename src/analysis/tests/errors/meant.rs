//! What was probably meant: by names of other tools, by paths without a part of them, by texts without quotes.

use super::{in_experiment, one_error};

#[test]
fn domains_of_other_tools() {
    for (written, meant) in [
        ("trial.suggest_int(\"x\", 1, 4)", "`in 1..4`"),
        (
            "trial.suggest_float(\"x\", 1e-4, 1e-1, log = true)",
            "`in 1e-4..1e-1 log`",
        ),
        ("trial.suggest_categorical(\"x\", {1, 2})", "`in {1, 2}`"),
        ("tune.loguniform(1e-4, 1e-1)", "`in 1e-4..1e-1 log`"),
        ("uniform(0, 1)", "`in 0.0..1.0`"),
        ("choice(1, 3)", "`in {1, 3}`"),
        ("randint(low = 2, high = 8)", "`in 2..8`"),
    ] {
        let body =
            format!("experiment e {{\n x = {written}\n minimize x\n search {{ trials = 4 }}\n}}\n");
        let name = written.split('(').next().unwrap_or_default();
        one_error(&body, "bnas::name::unknown", name, meant);
    }
}

#[test]
fn paths_without_a_part() {
    let unknown = "bnas::name::unknown";
    in_experiment(
        "train { epochs = 2 }  require train.lr <= 0.1",
        unknown,
        "train.lr",
        "train.optimizer.lr",
    );
    in_experiment(
        "train { epochs = 2 }  require train.epoch <= 1",
        unknown,
        "train.epoch",
        "`train.epochs`",
    );
    in_experiment(
        "require target.clock >= 1 MHz",
        unknown,
        "target.clock",
        "has no target",
    );
    in_experiment(
        "policy = tied  require policy.q == int8",
        unknown,
        "policy.q",
        "`policy.deep.q`",
    );
    in_experiment(
        "policy = tied  require policy.wide == int8",
        unknown,
        "policy.wide",
        "policy.wide.q",
    );
}

#[test]
fn names_of_the_experiment_in_an_amendment() {
    let body = "experiment e {
  wid in {8, 16}
  data = digits
  space = small_cnn { width = widt }
  train { epochs = 1 }
  search { trials = 2 }
  maximize accuracy
}
";
    one_error(body, "bnas::name::unknown", "widt", "`wid`");
}

#[test]
fn texts_without_quotes() {
    let dataset = |line: &str| {
        format!(
            "dataset pets : image_folder {{\n {line}\n shape {{ height = 8  width = 8  channels = 3 }}\n classes = 2\n splits {{ train = 9  validation = 1  test = 2 }}\n}}\n"
        )
    };
    for (written, at) in [
        ("pets/train", "pets/train"),
        ("./pets/train", "."),
        ("pets", "pets"),
    ] {
        let body = dataset(&format!("folder = {written}  test_folder = \"t\""));
        let code = match at {
            "." => "bnas::parse::syntax",
            _ => "bnas::type::mismatch",
        };
        one_error(&body, code, at, &format!("`\"{written}\"`"));
    }
}

#[test]
fn names_of_quantizers() {
    let key = "bnas::name::unknown_key";
    let unknown = "bnas::name::unknown";
    for (body, code, at, help) in [
        (
            "policy p { each layer { weights = q { tmin = 0.1 }  activations = int8 } }\nquantizer q : binary { t_min = 1.0  gradient(x) = t_min }",
            key,
            "tmin",
            "`t_min`",
        ),
        (
            "policy p { each layer { weights = ste_sign  activations = int8 } }",
            unknown,
            "ste_sign",
            "binary",
        ),
        (
            "policy p { each layer { kernel_quantizer = int8  activations = int8 } }",
            key,
            "kernel_quantizer",
            "`weights`",
        ),
        (
            "quantizer q : binary { backward(x) = 1 }",
            key,
            "backward",
            "`gradient`",
        ),
        (
            "quantizer q : binary { forward(x) = torch.sign(x) }",
            unknown,
            "torch.sign",
            "`sign(…)`",
        ),
        (
            "quantizer q : binary { normalize(w) = w  forward(w) = sign(normaliez(w)) }",
            unknown,
            "normaliez",
            "`normalize`",
        ),
        (
            "quantizer q : uniform { bits = 4  forward(x) = round(clip(x * 2^(bits - 1), low, high)) }",
            unknown,
            "bits",
            "`high`",
        ),
        (
            "quantizer q : tied { }",
            "bnas::type::mismatch",
            "tied",
            "`binary`",
        ),
    ] {
        one_error(body, code, at, help);
    }
}

#[test]
fn a_rule_beside_a_formula_of_the_scale() {
    let body = "quantizer q : binary { scale(w) = stop(mean(abs(w), per = filter))  forward(w) = scale(w) * sign(w) }
policy p { each layer { weights = q { scale = mean_abs }  activations = int8 } }
";
    one_error(body, "bnas::quantizer::scale", "scale", "remove the rule");
}

#[test]
fn parts_of_what_is_amended() {
    let key = "bnas::name::unknown_key";
    let space = "space = small_cnn { stem = conv(channels = 4) }";
    let body = format!(
        "experiment e {{\n data = digits\n {space}\n train {{ epochs = 1 }}\n search {{ trials = 2 }}\n maximize accuracy\n}}\n"
    );
    one_error(&body, key, "stem", "`stem.channels = …`");
    let body =
        "target a : braintta { clock = 200 MHz }\ntarget b : a { precision.int8.energy = 4 fJ/op }";
    one_error(body, key, "precision", "`int8.energy`");
}

#[test]
fn words_of_recipes() {
    let key = "bnas::name::unknown_key";
    let unknown = "bnas::name::unknown";
    for (line, code, at, help) in [
        (
            "train { epochs = 1  optimizer = adam(learning_rate = 1e-3) }",
            key,
            "learning_rate",
            "`lr`",
        ),
        (
            "train { epochs = 1  lr_scheduler = cosine }",
            key,
            "lr_scheduler",
            "`schedule`",
        ),
        (
            "train { epochs = 1  schedule = CosineAnnealingLR(t = 10) }",
            unknown,
            "CosineAnnealingLR",
            "`cosine`",
        ),
        (
            "train { epochs = 1  optimizer = \"adam\" }",
            "bnas::type::mismatch",
            "\"adam\"",
            "`adam(lr = 1e-3)`",
        ),
        (
            "train { epochs = 1  optimizer = adam }",
            "bnas::type::mismatch",
            "adam",
            "`adam(lr = 1e-3)`",
        ),
    ] {
        in_experiment(line, code, at, help);
    }
}

#[test]
fn operations_of_other_tools() {
    for (written, help) in [
        ("bn", "`norm`"),
        ("BatchNorm2d", "`norm`"),
        ("maxpool(2)", "`pool(max, kernel = 2)`"),
        ("softmax", "delete it"),
    ] {
        let body = format!(
            "space s {{\n layer a = conv(channels = 8) -> {written}\n layer head = pool(average) -> linear(classes)\n}}\n"
        );
        let name = written.split('(').next().unwrap_or_default();
        one_error(&body, "bnas::name::unknown", name, help);
    }
}

#[test]
fn slips_of_a_first_hour() {
    let unknown = "bnas::name::unknown";
    let syntax = "bnas::parse::syntax";
    let mismatch = "bnas::type::mismatch";
    let layer = |layer: &str| {
        format!(
            "space s {{\n layer a = {layer}\n layer head = pool(average) -> linear(classes)\n}}\n"
        )
    };
    for (body, code, at, help) in [
        (
            layer("conv(channels = 8, padding = valid)"),
            unknown,
            "valid",
            "write `0`",
        ),
        (
            layer("conv(channels = 8, kernel = (3, 3))"),
            syntax,
            ",",
            "write one value",
        ),
        (
            layer("conv(channels = 8, kernel = 3x3)"),
            "bnas::unit::unknown",
            "x3",
            "write `3`",
        ),
        (
            layer("conv(channels = 8, activation = relu)"),
            "bnas::name::unknown_key",
            "activation",
            "`-> norm -> relu`",
        ),
        (
            layer("conv(channels = 8, kernel in log 1..3)"),
            syntax,
            "1",
            "`low..high log`",
        ),
        (
            "experiment e { x in 1..3  search { trials = 2 }\n max x\n}\n".into(),
            syntax,
            "",
            "`minimize …`",
        ),
        (
            "policy p { each layer except first layer { weights = int8 } }".into(),
            syntax,
            "first",
            "below this one",
        ),
        (
            "quantizer q : binary { gradient(x) = (x > -1) * 2 }".into(),
            mismatch,
            "(x > -1)",
            "if (x > -1) then 1 else 0",
        ),
    ] {
        let help = if at.is_empty() {
            "`maximize …`"
        } else {
            help
        };
        one_error(&body, code, at, help);
    }
    in_experiment("require params <= 1M", "bnas::unit::unknown", "M", "`1e6`");
    in_experiment("require params <= 10,000", syntax, "000", "`10000`");
    in_experiment(
        "maximize accuracy - 0.1 * model_size",
        "bnas::unit::mismatch",
        "0.1 * model_size",
        "divide it by a quantity",
    );
    in_experiment(
        "require accuracy >= 9 dB",
        "bnas::unit::unknown",
        "dB",
        "a plain number",
    );
    in_experiment("minimize flops", unknown, "flops", "`macs`");
}

#[test]
fn what_other_languages_write_for_copies_losses_and_brackets() {
    for (line, at, help) in [
        (
            "require space.s[i].width <= space.s[i + 1].width",
            "i",
            "`nondecreasing(…)`",
        ),
        (
            "require mean(space.s[*].width) <= 4",
            "mean(space.s[*].width)",
            "`sum(space.s[*].width) / count(space.s[*].width)`",
        ),
        (
            "require if (space.width <= 8 then 2 else 0) >= 1\n maximize accuracy",
            "then",
            "`(if space.width <= 8 then …)`",
        ),
    ] {
        let code = match at {
            "i" => "bnas::name::unknown",
            "then" => "bnas::parse::syntax",
            _ => "bnas::type::mismatch",
        };
        in_experiment(line, code, at, help);
    }
    let stages = "experiment e {
 data = digits  space = small_cnn
 stage float { quantize = none  epochs = 1 }
 stage all { quantize = all  epochs = 1  teacher = float  loss = 0.3 * ce + 0.7 * kl }
 search { method = grid }
 maximize accuracy
}
";
    one_error(stages, "bnas::name::unknown", "ce", "write `task`");
    // What is the same for every candidate is told where another part has it.
    in_experiment(
        "train { epochs = 1  label_smoothing = if space.width == 8 then 0.1 else 0.0 }",
        "bnas::name::unknown",
        "space.width",
        "define `width in {…}` above both",
    );
}

#[test]
fn a_pool_pads_nothing() {
    let body = "space s {
  layer stem = conv(channels = 4) -> norm -> relu -> pool(max, kernel = 3, stride = 1, padding = same)
  layer head = pool(average) -> linear(classes)
}
";
    let help = "leave the padding out";
    one_error(body, "bnas::name::unknown_key", "padding", help);
}

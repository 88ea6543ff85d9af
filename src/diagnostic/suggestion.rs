//! What was probably meant by a name that nothing has.
//!
//! In: the name, and those that are known where it stands. Out: the one that is spelled alike, or that has this name in another tool.

/// The name among `known` that `name` was probably meant to be: Damerau-Levenshtein distance of at most a third of its
/// length (at least one, at most three).
pub fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let mut known = known.into_iter();
    let length = name.chars().count();
    if length == 1 {
        // Another letter is another name.
        return known.find(|k| k.eq_ignore_ascii_case(name));
    }
    let mut same = None;
    let known = known.inspect(|k| same = same.or(k.eq_ignore_ascii_case(name).then_some(*k)));
    let limit = limit(length);
    let set = letters_of(name);
    let mut letters = [0_u16; 256];
    for byte in name.bytes() {
        letters[usize::from(byte)] = letters[usize::from(byte)].saturating_add(1);
    }
    let near = known
        // A distance is at least what one has of any letter and the other has not; nearly all fail here, cheaply.
        .filter(|k| k.len() + limit >= length && k.len() <= 4 * (length + limit))
        .filter(|k| characters(k).abs_diff(length) <= limit)
        .filter(|k| {
            (letters_of(k) & !set).count_ones() as usize <= limit && excess(&letters, k) <= limit
        })
        .map(|k| (strsim::damerau_levenshtein(name, k), k))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, k)| k);
    same.or(near)
}

/// How far what was meant may be from a name of so many characters.
#[inline]
fn limit(length: usize) -> usize {
    (length / 3).clamp(1, 3)
}

/// How a word is spelled, as far as a few bytes say it: where thousands of names are known, nearly all are told from one by that, and their
/// texts need not be looked at.
#[derive(Debug, Clone, Copy)]
pub struct Spelling {
    characters: u32,
    /// Its letters, large ones as small ones.
    letters: u64,
}

impl Spelling {
    /// That of a word.
    pub fn of(word: &str) -> Spelling {
        Spelling {
            characters: characters(word) as u32,
            letters: (word.bytes().filter(u8::is_ascii))
                .fold(0, |set, byte| set | letter(byte.to_ascii_lowercase())),
        }
    }

    /// Whether a word that is spelled like this may be what was meant by a name, as [`did_you_mean`] tells.
    #[inline]
    pub fn may_be_meant_by(self, name: Spelling) -> bool {
        let limit = limit(name.characters as usize) as u32;
        if self.characters.abs_diff(name.characters) > limit {
            return false;
        }
        // As many letters as may be others are taken out: faster than counting them all.
        let mut others = self.letters & !name.letters;
        for _ in 0..limit {
            others &= others.wrapping_sub(1);
        }
        others == 0
    }

    /// Whether a word that is spelled like this may hold another one.
    #[inline]
    pub fn may_hold(self, part: Spelling) -> bool {
        self.characters >= part.characters && part.letters & !self.letters == 0
    }
}

/// The field that `name` was probably meant to be: one that is spelled alike, or that is a part of it, as `epochs` is of `num_epochs`.
pub fn meant_field<'a>(
    name: &str,
    known: impl IntoIterator<Item = &'a str> + Clone,
) -> Option<&'a str> {
    // What enters is another thing than what leaves.
    let is_other = || {
        ["in_", "input_"]
            .iter()
            .any(|other| name.starts_with(other))
    };
    let words: Vec<&str> = name.split('_').collect();
    let is_part = |field: &&str| {
        let field: Vec<&str> = field.split('_').collect();
        words.windows(field.len()).any(|part| part == field)
    };
    let parts = || {
        let mut parts = known.clone().into_iter().filter(is_part);
        parts.find(|_| !is_other())
    };
    did_you_mean(name, known.clone())
        .or_else(parts)
        .or_else(|| called_elsewhere(name, known.clone()))
}

/// The name among `known` that `name` was probably meant to be: one that is spelled alike, or that has this name in another tool.
pub fn meant<'a>(name: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> Option<&'a str> {
    did_you_mean(name, known.clone()).or_else(|| called_elsewhere(name, known))
}

/// What other tools call something, and what it is called here; of several, the first that is known where it stands.
#[rustfmt::skip] // one line per thing
const ELSEWHERE: &[(&[&str], &[&str])] = &[
    // recipes of training
    (&["learning_rate", "eta", "alpha", "step_size"], &["lr", "at"]),
    (&["lr_scheduler", "lr_schedule", "scheduler", "annealing"], &["schedule"]),
    (&["gamma", "decay_rate", "drop"], &["factor"]),
    (&["milestone", "milestones"], &["at"]),
    (&["l2", "wd", "decay", "regularization", "kernel_regularizer"], &["weight_decay"]),
    (&["beta", "betas", "beta_1"], &["beta1"]),
    (&["ema", "swa", "ema_decay", "polyak"], &["average"]),
    (&["early_stopping", "early_stop"], &["patience"]),
    (&["grad_clip", "gradient_clip", "clipnorm", "max_norm", "clip_grad_norm", "max_grad_norm"], &["clip_gradient"]),
    (&["weight_clip", "kernel_constraint"], &["clip_weights"]),
    (&["iterations", "num_epochs"], &["epochs"]),
    (&["optim"], &["optimizer"]),
    // schedules
    (&["cosineannealinglr", "cosine_annealing", "cosinedecay", "cosine_decay", "onecyclelr"], &["cosine"]),
    (&["steplr", "multisteplr", "piecewise", "piecewiseconstantdecay", "step_decay"], &["step"]),
    (&["linear_warmup", "linearlr", "warm_up"], &["warmup"]),
    // searches
    (&["sampler", "algorithm", "strategy", "searcher", "tuner", "algo"], &["method"]),
    (&["tpe", "bayesian", "bayesopt", "bo", "gp", "smac", "botorch", "gaussian_process"], &["bayes"]),
    (&["rs", "random_search", "randomsampler"], &["random"]),
    (&["grid_search", "gridsampler", "exhaustive"], &["grid"]),
    (&["n_initial_points", "n_startup_trials", "startup", "n_init", "warmup_trials"], &["initial"]),
    (&["n_trials", "num_trials", "max_trials", "num_samples", "budget", "n_calls", "max_evals"], &["trials"]),
    // metrics
    (&["flops", "madds", "mult_adds", "multiply_adds", "mac", "flop", "bops"], &["macs"]),
    (&["num_params", "n_params", "parameters", "param_count", "num_parameters", "weights"], &["params"]),
    (&["val_accuracy", "val_acc", "acc", "top1", "top_1", "valid_acc", "validation_accuracy", "score"], &["accuracy"]),
    (&["pareto.size", "pareto.len", "pareto.length", "pareto.members"], &["pareto.count"]),
    (&["runtime", "delay", "inference_time", "time"], &["latency"]),
    (&["ram", "sram", "activation_memory", "memory"], &["peak_memory"]),
    (&["flash", "size", "weight_memory", "model_bits"], &["model_size"]),
    // spaces
    (&["filters", "out_channels", "channels_out", "out_planes", "features", "depth"], &["channels", "outputs"]),
    (&["units", "out_features", "num_outputs"], &["outputs"]),
    (&["in_channels", "input_channels", "in_planes", "in_features"], &["input.channels"]),
    (&["num_classes", "n_classes", "n_class"], &["classes"]),
    (&["window", "pool_size"], &["kernel"]),
    (&["expand_ratio", "expansion_ratio", "expand"], &["expansion"]),
    (&["batchnorm", "bn", "batch_norm", "batchnorm2d", "batch_normalization", "batchnormalization"], &["norm"]),
    (&["dense", "fc", "fully_connected", "quantdense", "classifier"], &["linear"]),
    (&["quantconv2d", "conv2d", "convolution", "conv3x3", "conv1x1"], &["conv"]),
    (&["depthwise_conv", "depthwiseconv2d", "depthwise_conv2d", "dwconv", "separable_conv", "quantdepthwiseconv2d"], &["depthwise"]),
    (&["view", "reshape"], &["flatten"]),
    (&["relu_6"], &["relu6"]),
    (&["hard_tanh", "htanh", "clip"], &["hardtanh"]),
    (&["frequency", "freq", "clk", "clock_rate", "clock_frequency"], &["clock"]),
    (&["simd", "parallelism"], &["lanes"]),
    // numbers with few bits
    (&["kernel_quantizer", "weight_quantizer", "weight_bits", "w_bits", "wbits"], &["weights"]),
    (&["input_quantizer", "activation_quantizer", "act_quantizer", "act_bits", "a_bits", "abits", "inputs"], &["activations"]),
    (&["backward", "grad", "surrogate", "ste", "custom_gradient", "pseudo_gradient"], &["gradient"]),
    (&["call", "quantize"], &["forward"]),
    (&["precision", "num_bits", "n_bits", "bit_width", "bitwidth", "width"], &["bits"]),
    (&["per_axis", "axis", "per_channel"], &["granularity"]),
    (&["ste_sign", "ste_heaviside", "sign", "bin", "magnitude_aware_sign", "xnor"], &["binary"]),
    (&["ste_tern", "twn", "tern"], &["ternary"]),
    (&["swish_sign"], &["approx_sign"]),
    (&["float32", "fp32", "float16", "none", "full_precision"], &["float"]),
    // data
    (&["transform", "transforms", "augmentation", "augmentations"], &["augment"]),
    (&["root", "path", "directory", "dir"], &["folder", "files"]),
    (&["val", "valid", "dev"], &["validation"]),
    (&["image_size", "input_shape", "input_size"], &["shape"]),
    (&["randomcrop", "random_crop"], &["crop"]),
    (&["randomhorizontalflip", "horizontal_flip", "hflip", "random_flip"], &["flip"]),
    (&["randomerasing", "random_erasing"], &["cutout"]),
];

/// What something is called here that has this name in another tool, if it is among `known`.
pub fn called_elsewhere<'a>(
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let lower = name.to_ascii_lowercase();
    let of_name = ELSEWHERE
        .iter()
        .filter(|(names, _)| names.contains(&lower.as_str()));
    let mut here = of_name.flat_map(|(_, here)| here.iter()).peekable();
    here.peek()?;
    let known: Vec<&str> = known.into_iter().collect();
    here.find_map(|here| known.iter().find(|k| *k == here).copied())
}

/// How many characters a word has; of ASCII alone, that is its length.
fn characters(word: &str) -> usize {
    match word.is_ascii() {
        true => word.len(),
        false => word.chars().count(),
    }
}

/// Which ASCII characters a word has, those alike in their last six bits as one.
fn letters_of(word: &str) -> u64 {
    let ascii = word.bytes().filter(u8::is_ascii);
    ascii.fold(0, |set, byte| set | letter(byte))
}

/// The set of one ASCII character.
fn letter(byte: u8) -> u64 {
    1 << (byte & 63)
}

/// How many ASCII letters of a word are not among these.
fn excess(letters: &[u16; 256], word: &str) -> usize {
    let mut left = *letters;
    let missing = word.bytes().filter(u8::is_ascii).filter(|byte| {
        let count = &mut left[usize::from(*byte)];
        let is_missing = *count == 0;
        *count = count.saturating_sub(1);
        is_missing
    });
    missing.count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_spelling_hides_what_is_meant() {
        let names = [
            "x",
            "X",
            "width",
            "Widht",
            "WIDTH",
            "s.width",
            "lr",
            "é",
            "dépth",
            "depth",
            "DEPTHS",
            "a1",
            "best.accuracy",
        ];
        for name in names {
            let of_name = Spelling::of(name);
            for known in names {
                let may_be = Spelling::of(known).may_be_meant_by(of_name);
                assert!(
                    may_be || did_you_mean(name, [known]).is_none(),
                    "{name} {known}"
                );
                let may_hold = Spelling::of(known).may_hold(of_name);
                assert!(may_hold || !known.contains(name), "{name} {known}");
            }
        }
        assert!(!Spelling::of("channels").may_be_meant_by(Spelling::of("width")));
        assert!(!Spelling::of("channels").may_hold(Spelling::of("width")));
    }

    #[test]
    fn names_of_other_tools_are_known() {
        let fields = ["epochs", "schedule", "weight_decay", "lr"];
        let field = |name| meant_field(name, fields);
        assert_eq!(field("num_epochs"), Some("epochs"));
        assert_eq!(field("learning_rate"), Some("lr"));
        assert_eq!(field("Scheduler"), Some("schedule"));
        assert_eq!(field("wd"), Some("weight_decay"));
        assert_eq!(field("dropout"), None);
        // What is not known where it stands was not meant.
        assert_eq!(meant("flops", ["params"]), None);
        assert_eq!(meant("flops", ["params", "macs"]), Some("macs"));
        assert_eq!(meant("Conv2d", ["conv", "linear"]), Some("conv"));
    }
}

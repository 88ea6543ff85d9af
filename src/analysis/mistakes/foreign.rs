//! Calls of other languages and of other tools: what stands for them here.
//!
//! In: what is called, and the text of its arguments. Out: help that can be typed, or none.

use crate::analysis::context::Cx;
use crate::source::Span;

/// What other tools call a range of reals, one between logarithms, one of whole numbers, and a set.
const REALS: [&str; 7] = [
    "uniform",
    "quniform",
    "suggest_float",
    "suggest_uniform",
    "floatv",
    "real",
    "uniform_float",
];
const LOGS: [&str; 7] = [
    "loguniform",
    "log_uniform",
    "qloguniform",
    "lograndint",
    "suggest_loguniform",
    "logspace",
    "reciprocal",
];
const WHOLES: [&str; 7] = [
    "range",
    "randint",
    "qrandint",
    "suggest_int",
    "integer",
    "intv",
    "uniform_integer",
];
const SETS: [&str; 7] = [
    "choice",
    "categorical",
    "one_of",
    "oneof",
    "suggest_categorical",
    "grid_search",
    "ordinal",
];

/// The longest help that repeats what was written.
const LONGEST: usize = 80;

/// How help begins for a block that is called in a value.
pub(in crate::analysis) const STANDS_ALONE: &str = "a block stands alone";

impl Cx<'_> {
    /// What to write for a call of what takes no arguments, or of what other languages have.
    pub(in crate::analysis) fn instead_of_call(&self, name: &str, callee: Span) -> Option<String> {
        let behind = &self.sources.get(callee.source).text[callee.end as usize..];
        let args = arguments(behind);
        let module = self.modules.get(callee.source);
        let meaning = module.and_then(|module| module.names.get(name));
        let kind = meaning.map(|meaning| &self.modules.declaration(meaning.id).kind.text);
        if kind.is_some_and(|kind| kind == "quantizer") {
            let fields = match args.parse::<u32>() {
                Ok(bits) => format!("bits = {bits}"),
                Err(_) if args.contains('=') && !args.contains('(') => args.replace(", ", "  "),
                Err(_) => "…".to_string(),
            };
            return Some(format!("amend it in braces: `{name} {{ {fields} }}`"));
        }
        if kind.is_some_and(|kind| kind == "block") {
            return Some(format!(
                "{STANDS_ALONE} behind `=`, perhaps under a condition, or in a set: `block = {name}(…) when …`, `block in {{{name}(…), …}}`"
            ));
        }
        if let Some(path) = self.modules.in_library_as(name, "block") {
            return Some(format!("write `use {path}` at the top of the file"));
        }
        let all = parted(args);
        let first = *all.first()?;
        let second = all.get(1).copied();
        Some(match (name, second) {
            ("log", None) if first.contains("..") => format!("write `{first} log`"),
            ("pow", Some(exponent)) => {
                format!("write `{first} ^ {exponent}`, with what has operators in brackets")
            }
            ("len" | "length" | "size", None) => format!("write `count({first})`"),
            ("clamp", _) => format!("write `clip({args})`"),
            ("sigmoid", None) => format!("write `1 / (1 + exp(-({first})))`"),
            _ => return domain(name, &all),
        })
    }
}

/// The text between brackets that a text begins with, as far as it stands on one line.
fn arguments(behind: &str) -> &str {
    let inside = behind.trim_start().strip_prefix('(').unwrap_or("");
    let mut depth = 0_usize;
    let ends = |c: char| {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' if depth == 0 => return true,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == '\n'
    };
    inside[..inside.find(ends).unwrap_or(inside.len())].trim()
}

/// Arguments one by one.
fn parted(args: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    let parts = args.split(|c: char| {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    });
    parts
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect()
}

/// The domain that a call of another tool stands for: `trial.suggest_int("depth", 1, 4)`, `tune.loguniform(1e-4, 1e-1)`.
fn domain(name: &str, args: &[&str]) -> Option<String> {
    let word = name.rsplit('.').next().unwrap_or(name).to_ascii_lowercase();
    let is = |known: &[&str]| known.contains(&word.as_str());
    if !is(&REALS) && !is(&LOGS) && !is(&WHOLES) && !is(&SETS) {
        return None;
    }
    // The name stands before `in`.
    let is_name = |arg: &&&str| arg.starts_with('"');
    let named =
        args.first().filter(is_name).is_some() && (args.len() > 2 || !name.ends_with("choice"));
    let args = if named { &args[1..] } else { args };
    let (options, plain): (Vec<&str>, Vec<&str>) = args.iter().partition(|arg| arg.contains('='));
    let option = |name: &str| {
        options.iter().find_map(|option| {
            let (key, value) = option.split_once('=')?;
            (key.trim() == name).then_some(value.trim())
        })
    };
    if is(&SETS) {
        let members = match plain.as_slice() {
            [one] => one.trim_matches(['[', ']', '{', '}']).to_string(),
            many => many.join(", "),
        };
        return Some(match members.len() < LONGEST {
            true => format!("write `in {{{members}}}`"),
            false => "write a set, `in {a, b}`".into(),
        });
    }
    let low = option("low").or(plain.first().copied());
    let high = option("high").or(plain.get(1).copied());
    let is_log = is(&LOGS) || option("log").is_some_and(|log| log.eq_ignore_ascii_case("true"));
    let end = |end: &str| match end.parse::<i64>() {
        // Whole ends make whole numbers.
        Ok(_) if !is(&WHOLES) => format!("{end}.0"),
        _ => end.to_string(),
    };
    let (Some(low), Some(high)) = (low, high) else {
        return Some("write a range, `in low..high`".into());
    };
    let log = if is_log { " log" } else { "" };
    let step = option("step").or(plain.get(2).copied().filter(|_| word == "range"));
    let step = step.map_or(String::new(), |step| format!(" step {step}"));
    // Elsewhere, the last one is left out.
    let both = match word.as_str() {
        "range" | "randint" => ": both ends are members",
        _ => "",
    };
    let is_plain = |text: &str| text.len() < LONGEST / 2 && !text.contains(['(', '[', '"', '=']);
    Some(match is_plain(low) && is_plain(high) {
        true => format!("write `in {}..{}{step}{log}`{both}", end(low), end(high)),
        false => format!("write a range, `in low..high{log}`"),
    })
}

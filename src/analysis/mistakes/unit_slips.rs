//! Words beside numbers that are no units, and units that stand apart from their numbers.
//!
//! In: a number and what stands around it. Out: help that says what was meant, or none: then the unit is only misspelled.

use crate::analysis::context::Cx;
use crate::analysis::expression::types::dimension;
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::source::Span;
use crate::syntax::ast::{self, BinaryOp, ExprKind};
use crate::units::{Unit, UnitError};

/// Words behind a range that say how it is walked elsewhere.
const LINEAR: [&str; 3] = ["lin", "linear", "uniform"];

/// What is counted, and has no unit.
const COUNTED: [&str; 13] = [
    "px", "pixel", "channel", "ch", "filter", "layer", "image", "img", "sample", "epoch", "step",
    "param", "trial",
];

impl Cx<'_> {
    /// What a number was meant to be whose unit is none: `2 w` a product, `1e-4..1e-1 logg` a range.
    pub(in crate::analysis) fn no_unit(
        &self,
        number: &ast::Number,
        unknown: &UnitError,
        span: Span,
    ) -> Option<String> {
        let word = &unknown.factor;
        if ["dB", "dBm", "dBFS"].contains(&word.as_str()) {
            return Some(
                "write a plain number, or a share in `%`: there are no logarithms of units".into(),
            );
        }
        let is_first = unknown.unit.starts_with(word.as_str());
        if is_first && self.local_named(word) {
            let rest = &unknown.unit[word.len()..];
            let rest = rest.replace('/', " / ").replace('*', " * ");
            return Some(format!("write `{} * {word}{rest}`", number.text));
        }
        let side = word
            .strip_prefix(['x', 'X'])
            .filter(|side| *side == number.text);
        if side.is_some() {
            return Some(format!(
                "write `{}`: rows and columns are the same",
                number.text
            ));
        }
        let power = match word.as_str() {
            "k" | "K" => Some("e3"),
            "M" | "mio" | "million" => Some("e6"),
            "G" | "B" | "billion" => Some("e9"),
            _ => None,
        };
        if let Some(power) = power.filter(|_| *word == unknown.unit) {
            let number = &number.text;
            let [size, rate] = match word.as_str() {
                "k" | "K" => ["KiB", "kHz"],
                "M" => ["MiB", "MHz"],
                "G" => ["GiB", "GHz"],
                _ => return Some(format!("write `{number}{power}`")),
            };
            return Some(format!(
                "write `{number}{power}`, or the prefix with its unit, such as `{number} {size}` or `{number} {rate}`"
            ));
        }
        let before = &self.sources.get(span.source).text[..span.start as usize];
        let is_end = before.trim_end().ends_with("..");
        let one = unknown.unit.strip_suffix('s').unwrap_or(&unknown.unit);
        let of_codes = one == "bit" && before.trim_end().ends_with("bits =");
        if of_codes || !is_end && COUNTED.contains(&one.to_ascii_lowercase().as_str()) {
            return Some(format!(
                "write it without a unit, `{}`: what is counted has none",
                number.text
            ));
        }
        if !is_end {
            return None;
        }
        if LINEAR.contains(&word.as_str()) {
            return Some("remove it: a range is linear unless `log` stands behind it".into());
        }
        let lower = word.to_ascii_lowercase();
        let is_log = lower.starts_with("log") || lower.starts_with("exp") || lower == "geometric";
        let scale = match is_log {
            true => Some("log"),
            false => did_you_mean(&lower, ["log", "step"]),
        };
        match scale? {
            "step" => Some("write `step n`, as in `8..64 step 8`".into()),
            log => Some(format!("write `{log}`")),
        }
    }

    /// `~= Gop/s`: whether a name that is unknown is part of a unit without its number; says so, once for all of its names.
    pub(in crate::analysis) fn unit_alone(&mut self, name: Span) -> bool {
        let text = &self.sources.get(name.source).text;
        let is_part = |c: char| c.is_alphanumeric() || "_^/*".contains(c);
        let start = text[..name.start as usize].trim_end_matches(is_part).len();
        let end = text.len() - text[start..].trim_start_matches(is_part).len();
        let unit = &text[start..end];
        let words = unit.split(|c: char| "^/*".contains(c));
        let is_value = |word: &str| self.local_named(word) || self.find_text(word, name);
        let is_unit = unit.contains('/') && Unit::of(unit).is_some();
        if !is_unit || words.into_iter().any(is_value) {
            return false;
        }
        self.report(
            Diagnostic::error("bnas::name::unknown", format!("`{unit}` has no number"))
                .label(Span::new(name.source, start, end), "a unit alone")
                .help(format!("write a number in front of it: `1 {unit}`")),
        );
        true
    }

    /// `35 fJ / op`, `1 /s`: whether a unit goes on behind a blank, or begins with a sign; says so.
    pub(in crate::analysis) fn parted_unit(
        &mut self,
        op: ast::BinaryOp,
        left: &ast::Expr,
        right: &ast::Expr,
    ) -> bool {
        let sign = match op {
            BinaryOp::Div => '/',
            BinaryOp::Mul => '*',
            _ => return false,
        };
        if op == BinaryOp::Div && self.bracketed_unit(left, right) {
            return true;
        }
        let (ExprKind::Number(number), ExprKind::Path(path)) = (&left.kind, &right.kind) else {
            return false;
        };
        let Some(name) = path.as_name() else {
            return false;
        };
        let is_time = |name| Unit::of(name).is_some_and(|unit| unit.dimension == dimension("s"));
        let unit = match &number.unit {
            Some(unit) => unit.text.as_str(),
            None if op == BinaryOp::Div && is_time(&name.text) => "frame",
            None => return false,
        };
        let whole = format!("{unit}{sign}{}", name.text);
        let is_value = self.local_named(&name.text) || self.find(name).is_some();
        if is_value || Unit::of(&name.text).is_none() || Unit::of(&whole).is_none() {
            return false;
        }
        self.report(
            Diagnostic::error(
                "bnas::name::unknown",
                format!("unknown name `{}`", name.text),
            )
            .label(right.span, "a unit, apart from its number")
            .help(match number.unit {
                Some(_) => format!("write the unit without blanks: `{} {whole}`", number.text),
                None => format!("write `{} {whole}`: a `frame` is 1", number.text),
            }),
        );
        true
    }

    /// `1 TOPS/(W*mm^2)`: whether a unit goes on in brackets; says so.
    fn bracketed_unit(&mut self, left: &ast::Expr, right: &ast::Expr) -> bool {
        let ExprKind::Number(number) = &left.kind else {
            return false;
        };
        let Some(unit) = &number.unit else {
            return false;
        };
        let text = self.text(right.span);
        let inner = text.trim_start_matches('(').trim_end_matches(')');
        let factors: Vec<&str> = inner.split('*').map(str::trim).collect();
        let is_unit = |factor: &&str| {
            let name = factor.split('^').next().unwrap_or(factor);
            Unit::of(factor).is_some() && !self.local_named(name)
        };
        if factors.len() < 2 || !factors.iter().all(is_unit) {
            return false;
        }
        let whole = format!("{} {}/{}", number.text, unit.text, factors.join("/"));
        self.report(
            Diagnostic::error("bnas::parse::syntax", "a unit stands without brackets")
                .label(right.span, "goes on with the unit of a number")
                .help(format!("write `{whole}`")),
        );
        true
    }

    /// What to write for `repeat 1..3 as d { … }`, if that is where a domain stands.
    pub(in crate::analysis) fn repeat_help(&self, span: Span) -> Option<String> {
        let text = &self.sources.get(span.source).text;
        let (before, behind) = (&text[..span.start as usize], &text[span.end as usize..]);
        let line = before.rsplit(['\n', '{', '}']).next().unwrap_or("");
        let named = behind.split('{').next().unwrap_or("").trim_end();
        (line.trim() == "repeat").then(|| {
            let domain = self.text(span);
            format!("search the count, and name it here: `n in {domain}  repeat n{named} {{ … }}`")
        })
    }

    /// What to write for a domain that stands where a value must.
    pub(in crate::analysis) fn domain_help(&self, span: Span) -> String {
        let text = &self.sources.get(span.source).text;
        let (before, behind) = (&text[..span.start as usize], &text[span.end as usize..]);
        let before = before.trim_end();
        let is_member = before.ends_with(['{', ',']);
        if let Some(help) = self.repeat_help(span) {
            return help;
        }
        let is_alone = before.ends_with('{') && behind.trim_start().starts_with('}');
        let range = self.text(span);
        match (is_alone, is_member) {
            (true, _) => format!("write `in {range}`: a range stands without braces"),
            (false, true) => {
                "write each of its values: a set holds values, as in `{1, 2, 4}`".to_string()
            }
            (false, false) if self.conditions > 0 => format!(
                "write `name in {range}` above, and `name` here: it is searched only where it is read"
            ),
            (false, false) => "write `in` in place of `=` to search it".to_string(),
        }
    }
}

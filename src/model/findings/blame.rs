//! Both places of a value that an experiment has changed.
//!
//! In: a diagnostic about a declaration, and what the experiment amends. Out: the same with the amendments before the line that goes wrong by
//! them, since they are what the author can change.

use std::collections::BTreeSet;

use super::reads::Reads;
use crate::diagnostic::{Diagnostic, Label};
use crate::ir::{Amendment, Space};
use crate::source::Span;

/// The most entries of one amendment that a diagnostic shows.
const MOST: usize = 3;

/// What the label of an amendment ends in.
const AMENDED: &str = " is amended here";

/// What a message says before the arms in which something was found.
pub const IN_ARMS: &str = " in the arm";

/// Whether a label shows an amendment, in front of the label of what goes wrong by it.
pub fn is_of_amendment(label: &Label) -> bool {
    label.text.ends_with(AMENDED)
}

/// Which entries of an amendment a diagnostic is about. Of a layer that does not fit, they are those of this layer and those around it whose value is
/// named or read; without such, those of the layers before that it may hang on. Of everything else, they are those whose value is named, if any is, else
/// all.
fn meant<'a>(diagnostic: &Diagnostic, reads: &Reads, amendment: &'a Amendment) -> Vec<&'a Span> {
    let said = format!(
        "{} {}",
        diagnostic.message,
        diagnostic.help.as_deref().unwrap_or_default()
    );
    let is_word = |c: char| c.is_alphanumeric() || "_.[]*".contains(c);
    let words: BTreeSet<&str> = said.split(|c| !is_word(c)).collect();
    let is_named = |path: &str| {
        let key = owner_and_key(path).1;
        words.iter().any(|word| speaks_of(word, path)) || reads.wants(key)
    };
    let entries = amendment.at.iter().zip(&amendment.paths);
    let mut entries: Vec<(&Span, &str)> = entries.map(|(at, path)| (at, path.as_str())).collect();
    entries.retain(|(_, path)| !reads.is_idle(owner_and_key(path).1));
    let mut shown: Vec<(&Span, &str)> = Vec::new();
    if let Some(layer) = diagnostic.layers.last() {
        let lies_in = |path: &str, layer| lies_in(path, below(layer, &amendment.becomes));
        entries
            .retain(|(_, path)| { diagnostic.layers.iter() }.any(|l| lies_in(path, l).is_some()));
        shown.clone_from(&entries);
        shown.retain(|(_, path)| match lies_in(path, layer) {
            Some(Place::Layer) => true,
            Some(Place::Around) => is_named(path),
            None => false,
        });
    }
    if shown.is_empty() {
        shown.clone_from(&entries);
        shown.retain(|(_, path)| is_named(path));
    }
    let shown = if shown.is_empty() { entries } else { shown };
    shown.into_iter().map(|(at, _)| at).collect()
}

/// Whether a word of a message, `kernel` or `space.s[0].d[1].kernel`, may mean the value at the path of an amendment.
fn speaks_of(word: &str, path: &str) -> bool {
    let mut words = word.trim_end_matches('.').rsplit('.');
    let mut parts = path.rsplit('.').filter(|part| *part != "block");
    if words.next() != parts.next() {
        return false;
    }
    words.zip(parts).all(|(word, part)| {
        let split = |part: &'_ str| -> (String, Option<String>) {
            match part.split_once('[') {
                Some((name, copy)) => (name.into(), Some(copy.trim_end_matches(']').into())),
                None => (part.into(), None),
            }
        };
        let ((word, of_word), (part, of_part)) = (split(word), split(part));
        let is_any = |copy: &Option<String>| copy.as_deref().is_none_or(|copy| copy == "*");
        word == part && (is_any(&of_word) || is_any(&of_part) || of_word == of_part)
    })
}

/// Where the value of an amendment lies, seen from a layer.
enum Place {
    /// It is an argument of the layer.
    Layer,
    /// It is a value of a body that the layer stands in, which the layer may read.
    Around,
}

/// Whether the path of an amendment, `s[0].d.one.padding`, leads to a layer, `s[0].d[1].one`, or around it.
fn lies_in(path: &str, layer: &str) -> Option<Place> {
    let (owner, _) = owner_and_key(path);
    // The bare name adds nothing to a path.
    let is_told = |word: &&str| !word.is_empty() && *word != "block";
    let mut of_layer = layer.split('.').filter(is_told);
    for word in owner.split('.').filter(is_told) {
        let other = of_layer.next()?;
        let (name, copy) = word.split_once('[').unwrap_or((word, "*]"));
        let (other, of_other) = other.split_once('[').unwrap_or((other, copy));
        if name != other || (copy != "*]" && copy != of_other) {
            return None;
        }
    }
    match of_layer.next() {
        None => Some(Place::Layer),
        Some(_) => Some(Place::Around),
    }
}

/// The path of a layer in its space: of several spaces, the name of each stands before those of its layers.
fn below<'l>(layer: &'l str, space: &str) -> &'l str {
    let below = layer.strip_prefix(space).and_then(|l| l.strip_prefix('.'));
    below.unwrap_or(layer)
}

/// `s[0].d.one` and `padding` of `s[0].d.one.padding`.
fn owner_and_key(path: &str) -> (&str, &str) {
    path.rsplit_once('.').unwrap_or(("", path))
}

/// A diagnostic with the amendments of the declarations that it is about; unchanged if it shows one of them. `space` tells what a misfit hangs on.
pub fn with_amendments(
    mut diagnostic: Diagnostic,
    amendments: &[Amendment],
    space: Option<&Space>,
) -> Diagnostic {
    let reads = Reads::of(&diagnostic, space);
    for amendment in amendments {
        let shows = |label: &Label| {
            let entries = amendment.at.iter();
            { entries }.any(|at| at.holds(label.span) || label.span.holds(*at))
        };
        let labels = &diagnostic.labels;
        let is_of_it = labels
            .iter()
            .any(|label| amendment.of.iter().any(|of| of.holds(label.span)));
        if !is_of_it || labels.iter().any(shows) {
            continue;
        }
        let standing = standing(amendment);
        for at in meant(&diagnostic, &reads, &standing)
            .into_iter()
            .take(MOST)
            .rev()
        {
            let text = format!("`{}`{AMENDED}", amendment.name);
            diagnostic.labels.insert(0, Label { span: *at, text });
        }
    }
    diagnostic
}

/// What is left of an amendment where an experiment that derives from another one gives some of its values anew.
fn standing(amendment: &Amendment) -> Amendment {
    let mut given = BTreeSet::new();
    let entries = amendment.at.iter().zip(&amendment.paths).rev();
    let last = entries.filter(|(_, path)| path.is_empty() || given.insert(path.as_str()));
    let mut left: Vec<(Span, String)> = last.map(|(at, path)| (*at, path.clone())).collect();
    left.reverse();
    let (at, paths) = left.into_iter().unzip();
    Amendment {
        at,
        paths,
        ..amendment.clone()
    }
}

/// The settings of an arm, as they are shown.
type Settings = [(String, String)];

/// What is found in one arm of an experiment, which says so.
pub fn in_arm(mut found: Vec<Diagnostic>, settings: &Settings) -> Vec<Diagnostic> {
    found.iter_mut().for_each(|one| name_arms(one, &[settings]));
    found
}

/// Says of what is found in some arms, and not in all of them, in which. What several of them have stays one report.
pub fn in_some_arms(found: &mut [(&Settings, Vec<Diagnostic>)]) {
    let before: Vec<Vec<Diagnostic>> = found.iter().map(|(_, all)| all.clone()).collect();
    let arms: Vec<&Settings> = found.iter().map(|(settings, _)| *settings).collect();
    for one in found.iter_mut().flat_map(|(_, all)| all) {
        let of = arms
            .iter()
            .zip(&before)
            .filter(|(_, all)| all.contains(one));
        let of: Vec<&Settings> = of.map(|(settings, _)| *settings).collect();
        if of.len() < arms.len() {
            name_arms(one, &of);
        }
    }
}

fn name_arms(diagnostic: &mut Diagnostic, arms: &[&Settings]) {
    let shown = arms.iter().take(MOST).map(|settings| {
        let each = settings
            .iter()
            .map(|(name, value)| format!("{name} = {value}"));
        format!("`{}`", each.collect::<Vec<_>>().join(", "))
    });
    let shown: Vec<String> = shown.collect();
    let more = match arms.len() > MOST {
        true => ", …",
        false => "",
    };
    let arm = match arms.len() {
        0 => return,
        1 => "",
        _ => "s",
    };
    let text = format!("{IN_ARMS}{arm} {}{more}", shown.join(", "));
    diagnostic.message.push_str(&text);
}

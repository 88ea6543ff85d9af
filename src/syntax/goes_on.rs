//! A stretch that no rule reads and that goes on with the entry before it, which means something else then.
//!
//! In: an entry, and the stretch behind it: `require x = y`, `limit = 3 nJ x * 2`, `paralel { … } join concat`. Out: whether both are one mistake, and what is
//! known of it. Words behind a number or a condition are in `behind`.

use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::source::Span;
use crate::syntax::ast::{Entry, EntryKind, ExprKind, Layer, Path, Section};
use crate::syntax::parse::Reader;
use crate::syntax::place::first_word;
use crate::syntax::tree::Pair;

/// Signs behind a word that belongs to a value.
const GOES_ON: [char; 9] = ['+', '-', '*', '/', '^', '<', '>', ')', ','];

/// Signs and words that no entry begins with.
const CONTINUING: [&str; 21] = [
    "->", "+", "-", "*", "/ ", "^", "<", ">", "==", "!=", "~=", "when", "default", "then", "else",
    "and", "or", "implies", "within", "via", "join",
];

/// Whether a stretch goes on with one before it that is lost, too: the second line of `x = 2 + * 3` and `+ 4`.
pub(super) fn continues(before: &str, lost: &str) -> bool {
    let word = first_word(lost);
    if is_open(before) && is_branch(lost) {
        return true;
    }
    CONTINUING.iter().any(|known| match word {
        "" => lost.starts_with(known),
        word => word == *known,
    })
}

/// Whether a stretch ends in an `if` without its `else`.
fn is_open(lost: &str) -> bool {
    let mut words = lost.split_whitespace().rev();
    let last = words.find(|word| ["then", "else"].contains(word));
    last == Some("then")
}

/// Whether a stretch is what stands behind `else`, and no entry.
fn is_branch(lost: &str) -> bool {
    let word = first_word(lost);
    let is_else = did_you_mean(word, ["else"]).is_some();
    is_else || word == "if" || !lost.contains(['=', '{', ':']) && !lost.contains(" in ")
}

impl Reader<'_, '_> {
    /// Whether a stretch that is lost goes on with the entry before it, which means something else then: `require x = y`, `limit = 3 nJ x * 2`.
    pub(super) fn goes_on(&self, before: &Entry, lost: Pair<'_>) -> bool {
        let between = &self.text[before.span.end as usize..lost.start()];
        let is_sign = |c: char| !c.is_alphabetic() && !";,\"@/_".contains(c);
        if between.contains('\n') {
            return false;
        }
        let word = first_word(lost.text());
        let behind = lost.text()[word.len()..].trim_start_matches([' ', '\t']);
        // A word of an entry of its own has something else behind it.
        let is_operand = !word.is_empty() && (behind.is_empty() || behind.starts_with(GOES_ON));
        // The name before it was read as a value: `k in {1, 3} default`, and `w in {8, 16}` below.
        let is_operand = is_operand || word == "in";
        let is_like = |known: &str| did_you_mean(word, [known]).is_some();
        let is_closed = self.text[..before.span.end as usize].ends_with('}');
        let is_value_behind = (lost.text().starts_with(is_sign) || is_operand) && !is_closed;
        match &before.kind {
            EntryKind::Section(section) => {
                is_parallel(section) && (word == "join" || is_like("join"))
            }
            EntryKind::Layer(layer) => {
                (word == "join" && into_parallel(layer).is_some()) || is_value_behind
            }
            _ => is_value_behind,
        }
    }

    /// Whether a stretch says how the branches of the entry before it are joined, without `join`: analysis says that this is missing.
    pub(super) fn is_way_alone(&self, before: Option<&Entry>, lost: Pair<'_>) -> bool {
        let is_way = ["add", "concat"].contains(&lost.text().trim_end());
        before.is_some_and(|before| {
            let between = &self.text[before.span.end as usize..lost.start()];
            let is_parallel = matches!(&before.kind, EntryKind::Section(s) if is_parallel(s));
            is_way && is_parallel && !between.contains('\n')
        })
    }

    /// An entry that something goes on with: what it defines is lost, and what is wrong with both may be known.
    pub(super) fn lose_entry(&mut self, before: &Entry, lost: Pair<'_>) {
        let span = before.span;
        let text = &self.text[span.start as usize..span.end as usize];
        self.lose(text);
        self.lose_within(text);
        self.misspelt_parallel(before, lost);
        self.open_chain(before, lost);
    }

    /// Says of `paralel { … } join concat` that its first word is misspelt, which is all that is wrong with it.
    fn misspelt_parallel(&mut self, before: &Entry, lost: Pair<'_>) {
        let EntryKind::Section(section) = &before.kind else {
            return;
        };
        let name = &section.name;
        if name.text == "parallel" || first_word(lost.text()) != "join" {
            return;
        }
        let message = format!("no statement begins with `{}`", name.text);
        let misspelt = Diagnostic::error("bnas::parse::syntax", message)
            .label(name.span, "an unknown word")
            .help("write `parallel`");
        self.sink.push(misspelt);
        self.said = Some(lost.start());
    }

    /// Says of `layer a = … ->` above `parallel { … } join concat` that the chain has no end, which is all that is wrong with both.
    fn open_chain(&mut self, before: &Entry, lost: Pair<'_>) {
        let EntryKind::Layer(layer) = &before.kind else {
            return;
        };
        let Some(parallel) = into_parallel(layer) else {
            return;
        };
        let Some(arrow) = self.text[..parallel.start as usize].rfind("->") else {
            return;
        };
        let open = Diagnostic::error("bnas::parse::syntax", "a chain ends in an operation")
            .label(
                Span::new(self.id, arrow, arrow + 2),
                "nothing but branches behind this",
            )
            .help("write an operation behind it, or delete it: `parallel` is an entry of its own");
        self.sink.push(open);
        self.said = Some(lost.start());
    }
}

/// Whether a section has the name `parallel`, or one that is spelled alike.
fn is_parallel(section: &Section) -> bool {
    section.label.is_none() && did_you_mean(&section.name.text, ["parallel"]).is_some()
}

/// Where `parallel { … }` stands as the last operation of a chain.
fn into_parallel(layer: &Layer) -> Option<Span> {
    let [.., last] = layer.chain.as_slice() else {
        return None;
    };
    let ExprKind::Amend { base, .. } = &last.kind else {
        return None;
    };
    let is_parallel = |path: &Path| path.head.text == "parallel";
    let is_it = matches!(&base.kind, ExprKind::Path(path) if is_parallel(path));
    (is_it && layer.chain.len() > 1).then_some(last.span)
}

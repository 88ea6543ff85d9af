//! Data inside the program.
//!
//! In: what a data set says of them. Out: a diagnostic where they are something else.

use super::context::Cx;
use super::expression::fields::{Given, Written};
use crate::diagnostic::Diagnostic;

/// What they are.
struct Embedded {
    name: &'static str,
    samples: usize,
    shape: [usize; 3],
    classes: usize,
    /// The largest value of a pixel.
    scale: f64,
}

const EMBEDDED: [Embedded; 1] = [Embedded {
    name: "digits",
    samples: 1797,
    shape: [8, 8, 1],
    classes: 10,
    scale: 16.0,
}];

fn known(content: &str) -> Option<&'static Embedded> {
    EMBEDDED.iter().find(|known| known.name == content)
}

impl Cx<'_> {
    /// Whether data inside the program are what the shape of an image and the fields of the data set say; says so.
    pub(super) fn embedded(
        &mut self,
        content: &str,
        (shape, sides): (&Written, [(&str, f64); 3]),
        (written, fields): (&Written, [(&str, f64); 2]),
    ) {
        let Some(known) = known(content) else { return };
        for (side, fact) in sides.into_iter().zip(known.shape) {
            self.as_embedded(known, shape, side, fact as f64);
        }
        let [classes, (scale, largest)] = fields;
        self.as_embedded(known, written, classes, known.classes as f64);
        // A larger one leaves values below 1.
        let largest = largest.min(known.scale);
        self.as_embedded(known, written, (scale, largest), known.scale);
    }

    /// Whether data inside the program have as many samples as the splits take; says so.
    pub(super) fn enough(&mut self, content: &str, splits: [usize; 3], written: &Written) {
        let Some(known) = known(content) else { return };
        let most = known.samples;
        let all = splits
            .iter()
            .fold(0, |sum: usize, n| sum.saturating_add(*n));
        if all <= most {
            return;
        }
        let mut diagnostic = Diagnostic::error(
            "bnas::domain::out_of_range",
            format!("`{content}` has {most} samples, and its splits take {all}"),
        );
        let named = ["train", "validation", "test"].into_iter().zip(splits);
        for (name, n) in named.filter(|(name, _)| written.get(name).is_some()) {
            diagnostic = diagnostic.label(written.place(name), format!("takes {n}"));
        }
        self.report(diagnostic.help(format!("let them take {most} together at most")));
    }

    /// Whether a field of data inside the program is what they are; says so.
    fn as_embedded(
        &mut self,
        known: &Embedded,
        written: &Written,
        (name, found): (&str, f64),
        fact: f64,
    ) {
        // What is searched has been reported, and is no number.
        let given = written.get(name).map(|(_, given)| given);
        if found == fact || !matches!(given, Some(Given::Fixed(_))) {
            return;
        }
        let content = known.name;
        self.report(
            Diagnostic::error(
                "bnas::domain::out_of_range",
                format!("`{name}` of `{content}` is {fact}, found {found}"),
            )
            .label(
                written.place(name),
                format!("`{content}` is inside the program"),
            )
            .help(format!("write `{name} = {fact}`")),
        );
    }
}

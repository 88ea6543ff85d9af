//! Signs of the grammar, and annotations.
//!
//! In: a sign, or an annotation with its `@` or without. Out: its pages. How they are written stands here.

use super::page::Page;
use super::word::{self, page};

/// Sign, how it is written, what it does.
#[rustfmt::skip] // a table
const SIGNS: &[(&str, &str, &str)] = &[
    ("=", "name = value", "fixes a value; `in` searches one"),
    ("==", "x == y", "whether two values of one kind are the same"),
    ("!=", "x != y", "whether two values of one kind differ"),
    ("<", "x < y", "whether the one number is below the other, of one dimension"),
    ("<=", "x <= y", "whether the one number is at most the other, of one dimension"),
    (">", "x > y", "whether the one number is above the other, of one dimension"),
    (">=", "x >= y", "whether the one number is at least the other, of one dimension"),
    ("+", "x + y", "the sum of numbers of one dimension"),
    ("-", "x - y", "the difference of numbers of one dimension; before a number, its negative"),
    ("*", "x * y", "the product of numbers, and of their dimensions"),
    ("/", "x / y", "the quotient of numbers, and of their dimensions"),
    ("^", "x ^ y", "a power, of a plain exponent; if x has a dimension, y is a whole constant"),
    ("->", "layer name = conv(channels = 16) -> norm -> relu", "in a layer: one operation after the other"),
    ("..", "name in 1..4", "a range with both of its ends: whole numbers, or reals where an end is one"),
    ("[*]", "sum(space.s[*].channels)", "the values of all copies of a `repeat`, in goals and requirements"),
    ("//", "// …", "a comment, to the end of its line"),
    ("///", "/// …", "documentation of the declaration or entry below it"),
    ("@", "@paper(\"…\")", "an annotation: `@paper` and `@assumption` say where a number comes from"),
];

/// Annotation, how it is written, what it says.
#[rustfmt::skip] // a table
const ANNOTATIONS: &[(&str, &str, &str)] = &[
    ("paper", "@paper(\"arXiv:…\", where = \"Table 2\")", "above a declaration or behind a field: the paper that it comes from, and the place in it. It reaches the report"),
    ("assumption", "@assumption(\"why\")", "above a declaration or behind a field: why it is assumed, where no paper says it. It reaches the report"),
];

/// Every annotation.
pub fn names() -> impl Iterator<Item = &'static str> {
    ANNOTATIONS.iter().map(|(name, ..)| *name)
}

/// The pages of a sign or an annotation.
pub fn pages(name: &str) -> Vec<Page> {
    // Its page is that of the word which it is written with.
    if name == "~=" {
        return word::pages("within");
    }
    let signs = SIGNS.iter().map(|row| ("sign", "", row));
    let annotations = ANNOTATIONS.iter().map(|row| ("annotation", "@", row));
    let found = signs.chain(annotations).filter(|(_, at, (word, ..))| {
        let bare = name.strip_prefix(at).filter(|rest| !rest.is_empty());
        *word == bare.unwrap_or(name)
    });
    let of_one = |(kind, at, (word, written, docs)): (&str, &str, &(&str, &str, &str))| {
        let signature = format!("{kind} {written}");
        let name = format!("{at}{word}");
        page(kind, &name, signature, docs.to_string(), Vec::new())
    };
    found.map(of_one).collect()
}

#[cfg(test)]
mod tests {
    use super::pages;
    use crate::analysis::schema;

    #[test]
    fn signs_and_annotations_have_one_page_each() {
        for name in schema::ANNOTATIONS {
            assert_eq!(pages(name).len(), 1, "{name}");
            assert_eq!(pages(&format!("@{name}")).len(), 1, "{name}");
        }
        for sign in ["~=", "==", "->", "^", "@", "[*]", ".."] {
            assert_eq!(pages(sign).len(), 1, "{sign}");
        }
        for wrong in ["", "@@", "@==", "=@"] {
            assert!(pages(wrong).is_empty(), "{wrong}");
        }
    }
}

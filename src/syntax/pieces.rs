//! A long text, read in pieces side by side.
//!
//! In: a text whose brackets pair up. Out: where it may be cut, and the tree that one reading of the whole gives. A piece ends with a brace at the
//! start of a line. Where that closed a declaration, the grammar has nothing left to read there but the next one; where it did not, a piece
//! holds what no rule reads, and the text is read as a whole.

use std::ops::Range;

use pest::error::Error;
use rayon::prelude::*;

use crate::syntax::grammar::Rule;
use crate::syntax::tree::Tree;
use crate::threads;

/// The length of a piece, about, in bytes: a shorter one is read before a thread has begun.
const PIECE: usize = 32 << 10;

/// Reads a file.
pub(super) fn file(text: &str) -> Result<Tree<'_>, Box<Error<Rule>>> {
    let pieces = pieces(text, PIECE);
    let pool = threads::readers(pieces.len());
    let tree = pool.and_then(|pool| pool.install(|| read(text, pieces)));
    tree.map_or_else(|| Tree::read(Rule::file, text), Ok)
}

/// Reads the pieces that make up a text, if each of them can be read alone.
fn read(text: &str, pieces: Vec<Range<usize>>) -> Option<Tree<'_>> {
    let read = |piece: Range<usize>| {
        let rule = match piece.start {
            0 => Rule::file,
            _ => Rule::rest,
        };
        let tree = Tree::read(rule, &text[piece]).ok()?;
        let is_lost = tree.root().parts().any(|part| part.rule() == Rule::lost);
        (!is_lost).then_some(tree)
    };
    let trees: Option<Vec<Tree>> = pieces.into_par_iter().map(read).collect();
    Some(Tree::joined(text, trees?))
}

/// Cuts a text into stretches of about `length` bytes, each but the last of which ends with a line that is a brace.
fn pieces(text: &str, length: usize) -> Vec<Range<usize>> {
    const LAST_LINE: &str = "\n}\n";
    let mut pieces = Vec::new();
    let mut start = 0;
    while text.len() - start > length {
        let from = text.ceil_char_boundary(start + length);
        let Some(at) = text[from..].find(LAST_LINE) else {
            break;
        };
        let end = from + at + LAST_LINE.len();
        if end == text.len() {
            break;
        }
        pieces.push(start..end);
        start = end;
    }
    pieces.push(start..text.len());
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::tests::SAMPLES;

    #[test]
    fn pieces_are_the_whole() {
        let mut cut = 0;
        let sound =
            "bnas 1\n// é\nspace a {\n  x in 1..2\n}\n\n/// é\nspace b {\n  x = 1\n}\n// end";
        let samples = SAMPLES.iter().map(|(_, text)| *text);
        for text in samples.chain([sound]) {
            let whole = Tree::read(Rule::file, text).unwrap();
            for length in [1, 8, 20, 200] {
                let pieces = pieces(text, length);
                cut += usize::from(pieces.len() > 1);
                let ends = pieces.iter().map(|p| p.end);
                assert!(
                    pieces
                        .iter()
                        .skip(1)
                        .map(|p| p.start)
                        .eq(ends.take(pieces.len() - 1))
                );
                assert_eq!(pieces.last().unwrap().end, text.len());
                assert_eq!(read(text, pieces).as_ref(), Some(&whole), "{text}");
            }
        }
        assert!(cut > 10);
    }

    /// A brace that closes no declaration, and what is no declaration.
    #[test]
    fn what_is_not_whole_is_not_cut() {
        for text in [
            "bnas 1\nspace s {\ns {\n x = 1\n}\n y = 2\n}\n",
            "bnas 1\nspace s {\n}\nbnas 1\nspace t {\n}\n",
            "bnas 1\nspace s {\n}\n???\nspace t {\n}\n",
        ] {
            let pieces = pieces(text, 8);
            assert!(pieces.len() > 1, "{text}");
            assert!(read(text, pieces).is_none(), "{text}");
            let file = file(text).unwrap();
            assert_eq!(file, Tree::read(Rule::file, text).unwrap());
        }
    }
}

//! A long text, read in pieces side by side.
//!
//! In: a text whose brackets pair up. Out: the tree that one reading of the whole gives. A piece ends with a brace at the start of a line, where a
//! declaration is closed; of a long declaration, what stands between its braces is read in pieces that begin with lines like its first. Nothing
//! that goes on with an entry can begin another one, so that the pieces are the whole if each of them can be read alone. Where one holds what no
//! rule reads, the text is read as a whole.

use std::ops::Range;

use pest::error::Error;
use rayon::prelude::*;

use crate::syntax::grammar::Rule;
use crate::syntax::tree::Tree;
use crate::threads;

/// The length of a piece, about, in bytes: enough that beginning with another one is little beside reading it.
const PIECE: usize = 32 << 10;

/// Reads a file.
pub(super) fn file(text: &str) -> Result<Tree<'_>, Box<Error<Rule>>> {
    let pool = threads::readers(text.len() / PIECE);
    let tree = pool.and_then(|pool| pool.install(|| in_pieces(text, PIECE)));
    tree.map_or_else(|| Tree::read(Rule::file, text), Ok)
}

/// Reads a file in pieces of about `length` bytes, if each of them can be read alone.
fn in_pieces(text: &str, length: usize) -> Option<Tree<'_>> {
    let read = |piece: Range<usize>| {
        let rule = match piece.start {
            0 => Rule::file,
            _ => Rule::rest,
        };
        declarations(rule, &text[piece], length)
    };
    let pieces = behind_declarations(text, length);
    let trees: Option<Vec<Tree>> = pieces.into_par_iter().map(read).collect();
    Some(Tree::joined(text, trees?))
}

/// Reads declarations, of which the last may be long.
fn declarations(rule: Rule, text: &str, length: usize) -> Option<Tree<'_>> {
    let Some(inside) = inside_last(text).filter(|inside| inside.len() > length) else {
        return whole(rule, text);
    };
    let around = [&text[..inside.start], &text[inside.end..]].concat();
    let entries = at_lines(text, &inside, length);
    let (around, entries) = rayon::join(
        || whole(rule, &around),
        || {
            let trees = entries.into_par_iter();
            let trees = trees.map(|piece| whole(Rule::inside, &text[piece]));
            trees.collect::<Option<Vec<Tree>>>()
        },
    );
    around?.filled(text, inside.start, entries?)
}

/// The tree of a text that a rule reads to its end.
fn whole(rule: Rule, text: &str) -> Option<Tree<'_>> {
    let tree = Tree::read(rule, text).ok()?;
    let is_lost = tree.root().parts().any(|part| part.rule() == Rule::lost);
    (!is_lost).then_some(tree)
}

/// Cuts a text into stretches of about `length` bytes, each but the last of which ends with a line that is a brace.
fn behind_declarations(text: &str, length: usize) -> Vec<Range<usize>> {
    const LAST_LINE: &str = "\n}\n";
    let mut pieces = Vec::new();
    let mut start = 0;
    while text.len() - start > length {
        let is_boundary = |at: &usize| text.is_char_boundary(*at);
        let from = (start + length..=text.len())
            .find(is_boundary)
            .unwrap_or(text.len());
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

/// What stands between the braces of the last declaration, if these begin and end lines of their own as the canonical layout has them.
fn inside_last(text: &str) -> Option<Range<usize>> {
    let end = text.rfind("\n}")?;
    let mut opened = None;
    let mut start = 0;
    for line in text[..end].split_inclusive('\n') {
        start += line.len();
        if line.starts_with(|c: char| c.is_ascii_alphabetic()) && line.ends_with("{\n") {
            opened = Some(start - 1);
        }
    }
    Some(opened?..end)
}

/// Cuts a stretch of a text into pieces of about `length` bytes, each but the first of which begins with a line that is indented as its first line is.
fn at_lines(text: &str, stretch: &Range<usize>, length: usize) -> Vec<Range<usize>> {
    let first = text[stretch.clone()].trim_start_matches('\n');
    let indent = &first[..first.len() - first.trim_start_matches(' ').len()];
    let begins = |line: &str| {
        let line = line.strip_prefix(indent);
        let line = line.filter(|line| line.starts_with(|c: char| c.is_ascii_alphabetic()));
        // It may go on with `parallel`, and be the name of a section.
        line.is_some_and(|line| !line.starts_with("join"))
    };
    // What stands above an entry is a part of it.
    let is_above = |line: &str| line.trim_start().starts_with(['/', '@']);
    let mut pieces = Vec::new();
    let (mut start, mut at) = (stretch.start, stretch.start);
    let mut before = "";
    for line in text[stretch.clone()].split_inclusive('\n') {
        if at - start > length && begins(line) && !is_above(before) {
            pieces.push(start..at);
            start = at;
        }
        (at, before) = (at + line.len(), line);
    }
    pieces.push(start..stretch.end);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::tests::SAMPLES;

    /// In pieces of every length, what can be read alone is what the whole is.
    #[test]
    fn pieces_are_the_whole() {
        let sound =
            "bnas 1\n// é\nspace a {\n  x in 1..2\n}\n\n/// é\nspace b {\n  x = 1\n}\n// end";
        let samples = SAMPLES.iter().map(|(_, text)| text.to_string());
        let files = ["examples", "stdlib"].iter().flat_map(|folder| {
            let root = concat!(env!("CARGO_MANIFEST_DIR"), "/");
            let files = walkdir::WalkDir::new(format!("{root}{folder}")).into_iter();
            files.filter_map(|file| std::fs::read_to_string(file.unwrap().path()).ok())
        });
        let (mut read, mut cut) = (0, 0);
        for text in samples.chain([sound.to_string()]).chain(files) {
            let whole = Tree::read(Rule::file, &text).unwrap();
            for length in [1, 8, 20, 50, 100, 200, 400] {
                let in_pieces = in_pieces(&text, length);
                read += usize::from(in_pieces.is_some());
                cut += usize::from(behind_declarations(&text, length).len() > 1);
                assert!(in_pieces.is_none_or(|pieces| pieces == whole), "{text}");
            }
        }
        assert!(read > 100 && cut > 20, "{read} {cut}");
    }

    #[test]
    fn a_long_declaration_is_read_line_by_line() {
        let text = "bnas 1\n\n/// é\nspace s {\n\n  a = 1\n  /// of b\n  b in {\n    1, 2\n  } default 2\n  // end\n  c {\n    d = 1\n  }\n  layer l = relu\n}\n\n// end\n";
        let inside = inside_last(text).unwrap();
        let lines = at_lines(text, &inside, 1);
        let begins: Vec<&str> = lines.iter().map(|p| text[p.clone()].trim_start()).collect();
        let begins = begins.iter().map(|piece| piece.lines().next());
        assert!(
            begins.eq([None, Some("a = 1"), Some("layer l = relu")]),
            "{lines:?}"
        );
        let whole = Tree::read(Rule::file, text).unwrap();
        assert_eq!(in_pieces(text, 1), Some(whole));
    }

    /// A brace that closes no declaration, what is no declaration, and what goes on with an entry.
    #[test]
    fn what_is_not_whole_is_not_cut() {
        for text in [
            "bnas 1\nspace s {\ns {\n x = 1\n}\n y = 2\n}\n",
            "bnas 1\nspace s {\n}\nbnas 1\nspace t {\n}\n",
            "bnas 1\nspace s {\n}\n???\nspace t {\n}\n",
            "bnas 1\nspace s {\n  x in {1, 2}\n  default 1\n}\n",
            "bnas 1\nspace s {\n  a = b and\n  c = 1\n}\n",
            "bnas 1\nspace s {\n  maximize\n  c = 1\n}\n",
            "bnas 1\nspace s {\n  first layer,\n  last layer { }\n}\n",
        ] {
            assert_eq!(in_pieces(text, 8), None, "{text}");
            assert_eq!(file(text).unwrap(), Tree::read(Rule::file, text).unwrap());
        }
    }
}

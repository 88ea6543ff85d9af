//! What messages call the things that the grammar expected.
//!
//! In: rules of the grammar. Out: words.

use crate::syntax::grammar::Rule;
use crate::syntax::place::{END, EQUALS, NAME, OPEN, OPERATOR, VALUE};

/// `a`, `a or b`, `a, b or c`.
pub(super) fn listed(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}

/// What a rule is called in a message; none for what would only add noise.
#[rustfmt::skip] // one line per thing that may be expected
pub(super) fn friendly(tried: Rule) -> Option<String> {
    let word = match tried {
        Rule::name | Rule::kind | Rule::base | Rule::path => NAME,
        Rule::word | Rule::import_path => "a word",
        Rule::number | Rule::quantity | Rule::bare_quantity | Rule::expression | Rule::condition | Rule::group
        | Rule::set | Rule::reference | Rule::bare_reference | Rule::conditional | Rule::boolean | Rule::categories
        | Rule::subsets | Rule::prefix | Rule::kw_if | Rule::kw_categories | Rule::kw_subsets => VALUE,
        Rule::operator => OPERATOR,
        Rule::text => "a text in quotes",
        Rule::unit => "a unit",
        Rule::parameter => "a parameter",
        Rule::named | Rule::positional => "an argument",
        Rule::pattern_step => "an operation",
        Rule::declaration => "a declaration",
        Rule::end | Rule::EOI => END,
        Rule::body => OPEN,
        Rule::arguments | Rule::parameters => "`(`",
        Rule::selector => "`layer`",
        Rule::equals => EQUALS,
        Rule::arrow => "`->`",
        Rule::all => "`*`",
        other => {
            let keyword = format!("{other:?}");
            return keyword.strip_prefix("kw_").map(|word| format!("`{word}`"));
        }
    };
    Some(word.to_string())
}

//! A set that stands behind a name without `=` or `in`, `width {8, 16}`, which the grammar takes for a section or an amendment.
//!
//! In: the pairs of a name and of what stands in braces behind it. Out: whether that is a set, which has been said then, once for all of it.

use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::syntax::ast::{Expr, ExprKind, Name};
use crate::syntax::grammar::Rule;
use crate::syntax::parse::Reader;
use crate::syntax::place::first_word;
use crate::syntax::tree::{Pair, Tree};

impl<'t> Reader<'t, '_> {
    /// Whether an entry is a name with a set behind it; says so.
    pub(super) fn is_bare_set(&mut self, entry: Pair<'t>) -> bool {
        let Some(section) = entry.parts().find(|part| part.rule() == Rule::section) else {
            return false;
        };
        let mut parts = section.parts();
        let name = parts.must();
        let body = parts.given(Rule::body);
        let is_set = body.is_some_and(|body| self.is_set_behind(name, body));
        if is_set {
            self.lose(name.text());
            self.unread.push(self.span(section));
        }
        is_set
    }

    /// The name of an argument that was read as such a set.
    pub(super) fn of_bare_set(&self, argument: Pair<'t>, value: &Expr) -> Option<Name> {
        let text = first_word(argument.text());
        let behind = argument.text()[text.len()..].trim_start();
        let is_set = matches!(value.kind, ExprKind::Error) && behind.starts_with('{');
        let end = argument.start() + text.len();
        is_set.then(|| Name {
            text: text.to_string(),
            span: Span::new(self.id, argument.start(), end),
        })
    }

    /// Whether what stands in braces behind a name is a set; says so.
    pub(super) fn is_set_behind(&mut self, name: Pair<'t>, body: Pair<'t>) -> bool {
        let mut parts = body.parts();
        let is_unread = parts.peek().is_some() && parts.all(|part| part.rule() == Rule::lost);
        let set = body.text();
        let is_set = |tree: Tree<'_>| tree.root().end() == set.len();
        if !is_unread || !Tree::read(Rule::set, set).is_ok_and(is_set) {
            return false;
        }
        let name = name.text();
        let inner = set.strip_prefix('{').and_then(|set| set.strip_suffix('}'));
        let inner = inner.unwrap_or(set).trim();
        let is_name =
            !inner.is_empty() && inner.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let help = match is_name {
            true => format!(
                "write `{name} = {inner}` to fix it, or `{name} in {{{inner}, …}}` to search it"
            ),
            false => format!("write `{name} in {set}` to search it, or `{name} = {set}` to fix it"),
        };
        let bare = Diagnostic::error("bnas::parse::syntax", "`in` or `=` is missing before a set")
            .label(self.span(body), format!("behind `{name}`"))
            .help(help);
        self.sink.push(bare);
        true
    }
}

//! Comparisons of a decision with what it chooses from: `opt == sgd`, `repairs == feature_approx_sign`.
//!
//! In: both sides of a comparison. Out: a diagnostic that lists the members where the other side is none of them.

use super::expr::Typed;
use super::types::Type;
use crate::analysis::context::{Cx, list};
use crate::analysis::schema::RULE;
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::ir::{Expr, Value};
use crate::source::Span;
use crate::syntax::ast::{self, ExprKind};

impl Cx<'_> {
    /// Whether the one side is a decision among names, and the other a name or call that is none of them; says so.
    pub(in crate::analysis) fn no_member(
        &mut self,
        decision: &ast::Expr,
        other: &ast::Expr,
    ) -> bool {
        let Some((path, own, known)) = self.members_of(decision) else {
            return false;
        };
        let is_amended = matches!(other.kind, ExprKind::Amend { .. });
        let is_call = is_amended || matches!(other.kind, ExprKind::Call { .. });
        let is_text = matches!(other.kind, ExprKind::Text(_));
        let name = match &other.kind {
            ExprKind::Path(path) | ExprKind::Call { callee: path, .. } => {
                path.as_name().map(|name| self.as_declared(name))
            }
            ExprKind::Text(text) => Some(text.clone()),
            ExprKind::Amend { base, .. } => match &base.kind {
                ExprKind::Path(path) => path.as_name().map(|name| self.as_declared(name)),
                _ => None,
            },
            _ => None,
        };
        let Some(name) = name else {
            return false;
        };
        let is_one = known.contains(&name);
        let is_path = (self.paths.as_ref()).is_some_and(|paths| paths.contains_key(&name));
        let is_value = !is_call && !is_text && (self.local_named(&name) || is_path);
        let of = (self.paths.as_ref()).and_then(|paths| paths.get(&own));
        let is_closed = is_amended || matches!(of, Some(Type::Alternative | Type::Declared(_)));
        if is_value || !is_call && is_one || is_call && !is_closed {
            return false;
        }
        if is_one {
            let message = format!("the members of `{path}` are compared by their names");
            self.report(
                Diagnostic::error("bnas::type::mismatch", message)
                    .label(other.span, if is_amended { "amended" } else { "a call" })
                    .help(match self.in_rule {
                        Some(_) => format!(
                            "write `{path} == {name}`, and give what it is amended with a name: `n in {{…}}  {path} in {{{name} {{ bits = n }}, …}}`"
                        ),
                        None => format!(
                            "write `{path} == {name}`: its values have paths of their own, as in `{path}.{name}.…`"
                        ),
                    }),
            );
            return true;
        }
        let numbered = |member: &&String| {
            let rest = member.strip_prefix(&name).and_then(|m| m.strip_prefix('_'));
            rest.is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()))
        };
        let of_name: Vec<&str> = known.iter().filter(numbered).map(String::as_str).collect();
        let alike = did_you_mean(&name, known.iter().map(String::as_str));
        let help = match (alike, of_name.is_empty()) {
            (Some(alike), true) => format!("did you mean `{alike}`?"),
            (None, true) => format!("one of {}", list(known.iter().map(String::as_str))),
            (_, false) => format!(
                "one of {}: members of one name are numbered",
                list(of_name.into_iter())
            ),
        };
        // One of several of a name may be of an amendment that could not be read.
        let is_numbered = name
            .rsplit_once('_')
            .is_some_and(|(_, n)| n.parse::<u32>().is_ok());
        if alike.is_none() || is_numbered {
            let head = path.split(['.', '[']).next().unwrap_or_default();
            let behind = self.behind(head);
            self.doubts.insert(other.span, behind);
        }
        self.report(
            Diagnostic::error(
                "bnas::name::unknown",
                format!("`{path}` has no member `{name}`"),
            )
            .label(other.span, format!("no member of `{path}`"))
            .help(help),
        );
        true
    }

    /// A name as members have it: of a declaration that is imported, its own.
    fn as_declared(&mut self, name: &ast::Name) -> String {
        let declared = self.find(name);
        let declared = declared.map(|id| self.modules.declaration(id).name.text.clone());
        declared.unwrap_or_else(|| name.text.clone())
    }

    /// Whether this names a part of the experiment that is not chosen, so that there is nothing to compare; says so.
    pub(in crate::analysis) fn is_fixed_part(&mut self, e: &ast::Expr) -> bool {
        const PARTS: [&str; 3] = ["space", "policy", "target"];
        let Some(name) = ast_name(e).map(|name| name.text.clone()) else {
            return false;
        };
        let is_chosen = |paths: &crate::analysis::paths::Paths| paths.contains_key(&name);
        if !PARTS.contains(&name.as_str())
            || self.paths.as_ref().is_none_or(is_chosen)
            || self.local_named(&name)
            || self.lost.contains(name.as_str())
        {
            return false;
        }
        self.report(
            Diagnostic::error(
                "bnas::name::unknown",
                format!("`{name}` is no decision"),
            )
            .label(e.span, "the same for every candidate")
            .help(format!(
                "choose among several where it is given, `{name} in {{…, …}}`, or remove the comparison"
            )),
        );
        true
    }

    /// Whether both sides are words of the language or names of declarations, so that nothing is compared; says so.
    pub(in crate::analysis) fn are_words(
        &mut self,
        sides: [(&ast::Expr, &Typed); 2],
        span: Span,
    ) -> bool {
        let is_word = |(written, typed): &(&ast::Expr, &Typed)| {
            let is_name = matches!(&typed.expr, Expr::Value(Value::Name(_)));
            let named = ast_name(written).filter(|_| is_name);
            named.is_some_and(|name| {
                !self.local_named(&name.text) && !self.is_outer(&name.text, name.span)
            })
        };
        if !sides.iter().all(is_word) {
            return false;
        }
        let paths = self.paths.iter().flat_map(|paths| &paths.members);
        let meant = paths.flat_map(|(path, members)| members.iter().map(move |m| (path, m)));
        let [left, right] = sides.map(|(written, _)| self.text(written.span));
        let mut meant = meant.filter(|(_, member)| [&left, &right].contains(member));
        let diagnostic = Diagnostic::error(
            "bnas::type::mismatch",
            "both sides of this comparison are words",
        )
        .label(span, "the same for every candidate");
        let of_rule = [&left, &right].into_iter().find(|side| is_of_rule(side));
        self.report(diagnostic.help(match (meant.next(), of_rule) {
            (_, Some(field)) => format!(
                "a layer's has a path, `policy.head.{field}` of a layer `head`; in a rule of a policy, `{field}` is that of each layer for which it decides"
            ),
            (Some((path, member)), None) => format!("did you mean `{path} == {member}`?"),
            (None, None) => {
                "name what is chosen on one side, `act == relu` of `act in {…}`".to_string()
            }
        }));
        true
    }

    /// Whether a part of the experiment that is given and wrong is compared with a name, which may be one of its members.
    pub(in crate::analysis) fn is_of_lost(&mut self, part: &ast::Expr, other: &ast::Expr) -> bool {
        let is_lost = ast_name(part).is_some_and(|name| self.lost.contains(name.text.as_str()));
        is_lost && ast_name(other).is_some_and(|name| self.find(name).is_none())
    }

    /// How an alternative is compared.
    pub(in crate::analysis) fn by_name(&self, typed: &Typed) -> Option<String> {
        let Expr::Name(path, _) = &typed.expr else {
            return None;
        };
        let members = self.paths.as_ref()?.members.get(path)?;
        let first = members.first().filter(|_| typed.ty == Type::Alternative)?;
        Some(format!(
            "write `{path} == {first}`: alternatives are compared by their names"
        ))
    }

    /// The path of a decision among names as it is written and as it is known, and these names.
    fn members_of(&self, e: &ast::Expr) -> Option<(String, String, Vec<String>)> {
        let ExprKind::Path(path) = &e.kind else {
            return None;
        };
        let behind_best = self.behind_best(path);
        let path = behind_best.as_ref().unwrap_or(path);
        if let Some(known) = path.as_name().and_then(|name| self.members_of_local(name)) {
            return Some((self.text(path.span), path.head.text.clone(), known));
        }
        // What is amended may be compared with what it was before.
        let mut amended = self.amendments.iter().flat_map(|amendment| &amendment.of);
        if amended.any(|declared| declared.holds(path.span)) {
            return None;
        }
        let mut plain = path.head.text.clone();
        let mut copies = Vec::new();
        for step in &path.steps {
            match step {
                ast::Step::Member(name) => plain.push_str(&format!(".{}", name.text)),
                ast::Step::Index(index) => {
                    copies.push((plain.clone(), self.text(index.span).parse::<usize>().ok()));
                }
                ast::Step::All(_) => copies.push((plain.clone(), None)),
            }
        }
        let paths = self.paths.as_ref()?;
        if !paths.members.contains_key(&plain)
            && let Some(known) = paths.members_by_rule(&plain)
        {
            return Some((self.text(path.span), plain, known));
        }
        // A name alone is one of the space in the space itself.
        let may_be_below = path.as_name().is_none() || self.is_in_network();
        let own = match paths.members.contains_key(&plain) {
            false if may_be_below => {
                let below = |(repeat, copy): &(String, _)| (format!("space.{repeat}"), *copy);
                copies = copies.iter().map(below).collect();
                format!("space.{plain}")
            }
            _ => plain,
        };
        let known = paths.members_in(&own, &copies)?;
        Some((self.text(path.span), own, known))
    }

    /// The names that a value of this declaration's own chooses from. One that an amendment gives may be compared with what it was before.
    fn members_of_local(&self, name: &ast::Name) -> Option<Vec<String>> {
        let local = self.locals.find(&name.text)?;
        // `kind = space.kind`.
        if let Some(Expr::Name(path, _)) = &local.constant {
            let plain = path
                .split('[')
                .map(|part| part.split_once(']').map_or(part, |(_, rest)| rest));
            let plain: String = plain.collect();
            return self.paths.as_ref()?.members_in(&plain, &[]);
        }
        let around = |span: Span| self.modules.around(span).map(|d| d.span);
        if local.constant.is_some() || around(local.span?) != around(name.span) {
            return None;
        }
        let names = local.values.as_ref()?.iter();
        names.map(|v| v.as_name().map(String::from)).collect()
    }

    /// A decision among sets, and what it is compared with: a set in the order of the member that it is, and a repair as the set of it alone.
    pub(in crate::analysis) fn as_sets(&mut self, x: Typed, y: Typed) -> (Typed, Typed) {
        let sets = |t: &Typed| match &t.expr {
            Expr::Name(path, _) => {
                let paths = self.paths.as_ref()?;
                let members = paths.sets.get(path)?;
                Some((members.as_slice(), paths.named_sets.get(path)))
            }
            _ => None,
        };
        match (sets(&x), sets(&y)) {
            (Some((members, names)), None) => {
                let y = as_member(y, members, names);
                (x, y)
            }
            (None, Some((members, names))) => (as_member(x, members, names), y),
            _ => (x, y),
        }
    }
}

/// What a decision among sets is compared with, as its members are: sets that hold calls go by their names.
fn as_member(mut typed: Typed, members: &[Vec<Value>], names: Option<&Vec<Value>>) -> Typed {
    if let Expr::Value(name) = &typed.expr
        && typed.ty == Type::Repair
    {
        let set = Expr::Value(Value::Set(vec![name.clone()]));
        typed = Typed::new(set, Type::Repair.set(), typed.span);
    }
    if let Expr::Value(Value::Set(values)) = &mut typed.expr {
        let is_same = |member: &&Vec<Value>| {
            member.len() == values.len() && member.iter().all(|v| values.contains(v))
        };
        if let Some(number) = members.iter().position(|member| is_same(&member)) {
            values.clone_from(&members[number]);
            if let Some(name) = names.and_then(|names| names.get(number)) {
                typed.expr = Expr::Value(name.clone());
            }
        }
    }
    typed
}

/// Whether this is a field of a rule of a policy.
fn is_of_rule(name: &str) -> bool {
    RULE.iter().any(|field| field.name == name)
}

fn ast_name(e: &ast::Expr) -> Option<&ast::Name> {
    match &e.kind {
        ExprKind::Path(path) => path.as_name(),
        _ => None,
    }
}

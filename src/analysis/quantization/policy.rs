//! Policies.
//!
//! In: a merged declaration. Out: [`Policy`]. Which layers a rule matches is known when the space is unrolled.

use std::sync::Arc;

use super::quantizer::{given, target};
use crate::analysis::context::{Cx, Local, list};
use crate::analysis::expression::fields::{Written, find, names};
use crate::analysis::expression::types::Type;
use crate::analysis::merged::Merged;
use crate::analysis::paths::policies::members_of;
use crate::analysis::schema::{Kind, OUTPUT, RULE};
use crate::diagnostic::{Diagnostic, did_you_mean, meant};
use crate::ir::{
    Expr, LayerKind, Let, Pattern, PatternPart, Policy, Quantifier, Rule, Selector, Slot, Value,
    Which,
};
use crate::source::Span;
use crate::syntax::ast::{self, Entry, EntryKind, Position, Step};

/// Whether an entry says what quantizes outputs.
fn is_output(entry: &Entry) -> bool {
    target(entry)
        .and_then(ast::Path::as_name)
        .is_some_and(|name| name.text == OUTPUT[0].name)
}

/// Whether a word was meant to be `layer`.
fn is_layer_misspelt(word: &ast::Name) -> bool {
    did_you_mean(&word.text, ["layer"]).is_some()
}

/// Whether what was read as a section is a rule with a misspelt `layer`: `laer stem { … }`, `first laer { … }`.
fn is_rule_misspelt(section: &ast::Section) -> bool {
    let name = section.name.text.as_str();
    let is_selector = WHICH.contains(&name) || KINDS.iter().any(|(kind, _)| *kind == name);
    match &section.label {
        Some(label) if is_selector => is_layer_misspelt(label),
        Some(_) => is_layer_misspelt(&section.name),
        None => false,
    }
}

const KINDS: &[(&str, LayerKind)] = &[
    ("conv", LayerKind::Conv),
    ("depthwise", LayerKind::Depthwise),
    ("linear", LayerKind::Linear),
];

/// What may stand before the kind of a layer.
const WHICH: [&str; 4] = ["first", "last", "each", "every"];

impl Cx<'_> {
    /// Lowers a policy. With `sees`, its amendments may use names of the scope around. One that stands there as it is declared is the same for
    /// all who name it, without names that it could see and quantizers that it could be compared with.
    pub(in crate::analysis) fn policy(&mut self, merged: &Merged, sees: bool) -> Policy {
        let declared = &self.modules.declaration(merged.id).entries;
        let is_plain = Arc::ptr_eq(&merged.entries, declared)
            && (!sees || self.locals.is_empty())
            && self.reached.quantizers.is_empty();
        if !is_plain {
            return self.lowered_policy(merged, sees);
        }
        let known = match self.memory.policies.get(&merged.id) {
            Some(known) => known.clone(),
            None => {
                let before = self.sink.pushed();
                let around = std::mem::take(&mut self.reached);
                let policy = self.lowered_policy(merged, sees);
                let known = (policy, std::mem::replace(&mut self.reached, around));
                if self.sink.pushed() == before && !self.sink.has_errors() {
                    self.memory.policies.insert(merged.id, known.clone());
                }
                known
            }
        };
        let (policy, reached) = known;
        self.reach_sources(&reached.provenance);
        self.reached.quantizers = reached.quantizers;
        self.reached.amendments.extend(reached.amendments);
        policy
    }

    fn lowered_policy(&mut self, merged: &Merged, sees: bool) -> Policy {
        self.provenance(merged);
        self.inside(merged, sees, |cx| {
            let mark = cx.locals.len();
            let (mut lets, mut rules, mut requires) = (Vec::new(), Vec::new(), Vec::new());
            let mut written = Written::new(merged.owner(), merged.name.span);
            for entry in merged.entries.iter() {
                match &entry.kind {
                    EntryKind::Field(_) | EntryKind::Choice(_) if is_output(entry) => {
                        if let (Some(path), Some(value)) = (target(entry), given(entry)) {
                            cx.give(&mut written, &path.head, value, OUTPUT);
                        }
                    }
                    EntryKind::Field(_) | EntryKind::Choice(_) => {
                        lets.extend(cx.binding(entry, mark))
                    }
                    EntryKind::Rule(rule) => rules.push(cx.rule(rule, entry.span, &lets)),
                    EntryKind::Require(claim) => {
                        cx.choose_by_name(mark, &[], &lets);
                        requires.extend(cx.require(claim, entry.span));
                    }
                    EntryKind::Check(_) => {}
                    EntryKind::Section(section) if is_rule_misspelt(section) => {
                        cx.rule_misspelt(section)
                    }
                    _ => cx.stray(
                        merged,
                        entry,
                        "a policy holds values and rules such as `each layer { … }`",
                    ),
                }
            }
            let output = cx.slot(&written, find(OUTPUT, "output"));
            let names = cx.leave(mark);
            cx.unused(&names, std::iter::once("output"), &merged.owner());
            let is_stray = |e: &Entry| {
                !matches!(
                    e.kind,
                    EntryKind::Field(_) | EntryKind::Choice(_) | EntryKind::Check(_)
                )
            };
            if rules.is_empty() && !merged.entries.iter().any(is_stray) {
                cx.report(
                    Diagnostic::error(
                        "bnas::policy::empty",
                        format!("`{}` has no rule", merged.name.text),
                    )
                    .label(merged.name.span, "quantizes nothing")
                    .help("add `each layer { weights = int8  activations = int8 }`"),
                );
            }
            Policy {
                name: merged.name.text.clone(),
                lets,
                rules,
                output,
                requires,
                span: merged.name.span,
            }
        })
    }

    /// A rule; `of_policy` are the names of the policy above it.
    fn rule(&mut self, rule: &ast::PolicyRule, span: Span, of_policy: &[Let]) -> Rule {
        let around = self.in_rule.replace(self.locals.len());
        let quantifier = match rule.quantifier.as_ref().map(|q| q.value) {
            Some(ast::Quantifier::Every) => Quantifier::Every,
            _ => Quantifier::Each,
        };
        let selectors = rule
            .selectors
            .iter()
            .filter_map(|s| self.selector(s))
            .collect();
        let mark = self.locals.len();
        let mut written = Written::new("the rule", span);
        let (mut lets, mut claims) = (Vec::new(), Vec::new());
        let mut is_told = false;
        for entry in &rule.entries {
            if let EntryKind::Require(claim) = &entry.kind {
                claims.push((claim, entry.span));
                continue;
            }
            let is_field = target(entry)
                .and_then(ast::Path::as_name)
                .filter(|n| RULE.iter().any(|f| f.name == n.text));
            match (is_field, given(entry)) {
                (Some(name), Some(value)) => self.give(&mut written, name, value, RULE),
                (None, Some(_)) if is_output(entry) => self.report(
                    Diagnostic::error(
                        "bnas::name::stray",
                        "`output` speaks of additions and of the network, not of a layer",
                    )
                    .label(entry.span, "in a rule")
                    .help("write it beside the rules: `output = int8`"),
                ),
                (None, Some(_)) if self.is_foreign_key(entry, &rule.entries) => {
                    is_told = true;
                }
                (None, Some(_)) => lets.extend(self.binding(entry, mark)),
                _ => {
                    self.not_in_rule(entry);
                    is_told = true;
                }
            }
        }
        let [weights, activations] =
            ["weights", "activations"].map(|name| self.slot(&written, find(RULE, name)));
        // What a rule requires may speak of its fields, wherever these stand.
        if !claims.is_empty() {
            self.choose_by_name(mark, &lets, of_policy);
            for (name, slot) in [("weights", &weights), ("activations", &activations)] {
                self.locals.extend(slot.iter().map(|slot| Local {
                    span: Some(span),
                    values: members_of(of_policy, &lets, slot).map(named),
                    ..Local::built_in(name, Type::Quantizer)
                }));
            }
        }
        let claims = claims.into_iter();
        let requires = claims.filter_map(|(claim, span)| self.require(claim, span));
        let requires = requires.collect();
        let locals = self.leave(mark);
        self.in_rule = around;
        self.unused(&locals, RULE.iter().map(|f| f.name), "the rule");
        if written.given.is_empty() && !is_told && locals.iter().all(|l| l.used) {
            self.report(
                Diagnostic::error(
                    "bnas::policy::says_nothing",
                    "this rule gives no layer a quantizer",
                )
                .label(
                    span,
                    format!("has neither of {}", list(names(RULE).into_iter())),
                )
                .help("add `weights = …` or `activations = …`"),
            );
        }
        Rule {
            quantifier,
            selectors,
            lets,
            requires,
            weights,
            activations,
            span: rule.selectors.last().map_or(span, |last| Span {
                end: last.span.end,
                ..span
            }),
        }
    }

    /// Names from `mark` on that choose among calls are compared by the names of these: `q == int`, of `q in {int { bits in {2, 4} }, binary}`.
    fn choose_by_name(&mut self, mark: usize, of_rule: &[Let], of_policy: &[Let]) {
        for local in self.locals.iter_mut().skip(mark) {
            if local.ty == Type::Quantizer && local.values.is_none() {
                let slot = Slot::Fixed(Expr::Name(local.name.clone(), Span::default()));
                local.values = members_of(of_policy, of_rule, &slot).map(named);
            }
        }
    }

    /// `kernel_quantizer = ste_sign`: whether an entry of a rule has the name of a field in another tool, and nothing reads it; says so.
    fn is_foreign_key(&mut self, entry: &ast::Entry, rule: &[Entry]) -> bool {
        let Some(name) = target(entry).and_then(ast::Path::as_name).cloned() else {
            return false;
        };
        let known: Vec<&str> = RULE.iter().map(|f| f.name).collect();
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let reads = |entry: &ast::Entry| {
            let text = self.text(entry.span);
            text.split(|c| !is_word(c))
                .filter(|word| *word == name.text)
                .count()
        };
        let is_read = rule.iter().map(reads).sum::<usize>() > 1;
        if is_read || meant(&name.text, known.iter().copied()).is_none() {
            return false;
        }
        self.unknown_key("the rule", &name, None, &known);
        true
    }

    /// `laer stem { … }`, `first laer { … }`: says that `layer` is misspelt.
    fn rule_misspelt(&mut self, section: &ast::Section) {
        let words = std::iter::once(&section.name).chain(&section.label);
        for word in words.filter(|word| is_layer_misspelt(word)) {
            self.report(
                Diagnostic::error(
                    "bnas::parse::syntax",
                    format!("`{}` is no word of a rule", word.text),
                )
                .label(word.span, "an unknown word")
                .help("write `layer`"),
            );
        }
    }

    fn not_in_rule(&mut self, entry: &Entry) {
        self.report(
            Diagnostic::error("bnas::name::stray", "this does not belong in a rule")
                .label(entry.span, "no part of a rule")
                .help("a rule holds `weights`, `activations`, names that they use, and `require`"),
        );
    }

    fn selector(&mut self, selector: &ast::Selector) -> Option<Selector> {
        let kind = match &selector.kind {
            None => None,
            Some(name) => match KINDS.iter().find(|(k, _)| *k == name.text) {
                Some((_, kind)) => Some(*kind),
                None => {
                    let known = KINDS.iter().map(|(k, _)| *k);
                    let diagnostic = Diagnostic::error(
                        "bnas::policy::kind",
                        format!("no layer with weights is of kind `{}`", name.text),
                    )
                    .label(name.span, "unknown kind");
                    self.report(match did_you_mean(&name.text, known.clone()) {
                        Some(alike) => diagnostic.help(format!("did you mean `{alike}`?")),
                        None => match did_you_mean(&name.text, WHICH) {
                            Some(alike) => diagnostic.help(format!("did you mean `{alike}`?")),
                            None => diagnostic.help(format!("kinds are {}", list(known))),
                        },
                    });
                    return None;
                }
            },
        };
        let which = match (&selector.position, &selector.path) {
            (Some(_), Some(path)) => {
                self.report(
                    Diagnostic::error(
                        "bnas::policy::selector",
                        "a selector has a place or a name, not both",
                    )
                    .label(path.span, "names a layer")
                    .label(selector.span, "and says `first` or `last`")
                    .help("remove one of the two"),
                );
                return None;
            }
            (Some(position), None) if position.value == Position::First => Which::First,
            (Some(_), None) => Which::Last,
            (None, Some(path)) => Which::Named(self.pattern(path)?),
            (None, None) => Which::All,
        };
        let filter = selector.condition.as_ref().map(|condition| {
            let mark = self.locals.len();
            for name in [
                "channels",
                "input.channels",
                "kernel",
                "stride",
                "groups",
                "params",
            ] {
                self.locals.push(Local::built_in(name, Type::PLAIN));
            }
            self.locals
                .push(Local::built_in("macs", Type::in_unit("mac")));
            let truth = self.truth(condition, "what stands behind `where`");
            self.leave(mark);
            truth.expr
        });
        Some(Selector {
            kind,
            which,
            filter,
            span: selector.span,
        })
    }

    /// `s[0].d[*].project`.
    fn pattern(&mut self, path: &ast::Path) -> Option<Pattern> {
        let mut parts = vec![PatternPart {
            name: path.head.text.clone(),
            index: None,
        }];
        for step in &path.steps {
            let last = parts.last_mut().expect("a path has a head");
            match step {
                Step::Member(name) => parts.push(PatternPart {
                    name: name.text.clone(),
                    index: None,
                }),
                Step::All(_) => last.index = Some(None),
                Step::Index(e) => match self.expr(e, Some(Kind::Whole)).expr {
                    Expr::Value(Value::Number(n)) if n >= 0.0 && n.fract() == 0.0 => {
                        last.index = Some(Some(n as usize))
                    }
                    _ => {
                        self.report(
                            Diagnostic::error(
                                "bnas::policy::selector",
                                "an index of a layer is a whole number or `*`",
                            )
                            .label(e.span, "this is neither"),
                        );
                        return None;
                    }
                },
            }
        }
        Some(Pattern(parts))
    }
}

fn named(members: Vec<String>) -> Vec<Value> {
    members.into_iter().map(Value::name).collect()
}

//! Text to tree: what stands between braces.
//!
//! In: the pairs of a body. Out: [`Entry`]s, one function per kind of entry, in the order of the grammar.

use crate::source::Spanned;
use crate::syntax::ast::{
    Add, Branch, Choice, Claim, Compare, Direction, Edit, Entry, EntryKind, Expr, Field, Formula,
    Goal, Layer, Learned, Optional, Parallel, Part, Path, Place, PolicyRule, Position, Quantifier,
    Repeat, Section, Selector,
};
use crate::syntax::behind;
use crate::syntax::goes_on::continues;
use crate::syntax::grammar::Rule;
use crate::syntax::parse::Reader;
use crate::syntax::tree::{Pair, Parts};

impl<'t> Reader<'t, '_> {
    pub(super) fn body(&mut self, pair: Pair<'t>) -> Vec<Entry> {
        let mut entries = Vec::new();
        let mut parts = pair.parts();
        let mut lost_before = None;
        while let Some(part) = parts.next() {
            if lost_before.is_some_and(|before| continues(before, part.text())) {
                self.said = Some(part.start());
            }
            lost_before = (part.rule() == Rule::lost).then(|| part.text());
            match part.rule() {
                Rule::entry if self.is_bare_set(part) => {
                    let next = parts.peek().map(Pair::start);
                    let goes_on = |next: &usize| !self.text[part.end()..*next].contains('\n');
                    self.said = next.filter(goes_on).or(self.said);
                }
                Rule::entry => entries.push(self.entry(part)),
                _ => {
                    if let Some(before) = entries.pop_if(|before| self.goes_on(before, part)) {
                        self.lose_entry(&before, part);
                    } else if self.is_way_alone(entries.last(), part) {
                        self.said = Some(part.start());
                    }
                    self.lost(part, false);
                }
            }
        }
        entries
    }

    fn entry(&mut self, pair: Pair<'t>) -> Entry {
        let mut parts = pair.parts();
        let (docs, mut annotations) = self.above(&mut parts);
        let statement = parts.must();
        let span = self.span(statement);
        let kind = self.statement(statement);
        parts.passes(Rule::end);
        while let Some(annotation) = parts.given(Rule::annotation) {
            annotations.push(self.annotation(annotation));
        }
        Entry {
            docs,
            annotations,
            kind,
            span,
        }
    }

    fn statement(&mut self, pair: Pair<'t>) -> EntryKind {
        let rule = pair.rule();
        let mut parts = pair.parts();
        match rule {
            Rule::binding => self.binding(&mut parts),
            Rule::section => EntryKind::Section(self.section(&mut parts)),
            Rule::part => EntryKind::Part(Part {
                target: self.path(parts.must()),
                entries: self.body(parts.must()),
            }),
            Rule::formula => EntryKind::Formula(self.formula(&mut parts)),
            Rule::layer => EntryKind::Layer(self.layer(&mut parts)),
            Rule::repeat => EntryKind::Repeat(self.repeat(&mut parts)),
            Rule::parallel => EntryKind::Parallel(self.parallel(&mut parts)),
            Rule::branch => EntryKind::Branch(self.branch(&mut parts)),
            Rule::add => EntryKind::Add(self.add(&mut parts)),
            Rule::goal => EntryKind::Goal(self.goal(&mut parts)),
            Rule::require => EntryKind::Require(self.claim(&mut parts)),
            Rule::expect => EntryKind::Expect(self.claim(&mut parts)),
            Rule::check => EntryKind::Check(self.claim(&mut parts)),
            Rule::compare => EntryKind::Compare(self.compare(&mut parts)),
            Rule::policy_rule => EntryKind::Rule(self.rule(&mut parts)),
            Rule::remove => EntryKind::Remove(self.removed(&mut parts)),
            Rule::edit => EntryKind::Edit(self.edit(&mut parts)),
            Rule::learned => EntryKind::Learned(self.learned(&mut parts)),
            other => unreachable!("invariant: `{other:?}` is no statement of the grammar"),
        }
    }

    /// A field or choice, with its `when` if it has one.
    fn binding(&mut self, parts: &mut Parts<'t>) -> EntryKind {
        let target = self.path(parts.must());
        let sign = parts.must();
        let statement = match sign.rule() {
            Rule::equals => {
                let value = self.expression(parts.must());
                EntryKind::Field(Field {
                    target,
                    value: self.own_value(sign, value),
                })
            }
            _ => {
                let (domain, default) = self.domain(parts);
                let domain = self.own_value(sign, domain);
                EntryKind::Choice(Choice {
                    target,
                    domain,
                    default,
                })
            }
        };
        match self.clause(parts, Rule::when) {
            None => statement,
            Some(when) => EntryKind::Optional(Optional {
                statement: Box::new(statement),
                when,
            }),
        }
    }

    fn setting(&mut self, parts: &mut Parts<'t>) -> Field {
        let target = self.path(parts.must());
        parts.passes(Rule::equals);
        Field {
            target,
            value: self.expression(parts.must()),
        }
    }

    fn section(&mut self, parts: &mut Parts<'t>) -> Section {
        let name = self.name(parts.must());
        let label = parts.given(Rule::name).map(|label| self.name(label));
        Section {
            name,
            label,
            entries: self.body(parts.must()),
        }
    }

    fn formula(&mut self, parts: &mut Parts<'t>) -> Formula {
        let name = self.name(parts.must());
        let params = self.parameters(parts.must());
        parts.passes(Rule::equals);
        Formula {
            name,
            params,
            body: self.expression(parts.must()),
        }
    }

    fn layer(&mut self, parts: &mut Parts<'t>) -> Layer {
        parts.passes(Rule::kw_layer);
        let name = self.name(parts.must());
        parts.passes(Rule::equals);
        let mut chain = vec![self.expression(parts.must())];
        while parts.passes(Rule::arrow) {
            chain.push(self.expression(parts.must()));
        }
        Layer {
            name,
            chain,
            when: self.clause(parts, Rule::when),
        }
    }

    fn repeat(&mut self, parts: &mut Parts<'t>) -> Repeat {
        parts.passes(Rule::kw_repeat);
        let count = self.expression(parts.must());
        parts.passes(Rule::kw_as);
        let index = self.name(parts.must());
        Repeat {
            count,
            index,
            entries: self.body(parts.must()),
        }
    }

    fn parallel(&mut self, parts: &mut Parts<'t>) -> Parallel {
        parts.passes(Rule::kw_parallel);
        let entries = self.body(parts.must());
        parts.passes(Rule::kw_join);
        Parallel {
            entries,
            join: self.name(parts.must()),
        }
    }

    fn branch(&mut self, parts: &mut Parts<'t>) -> Branch {
        parts.passes(Rule::kw_branch);
        let name = self.name(parts.must());
        Branch {
            name,
            entries: self.body(parts.must()),
            when: self.clause(parts, Rule::when),
        }
    }

    fn add(&mut self, parts: &mut Parts<'t>) -> Add {
        parts.passes(Rule::kw_add);
        let value = self.expression(parts.must());
        let via = self.clause(parts, Rule::via);
        Add {
            value,
            via,
            when: self.clause(parts, Rule::when),
        }
    }

    /// The expression of `when …` or `via …`, if the clause is there.
    fn clause(&mut self, parts: &mut Parts<'t>, rule: Rule) -> Option<Expr> {
        let mut clause = parts.given(rule)?.parts();
        clause.must(); // the keyword
        Some(self.expression(clause.must()))
    }

    fn goal(&mut self, parts: &mut Parts<'t>) -> Goal {
        let direction = match parts.must().rule() {
            Rule::kw_maximize => Direction::Maximize,
            _ => Direction::Minimize,
        };
        Goal {
            direction,
            value: self.expression(parts.must()),
        }
    }

    fn claim(&mut self, parts: &mut Parts<'t>) -> Claim {
        parts.must(); // `require`, `expect` or `check`
        let condition = parts.must();
        let condition = match behind::condition(self.text, condition) {
            Some(behind) => self.behind(behind, self.span(condition)),
            None => self.expression(condition),
        };
        let message = parts.given(Rule::text).map(|text| self.string(text));
        Claim { condition, message }
    }

    fn compare(&mut self, parts: &mut Parts<'t>) -> Compare {
        parts.passes(Rule::kw_compare);
        let mut subjects = Vec::new();
        while let Some(subject) = parts.given(Rule::expression) {
            subjects.push(self.expression(subject));
        }
        let against = parts
            .passes(Rule::kw_against)
            .then(|| self.setting(&mut parts.must().parts()));
        Compare { subjects, against }
    }

    fn rule(&mut self, parts: &mut Parts<'t>) -> PolicyRule {
        let quantifier = self.quantifier(parts);
        let mut selectors = Vec::new();
        while let Some(selector) = parts.given(Rule::selector) {
            selectors.push(self.selector(selector));
        }
        PolicyRule {
            quantifier,
            selectors,
            entries: self.body(parts.must()),
        }
    }

    fn quantifier(&mut self, parts: &mut Parts<'t>) -> Option<Spanned<Quantifier>> {
        let pair = parts.given(Rule::quantifier)?;
        let value = if pair.text() == "each" {
            Quantifier::Each
        } else {
            Quantifier::Every
        };
        Some(Spanned {
            value,
            span: self.span(pair),
        })
    }

    fn selector(&mut self, pair: Pair<'t>) -> Selector {
        let span = self.span(pair);
        let mut parts = pair.parts();
        let position = parts.given(Rule::position).map(|position| {
            let value = if position.text() == "first" {
                Position::First
            } else {
                Position::Last
            };
            Spanned {
                value,
                span: self.span(position),
            }
        });
        let kind = parts.given(Rule::name).map(|kind| self.name(kind));
        parts.passes(Rule::kw_layer);
        let path = parts.given(Rule::path).map(|path| self.path(path));
        let condition = parts
            .passes(Rule::kw_where)
            .then(|| self.expression(parts.must()));
        Selector {
            position,
            kind,
            path,
            condition,
            span,
        }
    }

    fn removed(&mut self, parts: &mut Parts<'t>) -> Path {
        parts.passes(Rule::kw_remove);
        self.path(parts.must())
    }

    fn edit(&mut self, parts: &mut Parts<'t>) -> Edit {
        let place = match parts.must().rule() {
            Rule::kw_around => Place::Around,
            Rule::kw_before => Place::Before,
            _ => Place::After,
        };
        let quantifier = self.quantifier(parts);
        let mut pattern = Vec::new();
        while let Some(step) = parts.given(Rule::pattern_step) {
            pattern.push(step.parts().map(|word| self.name(word)).collect());
            parts.passes(Rule::arrow);
        }
        Edit {
            place,
            quantifier,
            pattern,
            entries: self.body(parts.must()),
        }
    }

    fn learned(&mut self, parts: &mut Parts<'t>) -> Learned {
        parts.passes(Rule::kw_param);
        let name = self.name(parts.must());
        let per = parts.passes(Rule::kw_per).then(|| self.name(parts.must()));
        parts.passes(Rule::equals);
        Learned {
            name,
            per,
            initial: self.expression(parts.must()),
        }
    }
}

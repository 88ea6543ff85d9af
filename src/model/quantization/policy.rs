//! From the rules of a policy to a quantizer for each operand of each layer.
//!
//! In: a [`Policy`] and the nodes that may be there. Out: for each node with weights, two expressions over decisions that give
//! a quantizer's name or record. The last matching rule wins, field by field; a decision of a rule exists only where
//! the rule wins for at least one field.

use std::collections::{BTreeSet, HashMap};

use super::asked::Asked;
use super::select::{Matches, Weighted, matching, report_idle};
use crate::diagnostic::Diagnostic;
use crate::ir::{Expr, Policy, Quantifier, Rule, Selector, Slot, Value, Which};
use crate::model::expression::evaluate::{self, both, either, negate};
use crate::model::expression::frame::Frame;
use crate::model::formula;
use crate::model::settling::settle::{Alternative, Settler};
use crate::model::unroll::TemplateNode;
use crate::source::Span;

/// Quantizers of a node's operands: expressions that give a name or a record. `float` where no rule speaks of an operand.
#[derive(Debug, Clone)]
pub(in crate::model) struct Placed {
    pub(in crate::model) weights: Expr,
    pub(in crate::model) activations: Expr,
}

impl Placed {
    /// Another's where a condition holds.
    fn unless(self, condition: &Expr, other: Placed) -> Placed {
        Placed {
            weights: evaluate::choose(condition.clone(), other.weights, self.weights),
            activations: evaluate::choose(condition.clone(), other.activations, self.activations),
        }
    }
}

/// The value of an operand that no rule quantizes.
pub(in crate::model) const FLOAT: &str = "float";

/// Under which condition a rule wins a node's weights, and its activations.
#[derive(Clone)]
struct Reach {
    weights: Expr,
    activations: Expr,
}

impl Reach {
    fn never() -> Reach {
        Reach {
            weights: Expr::bool(false),
            activations: Expr::bool(false),
        }
    }

    fn or(&self, other: &Reach) -> Reach {
        Reach {
            weights: either(self.weights.clone(), other.weights.clone()),
            activations: either(self.activations.clone(), other.activations.clone()),
        }
    }
}

/// What a rule says, with its choices made decisions.
#[derive(Clone)]
struct Said {
    weights: Option<Expr>,
    activations: Option<Expr>,
}

/// What a policy, or several of which one is chosen, say of a network.
#[derive(Debug, Clone)]
pub(in crate::model) struct Placements {
    /// For each template node with weights.
    pub(in crate::model) layers: Vec<Option<Placed>>,
    /// Of what leaves an addition or the network.
    pub(in crate::model) output: Expr,
}

impl Placements {
    /// Everything stays float.
    pub(in crate::model) fn none(nodes: usize) -> Placements {
        Placements {
            layers: vec![None; nodes],
            output: float(),
        }
    }
}

fn float() -> Expr {
    Expr::Value(Value::name(FLOAT))
}

/// Places the quantizers of whichever policy is chosen.
pub(in crate::model) fn place(
    alternatives: &[Alternative<Policy>],
    nodes: &[TemplateNode],
    around: &Frame,
    settler: &mut Settler,
) -> Placements {
    let mut all = Placements::none(nodes.len());
    // The first stands where no other is chosen.
    for alternative in alternatives {
        let placed = place_one(alternative, nodes, around, settler);
        all.output = evaluate::choose(alternative.guard.clone(), placed.output, all.output);
        for (all, one) in all.layers.iter_mut().zip(placed.layers) {
            *all = match (all.take(), one) {
                (Some(before), Some(one)) => Some(before.unless(&alternative.guard, one)),
                (before, one) => one.or(before),
            };
        }
    }
    all
}

/// Places quantizers on every node with weights; the result has one entry per node, `None` for the others, and what the policy says of outputs. `around` are the
/// experiment's names.
fn place_one(
    alternative: &Alternative<Policy>,
    nodes: &[TemplateNode],
    around: &Frame,
    settler: &mut Settler,
) -> Placements {
    let Alternative {
        what: policy,
        path: root,
        guard,
    } = alternative;
    let mut names = around.clone();
    let mut asked = Asked::of_policy(policy, around, settler);
    for binding in &policy.lets {
        let path = format!("{root}.{}", binding.name);
        let value = settler.define(binding, &path, guard, &mut names);
        asked.define(&binding.name, &binding.slot, &path, &value, settler);
    }
    asked.require(&policy.requires, root, guard, settler);
    let weighted = Weighted::new(nodes);
    let mut matches = Vec::with_capacity(policy.rules.len());
    let mut idle = Vec::with_capacity(policy.rules.len());
    for rule in &policy.rules {
        let of_rule = matching(rule, &weighted, guard, &names, settler);
        idle.push(report_idle(rule, &of_rule, &weighted, settler));
        matches.push(of_rule);
    }
    let reach = reaches(alternative, &weighted, matches);
    report_losing(policy, &idle, &reach, settler);
    let once = say_once(alternative, &reach, (&names, &asked), settler);

    let mut placed = vec![None; nodes.len()];
    let labels = labels(&weighted);
    for ((index, of_layer), label) in weighted.indices.iter().zip(reach).zip(labels) {
        let mut operands = Placed {
            weights: float(),
            activations: float(),
        };
        let path = format!("{root}.{label}");
        for (r, condition, reach) in of_layer {
            let said = match &once[r] {
                Some(said) => said.clone(),
                None => {
                    let rule = &policy.rules[r];
                    let path = path_of(rule, r, &path, settler);
                    say(rule, &path, &reach, (&names, &asked), settler)
                }
            };
            if let Some(value) = said.weights {
                operands.weights = evaluate::choose(condition.clone(), value, operands.weights);
            }
            if let Some(value) = said.activations {
                operands.activations = evaluate::choose(condition, value, operands.activations);
            }
        }
        placed[*index] = Some(operands);
    }
    let output = match &policy.output {
        Some(slot) => settler.slot(slot, &format!("{root}.output"), guard, &names),
        None => float(),
    };
    let activations = placed.iter().flatten().map(|p| &p.activations);
    report_reductions(policy, activations.chain([&output]), settler);
    Placements {
        layers: placed,
        output,
    }
}

/// Warns of rules that later ones win from, field by field, for every layer that they match: settings that are silently off.
fn report_losing(policy: &Policy, idle: &[bool], reach: &[Spoken], settler: &mut Settler) {
    let never = Expr::bool(false);
    let mut wins = vec![false; policy.rules.len()];
    // For each rule, the last one beside it, and the width of the widest behind it.
    let mut later: Vec<Option<(usize, usize)>> = vec![None; policy.rules.len()];
    for of_node in reach {
        let mut behind: Option<(usize, usize)> = None;
        for (r, _, reach) in of_node.iter().rev() {
            wins[*r] |= reach.weights != never || reach.activations != never;
            later[*r] = later[*r].max(behind);
            let (last, widest) = behind.unwrap_or((*r, 0));
            behind = Some((last, widest.max(width(&policy.rules[*r]))));
        }
    }
    for (r, rule) in policy.rules.iter().enumerate() {
        let Some((last, widest)) = later[r].filter(|_| !idle[r] && !wins[r]) else {
            continue;
        };
        // A rule for all layers above its exceptions is in order, also where a network is so small that all of it is exceptions.
        if widest < width(rule) {
            continue;
        }
        settler.sink.push(
            Diagnostic::warning("bnas::policy::never_wins", "this rule decides for no layer")
                .label(
                    rule.span,
                    "later rules say all of this for every layer that it matches",
                )
                .label(policy.rules[last].span, "a later rule")
                .help("the last rule that matches wins: move this one below, or delete it"),
        );
    }
}

/// Whether a rule speaks of all layers, of those of a kind or with a property, or of single ones.
fn width(rule: &Rule) -> usize {
    let of = |selector: &Selector| match &selector.which {
        Which::All if selector.kind.is_none() && selector.filter.is_none() => 2,
        Which::All => 1,
        _ => 0,
    };
    rule.selectors.iter().map(of).max().unwrap_or(0)
}

/// Activations come in batches: a quantizer that takes a mean of all its values would let images change each other's results.
fn report_reductions<'e>(
    policy: &Policy,
    activations: impl Iterator<Item = &'e Expr>,
    settler: &mut Settler,
) {
    let mut used = BTreeSet::new();
    for expr in activations {
        evaluate::walk(expr, &mut |part| match part {
            Expr::Value(value) => used.extend(value.as_name().map(str::to_owned)),
            Expr::Record(name, ..) => {
                used.insert(name.clone());
            }
            _ => {}
        });
        for index in evaluate::decisions(expr) {
            let choices = &settler.decisions.all[index].choices;
            let members = (0..choices.len().unwrap_or(0)).filter_map(|i| choices.member(i));
            used.extend(members.filter_map(|m| m.as_name().map(str::to_owned)));
        }
    }
    for quantizer in settler.quantizers {
        if used.contains(&quantizer.name) && formula::reduces(&quantizer.formulas) {
            settler.sink.push(
                Diagnostic::error(
                    "bnas::quantizer::activations",
                    format!("`{}` cannot quantize activations", quantizer.name),
                )
                .label(user(policy, &quantizer.name), "used for activations")
                .label(
                    quantizer.span,
                    "its formulas reduce over all values, which would mix the images of a batch",
                )
                .help("use it for `weights`, and a quantizer without reductions for `activations`"),
            );
        }
    }
}

/// The rule that names a quantizer for activations; the policy, where that is a choice among several.
fn user(policy: &Policy, quantizer: &str) -> Span {
    let names = |slot: &Slot| match slot {
        Slot::Fixed(Expr::Value(value)) => value.as_name() == Some(quantizer),
        Slot::Fixed(Expr::Record(name, ..)) => name == quantizer,
        _ => false,
    };
    let mut rules = policy.rules.iter();
    let rule = rules.find(|rule| rule.activations.as_ref().is_some_and(names));
    rule.map_or(policy.span, |rule| rule.span)
}

/// Where the decisions of a rule stand. Two rules may both speak of a layer, each under its own condition (`where channels <= 16`):
/// the decisions of the later one stand below its number.
fn path_of(rule: &Rule, number: usize, path: &str, settler: &Settler) -> String {
    let names = rule.lets.iter().map(|binding| binding.name.as_str());
    let mut names = names.chain(["weights", "activations"]);
    let is_taken = settler.has_decided(path)
        && names.any(|name| settler.has_decided(&format!("{path}.{name}")));
    match is_taken {
        true => format!("{path}.rule[{number}]"),
        false => path.into(),
    }
}

/// Makes decisions of a rule's choices, each only where the rule wins a field.
fn say(
    rule: &Rule,
    path: &str,
    reach: &Reach,
    (names, asked): (&Frame, &Asked),
    settler: &mut Settler,
) -> Said {
    let exists = either(reach.weights.clone(), reach.activations.clone());
    if exists == Expr::bool(false) {
        return Said {
            weights: None,
            activations: None,
        };
    }
    let mut frame = names.clone();
    let mut asked = asked.within(rule, settler);
    for (binding, (for_weights, for_activations)) in rule.lets.iter().zip(uses(rule)) {
        let at = format!("{path}.{}", binding.name);
        let where_used = |used: bool, reach: &Expr| match used {
            true => reach.clone(),
            false => Expr::bool(false),
        };
        let needed = either(
            where_used(for_weights, &reach.weights),
            where_used(for_activations, &reach.activations),
        );
        if needed != Expr::bool(false) {
            let value = settler.define(binding, &at, &needed, &mut frame);
            asked.define(&binding.name, &binding.slot, &at, &value, settler);
        }
    }
    let mut field = |slot: &Option<Slot>, name: &str, reach: &Expr| {
        let slot = slot.as_ref().filter(|_| *reach != Expr::bool(false))?;
        let at = format!("{path}.{name}");
        let value = settler.slot(slot, &at, reach, &frame);
        asked.define(name, slot, &at, &value, settler);
        Some(value)
    };
    let said = Said {
        weights: field(&rule.weights, "weights", &reach.weights),
        activations: field(&rule.activations, "activations", &reach.activations),
    };
    asked.require(&rule.requires, path, &exists, settler);
    said
}

/// For each name of a rule, whether its weights need it, and whether its activations do.
fn uses(rule: &Rule) -> Vec<(bool, bool)> {
    let mut of_field = [&rule.weights, &rule.activations].map(|field| {
        let names = field.as_ref().map(names_in).unwrap_or_default();
        (names, vec![false; rule.lets.len()])
    });
    for (names, used) in &mut of_field {
        // A later name may need an earlier one.
        for (i, binding) in rule.lets.iter().enumerate().rev() {
            used[i] = names.contains(&binding.name);
            if used[i] {
                names.extend(names_in(&binding.slot));
            }
        }
    }
    let [(_, weights), (_, activations)] = of_field;
    weights.into_iter().zip(activations).collect()
}

fn names_in(slot: &Slot) -> BTreeSet<String> {
    let exprs = evaluate::expressions(slot);
    exprs.iter().flat_map(evaluate::names).collect()
}

/// The rules that may speak of a node, in order: their number, the condition under which each does, and where it wins.
type Spoken = Vec<(usize, Expr, Reach)>;

/// For each node with weights, where each rule wins: it matches, the node exists, and no later rule with the same field matches.
fn reaches(
    alternative: &Alternative<Policy>,
    weighted: &Weighted,
    matches: Vec<Matches>,
) -> Vec<Spoken> {
    let mut spoken: Vec<Spoken> = vec![Vec::new(); weighted.indices.len()];
    for (r, of_rule) in matches.into_iter().enumerate() {
        for (w, condition) in of_rule {
            spoken[w].push((r, condition, Reach::never()));
        }
    }
    for (w, of_node) in spoken.iter_mut().enumerate() {
        let there = both(alternative.guard.clone(), weighted.node(w).guard.clone());
        let (mut weights, mut activations) = (there.clone(), there);
        for (r, here, reach) in of_node.iter_mut().rev() {
            let rule = &alternative.what.rules[*r];
            if rule.weights.is_some() {
                reach.weights = both(weights.clone(), here.clone());
                weights = both(weights, negate(here.clone()));
            }
            if rule.activations.is_some() {
                reach.activations = both(activations.clone(), here.clone());
                activations = both(activations, negate(here.clone()));
            }
        }
    }
    spoken
}

/// What rules say that decide once for all layers; `None` for the others.
fn say_once(
    alternative: &Alternative<Policy>,
    reach: &[Spoken],
    names: (&Frame, &Asked),
    settler: &mut Settler,
) -> Vec<Option<Said>> {
    let rules = &alternative.what.rules;
    let mut anywhere = vec![Reach::never(); rules.len()];
    for (r, _, here) in reach.iter().flatten() {
        if rules[*r].quantifier == Quantifier::Every {
            anywhere[*r] = anywhere[*r].or(here);
        }
    }
    let said = rules.iter().zip(&anywhere).enumerate();
    let said = said.map(|(r, (rule, anywhere))| {
        let path = || format!("{}.every[{r}]", alternative.path);
        (rule.quantifier == Quantifier::Every).then(|| say(rule, &path(), anywhere, names, settler))
    });
    said.collect()
}

/// The path of each node's layer, numbered if the layer has several nodes with weights.
fn labels(weighted: &Weighted) -> Vec<String> {
    let layers = (0..weighted.indices.len()).map(|w| weighted.node(w).layer.as_str());
    let mut alike: HashMap<&str, usize> = HashMap::new();
    for layer in layers.clone() {
        *alike.entry(layer).or_default() += 1;
    }
    let mut before: HashMap<&str, usize> = HashMap::new();
    layers
        .map(|layer| match alike[layer] {
            1 => layer.to_string(),
            _ => {
                let number = before.entry(layer).or_default();
                *number += 1;
                format!("{layer}[{}]", *number - 1)
            }
        })
        .collect()
}

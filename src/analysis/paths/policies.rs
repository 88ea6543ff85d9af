//! Decisions of policies, and names of their rules, which decide for each layer: `policy.wide.q`.
//!
//! In: the policies of an experiment. Out: their paths with types, and the members of what they choose from.

use super::{Paths, labels_of, of_members, type_of};
use crate::analysis::expression::types::Type;
use crate::analysis::names::Id;
use crate::ir::{Choice, DomainKind, Expr, Let, Policy, Quantizer, Slot, Value};

impl Paths {
    /// What to write for `policy.q` and for `policy.wide`: a rule decides for each layer.
    pub(in crate::analysis) fn of_a_rule(&self, path: &str) -> Option<String> {
        let layers = self
            .parts
            .iter()
            .filter_map(|part| part.strip_prefix("space."));
        let names: Vec<&str> = self.of_rules.keys().map(String::as_str).collect();
        if let Some(name) = names.iter().find(|name| **name == path) {
            let layers: Vec<String> = layers
                .filter(|layer| !layer.contains('.'))
                .take(3)
                .map(|layer| format!("`policy.{layer}.{name}`"))
                .collect();
            return Some(match layers.is_empty() {
                true => format!("say of which layer: `policy.LAYER.{name}`"),
                false => format!("say of which layer, as in {}", layers.join(", ")),
            });
        }
        let (Some(_), [only]) = (layers.into_iter().find(|l| *l == path), &names[..]) else {
            return None;
        };
        Some(format!("did you mean `policy.{path}.{only}`?"))
    }

    /// Adds what a rule chooses from under a name; nothing is known of a name of which a rule chooses from something else than names.
    fn add_members_of_rule(&mut self, name: &str, members: Option<&Vec<String>>) {
        let known = self.members_of_rules.entry(name.to_string());
        let known = known.or_insert_with(|| Some(Vec::new()));
        match (known.as_mut(), members) {
            (Some(known), Some(members)) => {
                let new = members.iter().filter(|name| !known.contains(name));
                let new: Vec<String> = new.cloned().collect();
                known.extend(new);
            }
            _ => *known = None,
        }
    }

    /// The names of what is chosen from by the name that a path of a policy ends in: `q` of `policy.wide.q`.
    pub(in crate::analysis) fn members_by_rule(&self, path: &str) -> Option<Vec<String>> {
        let (_, name) = path.strip_prefix("policy.")?.rsplit_once('.')?;
        self.members_of_rules.get(name)?.clone()
    }
}

/// The choice among policies, and the names of their rules; which layers a policy decides for is known when the space is unrolled.
pub(in crate::analysis) fn of_policies(
    policy: Option<&Policy>,
    choice: Option<&Choice<Policy>>,
    quantizers: &[(Id, Quantizer)],
    found: &mut Paths,
) {
    if let Some(choice) = choice {
        found.insert("policy".into(), Type::Declared("policy"));
        let all = policy.into_iter().chain(&choice.others);
        let names = all.map(|p| p.name.clone()).collect();
        found.members.insert("policy".into(), names);
    }
    let is_quantizer = |item: &Expr| {
        let name = item.as_value().and_then(Value::as_name);
        name.is_some_and(|name| quantizers.iter().any(|(_, q)| q.name == name))
    };
    let of_items = |items: &[Expr]| match items {
        _ if items.iter().all(is_quantizer) => Type::Quantizer,
        _ if items.iter().all(|item| type_of(item) == Type::PLAIN) => Type::PLAIN,
        _ => Type::Any,
    };
    let type_in =
        |policy: &Policy, binding: &Let| match (&binding.slot, items_of(&policy.lets, binding)) {
            (_, Some(items)) => of_items(&items),
            (Slot::Chosen(domain), None) => match &domain.kind {
                DomainKind::Integers { .. } | DomainKind::Reals { .. } => Type::PLAIN,
                _ => Type::Any,
            },
            (Slot::Fixed(_), None) => Type::Any,
        };
    let others = choice.iter().flat_map(|c| &c.others);
    for policy in policy.into_iter().chain(others) {
        let root = match choice {
            Some(_) => format!("policy.{}", policy.name),
            None => "policy".into(),
        };
        for binding in &policy.lets {
            if let Slot::Chosen(domain) = &binding.slot {
                let path = format!("{root}.{}", binding.name);
                found.insert(path.clone(), type_in(policy, binding));
                of_members(domain, &path, found);
            }
        }
        for rule in &policy.rules {
            for (name, slot) in [
                ("weights", &rule.weights),
                ("activations", &rule.activations),
            ] {
                let Some(slot) = slot else { continue };
                let mut own = members_of(&policy.lets, &rule.lets, slot);
                // Where no rule says it.
                if let Some(own) = own.as_mut().filter(|own| !own.iter().any(|m| m == "float")) {
                    own.push("float".to_string());
                }
                found.add_members_of_rule(name, own.as_ref());
            }
        }
        for binding in policy.rules.iter().flat_map(|rule| &rule.lets) {
            let ty = type_in(policy, binding);
            let known = (found.of_rules.entry(binding.name.clone())).or_insert(ty.clone());
            if *known != ty {
                *known = Type::Any;
            }
            let own = items_of(&policy.lets, binding).and_then(|items| labels_of(&items));
            found.add_members_of_rule(&binding.name, own.as_ref());
        }
    }
}

/// What a name of a policy chooses from, where it is a set: written there, or one of the policy's by its name.
fn items_of(of_policy: &[Let], binding: &Let) -> Option<Vec<Expr>> {
    let Slot::Chosen(domain) = &binding.slot else {
        return None;
    };
    match &domain.kind {
        DomainKind::Set(items) => Some(items.clone()),
        DomainKind::Of(Expr::Name(name, _)) => {
            let set = of_policy.iter().find(|set| set.name == *name);
            match &set?.slot {
                Slot::Fixed(Expr::Set(items)) => Some(items.clone()),
                Slot::Fixed(Expr::Value(Value::Set(values))) => {
                    Some(values.iter().cloned().map(Expr::Value).collect())
                }
                _ => None,
            }
        }
        _ => None,
    }
}

/// The names of what a field or a name of a rule may be, where that is seen.
pub(in crate::analysis) fn members_of(
    of_policy: &[Let],
    of_rule: &[Let],
    slot: &Slot,
) -> Option<Vec<String>> {
    match slot {
        Slot::Chosen(domain) => match &domain.kind {
            DomainKind::Set(items) => labels_of(items),
            _ => None,
        },
        Slot::Fixed(Expr::Name(name, _)) => {
            let mut all = of_rule.iter().chain(of_policy);
            let binding = all.find(|binding| binding.name == *name)?;
            match &binding.slot {
                Slot::Fixed(fixed) => labels_of(std::slice::from_ref(fixed)),
                Slot::Chosen(_) => labels_of(&items_of(of_policy, binding)?),
            }
        }
        Slot::Fixed(fixed @ (Expr::Value(_) | Expr::Record(..))) => {
            labels_of(std::slice::from_ref(fixed))
        }
        Slot::Fixed(_) => None,
    }
}

//! Points that were looked at one by one, as a graph.
//!
//! In: some decisions, and every combination of their members that is left. Out: a [`Graph`], so that points are drawn, stepped over and
//! listed as where they are counted. Combinations that go on in the same way share what follows.

use std::collections::{BTreeSet, HashMap};

use num_bigint::BigUint;

use super::graph::{Branch, Graph, Node, NodeId, Total};

/// A member, if the decision exists, and the node that it goes on with.
type Choice = (Option<u64>, Option<NodeId>);

/// The graph of these rows, which are all different and in order: for each decision of a point its member.
pub(super) fn graph(keys: &BTreeSet<usize>, rows: &[Vec<Option<u64>>]) -> Graph {
    let order: Vec<usize> = keys.iter().copied().collect();
    // How many keys a row has in common with the one before it.
    let common = |row: usize| {
        let mut same = order.iter();
        let before = &rows[row - 1];
        same.position(|key| rows[row][*key] != before[*key])
            .unwrap_or(order.len())
    };
    let common: Vec<usize> = std::iter::once(0)
        .chain((1..rows.len()).map(common))
        .collect();
    let mut nodes: Vec<Node> = Vec::new();
    let mut known: HashMap<(usize, Vec<Choice>), NodeId> = HashMap::new();
    // Runs of rows that begin in the same way, by their first row, and what they go on with.
    let mut runs: Vec<(usize, Option<NodeId>)> = (0..rows.len()).map(|row| (row, None)).collect();
    for (depth, key) in order.iter().enumerate().rev() {
        let mut shorter: Vec<(usize, Option<NodeId>)> = Vec::new();
        for together in runs.chunk_by(|_, next| common[next.0] >= depth) {
            let choice = |(row, child): &(usize, Option<NodeId>)| (rows[*row][*key], *child);
            let choices: Vec<_> = together.iter().map(choice).collect();
            let node = match known.get(&(*key, choices.clone())) {
                Some(node) => *node,
                None => {
                    nodes.push(node(*key, &choices, &nodes));
                    let id = (nodes.len() - 1) as NodeId;
                    known.insert((*key, choices), id);
                    id
                }
            };
            shorter.push((together[0].0, Some(node)));
        }
        runs = shorter;
    }
    Graph {
        nodes,
        roots: runs.iter().filter_map(|(_, root)| *root).collect(),
        total: Total {
            parts: BigUint::from(rows.len()),
            real: false,
        },
        keys: keys.clone(),
    }
}

fn node(key: usize, choices: &[Choice], nodes: &[Node]) -> Node {
    let mut total = Total::none();
    let branch = |(member, child): &Choice| Branch {
        member: *member,
        total: child.map_or(Total::one(), |child| nodes[child as usize].total.clone()),
        children: child.iter().copied().collect(),
    };
    let branches: Vec<Branch> = choices.iter().map(branch).collect();
    branches.iter().for_each(|b| total.plus(&b.total));
    Node {
        key,
        total,
        branches,
    }
}

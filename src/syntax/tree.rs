//! What the grammar recognized, as one flat row of nodes.
//!
//! In: a rule and a text. Out: [`Pair`]s that are copied for nothing and walked without memory of their own: pest's share their
//! queue by counted references, which is a third of the time of reading a text.

use pest::error::Error;
use pest::{Parser, Token};

use crate::syntax::grammar::{Grammar, Rule};

/// Every pair of a text, each in front of what is inside it.
#[cfg_attr(test, derive(Debug, PartialEq))]
pub(super) struct Tree<'t> {
    text: &'t str,
    nodes: Vec<Node>,
}

#[cfg_attr(test, derive(Debug, PartialEq))]
struct Node {
    rule: Rule,
    start: u32,
    end: u32,
    /// The index behind what is inside it.
    behind: u32,
}

impl Node {
    /// The same, so many bytes and nodes further on.
    fn moved(self, bytes: u32, nodes: u32) -> Node {
        Node {
            rule: self.rule,
            start: self.start + bytes,
            end: self.end + bytes,
            behind: self.behind + nodes,
        }
    }
}

impl<'t> Tree<'t> {
    /// Reads a text from its start as `rule`.
    pub(super) fn read(rule: Rule, text: &'t str) -> Result<Self, Box<Error<Rule>>> {
        let tokens = Grammar::parse(rule, text)?.tokens();
        // Each has a start and an end.
        let mut nodes: Vec<Node> = Vec::with_capacity(tokens.len() / 2);
        let mut open = Vec::new();
        for token in tokens {
            match token {
                Token::Start { rule, pos } => {
                    open.push(nodes.len());
                    let start = pos.pos() as u32;
                    nodes.push(Node {
                        rule,
                        start,
                        end: start,
                        behind: 0,
                    });
                }
                Token::End { pos, .. } => {
                    let at = open.pop().expect("invariant: every end has its start");
                    nodes[at].end = pos.pos() as u32;
                    nodes[at].behind = nodes.len() as u32;
                }
            }
        }
        Ok(Tree { text, nodes })
    }

    /// The tree of a text from those of the pieces that make it up, in their order, all of which were read to their ends.
    pub(super) fn joined(text: &'t str, pieces: impl IntoIterator<Item = Tree<'t>>) -> Self {
        let mut nodes: Vec<Node> = Vec::new();
        let mut start = 0;
        for piece in pieces {
            // Of what is in front, the last node is its end, and of what is behind, the first is its root.
            nodes.pop();
            let before = (nodes.len() as u32).saturating_sub(1);
            let own = piece.nodes.into_iter().skip(usize::from(start > 0));
            nodes.extend(own.map(|node| node.moved(start, before)));
            start += piece.text.len() as u32;
        }
        let behind = nodes.len() as u32;
        if let Some(root) = nodes.first_mut() {
            (root.end, root.behind) = (start, behind);
        }
        Tree { text, nodes }
    }

    /// The tree of a text from that of what stands around a stretch of it, between the braces of a body, and from those of the pieces that make up
    /// the stretch. Nothing if no body begins there.
    pub(super) fn filled<'s>(
        self,
        text: &'s str,
        at: usize,
        pieces: impl IntoIterator<Item = Tree<'s>>,
    ) -> Option<Tree<'s>> {
        let is_body = |node: &Node| node.rule == Rule::body && node.start as usize + 1 == at;
        let body = self.nodes.iter().position(is_body)?;
        let more = (text.len() - self.text.len()) as u32;
        let mut inside: Vec<Node> = Vec::new();
        let mut start = at as u32;
        for piece in pieces {
            let before = (body + inside.len()) as u32;
            // Neither its root nor its end.
            let own = piece.nodes.len().saturating_sub(2);
            let own = piece.nodes.into_iter().skip(1).take(own);
            inside.extend(own.map(|node| node.moved(start, before)));
            start += piece.text.len() as u32;
        }
        let further = |place: u32| place + if place as usize > at { more } else { 0 };
        let count = inside.len() as u32;
        let mut nodes: Vec<Node> = self.nodes;
        for node in &mut nodes {
            (node.start, node.end) = (further(node.start), further(node.end));
            node.behind += if node.behind as usize > body {
                count
            } else {
                0
            };
        }
        nodes.splice(body + 1..body + 1, inside);
        Some(Tree { text, nodes })
    }

    /// The pair of the whole text.
    pub(super) fn root(&self) -> Pair<'_> {
        Pair { tree: self, at: 0 }
    }

    /// Every pair in the order of their starts.
    pub(super) fn pairs(&self) -> impl Iterator<Item = Pair<'_>> {
        (0..self.nodes.len()).map(|at| Pair { tree: self, at })
    }
}

/// A stretch of text that a rule recognized.
#[derive(Clone, Copy)]
pub(super) struct Pair<'t> {
    tree: &'t Tree<'t>,
    at: usize,
}

impl<'t> Pair<'t> {
    pub(super) fn rule(self) -> Rule {
        self.tree.nodes[self.at].rule
    }

    pub(super) fn start(self) -> usize {
        self.tree.nodes[self.at].start as usize
    }

    pub(super) fn end(self) -> usize {
        self.tree.nodes[self.at].end as usize
    }

    pub(super) fn text(self) -> &'t str {
        &self.tree.text[self.start()..self.end()]
    }

    /// The text that it is a part of.
    pub(super) fn whole(self) -> &'t str {
        self.tree.text
    }

    /// The pairs directly inside it, in order.
    pub(super) fn parts(self) -> Parts<'t> {
        Parts {
            tree: self.tree,
            at: self.at + 1,
            end: self.tree.nodes[self.at].behind as usize,
        }
    }
}

/// Pairs in order.
#[derive(Clone)]
pub(super) struct Parts<'t> {
    tree: &'t Tree<'t>,
    at: usize,
    end: usize,
}

impl<'t> Parts<'t> {
    /// The next part, which stays the next.
    pub(super) fn peek(&self) -> Option<Pair<'t>> {
        (self.at < self.end).then_some(Pair {
            tree: self.tree,
            at: self.at,
        })
    }

    /// The next part if it is of this rule.
    pub(super) fn given(&mut self, rule: Rule) -> Option<Pair<'t>> {
        self.peek().filter(|pair| pair.rule() == rule)?;
        self.next()
    }

    /// Whether the next part was of this rule; it is behind us then.
    pub(super) fn passes(&mut self, rule: Rule) -> bool {
        self.given(rule).is_some()
    }

    /// The next part, which the grammar promises.
    pub(super) fn must(&mut self) -> Pair<'t> {
        self.next()
            .expect("invariant: the grammar puts a part here")
    }
}

impl<'t> Iterator for Parts<'t> {
    type Item = Pair<'t>;

    fn next(&mut self) -> Option<Self::Item> {
        let pair = self.peek()?;
        self.at = self.tree.nodes[self.at].behind as usize;
        Some(pair)
    }
}

//! How values flow through a network of which few decisions are known.
//!
//! In: template nodes. Out: the same questions that [`hardware`](crate::model::hardware) asks a network that is built, each of which may ask for a decision first.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};

use super::Source;
use super::places::{Place, Places};
use super::table::{Open, Partial};
use crate::ir::{self, Expr, Value};
use crate::model::expression::evaluate;
use crate::model::expression::quick::QuickMap;
use crate::model::hardware::{Flow, Treats};
use crate::model::quantization::place;
use crate::model::quantization::quantizer::{Grid, Quantizer};
use crate::model::shape::build;
use crate::model::shape::operation::{Arm, How, TemplateOp};

/// Codes by which a node reads: the number of its quantizer, what that says of its sign, and whom it reads.
#[derive(Debug, Clone, Copy)]
pub struct Codes {
    number: usize,
    signed: Option<bool>,
    producer: usize,
}

/// What a quantizer's value means where it reads activations: its number and its bits; `None`: floats.
type Meaning = Option<(usize, Option<bool>, u64)>;

/// The values that flow through a network: where each is made, what may read it, and as which codes.
pub struct Values<'s, 'a> {
    source: &'s Source<'a>,
    pub partial: Partial<'s>,
    places: Places,
    meanings: RefCell<Vec<(Value, Meaning)>>,
    quantizers: RefCell<Vec<Quantizer>>,
    /// Whether a repair makes binary quantizers alike.
    merges: bool,
    /// Whether two quantizers were taken for the same that may not be.
    is_unsure: Cell<bool>,
}

impl<'s, 'a> Values<'s, 'a> {
    pub fn new(source: &'s Source<'a>) -> Values<'s, 'a> {
        let merges = |r: &ir::Repair| r.edits.iter().any(|e| matches!(e, ir::Edit::Features(_)));
        Values {
            partial: Partial::new(source.decisions),
            places: Places::new(source.nodes),
            meanings: RefCell::default(),
            quantizers: RefCell::default(),
            merges: source.repairs.iter().any(merges),
            is_unsure: Cell::new(false),
            source,
        }
    }

    /// How many nodes there may be.
    pub fn len(&self) -> usize {
        self.places.all.len()
    }

    /// Whether something was taken for less than it may be.
    pub fn is_unsure(&self) -> bool {
        self.is_unsure.get()
    }

    /// Whether a node is there.
    pub fn exists(&self, place: usize) -> Result<bool, Open> {
        Ok(match self.places.all[place] {
            Place::Sample => true,
            Place::Of(index) => {
                self.is_there(index)?
                    && match &self.source.nodes[index].op {
                        TemplateOp::Join(How::Concat, arms) => self.there(arms)?.len() > 1,
                        TemplateOp::Join(..) => false,
                        _ => true,
                    }
            }
            Place::Sum(index, arm) => {
                let TemplateOp::Join(_, arms) = &self.source.nodes[index].op else {
                    return Ok(false);
                };
                self.is_there(index)?
                    && self.partial.holds(&arms[arm].guard)?
                    && !self.there(&arms[..arm])?.is_empty()
            }
        })
    }

    /// The values of one sample that a node gives.
    pub fn len_of(&self, place: usize) -> Result<u64, Open> {
        match self.places.all[place] {
            Place::Sample => Ok(self.source.shape.iter().map(|n| *n as u64).product()),
            Place::Of(index) | Place::Sum(index, _) => {
                let output = &self.source.nodes[index].output;
                let shape = self.partial.ask(|scope| build::extent(output, scope));
                Ok(shape?.len() as u64)
            }
        }
    }

    fn is_there(&self, index: usize) -> Result<bool, Open> {
        let guard = &self.source.nodes[index].guard;
        match guard.as_value().and_then(Value::as_bool) {
            Some(known) => Ok(known),
            None => self.partial.holds(guard),
        }
    }

    /// The ways that are there, by number.
    fn there(&self, arms: &[Arm]) -> Result<Vec<usize>, Open> {
        let mut found = Vec::new();
        for (number, arm) in arms.iter().enumerate() {
            let guard = &arm.guard;
            let truth = self.partial.ask(|scope| evaluate::truth(guard, scope));
            if truth? {
                found.push(number);
            }
        }
        Ok(found)
    }

    /// The place whose result flows behind a template node.
    fn behind(&self, at: Option<usize>) -> Result<usize, Open> {
        let mut at = at;
        while let Some(index) = at {
            let node = &self.source.nodes[index];
            if !self.is_there(index)? {
                at = node.from;
                continue;
            }
            let TemplateOp::Join(how, arms) = &node.op else {
                return Ok(self.places.first[index]);
            };
            match (how, &self.there(arms)?[..]) {
                (_, []) => return Err(Open::Never),
                (_, [only]) => at = arms[*only].end.at,
                (How::Concat, _) => return Ok(self.places.first[index]),
                (How::Sum, [.., last]) => return Ok(self.places.first[index] + last - 1),
                (How::Either, _) => return Err(Open::Never),
            }
        }
        Ok(0)
    }

    /// Whether what flows behind a template node is the result of this place. What is close to the place is asked for first. `known` has what was found of
    /// nodes for this place.
    fn is_behind(
        &self,
        at: Option<usize>,
        place: usize,
        known: &mut QuickMap<usize, bool>,
    ) -> Result<bool, Open> {
        let Some(index) = at else {
            return Ok(place == 0);
        };
        if let Some(known) = known.get(&index) {
            self.partial.look();
            return Ok(*known);
        }
        if !self.places.behind[index].contains(&place) {
            return Ok(false);
        }
        let node = &self.source.nodes[index];
        let is_behind = match node.op {
            TemplateOp::Join(..) => self.behind(at)? == place,
            _ if self.places.first[index] == place => self.is_there(index)?,
            _ => self.is_behind(node.from, place, known)? && !self.is_there(index)?,
        };
        known.insert(index, is_behind);
        Ok(is_behind)
    }

    fn reads(
        &self,
        reader: usize,
        place: usize,
        known: &mut QuickMap<usize, bool>,
    ) -> Result<bool, Open> {
        let (Place::Of(index) | Place::Sum(index, _)) = self.places.all[reader] else {
            return Ok(false);
        };
        let node = &self.source.nodes[index];
        match &node.op {
            TemplateOp::Join(..) => {
                Ok(self.exists(reader)? && self.inputs(reader)?.contains(&place))
            }
            TemplateOp::Add(mark, _) => Ok((self.is_behind(node.from, place, known)?
                || self.is_behind(mark.at, place, known)?)
                && self.is_there(index)?),
            _ => Ok(self.is_behind(node.from, place, known)? && self.is_there(index)?),
        }
    }

    fn is_sum(&self, place: usize) -> bool {
        match self.places.all[place] {
            Place::Sample => false,
            Place::Of(index) => matches!(self.source.nodes[index].op, TemplateOp::Add(..)),
            Place::Sum(..) => true,
        }
    }

    fn is_activation(&self, place: usize) -> bool {
        let Place::Of(index) = self.places.all[place] else {
            return false;
        };
        matches!(self.source.nodes[index].op, TemplateOp::Activation { .. })
    }

    fn is_last(&self, place: usize) -> Result<bool, Open> {
        for later in (place + 1..self.places.all.len()).rev() {
            if self.exists(later)? {
                return Ok(false);
            }
        }
        Ok(place > 0)
    }

    /// Whether no value of a node can be negative, before or after rectifiers that feed a binary or ternary quantizer are replaced.
    fn non_negative(&self, place: usize, replaced: bool) -> Result<bool, Open> {
        let (Place::Of(index) | Place::Sum(index, _)) = self.places.all[place] else {
            return Ok(!self.source.signed_input);
        };
        match &self.source.nodes[index].op {
            TemplateOp::Activation { name } => {
                let name = self.partial.ask(|scope| evaluate::value(name, scope))?;
                let rectifies = name.as_name() != Some("hardtanh");
                Ok(rectifies && !(replaced && self.feeds_few_bits(place)?))
            }
            TemplateOp::Convolution { .. }
            | TemplateOp::Linear { .. }
            | TemplateOp::Project(_)
            | TemplateOp::Norm => Ok(false),
            _ => {
                for input in self.inputs(place)? {
                    if !self.non_negative(input, replaced)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
        }
    }

    /// Whether values reach a binary or ternary quantizer as they are, with nothing negative added on the way.
    fn feeds_few_bits(&self, place: usize) -> Result<bool, Open> {
        for reader in self.readers(place)?.iter().copied() {
            let (Place::Of(index) | Place::Sum(index, _)) = self.places.all[reader] else {
                continue;
            };
            let feeds = match self.source.nodes[index].op {
                TemplateOp::Convolution { .. }
                | TemplateOp::Linear { .. }
                | TemplateOp::Project(_) => {
                    let codes = self.codes(reader)?;
                    codes.is_some_and(|(codes, _)| {
                        let grid = self.quantizers.borrow()[codes.number].grid;
                        matches!(grid, Grid::Binary | Grid::Ternary)
                    })
                }
                TemplateOp::Pool { .. } | TemplateOp::Flatten | TemplateOp::Pad(_) => {
                    self.feeds_few_bits(reader)?
                }
                TemplateOp::Join(How::Concat, _) => self.feeds_few_bits(reader)?,
                TemplateOp::Add(..) | TemplateOp::Join(..) => {
                    self.non_negative(reader, false)? && self.feeds_few_bits(reader)?
                }
                TemplateOp::Norm | TemplateOp::Activation { .. } => false,
            };
            if feeds {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What the value of an expression means as a quantizer of activations.
    fn meaning(&self, expr: &Expr) -> Result<Meaning, Open> {
        let value = self.partial.ask(|scope| evaluate::value(expr, scope))?;
        let known = self.meanings.borrow().iter().find_map(|(other, meaning)| {
            let is_it = *other == value;
            is_it.then_some(*meaning)
        });
        if let Some(known) = known {
            return Ok(known);
        }
        let quantizer = place::quantizer(&value, self.source.quantizers);
        let Ok(quantizer) = quantizer else {
            return Err(Open::Never);
        };
        let meaning = quantizer.map(|mut quantizer| {
            // Of its sign only what it says is known here.
            place::settle(&mut quantizer, true);
            let bits = u64::from(quantizer.grid.bits());
            let mut all = self.quantizers.borrow_mut();
            let number = all.iter().position(|q| *q == quantizer);
            let number = number.unwrap_or_else(|| {
                all.push(quantizer);
                all.len() - 1
            });
            let signed = place::signed(&value, self.source.quantizers);
            (number, signed, bits)
        });
        self.meanings.borrow_mut().push((value, meaning));
        Ok(meaning)
    }
}

impl Flow for Values<'_, '_> {
    type Unknown = Open;
    type Codes = Codes;

    fn inputs(&self, place: usize) -> Result<Vec<usize>, Open> {
        let (Place::Of(index) | Place::Sum(index, _)) = self.places.all[place] else {
            return Ok(Vec::new());
        };
        let node = &self.source.nodes[index];
        let end = |arms: &[Arm], arm: usize| self.behind(arms[arm].end.at);
        match (&node.op, self.places.all[place]) {
            (TemplateOp::Join(_, arms), Place::Sum(_, arm)) => {
                let before = match &self.there(&arms[..arm])?[..] {
                    [] => return Err(Open::Never),
                    [only] => end(arms, *only)?,
                    [.., last] => self.places.first[index] + last - 1,
                };
                Ok(vec![before, end(arms, arm)?])
            }
            (TemplateOp::Join(_, arms), _) => {
                let there = self.there(arms)?;
                there.into_iter().map(|arm| end(arms, arm)).collect()
            }
            (TemplateOp::Add(mark, _), _) => {
                Ok(vec![self.behind(node.from)?, self.behind(mark.at)?])
            }
            _ => Ok(vec![self.behind(node.from)?]),
        }
    }

    fn readers(&self, place: usize) -> Result<Cow<'_, [usize]>, Open> {
        let mut found = Vec::new();
        let mut known = QuickMap::default();
        for reader in &self.places.may_read[place] {
            if self.reads(*reader, place, &mut known)? {
                found.push(*reader);
            }
        }
        Ok(Cow::Owned(found))
    }

    fn treats(&self, place: usize) -> Treats {
        let Place::Of(index) = self.places.all[place] else {
            return Treats::Otherwise;
        };
        match self.source.nodes[index].op {
            TemplateOp::Norm | TemplateOp::Activation { .. } | TemplateOp::Flatten => {
                Treats::InPlace
            }
            TemplateOp::Join(How::Concat, _) => Treats::Concatenates,
            _ => Treats::Otherwise,
        }
    }

    fn has_codes(&self, place: usize) -> bool {
        match self.places.all[place] {
            Place::Of(index) => self.source.placed[index].is_some(),
            _ => false,
        }
    }

    fn codes(&self, place: usize) -> Result<Option<(Codes, u64)>, Open> {
        let Place::Of(index) = self.places.all[place] else {
            return Ok(None);
        };
        let Some(placed) = &self.source.placed[index] else {
            return Ok(None);
        };
        let Some((number, signed, bits)) = self.meaning(&placed.activations)? else {
            return Ok(None);
        };
        let producer = self.inputs(place)?[0];
        let codes = Codes {
            number,
            signed,
            producer,
        };
        Ok(Some((codes, bits)))
    }

    fn same(&self, x: &Codes, y: &Codes) -> Result<bool, Open> {
        let of = |codes: &Codes| {
            let quantizer = &self.quantizers.borrow()[codes.number];
            (quantizer.grid, quantizer.scale)
        };
        let (one, other) = (of(x), of(y));
        if x.number != y.number {
            let merged = self.merges && one == other && one.0 == Grid::Binary;
            if merged {
                self.is_unsure.set(true);
            }
            return Ok(merged);
        }
        let Grid::Integer { .. } = one.0 else {
            return Ok(true);
        };
        let signed = |codes: &Codes| match codes.signed {
            Some(signed) => Ok(signed),
            None => Ok(!self.non_negative(codes.producer, true)?),
        };
        match (x.signed, y.signed) {
            (None, None) if x.producer == y.producer => Ok(true),
            _ => Ok(signed(x)? == signed(y)?),
        }
    }

    fn quantized(&self, place: usize) -> Result<Option<u64>, Open> {
        let Some((_, _, bits)) = self.meaning(self.source.output)? else {
            return Ok(None);
        };
        if self.is_sum(place) {
            let alone = match self.readers(place)?[..] {
                [only] => self.is_activation(only),
                _ => false,
            };
            if !alone {
                return Ok(Some(bits));
            }
        } else if self.is_activation(place) {
            let input = self.inputs(place)?[0];
            if self.is_sum(input) && self.readers(input)?[..] == [place] {
                return Ok(Some(bits));
            }
        }
        Ok(self.is_last(place)?.then_some(bits))
    }
}

//! What operations take and give: a tensor, and the place where its gradient gathers.
//!
//! dfdx's table of gradients fills each with zeros before anything is added to it, and keeps the table's entries until the end. That is
//! right for parameters and inputs. The gradient of what an operation made has a place of its own instead: the first reader's
//! contribution moves in as it is, the others add to it, and the operation takes it out in its turn.

use std::cell::Cell;
use std::rc::Rc;

use dfdx::{
    shapes::{HasShape, Shape},
    tensor::{Cpu, CpuError, NoneTape, PutTape, SplitTape, Tensor, WithEmptyTape},
    tensor_ops::ReshapeTo,
};

use super::{AnyTape, Gradients, raw};
use crate::kernels::{
    Isa,
    batch_norm::{self, Statistics},
    elementwise,
};

/// A tensor with a tape, and the place of its gradient.
pub struct Node<S: Shape, T = NoneTape> {
    tensor: Tensor<S, f32, Cpu, T>,
    place: Place,
    /// Of its channels, if somebody has looked at them on the way.
    statistics: Option<Rc<Statistics>>,
}

/// Where a gradient gathers.
#[derive(Clone)]
pub(super) enum Place {
    /// Of what an operation made.
    Own(Rc<Cell<Option<Vec<f32>>>>),
    /// Of a parameter or an input: dfdx's table.
    Table(Rc<InTable>),
}

/// Finds the gradient of one tensor.
type InTable = dyn Fn(&mut Gradients) -> Result<&mut Vec<f32>, CpuError>;

/// A parameter or an input.
impl<S: Shape, T: AnyTape> From<Tensor<S, f32, Cpu, T>> for Node<S, T> {
    fn from(tensor: Tensor<S, f32, Cpu, T>) -> Self {
        let ghost = tensor.ghost();
        let place = Place::Table(Rc::new(move |gradients: &mut Gradients| {
            Ok(&mut **gradients.get_or_alloc_mut(&ghost)?)
        }));
        Node {
            tensor,
            place,
            statistics: None,
        }
    }
}

impl<S: Shape, T: AnyTape> Node<S, T> {
    /// The result of an operation. `backward` is its turn in the backward pass; it gets the complete gradient, and has no turn if nothing
    /// depends on the result.
    pub(super) fn made(
        tensor: Tensor<S, f32, Cpu>,
        mut tape: T,
        backward: impl FnOnce(&mut Gradients, Vec<f32>) -> Result<(), CpuError> + 'static,
    ) -> Self {
        let place = Place::default();
        if T::OWNS_TAPE {
            let own = place.clone();
            tape.add_backward_op(move |gradients| match own.take(gradients)? {
                Some(dy) => backward(gradients, dy),
                None => Ok(()),
            });
        }
        Node::at(place, tensor, tape)
    }

    /// A tensor whose gradient gathers there.
    pub(super) fn at(place: Place, tensor: Tensor<S, f32, Cpu>, tape: T) -> Self {
        Node {
            tensor: tensor.put_tape(tape),
            place,
            statistics: None,
        }
    }

    /// The tensor, the place of its gradient, and the tape.
    pub(super) fn split(self) -> (Tensor<S, f32, Cpu>, Place, T) {
        let (tensor, tape) = self.tensor.split_tape();
        (tensor, self.place, tape)
    }

    /// The same for another reader, with an empty tape.
    pub fn fork(&self) -> Self {
        Node {
            tensor: self.tensor.with_empty_tape(),
            place: self.place.clone(),
            statistics: self.statistics.clone(),
        }
    }

    /// The same numbers with other axes.
    pub fn reshape<To: Shape>(self, shape: &To) -> Node<To, T> {
        Node {
            tensor: self.tensor.reshape_like(shape),
            place: self.place,
            statistics: None,
        }
    }

    /// The same without its tape.
    pub fn without_tape(self) -> (Node<S>, T) {
        let statistics = self.statistics.clone();
        let (tensor, place, tape) = self.split();
        let node = Node {
            tensor,
            place,
            statistics,
        };
        (node, tape)
    }
}

impl<S: Shape, T> Node<S, T> {
    /// The same with the statistics of its channels.
    pub(super) fn with_statistics(mut self, statistics: Option<Statistics>) -> Self {
        self.statistics = statistics.map(Rc::new);
        self
    }

    /// Mean and variance of the channels of images.
    pub(super) fn statistics(&self, channels: usize) -> Rc<Statistics> {
        self.statistics.clone().unwrap_or_else(|| {
            let found = batch_norm::statistics(Isa::current(), self.values(), channels);
            Rc::new(found)
        })
    }

    /// Sizes of the axes.
    pub fn shape(&self) -> &S {
        self.tensor.shape()
    }

    /// The numbers in C order.
    pub fn values(&self) -> &[f32] {
        raw::values(&self.tensor)
    }
}

impl<S: Shape> Node<S> {
    /// The same with a tape.
    pub fn put_tape<T: AnyTape>(self, tape: T) -> Node<S, T> {
        let node = Node::at(self.place, self.tensor, tape);
        Node {
            statistics: self.statistics,
            ..node
        }
    }
}

impl Default for Place {
    fn default() -> Self {
        Place::Own(Rc::default())
    }
}

impl Place {
    /// Takes out what there is, to add to it and [`put`](Self::put) it back. An operation that takes the gradient of its own result
    /// frees it so.
    pub fn take(&self, gradients: &mut Gradients) -> Result<Option<Vec<f32>>, CpuError> {
        Ok(match self {
            Place::Own(own) => own.take(),
            Place::Table(find) => Some(std::mem::take(find(gradients)?)),
        })
    }

    /// Puts back what was taken out.
    pub fn put(&self, gradients: &mut Gradients, gradient: Vec<f32>) -> Result<(), CpuError> {
        match self {
            Place::Own(own) => own.set(Some(gradient)),
            Place::Table(find) => *find(gradients)? = gradient,
        }
        Ok(())
    }

    /// Lets `contribute` add to what there is of `len` numbers.
    pub fn add(
        &self,
        gradients: &mut Gradients,
        len: usize,
        contribute: impl FnOnce(&mut [f32]),
    ) -> Result<(), CpuError> {
        let mut sum = self.take(gradients)?.unwrap_or_else(|| vec![0.0; len]);
        contribute(&mut sum);
        self.put(gradients, sum)
    }

    /// Adds a whole gradient to what there is.
    pub fn give(&self, gradients: &mut Gradients, gradient: Vec<f32>) -> Result<(), CpuError> {
        let sum = match self.take(gradients)? {
            None => gradient,
            Some(mut sum) => {
                elementwise::accumulate(Isa::current(), &mut sum, &gradient);
                sum
            }
        };
        self.put(gradients, sum)
    }
}

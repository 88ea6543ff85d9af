//! From experiments made by hand to templates and candidates.

mod choices;
mod fixtures;
mod laws;
mod limits;
mod policies;
mod repairs;
mod requirements;
mod shapes;
mod spaces;

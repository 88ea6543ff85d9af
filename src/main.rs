//! The `bnas` command.

fn main() {}

//! Maps whose keys come from within: addresses of shared parts of expressions, numbers of nodes.
//!
//! They are asked at each step of an evaluation, so that a hash made for keys from outside would be most of the work. Nothing depends on their order.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use crate::ir::Expr;

/// A map with a quick hash.
pub(in crate::model) type QuickMap<K, V> = HashMap<K, V, BuildHasherDefault<Quick>>;

/// Values by the address of an expression, which must outlive them.
pub(in crate::model) type ByAddress<V> = QuickMap<*const Expr, V>;

/// Addresses of expressions.
pub(in crate::model) type Addresses = HashSet<*const Expr, BuildHasherDefault<Quick>>;

/// A hash of few steps.
#[derive(Default)]
pub struct Quick(u64);

/// 2^64 over the golden ratio: a multiplication by it mixes bits upwards.
const MIXING: u64 = 0x9E37_79B9_7F4A_7C15;

impl Hasher for Quick {
    fn finish(&self) -> u64 {
        // The lowest bits choose a place in the table.
        self.0 ^ (self.0 >> 32)
    }

    fn write(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..part.len()].copy_from_slice(part);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, n: u8) {
        self.write_u64(u64::from(n));
    }

    fn write_u32(&mut self, n: u32) {
        self.write_u64(u64::from(n));
    }

    fn write_u64(&mut self, n: u64) {
        self.0 = (self.0.rotate_left(5) ^ n).wrapping_mul(MIXING);
    }

    fn write_usize(&mut self, n: usize) {
        self.write_u64(n as u64);
    }

    fn write_isize(&mut self, n: isize) {
        self.write_u64(n as u64);
    }
}

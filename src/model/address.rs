//! What is known of shared parts of expressions, by their address.
//!
//! Evaluating an expression asks for each shared part once, so that a hash made for keys from outside would be most of the work.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use crate::ir::Expr;

/// Values by the address of an expression, which must outlive them.
pub(super) type ByAddress<T> = HashMap<*const Expr, T, BuildHasherDefault<OfAddress>>;

/// Addresses of expressions.
pub(super) type Addresses = HashSet<*const Expr, BuildHasherDefault<OfAddress>>;

/// The hash of an address.
#[derive(Default)]
pub struct OfAddress(u64);

impl Hasher for OfAddress {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_usize(&mut self, n: usize) {
        self.write_u64(n as u64);
    }

    fn write_u64(&mut self, n: u64) {
        // The lowest bits of addresses are alike: a multiplication by 2^64 over the golden ratio mixes them upwards.
        let mixed = (self.0 ^ n).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = mixed ^ (mixed >> 32);
    }
}

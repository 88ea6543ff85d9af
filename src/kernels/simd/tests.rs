//! The operations of all instruction sets against each other, to the bit.

use super::*;

#[test]
fn the_portable_path_is_always_there_and_last() {
    let names: Vec<_> = Isa::available().iter().map(|isa| isa.name()).collect();
    assert_eq!(names.last(), Some(&"portable"));
    for name in names {
        assert_eq!(Isa::named(name).map(Isa::name), Ok(name));
    }
    assert!(Isa::named("mmx").unwrap_err().contains("portable"));
}

/// All operations on one line of numbers, `len` of them at a time.
struct Operations<'a> {
    a: &'a [f32],
    b: &'a [f32],
}

impl Kernel for Operations<'_> {
    type Output = Vec<f32>;
    #[inline(always)]
    fn run<S: Simd>(self) -> Vec<f32> {
        let mut out = Vec::new();
        for n in 1..=S::LANES.min(self.a.len()) {
            // SAFETY: n numbers exist in both slices and in the buffer.
            unsafe {
                let a = S::read(self.a.as_ptr(), n);
                let b = S::read(self.b.as_ptr(), n);
                let half = S::splat(0.5);
                let results = [
                    S::add(a, b),
                    S::sub(a, b),
                    S::mul(a, b),
                    S::fma(a, b, half),
                    S::max(a, b),
                    S::min(a, b),
                    S::inside(a, b, half, S::splat(2.0)),
                    S::div(a, b),
                    S::within(a, b, half, S::splat(2.0)),
                    S::signed(a, half),
                ];
                for result in results {
                    let mut line = vec![9.0; 16];
                    S::write(line.as_mut_ptr(), result, n);
                    assert!(line[n..].iter().all(|x| *x == 9.0), "wrote too far");
                    if n <= 8 {
                        out.extend(line);
                    }
                }
            }
        }
        out
    }
}

#[test]
fn operations_agree_to_the_bit_also_on_special_numbers() {
    let tiny = f32::MIN_POSITIVE / 4.0;
    let a = [1.0, -0.0, f32::NAN, 2.0, 0.1, tiny, f32::INFINITY, 3.0];
    let b = [2.0, 0.0, 1.0, f32::NAN, 0.7, tiny, 1.0, 0.5];
    let a = [a, b].concat();
    let b: Vec<f32> = a.iter().rev().copied().collect();
    let results = crate::kernels::testing::on_every_isa(|isa| isa.run(Operations { a: &a, b: &b }));
    assert!(results.iter().any(|x| x.is_nan()));
}

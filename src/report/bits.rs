//! The precision of every layer in one short word.
//!
//! In: the layers of a trial. Out: `8 b×2 t 4/8`: for each layer weights/activations, one symbol where both are the same, runs
//! of equal layers with a count.

use crate::interpreter::store::trial::LayerBits;

/// What the symbols mean, for under a table.
pub const LEGEND: &str = "bits: per layer, weights/activations or one symbol for both; b = binary, t = ternary, 2 to 8 = integer, u = unsigned, f = float";

/// Layers as symbols in the order of execution.
pub fn compact(layers: &[LayerBits]) -> String {
    let mut runs: Vec<(String, usize)> = Vec::new();
    for layer in layers {
        let word = word(layer);
        match runs.last_mut() {
            Some((last, count)) if *last == word => *count += 1,
            _ => runs.push((word, 1)),
        }
    }
    runs.into_iter()
        .map(|(word, count)| match count {
            1 => word,
            _ => format!("{word}×{count}"),
        })
        .collect::<Vec<_>>()
        .join(" ")
}

fn word(layer: &LayerBits) -> String {
    let (weights, activations) = (symbol(&layer.weights), symbol(&layer.activations));
    // `int8` weights with `uint8` activations are one precision: the sign is the producer's.
    if weights == activations || activations.strip_prefix('u') == Some(&weights) {
        weights
    } else {
        format!("{weights}/{activations}")
    }
}

fn symbol(codes: &str) -> String {
    match codes {
        "binary" => "b".into(),
        "ternary" => "t".into(),
        "float" => "f".into(),
        _ => match codes.strip_prefix("uint") {
            Some(bits) => format!("u{bits}"),
            None => codes.trim_start_matches("int").into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(weights: &str, activations: &str) -> LayerBits {
        LayerBits {
            layer: "l".into(),
            weights: weights.into(),
            activations: activations.into(),
        }
    }

    #[test]
    fn runs_and_pairs() {
        let layers = [
            layer("int8", "uint8"),
            layer("binary", "binary"),
            layer("binary", "binary"),
            layer("ternary", "int4"),
            layer("binary", "uint8"),
            layer("float", "float"),
        ];
        assert_eq!(compact(&layers), "8 b×2 t/4 b/u8 f");
        assert_eq!(compact(&[]), "");
    }
}

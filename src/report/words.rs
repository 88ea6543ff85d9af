//! Words that several reports share.

use super::quantity::quantity;
use crate::ir::Direction;

/// `1 trial`, `2 trials`.
pub fn plural(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// The direction of a goal as the language says it.
pub fn verb(direction: Direction) -> &'static str {
    match direction {
        Direction::Maximize => "maximize",
        Direction::Minimize => "minimize",
    }
}

/// The value of a goal. Accuracy is a share without a unit and reads as a percentage.
pub fn goal_value(goal: &str, value: f64, unit: &str) -> String {
    quantity(value, if goal == "accuracy" { "%" } else { unit })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_fit_their_numbers() {
        assert_eq!(plural(1, "trial"), "1 trial");
        assert_eq!(plural(0, "trial"), "0 trials");
        assert_eq!(goal_value("accuracy", 0.5, ""), "50.0 %");
        assert_eq!(goal_value("energy", 2e-9, "J"), "2 nJ");
    }
}

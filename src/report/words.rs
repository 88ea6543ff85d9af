//! Words that several reports share.

use std::collections::BTreeMap;

use super::quantity::shown;
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

/// The value of a goal, in the author's unit if there is one.
pub fn goal_value(units: &BTreeMap<String, String>, goal: &str, value: f64, base: &str) -> String {
    shown(value, base, units.get(goal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_fit_their_numbers() {
        assert_eq!(plural(1, "trial"), "1 trial");
        assert_eq!(plural(0, "trial"), "0 trials");
        let units = BTreeMap::from([("latency".to_string(), "us".to_string())]);
        let goal_value = |goal, value, base| goal_value(&units, goal, value, base);
        assert_eq!(goal_value("accuracy", 0.5, "%"), "50.0 %");
        assert_eq!(goal_value("energy", 2e-9, "J"), "2 nJ");
        assert_eq!(goal_value("latency", 2e-3, "s"), "2000 us");
    }
}

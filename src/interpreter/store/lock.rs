//! What a run is a run of: `spec.lock.json`.
//!
//! Two runs with equal locks give equal results. So everything that a result depends on stands here, and nothing else: the
//! number of jobs, the folder and the clock do not.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The hashes, numbers and versions that determine a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// Version of this file's format.
    pub schema: u32,
    /// Version of the interpreter.
    pub bnas: String,
    /// Which experiment of the spec.
    pub experiment: String,
    /// The root of all randomness, overrides included.
    pub seed: u64,
    /// Candidates in all, overrides included.
    pub trials: usize,
    /// The spec first, then everything that it imports, by name.
    pub sources: Vec<SourceHash>,
    /// The files that its data sets are read from, by the names in the spec.
    #[serde(default)]
    pub data: Vec<SourceHash>,
    /// What the command line changed: `seed`, `trials`.
    pub overrides: BTreeMap<String, u64>,
}

impl Lock {
    /// The hash of everything that was read: texts and data.
    pub fn read(&self) -> String {
        let all = self.sources.iter().chain(&self.data);
        let all: Vec<String> = all
            .map(|one| format!("{} {}", one.blake3, one.name))
            .collect();
        hash(all.join("\n").as_bytes())
    }
}

/// A text or a file and its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceHash {
    /// Its name: for the spec `spec.bnas`, for the standard library `<std>/…`.
    pub name: String,
    /// BLAKE3 of it, in hexadecimal.
    pub blake3: String,
}

impl Lock {
    /// The lock of an experiment of `spec` and of the named texts that it imports.
    ///
    /// The spec itself is called `spec.bnas` whatever its path, so that a run can be moved.
    pub fn new<'a>(
        experiment: &str,
        seed: u64,
        trials: usize,
        spec: &str,
        imports: impl IntoIterator<Item = (&'a str, &'a str)>,
        overrides: BTreeMap<String, u64>,
        data: Vec<SourceHash>,
    ) -> Lock {
        let hashed = |name: &str, text: &str| SourceHash {
            name: name.into(),
            blake3: hash(text.as_bytes()),
        };
        let mut imports: Vec<SourceHash> = imports
            .into_iter()
            .map(|(name, text)| hashed(name, text))
            .collect();
        imports.sort_by(|a, b| a.name.cmp(&b.name));
        let mut sources = vec![hashed("spec.bnas", spec)];
        sources.extend(imports);
        Lock {
            schema: 2,
            bnas: env!("CARGO_PKG_VERSION").into(),
            experiment: experiment.into(),
            seed,
            trials,
            sources,
            data,
            overrides,
        }
    }

    /// One line for each difference from the lock `now` of what shall run; empty if the run can go on.
    pub fn differences(&self, now: &Lock) -> Vec<String> {
        let mut lines = Vec::new();
        let mut compare = |what: &str, then: String, now: String| {
            if then != now {
                lines.push(format!("{what}: the run has {then}, now it is {now}"));
            }
        };
        compare(
            "format of the lock",
            self.schema.to_string(),
            now.schema.to_string(),
        );
        compare("version of bnas", self.bnas.clone(), now.bnas.clone());
        compare(
            "experiment",
            format!("`{}`", self.experiment),
            format!("`{}`", now.experiment),
        );
        compare("seed", self.seed.to_string(), now.seed.to_string());
        compare("trials", self.trials.to_string(), now.trials.to_string());
        compare(
            "overrides",
            show_overrides(&self.overrides),
            show_overrides(&now.overrides),
        );

        // Of another format, all files are new.
        if self.schema != now.schema {
            return lines;
        }
        let files = by_name(&now.data);
        for (name, hash) in by_name(&self.data) {
            match files.get(name) {
                Some(other) if *other != hash => {
                    lines.push(format!("the data in `{name}` have changed"))
                }
                // The spec says so, and its text has changed.
                _ => {}
            }
        }
        let then: BTreeMap<_, _> = by_name(&self.sources);
        let now: BTreeMap<_, _> = by_name(&now.sources);
        for (name, hash) in &then {
            match now.get(name) {
                None => lines.push(format!("`{name}` is no longer imported")),
                Some(other) if other != hash => {
                    lines.push(format!("the text of `{name}` has changed"));
                }
                Some(_) => {}
            }
        }
        for name in now.keys().filter(|name| !then.contains_key(*name)) {
            lines.push(format!("`{name}` was not imported"));
        }
        lines
    }
}

fn by_name(sources: &[SourceHash]) -> BTreeMap<&str, &str> {
    sources
        .iter()
        .map(|s| (s.name.as_str(), s.blake3.as_str()))
        .collect()
}

fn show_overrides(overrides: &BTreeMap<String, u64>) -> String {
    if overrides.is_empty() {
        return "none".into();
    }
    overrides
        .iter()
        .map(|(name, value)| format!("--{name} {value}"))
        .collect::<Vec<_>>()
        .join(" ")
}

/// BLAKE3 in hexadecimal.
pub fn hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(seed: u64, spec: &str, library: &str) -> Lock {
        let imports = [("<std>/targets/braintta.bnas", library)];
        Lock::new(
            "quick",
            seed,
            40,
            spec,
            imports,
            BTreeMap::new(),
            Vec::new(),
        )
    }

    #[test]
    fn equal_inputs_have_no_differences() {
        assert!(lock(1, "a", "b").differences(&lock(1, "a", "b")).is_empty());
    }

    #[test]
    fn every_difference_is_said() {
        let found = lock(1, "a", "b").differences(&lock(2, "x", "b"));
        assert_eq!(
            found,
            [
                "seed: the run has 1, now it is 2",
                "the text of `spec.bnas` has changed"
            ]
        );
        let found = lock(1, "a", "b").differences(&lock(1, "a", "c"));
        assert_eq!(
            found,
            ["the text of `<std>/targets/braintta.bnas` has changed"]
        );
        let with_data = |hash: &str| Lock {
            data: vec![SourceHash {
                name: "train.csv".into(),
                blake3: hash.into(),
            }],
            ..lock(1, "a", "b")
        };
        assert!(with_data("0").differences(&with_data("0")).is_empty());
        assert_eq!(
            with_data("0").differences(&with_data("1")),
            ["the data in `train.csv` have changed"]
        );
    }
}

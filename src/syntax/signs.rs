//! Signs and keywords where they mean nothing.
//!
//! In: the [`Place`] where reading ended, and what was expected there. Out: a [`Slip`], if it is a known one.

use crate::syntax::explain::UNCLOSED_TEXT;
use crate::syntax::place::{
    END, EQUALS, Found, HEADS, NAME, OPERATOR, Place, Slip, VALUE, first_word, is_keyword,
    line_start,
};
use crate::syntax::{habits, several};
use crate::units::Unit;

/// What is said of signs of other languages.
pub(super) const LOGIC: &str = "logic is written in words";

/// Words of experiments that people write `=` behind.
const GOALS: [&str; 4] = ["maximize", "minimize", "require", "expect"];

impl Place<'_> {
    /// Whether documentation begins here that stands before a closing brace.
    fn is_doc_of_nothing(&self) -> bool {
        let line = line_start(&self.text[..self.at]);
        let doc = self.text[line..].find("///").map(|at| line + at);
        let Some(doc) = doc.filter(|doc| (*doc..doc + 3).contains(&self.at)) else {
            return false;
        };
        let mut lines = self.text[doc..].lines().map(str::trim_start);
        let next = lines.find(|line| !line.is_empty() && !line.starts_with("//"));
        next.is_none_or(|line| line.starts_with('}'))
    }

    /// Whether a comma stands between the digits of a number: `1,5 ms`.
    fn is_decimal_comma(&self) -> bool {
        let is_digit = |c: char| c.is_ascii_digit();
        let behind = self.rest()[1..].starts_with(is_digit);
        behind && self.line().ends_with(is_digit) && !self.line().contains(['{', '('])
    }

    /// A number with the unit that stands in brackets behind it: `3 ms` of `3 [ms]`.
    pub(super) fn unit_in_brackets(&self) -> Option<String> {
        let number = self.line().split_whitespace().next_back()?;
        let unit = self.rest().get(1..)?.split([']', ')']).next()?.trim();
        let is_number = number.ends_with(|c: char| c.is_ascii_digit());
        (is_number && Unit::of(unit).is_some()).then(|| format!("{number} {unit}"))
    }

    /// Whether a type stands behind a name, as in other languages: `x: int in 1..4`.
    fn names_type(&self) -> bool {
        let before = self.rest()[1..]
            .split_once(" in ")
            .map(|(before, _)| before);
        before.is_some_and(|before| !before.contains(['{', '(']))
    }

    /// A number with a unit for what is behind it: `3 frame/ms` of `3 1/ms`.
    pub(super) fn unit_of_one(&self) -> Option<String> {
        let number = self.line().split_whitespace().next_back()?;
        let below = self.rest().strip_prefix('1')?.trim_start();
        let below = below.strip_prefix('/')?.trim_start();
        let is_unit = |c: char| c.is_alphanumeric() || "/*^²".contains(c);
        let below = &below[..below.find(|c| !is_unit(c)).unwrap_or(below.len())];
        let unit = format!("frame/{below}");
        let is_number = number.ends_with(|c: char| c.is_ascii_digit());
        (is_number && Unit::of(&unit).is_some()).then(|| format!("{number} {unit}"))
    }

    /// What people write by habit from other languages.
    pub(super) fn slip(&self, expected: &[String]) -> Option<Slip> {
        let wants = |what: &str| expected.iter().any(|e| e == what);
        let rest = &self.text[self.at..];
        if rest.starts_with("..<") || rest.starts_with("..=") {
            let help = "write `low..high`, with the last value as `high`";
            return Some(Slip::new(
                "a range includes both of its ends",
                "not a range of bnas",
                help,
            ));
        }
        let above = self.text[..self.at].trim_end();
        let documents = |line: &str| line.trim_start().starts_with("///");
        let is_nothing = matches!(self.found, Found::FileEnd | Found::Token("}"));
        if is_nothing && documents(&above[line_start(above)..]) || self.is_doc_of_nothing() {
            let label = "nothing follows that it could document";
            return Some(Slip::new(
                "documentation stands above nothing",
                label,
                "write `//` for a comment",
            ));
        }
        if let Some(slip) = habits::habit(self, expected) {
            return Some(slip);
        }
        let Found::Token(token) = self.found else {
            return None;
        };
        let apart = (
            "no separator is needed",
            "delete it, or write the next entry on a new line",
        );
        Some(match token {
            "#" => Slip::new(
                "`#` starts no comment",
                "a comment is written differently",
                "write `//`",
            ),
            "'" => Slip::new(
                "a text stands in double quotes",
                "not a quote of bnas",
                "write `\"…\"`",
            ),
            "\"" => {
                let [message, label, help] = UNCLOSED_TEXT;
                Slip::new(message, label, help)
            }
            "&" => Slip::new("`&` is no operator", LOGIC, "write `and`"),
            "|" if wants(VALUE) => Slip::new(
                "`|` is no bracket",
                "not a sign of bnas",
                "write `abs(…)` for a magnitude",
            ),
            "|" => Slip::new("`|` is no operator", LOGIC, "write `or`"),
            "!" => Slip::new("`!` is no operator", LOGIC, "write `not`"),
            ";" => Slip::new("entries are not parted by `;`", apart.0, apart.1),
            "," if wants(END) && self.is_decimal_comma() => Slip::new(
                "a number has a point, not a comma",
                "no decimal comma",
                "write `.` in its place",
            ),
            "[" if self.unit_in_brackets().is_some() => Slip::new(
                "a unit stands without brackets",
                "the unit of this number",
                format!("write `{}`", self.unit_in_brackets().unwrap_or_default()),
            ),
            "," if wants(END)
                && let Some(help) = several::help(self) =>
            {
                Slip::new("entries are not parted by `,`", apart.0, help)
            }
            "," if wants(END) => Slip::new("entries are not parted by `,`", apart.0, apart.1),
            "[" if wants(VALUE) => Slip::new(
                "brackets hold an index",
                "not a list",
                match self.last_word() {
                    "in" => "write a range, `low..high`, or a set, `{a, b}`",
                    _ => "write a set: `{a, b}`",
                },
            ),
            "." | "/" | "~" if wants(VALUE) && is_place_of_file(self.rest()) => Slip::new(
                "a text stands in double quotes",
                "no quotes stand around it",
                format!("write `\"{}\"`", first_path(self.rest())),
            ),
            "." if wants(VALUE) => Slip::new(
                "a number starts with a digit",
                "none before this point",
                "write `0.` before the fraction",
            ),
            "=" if GOALS.contains(&self.last_word()) => Slip::new(
                format!("`{}` takes no `=`", self.last_word()),
                "nothing is fixed here",
                format!(
                    "write `{} …` as an entry of the experiment",
                    self.last_word()
                ),
            ),
            "=" if self.before() == "repeat" && self.is_in("experiment") => Slip::new(
                "`repeat` makes copies in a network",
                "no field",
                format!("write `repeats {}`", self.rest().trim_end()),
            ),
            "=" if is_keyword(self.before()) => named(self.before()),
            "=" if self.starts_line() => Slip::new(
                "a name is missing before `=`",
                "nothing stands before this",
                "write `name = value`",
            ),
            "in" if self.starts_line() && !self.rest()[2..].trim_start().starts_with("in ") => {
                Slip::new(
                    "a name is missing before `in`",
                    "nothing stands before this",
                    "write `name in domain`",
                )
            }
            "=" if wants(OPERATOR) || self.at == self.start => Slip::new(
                "`=` does not compare",
                "a value is already complete here",
                "write `==` to compare",
            ),
            ":" if GOALS.contains(&self.before()) => Slip::new(
                format!("`{}` takes no `:`", self.before()),
                "nothing is fixed here",
                format!("write `{} …`", self.before()),
            ),
            ":" if wants(EQUALS) && self.names_type() => Slip::new(
                "a name has no type",
                "not a sign for this place",
                format!(
                    "write `{} in {}`",
                    self.last_word(),
                    (self.rest().split_once(" in "))
                        .map_or("…", |(_, domain)| first_domain(domain))
                ),
            ),
            ":" if wants(EQUALS) && self.rest()[1..].trim_start().starts_with('{') => Slip::new(
                "`:` chooses no value",
                "not a sign for this place",
                "write `in` to search a set",
            ),
            ":" if wants(EQUALS) => Slip::new(
                "`:` fixes no value",
                "not a sign for this place",
                "write `=`",
            ),
            // The value before it was read as an entry of its own.
            "in" if self.at == self.start && self.line().contains('=') => Slip::new(
                "`=` fixes a value and `in` searches one",
                "a value stands before this already",
                "write `name = value` to fix it, or `name in {a, b}` to search it",
            ),
            "use" if self.at == self.start => Slip::new(
                "an import stands above all declarations",
                "this is inside one",
                "move it up, below `bnas 1`",
            ),
            word if GOALS[..2].contains(&word) && wants(VALUE) => Slip::new(
                "a goal is an entry of the experiment",
                "no value",
                format!(
                    "delete this line, and write `{word} accuracy` among the entries of the experiment"
                ),
            ),
            word if (wants(NAME) || self.is_start()) && is_keyword(word) => self.keyword(word)?,
            other => {
                let character = other.chars().next()?;
                if character.is_whitespace() {
                    Slip::new(
                        "this blank is no plain blank",
                        "a special space character",
                        "type a plain blank",
                    )
                } else if character.is_alphabetic() && !character.is_ascii() {
                    let label = "names are letters a to z, digits and `_`";
                    Slip::new(
                        format!("`{character}` cannot stand in a name"),
                        label,
                        "spell it with those",
                    )
                } else {
                    return None;
                }
            }
        })
    }

    /// What is wrong with a keyword that no rule takes here, if that can be told.
    fn keyword(&self, word: &str) -> Option<Slip> {
        let line = self.line().trim();
        let behind = self.rest()[word.len()..].trim_start();
        let is_fixed = behind.starts_with('=') && !behind.starts_with("==");
        if is_fixed || behind.starts_with("in ") || self.declares() {
            return Some(named(word));
        }
        Some(match word {
            "add" if line.ends_with("->") => Slip::new(
                "`add` is an entry of its own",
                "no operation of a layer",
                "delete the `->`, and write `add …` on the line below",
            ),
            "via"
                if let Some((added, when)) = line.split_once(" when ")
                    && added.starts_with("add ") =>
            {
                let shortcut = behind.split([' ', '\t', '}', '/']).next()?;
                Slip::new(
                    "`via` stands before `when`",
                    "behind the condition",
                    format!("write `{added} via {shortcut} when {}`", when.trim()),
                )
            }
            "and" if GOALS[..2].contains(&line.split(' ').next()?) => Slip::new(
                "goals are not joined by `and`",
                "between two goals",
                "delete it: each goal is an entry of its own",
            ),
            "default" if line.contains('=') && self.is_start() => Slip::new(
                "a value that is fixed has no default",
                "belongs to a value behind `in`",
                "delete it and the value behind it",
            ),
            "default" if behind.starts_with('{') => Slip::new(
                "no rule starts with `default`",
                "expected which layers it is for",
                "write `each layer { … }` above the other rules",
            ),
            _ => return None,
        })
    }

    /// Whether it stands in a declaration of this kind.
    fn is_in(&self, kind: &str) -> bool {
        let mut lines = self.text[..self.at].lines().rev();
        let head = lines.find_map(|line| HEADS.iter().find(|head| first_word(line) == **head));
        head.is_some_and(|head| *head == kind)
    }

    /// Whether what stands before the place on its line names what stands there.
    fn declares(&self) -> bool {
        let before = self.before();
        let kinds = ["branch", "layer", "param", "stage"];
        let is_kind = HEADS.contains(&before) || kinds.contains(&before);
        is_kind || before.ends_with(" as")
    }
}

/// Whether a line goes on like `./pets/train`, `/data/pets` or `~/pets`.
fn is_place_of_file(rest: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "./~_-".contains(c);
    let path = first_path(rest);
    let behind = path.trim_start_matches(['.', '~']);
    behind.starts_with('/') && behind.len() > 1 && path.chars().all(is_part)
}

fn first_path(rest: &str) -> &str {
    rest.split([' ', '\t', ',', '}']).next().unwrap_or(rest)
}

/// What is said of a keyword in the place of a name.
fn named(word: &str) -> Slip {
    let help = format!("write another name, for example `{word}_`");
    Slip::new(
        format!("`{word}` is a keyword and no name"),
        "expected a name",
        help,
    )
}

/// The domain that a text begins with.
fn first_domain(text: &str) -> &str {
    let end = match text.starts_with('{') {
        true => text.find('}').map(|at| at + 1),
        false => text.find([' ', '}']),
    };
    text[..end.unwrap_or(text.len())].trim_end()
}

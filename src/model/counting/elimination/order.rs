//! In which order variables are summed out.
//!
//! In: the sizes of the variables, and the variables of each factor. Out: a tree whose leaves are the factors: two tables are multiplied, or
//! a variable is summed out of one. The next variable is the one whose table, all factors that mention it multiplied, is smallest. What is
//! small stays small so; once every table that is left has many partial sums, one long table is carried along from variable to variable, and
//! short ones are multiplied into it one by one: two long ones multiply only where that would tie too many variables together. A variable that a relation ties to
//! another one is summed out through it once no other relation mentions it.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::relation::BLOCK;

/// A table with so many partial sums is long.
const LONG: f64 = 256.0;
/// A long table is carried along where that makes the other not more than so many times larger.
const MOST_TIED: f64 = 64.0;
/// The most rows of a table.
const MOST_ROWS: f64 = 1e6;

/// One step, by the numbers of the steps that it takes.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// This factor.
    Factor(usize),
    Times(usize, usize),
    SumOut {
        of: usize,
        variable: usize,
    },
    /// Blocks of the values of a variable.
    Blocks {
        of: usize,
        from: usize,
        to: usize,
    },
    /// Sums out a variable through a relation: for each member of this side of it, what that allows. The variable and its blocks, each with its step.
    Through {
        relation: usize,
        side: usize,
        levels: Vec<(usize, usize)>,
    },
}

/// A variable of blocks.
#[derive(Debug, Clone, PartialEq)]
pub struct Blocks {
    /// What they are blocks of.
    pub of: usize,
    pub count: u64,
}

/// Steps, the last of which has no variable left, and the variables of each.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub steps: Vec<Step>,
    pub scopes: Vec<Vec<usize>>,
    /// Further variables, numbered behind the others.
    pub blocks: Vec<Blocks>,
    /// About how many products of counts it takes.
    pub work: f64,
}

/// A table that is not used up yet.
#[derive(Clone)]
struct Open {
    step: usize,
    scope: BTreeSet<usize>,
    /// About how many partial sums.
    sums: f64,
    /// Whether rows have different sums.
    varies: bool,
}

/// A table that is given: its variables, and whether its rows have different sums.
#[derive(Debug, Clone, PartialEq)]
pub struct Given {
    pub scope: Vec<usize>,
    pub varies: bool,
}

/// What a plan is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    pub sizes: Vec<u64>,
    pub behind: Vec<Option<usize>>,
    pub given: Vec<Given>,
    pub relations: Vec<[usize; 2]>,
    pub most_sums: f64,
}

/// Plans that were made: the costs of one space are over the same tables again and again.
#[derive(Debug, Default)]
pub struct Plans(RefCell<Vec<(Asked, Option<Plan>)>>);

impl Plans {
    /// The plan for this.
    pub fn of(&self, asked: Asked) -> Option<Plan> {
        let mut known = self.0.borrow_mut();
        if let Some((_, plan)) = known.iter().find(|(other, _)| *other == asked) {
            return plan.clone();
        }
        let made = asked.plan();
        known.push((asked, made.clone()));
        made
    }
}

impl Asked {
    /// The plan.
    pub fn plan(&self) -> Option<Plan> {
        let (sizes, behind) = (&self.sizes, &self.behind);
        plan(sizes, behind, &self.given, &self.relations, self.most_sums)
    }
}

/// A plan; `None` if a table would be too large. At most `most_sums` partial sums are told apart. Relations are of two variables each. A variable
/// that stands behind others is what they come to: it waits for those up to this one.
pub fn plan(
    sizes: &[u64],
    behind: &[Option<usize>],
    factors: &[Given],
    relations: &[[usize; 2]],
    most_sums: f64,
) -> Option<Plan> {
    let mut planner = Planner {
        sizes: sizes.to_vec(),
        behind: behind.to_vec(),
        most_sums,
        relations: relations.iter().map(|pair| Some(*pair)).collect(),
        tied: vec![Vec::new(); sizes.len()],
        plan: Plan {
            steps: Vec::new(),
            scopes: Vec::new(),
            blocks: Vec::new(),
            work: 0.0,
        },
        open: BTreeMap::new(),
        about: vec![BTreeSet::new(); sizes.len()],
        long: BTreeSet::new(),
        has_empty: sizes.contains(&0),
    };
    for (number, pair) in relations.iter().enumerate() {
        let of: BTreeSet<usize> = pair.iter().copied().collect();
        of.into_iter().for_each(|v| planner.tied[v].push(number));
    }
    for (number, given) in factors.iter().enumerate() {
        let scope: BTreeSet<usize> = given.scope.iter().copied().collect();
        let open = planner.step(Step::Factor(number), scope, 1.0, given.varies)?;
        planner.open(open);
    }
    // Those that are left by a score that is not more than theirs, the lowest number first.
    let mut left: BTreeSet<(Score, usize)> = (0..sizes.len()).map(|v| (Score(0.0), v)).collect();
    let mut scores: Vec<Score> = vec![Score(0.0); sizes.len()];
    let mut is_exact = vec![false; sizes.len()];
    while let Some((_, variable)) = left.pop_first() {
        if !is_exact[variable] {
            // What is above the next one is as good as exact for now.
            let enough = left.first().map_or(f64::INFINITY, |(next, _)| next.0);
            let (score, exact) = planner.score(variable, enough);
            (scores[variable], is_exact[variable]) = (Score(score), exact);
            left.insert((scores[variable], variable));
            continue;
        }
        for touched in planner.sum_out(variable)? {
            if left.remove(&(scores[touched], touched)) {
                (scores[touched], is_exact[touched]) = (Score(0.0), false);
                left.insert((scores[touched], touched));
            }
        }
    }
    let rest = std::mem::take(&mut planner.open);
    planner.multiply(rest.into_values().collect())?;
    Some(planner.plan)
}

/// In order.
#[derive(Debug, Clone, Copy)]
struct Score(f64);

impl Ord for Score {
    fn cmp(&self, other: &Score) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Score {
    fn partial_cmp(&self, other: &Score) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Score {
    fn eq(&self, other: &Score) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Score {}

struct Planner {
    sizes: Vec<u64>,
    /// The last of those that a variable waits for.
    behind: Vec<Option<usize>>,
    most_sums: f64,
    /// Those that nothing was summed out through yet, and the numbers of those that mention each variable.
    relations: Vec<Option<[usize; 2]>>,
    tied: Vec<Vec<usize>>,
    plan: Plan,
    /// What is not used up, by its step; the steps of those that mention each variable; and of the long ones.
    open: BTreeMap<usize, Open>,
    about: Vec<BTreeSet<usize>>,
    long: BTreeSet<usize>,
    /// Whether a variable has no member at all.
    has_empty: bool,
}

impl Planner {
    fn open(&mut self, open: Open) {
        for variable in &open.scope {
            // Nothing is summed out of blocks on their own.
            if let Some(about) = self.about.get_mut(*variable) {
                about.insert(open.step);
            }
        }
        if open.sums > LONG {
            self.long.insert(open.step);
        }
        self.open.insert(open.step, open);
    }

    fn take(&mut self, step: usize) -> Option<Open> {
        let open = self.open.remove(&step)?;
        for variable in &open.scope {
            if let Some(about) = self.about.get_mut(*variable) {
                about.remove(&step);
            }
        }
        self.long.remove(&step);
        Some(open)
    }

    fn rows(&self, scope: &BTreeSet<usize>) -> f64 {
        scope.iter().map(|v| self.sizes[*v] as f64).product()
    }

    fn step(
        &mut self,
        step: Step,
        scope: BTreeSet<usize>,
        sums: f64,
        varies: bool,
    ) -> Option<Open> {
        if self.rows(&scope) > MOST_ROWS {
            return None;
        }
        self.plan.steps.push(step);
        self.plan.scopes.push(scope.iter().copied().collect());
        Some(Open {
            step: self.plan.steps.len() - 1,
            scope,
            sums: if varies {
                sums.min(self.most_sums)
            } else {
                1.0
            },
            varies,
        })
    }

    /// How large the product of everything that mentions a variable is, and whether that is exact: where it is more than `enough`, it may be more than
    /// what is found.
    fn score(&self, variable: usize, enough: f64) -> (f64, bool) {
        let ties = self.ties(variable);
        let waits = self.behind[variable].is_some_and(|last| {
            let mut about = self.about[variable].iter();
            about.any(|step| self.open[step].scope.first() <= Some(&last))
        });
        if ties.len() > 1 || waits {
            return (f64::INFINITY, true);
        }
        let mut scope = BTreeSet::from([variable]);
        let mut sums = 1.0;
        let mut rows = self.sizes[variable] as f64;
        for step in &self.about[variable] {
            let open = &self.open[step];
            for other in &open.scope {
                if scope.insert(*other) {
                    rows *= self.sizes[*other] as f64;
                }
            }
            sums *= open.sums;
            // Numbers of rows that are rounded differ by their last bits. What is empty makes all else so.
            if rows > 2.0 * enough && !self.has_empty {
                return (rows / 2.0, false);
            }
        }
        let around = match ties[..] {
            [] => 0.0,
            [(_, _, onto), ..] => {
                let mut around = scope.clone();
                around.remove(&variable);
                around.insert(onto);
                self.rows(&around)
            }
        };
        let score = (self.rows(&scope) + around) * sums.min(self.most_sums);
        (score, true)
    }

    /// The relations that mention a variable: each by its number, the side of the other one, and that one.
    fn ties(&self, variable: usize) -> Vec<(usize, usize, usize)> {
        let all = self.tied[variable].iter();
        let tie = |number: &usize| match self.relations[*number] {
            Some([x, y]) if x == variable => Some((*number, 1, y)),
            Some([x, y]) if y == variable => Some((*number, 0, x)),
            _ => None,
        };
        all.filter_map(tie).collect()
    }

    /// Multiplies what mentions a variable and sums it out. The variables whose score changes.
    fn sum_out(&mut self, variable: usize) -> Option<BTreeSet<usize>> {
        let steps = std::mem::take(&mut self.about[variable]);
        let bucket = steps.into_iter().map(|step| self.take(step));
        let mut bucket = bucket.collect::<Option<Vec<Open>>>()?;
        let mut scope = BTreeSet::from([variable]);
        bucket.iter().for_each(|o| scope.extend(&o.scope));
        let sums: f64 = bucket.iter().map(|o| o.sums).product();
        if sums.min(self.most_sums) > LONG
            && let Some(step) = self.long.first().copied()
        {
            let together: BTreeSet<usize> = scope.union(&self.open[&step].scope).copied().collect();
            if self.rows(&together) <= MOST_TIED * self.rows(&scope) {
                bucket.extend(self.take(step));
            }
        }
        let ties = self.ties(variable);
        if ties.len() > 1 || bucket.is_empty() && !ties.is_empty() {
            return None;
        }
        let product = match bucket.is_empty() {
            true => return Some(BTreeSet::new()),
            false => self.multiply(bucket)?,
        };
        if let [(relation, side, onto)] = ties[..] {
            self.relations[relation] = None;
            return self.through(product, variable, relation, side, onto);
        }
        let mut left = product.scope.clone();
        left.remove(&variable);
        let sums = product.sums * self.sizes[variable] as f64;
        let step = Step::SumOut {
            of: product.step,
            variable,
        };
        let open = self.step(step, left.clone(), sums, product.varies)?;
        self.open(open);
        Some(left)
    }

    /// Sums a variable out of a table through a relation onto another one. The variables whose score changes.
    fn through(
        &mut self,
        product: Open,
        variable: usize,
        relation: usize,
        side: usize,
        onto: usize,
    ) -> Option<BTreeSet<usize>> {
        let mut left = product.scope.clone();
        left.remove(&variable);
        let mut levels = vec![(product.step, variable)];
        let mut sums = product.sums;
        let growth = if product.varies { BLOCK as f64 } else { 1.0 };
        // Blocks are of no use where each row has a member of the other one already.
        while !product.scope.contains(&onto) {
            let (of, from) = levels[levels.len() - 1];
            if self.sizes[from] <= BLOCK {
                break;
            }
            let to = self.sizes.len();
            let count = self.sizes[from].div_ceil(BLOCK);
            self.sizes.push(count);
            self.plan.blocks.push(Blocks { of: from, count });
            let mut scope = left.clone();
            scope.insert(to);
            sums = (sums * growth).min(self.most_sums);
            self.plan.work += self.rows(&scope) * sums * BLOCK as f64;
            let open = self.step(Step::Blocks { of, from, to }, scope, sums, product.varies)?;
            levels.push((open.step, to));
        }
        left.insert(onto);
        let parts = (2 * BLOCK) as f64 * levels.len() as f64;
        self.plan.work += self.rows(&left) * sums * parts;
        let step = Step::Through {
            relation,
            side,
            levels,
        };
        let sums = product.sums * self.sizes[variable] as f64;
        let open = self.step(step, left.clone(), sums, product.varies)?;
        self.open(open);
        Some(left)
    }

    /// Multiplies tables: short ones in groups whose product is short, then the longest with one group after the other.
    fn multiply(&mut self, mut tables: Vec<Open>) -> Option<Open> {
        tables.sort_by(|a, b| {
            let size = |o: &Open| o.sums * self.rows(&o.scope);
            size(a).total_cmp(&size(b)).then(a.step.cmp(&b.step))
        });
        let mut groups: Vec<Open> = Vec::new();
        for table in tables {
            match groups.last_mut() {
                Some(group) if group.sums * table.sums <= LONG => {
                    *group = self.times(group.clone(), table)?;
                }
                _ => groups.push(table),
            }
        }
        groups.sort_by(|a, b| b.sums.total_cmp(&a.sums).then(a.step.cmp(&b.step)));
        let mut groups = groups.into_iter();
        let mut product = groups.next()?;
        for group in groups {
            product = self.times(product, group)?;
        }
        Some(product)
    }

    fn times(&mut self, x: Open, y: Open) -> Option<Open> {
        let scope: BTreeSet<usize> = x.scope.union(&y.scope).copied().collect();
        self.plan.work += self.rows(&scope) * x.sums * y.sums;
        self.step(
            Step::Times(x.step, y.step),
            scope,
            x.sums * y.sums,
            x.varies || y.varies,
        )
    }
}

"""Samples a tool's six-layer space at random and counts the candidates that break a constraint.

    python sample.py bnas|optuna|configspace|nni|neps [--n 1000] [--seed 1]
"""

import argparse
import importlib
import time
from collections import Counter

import oracle

parser = argparse.ArgumentParser()
parser.add_argument("tool", choices=["bnas", "optuna", "configspace", "nni", "neps"])
parser.add_argument("--n", type=int, default=1000)
parser.add_argument("--seed", type=int, default=1)
arguments = parser.parse_args()

space = importlib.import_module(f"space_{arguments.tool}")
start = time.perf_counter()
broken, infeasible, n = Counter(), 0, 0
for candidate in space.sample(arguments.n, arguments.seed):
    violations = oracle.violations(candidate)
    broken.update(violations)
    infeasible += bool(violations)
    n += 1
seconds = time.perf_counter() - start
print(f"{arguments.tool}: {infeasible} of {n} infeasible ({dict(broken)}), {seconds:.1f} s")

"""Stands in for training: counts its calls and returns a score at once.

Every case calls `train` the way its tool's documentation does. A call appends a line to the file that `EVALUATIONS` names, with
the time, so that `run.py` can tell whether a mistake was reported before the first evaluation.
"""

import os
import random
import sys
import time

# NePS leaves it to its user to seed the generators that it draws from.
random.seed(1)
if "numpy" in sys.modules:
    sys.modules["numpy"].random.seed(1)


def sgd(learning_rate, momentum=0.9):
    return {"name": "sgd", "learning_rate": learning_rate, "momentum": momentum}


def adam(learning_rate, beta1=0.9, beta2=0.999):
    return {"name": "adam", "learning_rate": learning_rate, "beta1": beta1, "beta2": beta2}


def train(*, depth=3, width=16, head=64, first=3, last=4, kernel=3, learning_rate=1e-3, optimizer=None, schedule="constant"):
    """One evaluation. An argument that it does not have is Python's TypeError, before it counts."""
    with open(os.environ["EVALUATIONS"], "a", encoding="utf-8") as file:
        file.write(f"{time.time()}\n")
    print("== evaluation ==", file=sys.stderr, flush=True)
    return 0.5 + 0.01 * depth + 0.001 * width

"""Compares a whole search in bnas with the same job in Optuna, PyTorch and Brevitas, taking turns round by round.

    python pipeline_vs_optuna.py [--rounds 7] [--trials 40] [--sampler tpe|gp|random] [--threads 2] [--bnas EXECUTABLE]

Runs pipeline.bnas with 2 jobs and pipeline_optuna.py with 2 threads of PyTorch; round n has seed n on both sides, and every second round goes in the
reverse order. Prints a table in Markdown: wall time from start to end of each program, with the ratio of medians; and what came out: how many trials were
feasible, the mean work of a network that was trained, the best validation accuracy of a feasible trial with its test accuracy, and
the hypervolume of feasible trials above an accuracy of 0.8 and below 300 nJ, as a share of that box.
"""

import argparse
import json
import pathlib
import statistics
import sys
import tempfile
import time

import rounds

HERE = pathlib.Path(__file__).resolve().parent
REFERENCE = (0.8, 300e-9)


def run_bnas(arguments, seed):
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "run"
        command = [arguments.bnas, "run", "--quiet", str(HERE / "pipeline.bnas"), "--jobs", "2"]
        command += ["--seed", str(seed), "--trials", str(arguments.trials), "--out", str(out)]
        start = time.perf_counter()
        rounds.output(command, rounds.environment())
        seconds = time.perf_counter() - start
        result = json.loads((out / "result.json").read_text())
    complete = [trial for trial in result["trials"] if trial["status"] == "complete"]
    trials = [{**trial["metrics"], "feasible": trial["feasible"], "number": trial["number"]} for trial in complete]
    return summary(seconds, trials, {int(n): a for n, a in result["tests"].items()}) | {"versions": {}}


def run_optuna(arguments, seed):
    command = [sys.executable, str(HERE / "pipeline_optuna.py"), "--seed", str(seed), "--trials", str(arguments.trials)]
    command += ["--sampler", arguments.sampler, "--threads", str(arguments.threads)]
    start = time.perf_counter()
    record = json.loads(rounds.output(command, rounds.environment(threads=arguments.threads)).splitlines()[-1])
    seconds = time.perf_counter() - start
    trials = [{**trial, "feasible": trial["model_size"] <= 8 * 1024} for trial in record["trials"]]
    return summary(seconds, trials, {int(n): a for n, a in record["tests"].items()}) | {"versions": record["versions"]}


def summary(seconds, trials, tests):
    """What a round is worth on either side."""
    feasible = [trial for trial in trials if trial["feasible"]]
    best = max(feasible, key=lambda t: t["accuracy"], default=None)
    return {
        "seconds": seconds,
        "feasible": len(feasible),
        "macs": statistics.mean(trial["macs"] for trial in trials),
        "best": best["accuracy"] if best else float("nan"),
        "test": tests.get(best["number"], float("nan")) if best else float("nan"),
        "hypervolume": hypervolume(feasible),
    }


def hypervolume(trials):
    """The share of the box above REFERENCE that some trial dominates."""
    area, low = 0.0, REFERENCE[0]
    # By ascending energy each trial adds a strip from the accuracy that was had for less.
    for trial in sorted(trials, key=lambda t: (t["energy"], -t["accuracy"])):
        if trial["accuracy"] > low and trial["energy"] < REFERENCE[1]:
            area += (trial["accuracy"] - low) * (REFERENCE[1] - trial["energy"])
            low = trial["accuracy"]
    return area / ((1 - REFERENCE[0]) * REFERENCE[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--sampler", choices=["tpe", "gp", "random"], default="tpe")
    parser.add_argument("--threads", type=int, default=2, help="threads of PyTorch; bnas has two jobs")
    parser.add_argument("--bnas", help="the program; built if not given")
    arguments = parser.parse_args()
    arguments.bnas = arguments.bnas or rounds.build_bnas()
    results = {"bnas": [], "Optuna": []}
    for number in range(arguments.rounds):
        seed = number + 1
        contestants = {"bnas": lambda: run_bnas(arguments, seed), "Optuna": lambda: run_optuna(arguments, seed)}
        for name, result in rounds.take_turns(contestants, number).items():
            results[name].append(result)
            print(f"seed {seed} {name}: {result}", file=sys.stderr, flush=True)
    ours, theirs = ([result["seconds"] for result in results[name]] for name in ["bnas", "Optuna"])
    peer = f"Optuna ({arguments.sampler}), PyTorch, Brevitas"
    row = [arguments.trials, f"{statistics.median(ours):.1f}", f"{statistics.median(theirs):.1f}", rounds.ratio(ours, theirs)]
    print(rounds.table(["trials", "bnas, 2 jobs, s", f"{peer}, {arguments.threads} threads, s", "ratio", "of single rounds"], [row]))
    print()
    rows = []
    for name, label in [("bnas", "bnas"), ("Optuna", peer)]:
        middle = {key: statistics.median(r[key] for r in results[name]) for key in results[name][0] if key != "versions"}
        rows.append([label, f"{middle['feasible']:.0f}", f"{middle['macs'] / 1e3:.0f}", f"{middle['best']:.3f}", f"{middle['test']:.3f}",
                     f"{middle['hypervolume']:.3f}"])
    print(rounds.table(["medians over seeds", "feasible", "kmac a network", "best validation", "its test", "hypervolume"], rows))
    versions = ", ".join(f"{name} {version}" for name, version in results["Optuna"][0]["versions"].items())
    print(f"\n{rounds.machine()}; {arguments.rounds} rounds; {versions}; Python {sys.version.split()[0]}.")


if __name__ == "__main__":
    main()

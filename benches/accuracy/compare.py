"""Compares accuracies of the same small network in bnas and in Brevitas: float, int8, int4, int2, ternary, binary.

    python compare.py [--data digits,fashion] [--seeds 10] [--jobs 2] [--out FOLDER] [--bnas EXECUTABLE] [--table]

Runs digits.bnas and fashion.bnas, and brevitas_accuracy.py in the Python that runs this script, once for each seed, `--jobs` of them at a time. What is
done is kept as lines of JSON in the folder (target/accuracy), so that a run which was stopped goes on; `--table` only prints.

The table in Markdown has means over seeds of the accuracy on the test split, in percent, and the difference of the means, bnas minus Brevitas,
with its 95 % confidence interval: Welch's t interval for two independent samples, since equal seeds mean different random numbers
in the two tools. Recipes were chosen on the validation split; every trained network reads the test split once.
"""

import argparse
import concurrent.futures
import json
import pathlib
import sys
import tempfile

import numpy
from scipy import stats

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import rounds

PRECISIONS = ["float", "int8", "int4", "int2", "ternary", "binary"]
TOOLS = ["bnas", "brevitas"]


def run_bnas(arguments, data, seed):
    """One network in float, one in binary, and one for each precision between: the arms of the second experiment."""
    records = []
    for experiment in ["float", "quantized", "binary"]:
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder) / "run"
            command = [arguments.bnas, "run", "--quiet", str(HERE / f"{data}.bnas"), "--experiment", experiment]
            rounds.output([*command, "--seed", str(seed), "--jobs", "1", "--out", str(out)], rounds.environment())
            for path in sorted(out.glob("arms/*/result.json")) or [out / "result.json"]:
                result = json.loads(path.read_text())
                # arms/3-policy=inner_ternary
                precision = path.parent.name.partition("inner_")[2] or experiment
                accuracy = result["trials"][0]["metrics"]["accuracy"]
                records.append(dict(data=data, precision=precision, seed=seed, validation=accuracy, test=result["tests"]["0"]))
    return records


def run_brevitas(arguments, data, seed):
    command = [sys.executable, str(HERE / "brevitas_accuracy.py"), data, str(seed)]
    return [json.loads(line) for line in rounds.output(command, rounds.environment()).splitlines()]


def collect(arguments):
    """Runs what is missing."""
    runs = {"bnas": run_bnas, "brevitas": run_brevitas}
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        waiting = {}
        for data in arguments.data:
            for seed in range(1, arguments.seeds + 1):
                for tool in TOOLS:
                    path = arguments.out / f"{tool}-{data}-{seed}.jsonl"
                    if not path.exists():
                        waiting[pool.submit(runs[tool], arguments, data, seed)] = path
        for done in concurrent.futures.as_completed(waiting):
            path = waiting[done]
            lines = [json.dumps(record) for record in done.result()]
            path.write_text("\n".join(lines) + "\n")
            print(f"{path.stem}: {len(lines)} networks", file=sys.stderr, flush=True)


def accuracies(arguments, tool, data, split):
    """Percentages by precision, one a seed."""
    found = {precision: [] for precision in PRECISIONS}
    for seed in range(1, arguments.seeds + 1):
        path = arguments.out / f"{tool}-{data}-{seed}.jsonl"
        if not path.exists():
            sys.exit(f"{path} is missing: run without --table")
        for record in map(json.loads, path.read_text().splitlines()):
            found[record["precision"]].append(100 * record[split])
    return found


def welch(ours, theirs):
    """The difference of two means and half the width of its 95 % interval (Welch 1947, doi:10.1093/biomet/34.1-2.28)."""
    interval = stats.ttest_ind(ours, theirs, equal_var=False).confidence_interval(0.95)
    return numpy.mean(ours) - numpy.mean(theirs), (interval.high - interval.low) / 2


def print_table(arguments, data):
    head = ["precision", "bnas, %", "Brevitas, %", "difference, points", "95 % interval", "validation: bnas, %", "Brevitas, %"]
    rows = []
    both = {split: [accuracies(arguments, tool, data, split) for tool in TOOLS] for split in ["test", "validation"]}
    for precision in PRECISIONS:
        ours, theirs = (found[precision] for found in both["test"])
        difference, half = welch(ours, theirs)
        cells = [f"{numpy.mean(values):.2f} ± {numpy.std(values, ddof=1):.2f}" for values in (ours, theirs)]
        chosen = [f"{numpy.mean(found[precision]):.2f}" for found in both["validation"]]
        rows.append([precision, *cells, f"{difference:+.2f}", f"{difference - half:+.2f} … {difference + half:+.2f}", *chosen])
    print(f"\n{data}, {arguments.seeds} seeds, ± standard deviation over seeds\n")
    print(rounds.table(head, rows))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="digits,fashion")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=pathlib.Path, default=rounds.ROOT / "target" / "accuracy")
    parser.add_argument("--bnas", help="the program; built if not given")
    parser.add_argument("--table", action="store_true", help="print what is there, run nothing")
    arguments = parser.parse_args()
    arguments.data = arguments.data.split(",")
    if arguments.seeds < 2:
        parser.error("an interval needs two seeds")
    if not arguments.table:
        arguments.bnas = arguments.bnas or rounds.build_bnas()
        arguments.out.mkdir(parents=True, exist_ok=True)
        collect(arguments)
    for data in arguments.data:
        print_table(arguments, data)


if __name__ == "__main__":
    main()

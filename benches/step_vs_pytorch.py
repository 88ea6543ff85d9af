"""Compares a training step of the engine with PyTorch, one thread each, alternating round by round.

    python step_vs_pytorch.py [--rounds N] [--bench EXECUTABLE]

PyTorch runs in the Python that runs this script, with glibc's malloc tuned so that freed memory stays mapped, as the
engine's own allocator does it. Prints a Markdown table: medians over rounds of each round's median, and their ratio.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
NETS = ["resnet20", "mbv2", "small28", "small8"]
MALLOC = {
    "MALLOC_MMAP_THRESHOLD_": "1073741824",
    "MALLOC_TRIM_THRESHOLD_": "2147483647",
    "MALLOC_TOP_PAD_": "67108864",
}


def build():
    """The path of the benchmark's executable."""
    command = ["cargo", "bench", "--bench", "step", "--no-run", "--message-format", "json"]
    output = subprocess.run(command, cwd=HERE.parent, check=True, stdout=subprocess.PIPE, text=True).stdout
    for line in output.splitlines():
        message = json.loads(line)
        if message.get("executable") and message["target"]["name"] == "step":
            return message["executable"]
    sys.exit("cargo built no executable named step")


def medians(command, environment):
    """Milliseconds of the median step by net."""
    output = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
    records = [json.loads(line) for line in output.splitlines()]
    return {record["net"]: statistics.median(record["ms"]) for record in records}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--bench", help="executable of the benchmark; built if not given")
    arguments = parser.parse_args()
    engine = [arguments.bench or build(), *NETS]
    pytorch = [sys.executable, str(HERE / "step_pytorch.py"), *NETS]
    rounds = {"bnas": [], "pytorch": []}
    for number in range(arguments.rounds):
        contestants = [("bnas", engine, os.environ), ("pytorch", pytorch, {**os.environ, **MALLOC})]
        if number % 2 == 1:
            contestants.reverse()
        for name, command, environment in contestants:
            rounds[name].append(medians(command, environment))
            print(f"round {number + 1} {name}: {rounds[name][-1]}", file=sys.stderr)
    print("| net | bnas, ms | PyTorch channels_last, ms | ratio |")
    print("|---|---|---|---|")
    for net in NETS:
        ours = statistics.median(result[net] for result in rounds["bnas"])
        theirs = statistics.median(result[net] for result in rounds["pytorch"])
        print(f"| {net} | {ours:.2f} | {theirs:.2f} | {ours / theirs:.2f} |")


if __name__ == "__main__":
    main()

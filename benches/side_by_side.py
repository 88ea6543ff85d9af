"""How much faster two trials are side by side on two cores than one after the other: `bnas run` with --jobs 2 and --jobs 1, taking turns.

    python side_by_side.py [--nets residual,mobile,small28,small8] [--rounds 7] [--bnas EXECUTABLE]

Runs the experiments of side_by_side.bnas, four trials of one cost each, on noise that is written first. Prints a table in Markdown: the ratio of median
wall times, which is the ratio of throughputs, with the least and the largest of a single round. The control is what the machine gives: the throughput of two
programs at once, which share nothing, with one job each.
"""

import argparse
import concurrent.futures
import functools
import pathlib
import random
import statistics
import struct
import sys
import tempfile
import time

import rounds

HERE = pathlib.Path(__file__).resolve().parent
NETS = ["residual", "mobile", "small28", "small8"]
DATA = {"noise32": (32, 32, 3), "noise28": (28, 28), "noise8": (8, 8)}
SAMPLES, CLASSES = 640, 10


def write_noise(folder):
    """IDX files of random bytes and labels."""
    for name, shape in DATA.items():
        noise = random.Random(name)
        size = SAMPLES
        for axis in shape:
            size *= axis
        for part, axes, values in [("images", (SAMPLES, *shape), noise.randbytes(size)),
                                   ("labels", (SAMPLES,), bytes(noise.randrange(CLASSES) for _ in range(SAMPLES)))]:
            header = struct.pack(f">4B{len(axes)}I", 0, 0, 8, len(axes), *axes)
            (folder / f"{name}-{part}").write_bytes(header + values)


def seconds(arguments, folder, net, jobs):
    with tempfile.TemporaryDirectory() as out:
        command = [arguments.bnas, "run", "--quiet", str(HERE / "side_by_side.bnas"), "--experiment", net, "--jobs", str(jobs)]
        start = time.perf_counter()
        rounds.output([*command, "--out", f"{out}/run"], {**rounds.environment(), "BNAS_DATA": str(folder)})
        return time.perf_counter() - start


def seconds_of_two(arguments, folder, net):
    """Two programs at once, with one job each."""
    start = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: seconds(arguments, folder, net, 1), range(2)))
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nets", default=",".join(NETS))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--bnas", help="the program; built if not given")
    arguments = parser.parse_args()
    arguments.bnas = arguments.bnas or rounds.build_bnas()
    nets = arguments.nets.split(",")
    times = {net: {1: [], 2: [], "control": []} for net in nets}
    with tempfile.TemporaryDirectory() as folder:
        write_noise(pathlib.Path(folder))
        for number in range(arguments.rounds):
            for net in nets:
                contestants = {jobs: functools.partial(seconds, arguments, folder, net, jobs) for jobs in (1, 2)}
                contestants["control"] = functools.partial(seconds_of_two, arguments, folder, net)
                found = rounds.take_turns(contestants, number)
                for name, wall in found.items():
                    times[net][name].append(wall)
                print(f"round {number + 1} {net}: {found}", file=sys.stderr, flush=True)
    rows = []
    for net in nets:
        one, two = times[net][1], times[net][2]
        both = [wall / 2 for wall in times[net]["control"]]
        rows.append([net, f"{statistics.median(one):.2f}", f"{statistics.median(two):.2f}", rounds.ratio(one, two), rounds.ratio(one, both)])
    print(rounds.table(["net", "1 job, s", "2 jobs, s", "throughput", "of single rounds", "control", "of single rounds"], rows))
    print(f"\n{rounds.machine()}; {arguments.rounds} rounds.")


if __name__ == "__main__":
    main()

"""Compares a training step of the engine with what users run today, one thread each, taking turns round by round.

    python step_vs_peers.py [--modes float,qat4,binary] [--nets …] [--rounds 7] [--isa avx512|avx2] [--larq PYTHON] [--bench EXECUTABLE]

PyTorch and Brevitas run in the Python that runs this script, Larq in the one that `--larq` names. Every net runs alone in a process of its
own, and all contestants of a net and mode run one after the other, every second round in the reverse order. Prints tables in
Markdown: medians over rounds of each round's median step, their ratio, and the least and largest ratio of a single round; the engine's
quantization-aware step beside its float step; peak memory, of PyTorch what is above its base (its libraries, the net and the
batch), of the engine all of the process.
"""

import argparse
import json
import pathlib
import statistics
import sys

import rounds

HERE = pathlib.Path(__file__).resolve().parent
NETS = ["resnet20", "mbv2", "small28", "small8"]
PEERS = {"float": ["PyTorch"], "qat4": ["PyTorch", "Brevitas"], "binary": ["PyTorch", "Brevitas", "Larq"]}
ENGINE = "bnas"


def commands(arguments):
    """What runs each contestant of a mode, without the net."""
    pytorch = [sys.executable, str(HERE / "step_pytorch.py")]
    return {
        ENGINE: [arguments.bench],
        "PyTorch": pytorch,
        "Brevitas": [*pytorch, "--by", "brevitas"],
        "Larq": [arguments.larq, str(HERE / "step_larq.py")],
    }


def measure(name, command, mode, isa):
    """The record of one process. A side that ran something else than it was asked for ends the comparison."""
    record = json.loads(rounds.output(command, rounds.environment(isa)).splitlines()[-1])
    if record.get("mode", "float") != mode:
        sys.exit(f"{' '.join(command)} ran {record['mode']} in place of {mode}")
    # TensorFlow can't say.
    if isa == "avx2" and name != "Larq" and record.get("isa") != isa:
        sys.exit(f"{' '.join(command)} does not say that it ran no more than AVX2: {record.get('isa')}")
    return record


def run(arguments, modes):
    """Records by (mode, net), contestant and round."""
    results = {}
    for number in range(arguments.rounds):
        for mode in modes:
            for net in arguments.nets:
                names = [ENGINE, *[p for p in PEERS[mode] if p != "Larq" or arguments.larq]]
                contestants = {}
                for name in names:
                    steps = ["--steps", str(arguments.steps)] if arguments.steps else []
                    said = [] if mode == "float" else ["--mode", mode]
                    command = [*commands(arguments)[name], net, *said, *steps]
                    contestants[name] = lambda name=name, command=command: measure(name, command, mode, arguments.isa)
                found = rounds.take_turns(contestants, number)
                for name, record in found.items():
                    results.setdefault((mode, net), {}).setdefault(name, []).append(record)
                middle = {name: round(statistics.median(record["ms"]), 2) for name, record in found.items()}
                print(f"round {number + 1} {mode} {net}: {middle}", file=sys.stderr, flush=True)
    return results


def times(records):
    return [statistics.median(record["ms"]) for record in records]


def print_ratios(results, modes):
    for mode in modes:
        rows = []
        for (_, net), contestants in ((key, value) for key, value in results.items() if key[0] == mode):
            ours = times(contestants[ENGINE])
            for peer in (name for name in contestants if name != ENGINE):
                theirs = times(contestants[peer])
                rows.append([net, peer, f"{statistics.median(ours):.2f}", f"{statistics.median(theirs):.2f}", rounds.ratio(ours, theirs)])
        print(f"\n{mode}\n")
        print(rounds.table(["net", "peer", "bnas, ms", "peer, ms", "ratio", "of single rounds"], rows))


def print_own(results, modes, nets):
    """Quantized steps beside the engine's own float step in the same rounds."""
    if "float" not in modes or len(modes) == 1:
        return
    rows = []
    for mode in modes:
        for net in nets if mode != "float" else []:
            ratio = rounds.ratio(times(results[mode, net][ENGINE]), times(results["float", net][ENGINE]))
            rows.append([net, mode, ratio])
    print("\nThe engine beside its own float step\n")
    print(rounds.table(["net", "mode", "ratio", "of single rounds"], rows))


def print_memory(results):
    rows = []
    for (mode, net), contestants in results.items():
        ours = [record.get("peak_mb", float("nan")) for record in contestants[ENGINE]]
        for peer in (name for name in contestants if name != ENGINE):
            theirs = [record["peak_mb"] - record["base_mb"] for record in contestants[peer]]
            rows.append([net, mode, peer, f"{statistics.median(ours):.0f}", f"{statistics.median(theirs):.0f}", rounds.ratio(ours, theirs)])
    print("\nPeak memory\n")
    print(rounds.table(["net", "mode", "peer", "bnas, all, MB", "peer above its base, MB", "ratio", "of single rounds"], rows))


def print_versions(results, arguments):
    versions = {}
    for contestants in results.values():
        for records in contestants.values():
            versions.update(records[0].get("versions", {}))
    shown = ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
    print(f"\n{rounds.machine()}; {arguments.isa}; {arguments.rounds} rounds; {shown}; Python {sys.version.split()[0]}.")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--modes", default="float,qat4,binary")
    parser.add_argument("--nets", default=",".join(NETS))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, help="steps of a process; each program's own number if not given")
    parser.add_argument("--isa", choices=["avx512", "avx2"], default="avx512")
    parser.add_argument("--larq", help="a Python that has larq; without it Larq is left out")
    parser.add_argument("--bench", help="executable of the benchmark; built if not given")
    arguments = parser.parse_args()
    modes, arguments.nets = arguments.modes.split(","), arguments.nets.split(",")
    for given, known in [(modes, PEERS), (arguments.nets, NETS)]:
        if wrong := [name for name in given if name not in known]:
            parser.error(f"{wrong[0]} is none of {', '.join(known)}")
    arguments.bench = arguments.bench or rounds.build_bench("step")
    results = run(arguments, modes)
    print_ratios(results, modes)
    print_own(results, modes, arguments.nets)
    print_memory(results)
    print_versions(results, arguments)


if __name__ == "__main__":
    main()

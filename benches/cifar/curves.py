"""Learning curves of ResNet-20 on CIFAR-10 (JPEG), bnas and PyTorch side by side: accuracy by epoch and by wall time.

    BNAS_DATA=FOLDER python curves.py --epochs N [--threads 1] [--out FOLDER] [--bnas EXECUTABLE] [--only bnas|pytorch] [--table]

One tool runs after the other. An epoch of each (`--epochs 1`) says how many fit into the time at hand. Curves are kept as lines of JSON in
the folder (target/cifar), where a run that is stopped leaves the epochs that it had; `--table` prints what is there as Markdown. The test split is
read once, at the end.
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import rounds

EPOCH = re.compile(r"epoch (\d+) of \d+ of \w+: loss ([\d.]+), validation ([\d.]+) %")


def bnas_lines(arguments):
    """Records of `bnas train` as they come; what it prints at the end is read for the test accuracy."""
    network = arguments.out / "resnet20.safetensors"
    command = [arguments.bnas, "train", str(HERE / "resnet20.bnas"), "--epochs", str(arguments.epochs), "--test", "--out", str(network)]
    command += ["--format", "json"]
    start = time.perf_counter()
    environment = rounds.environment(threads=arguments.threads)
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        said = []
        for line in program.stderr:
            said.append(line)
            if found := EPOCH.search(line):
                epoch, loss, validation = int(found[1]), float(found[2]), float(found[3]) / 100
                yield dict(epoch=epoch, loss=loss, validation=validation, seconds=time.perf_counter() - start)
        document = program.stdout.read()
    if program.returncode != 0:
        sys.exit(f"bnas ended with {program.returncode}:\n{''.join(said)}")
    yield dict(test=json.loads(document)["test"])


def pytorch_lines(arguments):
    command = [sys.executable, str(HERE / "resnet20_pytorch.py"), "--epochs", str(arguments.epochs), "--threads", str(arguments.threads)]
    environment = rounds.environment(threads=arguments.threads)
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as program:
        for line in program.stdout:
            yield json.loads(line)
    if program.returncode != 0:
        sys.exit(f"PyTorch ended with {program.returncode}")


def record(arguments, tool, lines):
    with (arguments.out / f"{tool}.jsonl").open("w") as file:
        for line in lines(arguments):
            print(json.dumps(line), file=file, flush=True)
            print(f"{tool}: {line}", file=sys.stderr, flush=True)


def print_table(arguments):
    curves = {}
    for tool in ["bnas", "pytorch"]:
        path = arguments.out / f"{tool}.jsonl"
        lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        curves[tool] = {line["epoch"]: line for line in lines if "epoch" in line}
        for line in lines:
            if "test" in line:
                print(f"{tool}, test: {100 * line['test']:.2f} %\n")
    rows = []
    for epoch in sorted(set(curves["bnas"]) | set(curves["pytorch"])):
        cells = []
        for tool in ["bnas", "pytorch"]:
            line = curves[tool].get(epoch)
            cells += [f"{line['seconds']:.0f}", f"{line['loss']:.3f}", f"{100 * line['validation']:.2f}"] if line else ["–"] * 3
        rows.append([epoch, *cells])
    head = ["epoch", "bnas, s", "loss", "validation, %", "PyTorch, s", "loss", "validation, %"]
    print(rounds.table(head, rows))
    print(f"\n{rounds.machine()}.")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--threads", type=int, default=1, help="threads of PyTorch")
    parser.add_argument("--out", type=pathlib.Path, default=rounds.ROOT / "target" / "cifar")
    parser.add_argument("--bnas", help="the program; built if not given")
    parser.add_argument("--only", choices=["bnas", "pytorch"])
    parser.add_argument("--table", action="store_true", help="print what is there, run nothing")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    if not arguments.table:
        tools = {"bnas": bnas_lines, "pytorch": pytorch_lines}
        if arguments.only != "pytorch":
            arguments.bnas = arguments.bnas or rounds.build_bnas()
        for tool, lines in tools.items():
            if arguments.only in (None, tool):
                record(arguments, tool, lines)
    print_table(arguments)


if __name__ == "__main__":
    main()

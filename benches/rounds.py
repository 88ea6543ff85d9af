"""Rounds in which programs take turns, so that whatever else the machine does falls on all of them alike.

What the comparisons share: how executables are found, which environment both sides run in, ratios of medians.
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# glibc's malloc keeps freed memory mapped, as the engine's own allocator does: page faults are half of a step otherwise.
MALLOC = {
    "MALLOC_MMAP_THRESHOLD_": "1073741824",
    "MALLOC_TRIM_THRESHOLD_": "2147483647",
    "MALLOC_TOP_PAD_": "67108864",
}

# What keeps each side to AVX2. Nothing is set for AVX-512: all sides take the widest that the machine has.
AVX2 = {"BNAS_SIMD": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}


def environment(isa="avx512", threads=1):
    """The environment of a peer and of the engine."""
    several = {name: str(threads) for name in ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"]}
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_USE_LEGACY_KERAS": "1"}
    return {**os.environ, **MALLOC, **several, **quiet, **(AVX2 if isa == "avx2" else {})}


def build_bench(name):
    """The path of a benchmark's executable, after building it."""
    command = ["cargo", "bench", "--bench", name, "--no-run", "--message-format", "json"]
    output = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    for line in output.splitlines():
        message = json.loads(line)
        if message.get("executable") and message["target"]["name"] == name:
            return message["executable"]
    sys.exit(f"cargo built no executable named {name}")


def build_bnas():
    """The path of the program, after building it as users do."""
    subprocess.run(["cargo", "build", "--release"], cwd=ROOT, check=True)
    return str(ROOT / "target" / "release" / "bnas")


def output(command, variables):
    """What a command prints; a command that fails ends the comparison with what it said."""
    done = subprocess.run(command, env=variables, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def take_turns(contestants, number):
    """Runs all contestants of round `number`, every second round in the reverse order. What each returns, by name."""
    names = list(contestants)
    if number % 2 == 1:
        names.reverse()
    results = {name: contestants[name]() for name in names}
    return {name: results[name] for name in contestants}


def ratio(ours, theirs):
    """The ratio of medians over rounds, with the least and the largest ratio of a single round, for a table."""
    middle = statistics.median(ours) / statistics.median(theirs)
    single = [a / b for a, b in zip(ours, theirs, strict=True)]
    return f"{middle:.2f} | {min(single):.2f}–{max(single):.2f}"


def table(head, rows):
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def machine():
    """The processor and the load, for the line under a table."""
    info = pathlib.Path("/proc/cpuinfo")
    names = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg())
    return f"{names[0] if names else 'unknown processor'}, {os.cpu_count()} cores, load {load}"

"""Runs every mistake in every tool and prints the table of docs/language-comparison.md as Markdown.

    python run.py --bnas ../../target/release/bnas [--python neps=/path/to/python]... [--tool bnas] [--mistake 07]

Results are kept in results.json, so that one tool can be run again and the table still has all.
One process per case. A case counts as reported if, before the first evaluation, the process ends with an error or prints a
warning or an error that the control case does not print. It names the line if that output names a line marked `<- here`: in
Python by a traceback or a warning, in bnas by the position of a diagnostic. A mistake that a tool has no way to make, because it
cannot say the thing at all, has no file, and `mistake.md` says why.
"""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

HERE = Path(__file__).parent
TOOLS = ["bnas", "optuna", "configspace", "nni", "neps"]
NAMES = {"bnas": "bnas", "optuna": "Optuna", "configspace": "ConfigSpace", "nni": "NNI", "neps": "NePS"}
RESULTS = HERE / "results.json"
PACKAGES = {"optuna": "optuna", "configspace": "ConfigSpace", "nni": "nni", "neps": "neural-pipeline-search"}
FILES = {"bnas": "spec.bnas", "optuna": "case_optuna.py", "configspace": "case_configspace.py", "nni": "nni.json", "neps": "case_neps.py"}
COMPLAINT = re.compile(r"warn|error|exception|failed", re.IGNORECASE)
TIME_LIMIT = 120


def description(folder):
    """The text of a mistake, its source, and the tools that cannot say it with their reasons."""
    lines = (folder / "mistake.md").read_text(encoding="utf-8").splitlines()
    cannot = dict(line.removeprefix("cannot: ").split(": ", 1) for line in lines if line.startswith("cannot: "))
    text = [line for line in lines if not line.startswith("cannot: ")]
    return text[0], text[1].removeprefix("From ") if len(text) > 1 else "", cannot


def command(tool, arguments, work):
    if tool == "bnas":
        return [arguments.bnas, "--color", "never", "run", "spec.bnas", "--out", str(work / "out")]
    script = "nni_run.py" if tool == "nni" else FILES[tool]
    return [arguments.python.get(tool, sys.executable), script]


def run(tool, folder, arguments):
    """Runs one case in a folder of its own: exit code, output, evaluations, and what was printed before the first of them."""
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        for name in ["stub.py", "nni.yml", "nni_run.py", "nni_trial.py"]:
            shutil.copy(HERE / name, work)
        for path in folder.iterdir():
            shutil.copy(path, work)
        evaluations = work / "evaluations"
        # PYTHONPATH: trials of NNI run elsewhere. The rest: threads and colors change no result.
        environment = os.environ | {
            "EVALUATIONS": str(evaluations),
            "OUT": str(work / "out"),
            "PYTHONPATH": str(work),
            "PYTHONUNBUFFERED": "1",
            "NO_COLOR": "1",
            "OMP_NUM_THREADS": "1",
        }
        with subprocess.Popen(
            command(tool, arguments, work),
            cwd=work,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            # Where this program runs in the background, interrupts are ignored, and children inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        ) as process:
            try:
                output, _ = process.communicate(timeout=TIME_LIMIT)
            except subprocess.TimeoutExpired:
                # An interrupt, so that NNI stops its manager.
                os.killpg(process.pid, signal.SIGINT)
                output, _ = process.communicate()
                output += f"\nstill running after {TIME_LIMIT} s"
        if tool == "bnas":
            trials = work / "out" / "trials.csv"
            count = max(0, len(trials.read_text().splitlines()) - 1) if trials.exists() else 0
            checked = [arguments.bnas, "--format", "json", "check", "spec.bnas"]
            before = subprocess.run(checked, cwd=work, capture_output=True, text=True, check=False).stdout
        else:
            times = [float(t) for t in evaluations.read_text().split()] if evaluations.exists() else []
            count = len(times)
            before = output.split("== evaluation ==")[0]
            if tool == "nni":
                before = "\n".join(nni_log(work / "out", min(times, default=time.time()))) + ("" if times else "\n" + output)
        return process.returncode, output, count, before


def nni_log(folder, until):
    """The warnings and errors in NNI's log files up to a time. They are where NNI's documentation sends its users."""
    for path in sorted(folder.glob("*/log/*.log")):
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            stamp = re.match(r"\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\]", line)
            if stamp and datetime.strptime(stamp[1], "%Y-%m-%d %H:%M:%S").timestamp() > until:
                break
            if COMPLAINT.search(line):
                yield line


def complaints(text):
    """Lines that warn or complain, without what differs from run to run."""
    return {re.sub(r"/\S+/|[0-9a-f]{6,}|\d\d:\d\d:\d\d|\d+", "", line) for line in text.splitlines() if COMPLAINT.search(line)}


def names_a_marked_line(tool, folder, text):
    path = folder / FILES[tool]
    marked = [i for i, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if "<- here" in line]
    if tool == "bnas":
        diagnostics = [d for file in json.loads(text)["files"] for d in file["diagnostics"]]
        return any(label["line"] in marked for d in diagnostics for label in d["labels"])
    shapes = [r"{file}:{line}:", r'{file}", line {line}\b']
    return any(re.search(shape.format(file=re.escape(path.name), line=n), text) for n in marked for shape in shapes)


def judge(tool, folder, arguments, control):
    code, output, count, before = run(tool, folder, arguments)
    if arguments.verbose:
        print(f"--- {folder.name} {tool}: exit {code}, {count} evaluations\n{output}", file=sys.stderr)
    if tool == "bnas":
        reported = (code != 0 and count == 0) or '"code"' in before
    else:
        reported = (code != 0 and count == 0) or bool(complaints(before) - control)
    if not reported:
        return "no"
    return "yes, line" if names_a_marked_line(tool, folder, before) else "yes"


def version(tool, arguments):
    if tool == "bnas":
        return subprocess.run([arguments.bnas, "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]
    script = f"import importlib.metadata, platform; print(importlib.metadata.version('{PACKAGES[tool]}'), 'on Python', platform.python_version())"
    python = arguments.python.get(tool, sys.executable)
    return subprocess.run([python, "-c", script], capture_output=True, text=True, check=True).stdout.strip()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bnas", default="bnas", help="the binary")
    parser.add_argument("--python", action="append", default=[], metavar="TOOL=PATH", help="an interpreter that has TOOL")
    parser.add_argument("--tool", action="append", choices=TOOLS)
    parser.add_argument("--mistake", default="", help="only those whose folder begins so")
    parser.add_argument("--verbose", action="store_true", help="print every output")
    arguments = parser.parse_args()
    arguments.python = dict(pair.split("=", 1) for pair in arguments.python)
    arguments.bnas = str(Path(arguments.bnas).resolve()) if os.sep in arguments.bnas else arguments.bnas
    tools = arguments.tool or TOOLS

    controls = {}
    for tool in tools:
        code, output, count, before = run(tool, HERE / "mistakes" / "00-control", arguments)
        if code != 0 or count == 0:
            sys.exit(f"the control of {tool} fails: exit {code}, {count} evaluations\n{output}")
        controls[tool] = complaints(before)

    folders = [f for f in sorted((HERE / "mistakes").iterdir()) if not f.name.startswith("00")]
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    for tool in tools:
        verdicts = results.setdefault(tool, {})
        verdicts["version"] = version(tool, arguments)
        for folder in folders:
            if folder.name.startswith(arguments.mistake):
                cannot = description(folder)[2]
                verdicts[folder.name] = "–" if tool in cannot else judge(tool, folder, arguments, controls[tool])
        RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(table(folders, results))


def table(folders, results):
    """All results, those of earlier runs with them, as Markdown."""
    tools = [tool for tool in TOOLS if tool in results]
    lines = ["Versions: " + ", ".join(f"{NAMES[tool]} {results[tool]['version']}" for tool in tools) + ".", ""]
    lines += ["| mistake | source | " + " | ".join(NAMES[tool] for tool in tools) + " |", "|---|---|" + "---|" * len(tools)]
    for folder in folders:
        text, source, _ = description(folder)
        source = source.split(" (")[0].rstrip(".") if source != "Typical." else "typical"
        row = " | ".join(results[tool].get(folder.name, "not run") for tool in tools)
        lines.append(f"| [{int(folder.name[:2])}](../tests/comparison/mistakes/{folder.name}). {text.rstrip('.')} | {source} | {row} |")
    for title, kinds in [("reported", ["yes", "yes, line"]), ("with the line", ["yes, line"]), ("cannot be said", ["–"])]:
        counts = [sum(verdict in kinds for verdict in results[tool].values()) for tool in tools]
        lines.append(f"| **{title}** | | " + " | ".join(str(n) for n in counts) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()

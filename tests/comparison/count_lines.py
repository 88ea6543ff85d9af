"""Counts the lines of each space that are neither blank nor comment, doc string or driver.

A Python file's space ends where its driver begins ("What follows is the driver").
"""

import io
import tokenize
from pathlib import Path

FILES = ["space.bnas", "space_optuna.py", "space_configspace.py", "space_nni.json", "space_neps.py"]


def lines_of_python(text):
    text = text.split("# What follows is the driver")[0]
    skipped = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    lines, fresh = set(), True
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in skipped:
            fresh = fresh or token.type in {tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
        elif token.type == tokenize.STRING and fresh:
            continue  # a doc string
        else:
            fresh = False
            lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines)


def lines_of_other(text):
    return sum(bool(line.strip()) and not line.strip().startswith("//") for line in text.splitlines())


for name in FILES:
    text = (Path(__file__).parent / name).read_text(encoding="utf-8")
    print(f"{name}: {lines_of_python(text) if name.endswith('.py') else lines_of_other(text)}")

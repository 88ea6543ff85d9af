"""Runs space.bnas and reads its candidates back from the table of trials. BNAS names the binary."""

import csv
import os
import subprocess
import tempfile
from pathlib import Path


def sample(n, seed):
    spec = Path(__file__).with_name("space.bnas")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        binary = os.environ.get("BNAS", "bnas")
        command = [binary, "--quiet", "run", str(spec), "--trials", str(n), "--seed", str(seed), "--out", str(out)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        with open(out / "trials.csv", newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                layers = []
                while row.get(f"space.d[{len(layers)}].channels"):
                    path = f"space.d[{len(layers)}]"
                    kind = row[f"{path}.block"]
                    argument = "kernel" if kind == "plain" else "expansion"
                    layers.append({
                        "bits": int(row[f"policy.d[{len(layers)}].project.b"]),
                        "channels": int(row[f"{path}.channels"]),
                        "activation": row[f"{path}.activation"],
                        "block": (kind, int(row[f"{path}.block.{kind}.{argument}"])),
                    })
                depth, head = int(row["space.depth"]), int(row["space.head"])
                yield {"depth": depth, "head": head, "layers": layers, "optimizer": row["train.optimizer"]}

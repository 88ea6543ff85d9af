"""Runs the experiment file in the current folder with NNI's Python interface, to its end."""

import os
import socket
import sys
from pathlib import Path

from nni.experiment import Experiment, ExperimentConfig

config = ExperimentConfig.load("nni.yml")
config.trial_command = f"{sys.executable} nni_trial.py"
config.experiment_working_directory = os.environ["OUT"]

with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]

experiment = Experiment(config)
try:
    finished = experiment.run(port, wait_completion=True)
    for job in experiment.list_trial_jobs():
        if job.status == "FAILED":
            stderr = Path(job.logPath.removeprefix("file://").split(":")[-1], "stderr")
            print(f"trial {job.trialJobId} failed, an error:", stderr.read_text() if stderr.exists() else job.stderrPath)
finally:
    experiment.stop()
sys.exit(0 if finished else 1)

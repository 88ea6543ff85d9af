import os

import neps
import stub


class Space(neps.PipelineSpace):
    width = neps.Categorical((8, 16, 24))
    schedul = "cosine"  # <- here


def evaluate(width, schedule):  # <- here
    return -stub.train(width=width, schedule=schedule)


neps.run(evaluate_pipeline=evaluate, pipeline_space=Space(), root_directory=os.environ["OUT"], worker_evaluations_to_spend=4)

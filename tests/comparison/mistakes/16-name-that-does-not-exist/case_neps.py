import os

import neps
import stub


class Space(neps.PipelineSpace):
    _cell = neps.Categorical((3, 5))
    kernel = neps.ByName("_cel").resample()  # <- here


def evaluate(kernel):
    return -stub.train(kernel=kernel)


neps.run(evaluate_pipeline=evaluate, pipeline_space=Space(), root_directory=os.environ["OUT"], worker_evaluations_to_spend=4)

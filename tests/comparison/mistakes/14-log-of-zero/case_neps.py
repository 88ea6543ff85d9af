import os

import neps
import stub


class Space(neps.PipelineSpace):
    lr = neps.Float(0.0, 1e-1, log=True)  # <- here


def evaluate(lr):
    return -stub.train(optimizer=stub.adam(learning_rate=lr))


neps.run(evaluate_pipeline=evaluate, pipeline_space=Space(), root_directory=os.environ["OUT"], worker_evaluations_to_spend=4)

import optuna
import stub


def objective(trial):
    depth = trial.suggest_int("depth", 3, 6)
    head = trial.suggest_categorical("head", [32, 64, 128])
    trial.set_user_attr("constraint", (depth * head - 500,))  # <- here
    if depth * head > 500:  # <- here
        raise optuna.TrialPruned()
    return stub.train(depth=depth, head=head)


def constraints(trial):
    return trial.user_attrs["constraint"]


sampler = optuna.samplers.TPESampler(seed=1, constraints_func=constraints)
study = optuna.create_study(direction="maximize", sampler=sampler)
study.enqueue_trial({"depth": 6, "head": 128})  # <- here
study.optimize(objective, n_trials=20)

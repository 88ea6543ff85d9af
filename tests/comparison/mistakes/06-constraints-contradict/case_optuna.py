import optuna
import stub


def objective(trial):
    first = trial.suggest_categorical("first", [3, 4, 5])
    last = trial.suggest_categorical("last", [3, 4, 5])
    trial.set_user_attr("constraint", (first - last + 1, first * last - 9))  # <- here
    if not (first < last and first * last < 10):  # <- here
        raise optuna.TrialPruned()
    return stub.train(first=first, last=last)


def constraints(trial):
    return trial.user_attrs["constraint"]


sampler = optuna.samplers.TPESampler(seed=1, constraints_func=constraints)
study = optuna.create_study(direction="maximize", sampler=sampler)
study.optimize(objective, n_trials=20)

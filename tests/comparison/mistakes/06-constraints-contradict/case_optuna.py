import optuna
import stub


def objective(trial):
    first = trial.suggest_categorical("first", [3, 4, 5])
    last = trial.suggest_categorical("last", [3, 4, 5])
    trial.set_constraint("first", first - last + 1)  # <- here
    trial.set_constraint("second", first * last - 9)  # <- here
    if not (first < last and first * last < 10):  # <- here
        raise optuna.TrialPruned()
    return stub.train(first=first, last=last)


sampler = optuna.samplers.TPESampler(seed=1)
study = optuna.create_study(direction="maximize", sampler=sampler)
study.optimize(objective, n_trials=20)

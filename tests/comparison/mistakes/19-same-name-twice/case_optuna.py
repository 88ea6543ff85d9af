import optuna
import stub


def objective(trial):
    first = trial.suggest_categorical("width", [8, 16])
    last = trial.suggest_categorical("width", [24, 32])  # <- here
    return stub.train(first=first, last=last)


study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=1))
study.optimize(objective, n_trials=20)

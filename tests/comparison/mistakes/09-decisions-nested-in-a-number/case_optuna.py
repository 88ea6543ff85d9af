import optuna
import stub


def objective(trial):
    depth = trial.suggest_int("depth", 3, 6, {"kernel": [3, 5]})  # <- here
    return stub.train(depth=depth)


study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=1))
study.optimize(objective, n_trials=20)

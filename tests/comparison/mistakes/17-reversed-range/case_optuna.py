import optuna
import stub


def objective(trial):
    depth = trial.suggest_int("depth", 6, 3)  # <- here
    return stub.train(depth=depth)


study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=1))
study.optimize(objective, n_trials=20)

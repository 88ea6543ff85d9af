import optuna
import stub


def objective(trial):
    width = trial.suggest_categorical("width", [8, 16, 24])
    return stub.train(width=width)


study = optuna.create_study(direction="maximize", n_jobs=2)  # <- here
study.optimize(objective, n_trials=20)

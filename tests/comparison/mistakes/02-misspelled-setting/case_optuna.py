import optuna
import stub


def objective(trial):
    width = trial.suggest_categorical("width", [8, 16, 24])
    return stub.train(width=width, schedul="cosine")  # <- here


study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=1))
study.optimize(objective, n_trials=20)

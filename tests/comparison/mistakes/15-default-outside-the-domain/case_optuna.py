import optuna
import stub


def objective(trial):
    width = trial.suggest_categorical("width", [8, 16, 24])  # <- here
    return stub.train(width=width)


study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=1))
study.enqueue_trial({"width": 32})  # <- here
study.optimize(objective, n_trials=20)

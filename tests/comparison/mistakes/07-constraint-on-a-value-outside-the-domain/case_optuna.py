import optuna
import stub


def objective(trial):
    kernel = trial.suggest_categorical("kernel", [3, 5])
    width = trial.suggest_categorical("width", [8, 16, 24])
    if kernel == 7 and width > 16:  # <- here
        raise optuna.TrialPruned()
    return stub.train(kernel=kernel, width=width)


study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=1))
study.optimize(objective, n_trials=20)

import optuna
import stub


def objective(trial):
    depth = trial.suggest_int("depth", 3, 6)
    head = trial.suggest_categorical("head", [32, 64, 128])
    if trial.params["dept"] * trial.params["head"] > 500:  # <- here
        raise optuna.TrialPruned()
    return stub.train(depth=depth, head=head)


study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=1))
study.optimize(objective, n_trials=20)

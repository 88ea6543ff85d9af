import optuna
import stub


def objective(trial):
    depth = trial.suggest_int("depth", 3, 6)
    head = trial.suggest_categorical("head", [256, 512])
    trial.set_constraint("first", 100 - depth * head)  # <- here
    trial.set_constraint("second", depth * head - 500)  # <- here
    if not 100 <= depth * head <= 500:  # <- here
        raise optuna.TrialPruned()
    return stub.train(depth=depth, head=head)


sampler = optuna.samplers.TPESampler(seed=1)
study = optuna.create_study(direction="maximize", sampler=sampler)
study.optimize(objective, n_trials=20)

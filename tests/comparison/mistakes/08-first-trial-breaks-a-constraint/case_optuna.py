import optuna
import stub


def objective(trial):
    depth = trial.suggest_int("depth", 3, 6)
    head = trial.suggest_categorical("head", [32, 64, 128])
    trial.set_constraint("first", depth * head - 500,)  # <- here
    if depth * head > 500:  # <- here
        raise optuna.TrialPruned()
    return stub.train(depth=depth, head=head)


sampler = optuna.samplers.TPESampler(seed=1)
study = optuna.create_study(direction="maximize", sampler=sampler)
study.enqueue_trial({"depth": 6, "head": 128})  # <- here
study.optimize(objective, n_trials=20)

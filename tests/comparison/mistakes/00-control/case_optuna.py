import optuna
import stub


def objective(trial):
    depth = trial.suggest_int("depth", 3, 6)
    width = trial.suggest_categorical("width", [8, 16, 24])
    if trial.suggest_categorical("optimizer", ["sgd", "adam"]) == "sgd":
        optimizer = stub.sgd(learning_rate=trial.suggest_float("sgd_lr", 1e-3, 1e-1, log=True))
    else:
        optimizer = stub.adam(learning_rate=trial.suggest_float("adam_lr", 1e-4, 1e-2, log=True))
    return stub.train(depth=depth, width=width, optimizer=optimizer)


study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=1))
study.optimize(objective, n_trials=20)

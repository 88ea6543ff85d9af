import optuna
import stub


def objective(trial):
    if trial.suggest_categorical("optimizer", ["sgd", "adam"]) == "sgd":
        optimizer = stub.sgd(learning_rate=trial.suggest_float("sgd_lr", 1e-3, 1e-1, log=True))
    else:
        learning_rate = trial.suggest_float("adam_lr", 1e-4, 1e-2, log=True)
        momentum = trial.suggest_float("momentum", 0.8, 0.99)  # <- here
        optimizer = stub.adam(learning_rate=learning_rate, momentum=momentum)  # <- here
    return stub.train(optimizer=optimizer)


study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=1))
study.optimize(objective, n_trials=20)

"""Blocks of minibatches: on how many the training loop takes steps in one call."""

import math

from logreg import engine

# Of rows and parameters, in one call: one core takes 0.1 s for them, or less.
PRODUCTS_AT_ONCE = 5 * 10**8
MINIBATCHES_AT_ONCE = 2000  # a step takes up to 50 us beside its products


def minibatches_at_once(run, callbacks=()):
    """How many minibatches one call of `train_model` may take, between two looks at the callbacks.

    Only the native kernel and a device gain from more than one. There are few enough of them for
    a call to take about 0.1 s, since a signal waits for its end.
    """
    if any(callback.reads_steps for callback in callbacks):
        return 1
    if not run.W_and_b and engine.device() == "cpu":
        return 1
    n_parameters = sum(engine.value(param).size for param in run.params)
    n_fast = PRODUCTS_AT_ONCE // (run.hyperparameters.batch_size * n_parameters)
    n_most = max(1, min(run.validation_frequency, MINIBATCHES_AT_ONCE, n_fast))
    n_calls = math.ceil(run.validation_frequency / n_most)
    return math.ceil(run.validation_frequency / n_calls)  # so that all calls take as many


def blocks(run, epoch, n_at_once=1):
    """Yield the first and the last minibatch of each call of `train_model` in an epoch.

    A block ends where something else is to be done: at a validation, at the end of the epoch, where
    patience runs out. Minibatches up to ``run.iter`` are done already.
    """
    begin = epoch * run.n_train_batches
    end = begin + run.n_train_batches
    while run.iter + 1 < end:
        first = run.iter + 1
        validation = first + run.validation_frequency - first % run.validation_frequency
        patience = math.ceil(run.stopping.patience) + 1
        stop = min(first + n_at_once, validation, end, patience)
        yield first - begin, stop - 1 - begin

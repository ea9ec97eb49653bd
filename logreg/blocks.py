"""Blocks of minibatches: `train_model` takes all steps of a block in one call."""

import math

from logreg import engine

# A signal waits for the end of a block, so these limits of a block stand for about 0.1 s on one
# core each.
PRODUCTS_AT_ONCE = 5 * 10**8  # rows times parameters
MINIBATCHES_AT_ONCE = 2000  # each takes up to 50 us beside its products


def minibatches_at_once(run, callbacks=()):
    """Compute the largest number of minibatches in a block.

    It is 1 if a callback reads each step. It is also 1 for nets on the CPU, whose steps the engine
    takes one by one: a larger block would save nothing.
    """
    if any(callback.reads_steps for callback in callbacks):
        return 1
    is_net = not run.W_and_b
    if is_net and engine.device() == "cpu":
        return 1
    n_parameters = sum(engine.value(param).size for param in run.params)
    n_by_products = PRODUCTS_AT_ONCE // (run.hyperparameters.batch_size * n_parameters)
    n_most = max(1, min(run.validation_frequency, MINIBATCHES_AT_ONCE, n_by_products))
    n_blocks = math.ceil(run.validation_frequency / n_most)
    return math.ceil(run.validation_frequency / n_blocks)  # so that all blocks are of equal size


def blocks(run, epoch, n_at_once=1):
    """Yield the numbers of the first and the last minibatch of each block of an epoch.

    The next block begins after ``run.iter``. It ends after `n_at_once` minibatches, or earlier: at
    the next validation, at the end of the epoch, or where patience runs out.
    """
    begin = epoch * run.n_train_batches
    end_of_epoch = begin + run.n_train_batches
    while run.iter + 1 < end_of_epoch:  # the caller trains on each block and sets `run.iter`
        first = run.iter + 1
        n_to_validation = run.validation_frequency - first % run.validation_frequency
        last = min(
            first + n_at_once - 1,
            first + n_to_validation - 1,
            end_of_epoch - 1,
            math.ceil(run.stopping.patience),  # the minibatch at which it runs out
        )
        yield first - begin, last - begin

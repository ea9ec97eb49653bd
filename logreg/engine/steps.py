"""`train_model`: the steps that it is asked for, and the few calls in which they are taken."""

import numpy

SECONDS = 0.1  # that a call takes at the most: a signal waits for it


class TrainModel:
    """Notes the steps that are asked for, and takes up to `block` of them in one call.

    ``take(indices)`` takes the steps on these minibatches, and returns an array that begins with
    their costs. With a `clock`, the first call takes one step, and the others as many as take
    `SECONDS` by the call before. What is noted belongs to this function alone: shared variables
    have the values after the steps that are taken, and ``costs()`` takes them all.
    """

    def __init__(self, take, block=1, clock=None):
        self._take, self._block, self._clock = take, block, clock
        self._limit = 1 if clock else block
        self._noted = []
        self._taken = []  # pairs of what `take` returned, and how many costs that are

    def __call__(self, index):
        self._noted.append(index)
        if len(self._noted) >= self._limit:
            self._take_noted()

    def _take_noted(self):
        noted, self._noted = self._noted, []
        began = self._clock() if self._clock else 0
        self._taken.append((self._take(noted), len(noted)))
        if self._clock:
            most = len(noted) * SECONDS / max(self._clock() - began, 1e-9)
            self._limit = max(1, min(self._block, int(most)))

    def costs(self):
        """Take the steps that are noted; return the costs of all since the last call."""
        if self._noted:
            self._take_noted()
        taken, self._taken = self._taken, []
        return [cost for costs, n in taken for cost in numpy.asarray(costs)[:n]]

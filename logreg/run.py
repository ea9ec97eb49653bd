"""The state and the result of a training run."""

import contextlib
import functools
import math
import timeit
from dataclasses import dataclass, field, replace
from typing import Any, Dict, Iterator, List, Optional

import numpy

from logreg import engine
from logreg.basics.errors import SettingError
from logreg.basics.version import ARITHMETIC_VERSION
from logreg.datasets.training_data import TrainingData, digest
from logreg.early_stopping import (
    EARLY_STOPPING_SETTINGS,
    REASON_TEXTS,
    EarlyStopping,
    replay_validations,
)

# Callbacks import it from here, and `as` tells type checkers that they may.
from logreg.early_stopping import Validation as Validation
from logreg.hyperparameters import Hyperparameters

MAX_POINTS = 500  # validations that the learning curve in a file has at most
# The hyperparameters that the training loop reads; the others are in the cost and the updates.
RUN_SETTINGS = ("n_epochs", "batch_size", *EARLY_STOPPING_SETTINGS)
# The engine takes a block of steps in one call, and a Ctrl-C has to wait for the end of the block.
# These two limits keep a block below about 0.1 s on one core.
PRODUCTS_AT_ONCE = 5 * 10**8  # multiplications: rows times parameters
MINIBATCHES_AT_ONCE = 100  # an engine takes up to 1 ms for each, beside its products


@dataclass(eq=False, repr=False)
class Run:
    """A training run: its data and settings, its state, and its validations.

    Attributes
    ----------
    data : logreg.datasets.training_data.TrainingData
        The three sets, and their facts.
    hyperparameters : Hyperparameters
    variables : list of shared variables
        All that training changes.
    params : list of shared variables
        Those of `variables` that the cost depends on: not what an update rule remembers.
    statistics : list of shared variables
        Those of `variables` that the errors or the loss depend on, and the cost does not, such as
        the running means of batch normalization.
    classifier_params : tuple of two shared variables, or None
        W and b of a softmax regression on the features themselves; None for another model, such as
        a net.
    is_tutorial_model : bool
        Whether this is the tutorial's model, whose cost and updates are made of `hyperparameters`.
        The settings in the cost and the updates of another model are not known.
    initial_values : list of numpy.ndarray
        What the `variables` were before the first minibatch.
    n_train_batches : int
        Minibatches in an epoch.
    iter : int
        The last minibatch trained on, counted from 0 over the whole run; -1 before the first.
    seconds : float
        Time since the training began, and of the earlier parts of a resumed run.
    validations : list of Validation
    stopping : EarlyStopping
        The patience, and which validation is the best.
    best_values : list of numpy.ndarray or None
        What `params` and `statistics` were at the best validation. If the model was trained anew,
        as :mod:`logreg.retraining` does, what they were after that.
    n_refit_rows : int or None
        The number of rows on which :func:`.refit_best` trained the model anew; None if it did not.
    tested_probabilities : numpy.ndarray or None
        If folds tested all rows: the probability of each class for each row, of shape (n, n_out),
        by a model that had not seen it.
    reason : {None, 'patience', 'n_epochs', 'diverged', 'interrupted', 'stopped'}
        Why the run ended. A callback that raises :class:`~logreg.callbacks.StopTraining` ends it:
        'stopped' if it gives a text, 'interrupted' if it gives none, as after Ctrl-C.
    message : str
        That text.
    """

    data: TrainingData
    hyperparameters: Hyperparameters
    variables: List[Any]
    params: List[Any]
    statistics: List[Any] = field(default_factory=list)
    classifier_params: Optional[tuple] = None
    is_tutorial_model: bool = False
    iter: int = -1
    seconds: float = 0.0
    validations: List[Validation] = field(default_factory=list)
    initial_values: Optional[List[numpy.ndarray]] = None
    best_values: Optional[List[numpy.ndarray]] = None
    n_refit_rows: Optional[int] = None
    tested_probabilities: Optional[numpy.ndarray] = None
    reason: Optional[str] = None
    message: str = ""

    def __post_init__(self):
        if self.initial_values is None:
            self.initial_values = engine.copy_values(self.variables)
        self._row_counts = self._count_rows()
        self.n_train_batches = self.data.train.n_rows // self.hyperparameters.batch_size
        self.compute_stopping()
        self.start_clock()

    def _count_rows(self):
        return [row_set.n_rows for row_set in self.data.sets.values()]

    def check_row_counts(self) -> None:
        """Raise a SettingError if a set has another number of rows than at the beginning."""
        if self._count_rows() != self._row_counts:
            raise SettingError(
                f"the sets had {self._row_counts} rows and have {self._count_rows()}: during a "
                "run, `set_value` of their shared variables must give as many"
            )

    def compute_stopping(self) -> None:
        """Compute `stopping` from the validations."""
        self.stopping = replay_validations(self.validations, vars(self.hyperparameters))

    def copy_for(self, data: TrainingData, last: int) -> "Run":
        """Make a Run for a second training, on other data, from the first minibatch to the `last`.

        It has the same variables, initial values and validations. Its clock and its minibatches,
        which are those of `data`, are counted from the beginning.
        """
        copy = replace(self, data=data, iter=-1, seconds=0.0)
        copy.stopping = EarlyStopping(patience=last + 1)  # which does not run out before the end
        return copy

    def start_clock(self) -> None:
        """Count the seconds from now on, in addition to those of earlier parts."""
        self._begin = timeit.default_timer() - self.seconds

    def read_clock(self) -> float:
        """Bring `seconds` up to date, and return them."""
        self.seconds = timeit.default_timer() - self._begin
        return self.seconds

    def __repr__(self):
        best = self.best_validation
        validations = f"{len(self.validations)} validations"
        if best:
            validations += f", best error {best.error:.6f}"
        return f"Run(epoch {self.epoch}, {validations}, {self.ending or 'not ended'})"

    @property
    def ending(self):
        """The reason in a word; after 'stopped', also the message."""
        return f"{self.reason}: {self.message}" if self.message else self.reason

    @property
    def is_complete(self) -> bool:
        """Whether the run has ended, and was neither stopped nor diverged."""
        return self.reason in REASON_TEXTS

    @property
    def is_stopped(self) -> bool:
        """Whether a callback ended the run, as the one that reacts to Ctrl-C does."""
        return self.reason in ("stopped", "interrupted")

    @property
    def n_folds(self) -> int:
        """The number of folds, each of which has a model of its own; 0 if there are none."""
        return self.data.facts.n_folds or 0

    @property
    def criterion(self) -> str:
        """The criterion by which the best model is chosen, 'error' or 'loss'."""
        return self.hyperparameters.criterion

    def epoch_of(self, iter: int) -> int:
        """The epoch of a minibatch, counted from 1."""
        return iter // self.n_train_batches + 1

    @property
    def epoch(self) -> int:
        """The epoch of the last minibatch."""
        return self.epoch_of(self.iter)

    @property
    def minibatch(self) -> int:
        """The number of the last minibatch in its epoch, counted from 1."""
        return self.iter % self.n_train_batches + 1

    @property
    def validation_frequency(self) -> int:
        """Minibatches from one validation to the next."""
        return min(self.n_train_batches, self.hyperparameters.patience // 2)

    def minibatches_at_once(self, callbacks):
        """Compute the largest number of minibatches in a block: 1 if a callback reads each step."""
        if any(callback.reads_steps for callback in callbacks):
            return 1
        n_parameters = sum(engine.value(param).size for param in self.params)
        n_by_products = PRODUCTS_AT_ONCE // (self.hyperparameters.batch_size * n_parameters)
        frequency = self.validation_frequency
        n_most = max(1, min(frequency, MINIBATCHES_AT_ONCE, n_by_products))
        # Blocks of equal size: the engine's JAX back end always computes as many steps as this
        # method returns, and drops what is too much.
        n_blocks = math.ceil(frequency / n_most)
        return math.ceil(frequency / n_blocks)

    def train_on_block(self, train_model, n_at_once, last_of_all) -> List[float]:
        """Train on the next block of minibatches, and set `iter` to the last of them.

        A block has `n_at_once` minibatches at most. It ends earlier after the minibatch
        `last_of_all`, at the next validation, at the end of an epoch, or where the patience ends.
        ``train_model(first, last)`` gets the indices, within the epoch, of the first and the last
        minibatch of the block. Returns the costs of the minibatches.
        """
        first = self.iter + 1
        n = min(
            n_at_once,
            self.validation_frequency - first % self.validation_frequency,
            self.n_train_batches - first % self.n_train_batches,
        )
        # The patience, which may be no whole number, ends the run after this index.
        last_of_patience = math.ceil(self.stopping.patience)
        self.iter = min(first + n - 1, last_of_patience, last_of_all)
        return train_model(first % self.n_train_batches, self.iter % self.n_train_batches)

    @property
    def model_variables(self) -> List[Any]:
        """The parameters and the statistics: all that the errors and the loss depend on."""
        return [*self.params, *self.statistics]

    @property
    def best_validation(self) -> Optional[Validation]:
        """The Validation of the best model; None if there is none."""
        best = (v for v in self.validations if v.iter == self.stopping.best_iter)
        return next(best, None)

    def keep_best(self) -> None:
        """Keep the values of the best model so far.

        With folds, nothing is kept: the validations are of the folds' models, and
        :class:`.FoldTraining` trains the run's own model at the end.
        """
        if not self.n_folds:
            self.best_values = engine.copy_values(self.model_variables)

    def load_best(self) -> None:
        """Set the parameters and the statistics to those of the best model.

        A run leaves them as they are after its last minibatch. A SettingError says that there is
        no best model yet.
        """
        if not self.best_values:
            raise SettingError("the run has no best model: no validation has found one")
        engine.set_values(self.model_variables, self.best_values)

    @contextlib.contextmanager
    def at_its_best(self) -> Iterator[None]:
        """Set the parameters and the statistics to those of the best model within a `with`."""
        last = engine.copy_values(self.model_variables)
        self.load_best()
        try:
            yield
        finally:
            engine.set_values(self.model_variables, last)

    def add_test_errors(self, error: float, error_all_rows: float) -> Validation:
        """Add the test errors of the best model to its validation; return that."""
        best = self.best_validation
        tested = best._replace(test_error=error, test_error_all_rows=error_all_rows)
        self.validations[self.validations.index(best)] = tested
        return tested

    @property
    def curve(self) -> List[Dict[str, Any]]:
        """The validations as dicts for a file, without their times.

        Of more than MAX_POINTS, some are chosen: the latest of the notable ones, and others at even
        distances from the first validation to the last. The best of all, the significant gains and
        what was tested are notable.
        """
        chosen = range(len(self.validations))
        if len(chosen) > MAX_POINTS:
            chosen = self._notable_validations()
        curve = [self.validations[i].as_dict() for i in chosen]
        for point in curve:
            del point["seconds"]
        return curve

    def _notable_validations(self):
        """Choose at most MAX_POINTS of the validations, by their indices."""
        notable_iters = {*self.stopping.gain_iters, self.stopping.best_iter}
        # With criterion 'error', each new best has a test error, and no other validation has one.
        is_notable = [
            each.iter in notable_iters or each.test_error is not None for each in self.validations
        ]
        # At least 50 places are for others. If there are too many notable ones, the last are taken.
        n_notable = MAX_POINTS - 50
        chosen = numpy.flatnonzero(is_notable)[-n_notable:]
        n_others = MAX_POINTS - len(chosen)
        others = numpy.linspace(0, len(self.validations) - 1, n_others).astype(int)
        return numpy.union1d(chosen, others)

    @property
    def _used_hyperparameters(self):
        """The hyperparameters that are used: all, or for another model those of the loop."""
        settings = vars(self.hyperparameters)
        if self.is_tutorial_model:
            return settings
        return {name: settings[name] for name in RUN_SETTINGS}

    @functools.cached_property
    def _digests(self):
        return [digest(row_set) for row_set in self.data.sets.values()]

    def identity(self) -> Dict[str, Any]:
        """Make a dict of the data and the settings of a run.

        A resumed run must have the same, but for those that :mod:`logreg.callbacks.checkpoint`
        leaves free: more epochs, or another name of the same data.
        """
        facts = self.data.facts
        return {
            **self._used_hyperparameters,
            "arithmetic": ARITHMETIC_VERSION,
            # Of the names of columns and classes; arrays have none.
            "names_sha256": facts.names_sha256() if facts.is_table else None,
            "floatX": engine.theano.config.floatX,
            # None if the user gave no scale: then it follows from the features, which
            # `dataset_sha256` stands for.
            "pixel_scale": facts.pixel_scale if facts.has_given_scale else None,
            "dataset": facts.dataset,
            "dataset_sha256": facts.dataset_sha256 or self._digests,
        }

    def model_facts(self) -> Dict[str, Any]:
        """Make a dict of what a model file says of the data, the settings and the run.

        Without a best model, the entries that describe it are missing.
        """
        facts = {
            **self.data.facts.as_dict(),
            **self._used_hyperparameters,
            "n_train_batches": self.n_train_batches,
            "curve": self.curve,
            "reason": self.ending,
            "n_ranks": engine.ranks.size,  # processes that trained together, by MPI
            "arithmetic": ARITHMETIC_VERSION,
            "refit": self.n_refit_rows is not None,
            "n_refit_rows": self.n_refit_rows,
            "tested_probabilities": self.tested_probabilities,
        }
        best = self.best_validation
        if best:
            facts.update(
                epoch=self.epoch_of(best.iter),
                iteration=best.iter,
                validation_error=best.error,
                validation_error_all_rows=best.error_all_rows,
                test_error=best.test_error,
                test_error_all_rows=best.test_error_all_rows,
            )
        return facts

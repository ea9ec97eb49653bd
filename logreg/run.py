"""The state and the result of a training run."""

import contextlib
import functools
import math
import operator
import timeit
from dataclasses import dataclass, field
from typing import Any, Dict, Iterator, List, Optional

import numpy

from logreg import engine
from logreg.basics.errors import SettingError
from logreg.datasets.shared_sets import digest
from logreg.early_stopping import (
    CRITERIA,
    EARLY_STOPPING_SETTINGS,
    REASON_TEXTS,
    Criterion,
    Point,
    replay,
)

# Callbacks import it from here, and `as` tells type checkers that they may.
from logreg.early_stopping import Validation as Validation
from logreg.hyperparameters import Hyperparameters
from logreg.kernel import rules

MAX_POINTS = 500  # of a curve in a file
# The hyperparameters that the training loop reads; the others are in the cost and the updates.
RUN_SETTINGS = ("n_epochs", "batch_size", *EARLY_STOPPING_SETTINGS)
# The engine takes a block of steps in one call, and a signal has to wait for the end of the block.
# Either of these limits keeps a block below about 0.1 s on one core.
PRODUCTS_AT_ONCE = 5 * 10**8  # rows times parameters
MINIBATCHES_AT_ONCE = 2000  # each takes up to 50 us beside its products


@dataclass(eq=False, repr=False)
class Run:
    """A training run: its data and settings, its state, and its validations.

    Attributes
    ----------
    data : logreg.datasets.dataset.DataSet
        The three sets, in shared variables, and their facts.
    hyperparameters : Hyperparameters
    variables : list of shared variables
        All that training changes.
    params : list of shared variables
        Those of `variables` that the cost depends on: not what an update rule remembers.
    statistics : list of shared variables
        Those that the errors or the loss depend on, and the cost does not, such as the running
        means of batch normalization.
    W_and_b : tuple of two shared variables, or None
        Those of the model, if its input is `x` itself; None for a net, which has layers between.
    is_tutorial_model : bool
        Whether this is the tutorial's model, whose cost and updates are made of `hyperparameters`.
        The settings in the cost and the updates of another model are not known.
    start : list of numpy.ndarray
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
        What `params` and `statistics` were at the best validation; or what they came to when the
        model was trained anew, see :func:`logreg.refit.train_anew`.
    n_refit_rows : int or None
        The rows on which that was done.
    reason : {None, 'patience', 'n_epochs', 'diverged', 'interrupted', 'stopped'}
        Why the run ended. It is 'stopped' if a callback gave a text to
        :class:`~logreg.callbacks.StopTraining`, and 'interrupted' if it gave none.
    message : str
        That text.
    """

    data: Any
    hyperparameters: Hyperparameters
    variables: List[Any]
    params: List[Any]
    statistics: List[Any] = field(default_factory=list)
    W_and_b: Optional[tuple] = None
    is_tutorial_model: bool = False
    iter: int = -1
    seconds: float = 0.0
    validations: List[Validation] = field(default_factory=list)
    start: Optional[List[numpy.ndarray]] = None
    best_values: Optional[List[numpy.ndarray]] = None
    n_refit_rows: Optional[int] = None
    reason: Optional[str] = None
    message: str = ""

    def __post_init__(self):
        if self.start is None:
            self.start = engine.copy_values(self.variables)
        self._n_rows = self._count_rows()
        self.n_train_batches = self._n_rows[0] // self.hyperparameters.batch_size
        self.compute_stopping()
        self.start_clock()

    def _count_rows(self):
        return [engine.n_rows(features) for features, _ in self.data]

    def check_row_counts(self) -> None:
        """Raise a SettingError if a set has another number of rows than at the beginning."""
        if self._count_rows() != self._n_rows:
            raise SettingError(
                f"the sets had {self._n_rows} rows and have {self._count_rows()}: during a run, "
                "`set_value` must give as many"
            )

    def compute_stopping(self) -> None:
        """Compute `stopping` from the validations."""
        self.stopping = replay(self.validations, vars(self.hyperparameters))

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
    def criterion(self) -> Criterion:
        """The criterion by which the best model is chosen."""
        return CRITERIA[self.hyperparameters.criterion]

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
        """Compute the largest number of minibatches in a block.

        It is 1 if a callback reads each step. It is also 1 for nets on the CPU, whose steps the
        engine takes one by one: a larger block would save nothing but the question that several
        ranks ask after each block, whether one of them stops.
        """
        is_net_on_cpu = not self.W_and_b and engine.device() == "cpu"
        if is_net_on_cpu and engine.ranks.size == 1:
            return 1
        if any(callback.reads_steps for callback in callbacks):
            return 1
        n_parameters = sum(engine.value(param).size for param in self.params)
        n_by_products = PRODUCTS_AT_ONCE // (self.hyperparameters.batch_size * n_parameters)
        frequency = self.validation_frequency
        n_most = max(1, min(frequency, MINIBATCHES_AT_ONCE, n_by_products))
        n_blocks = math.ceil(frequency / n_most)
        return math.ceil(frequency / n_blocks)  # blocks of equal size: JAX takes no step in vain

    def blocks(self, epoch, n_at_once):
        """Yield the first and the last minibatch of each block of an epoch, both counted from 0.

        The epoch is counted from 0, too, unlike :attr:`epoch`.
        `train_model` takes all steps of a block in one call. The next block begins after `iter`. It
        ends after `n_at_once` minibatches, or earlier: at the next validation, at the end of the
        epoch, or where patience runs out.
        """
        begin = epoch * self.n_train_batches
        end_of_epoch = begin + self.n_train_batches
        while self.iter + 1 < end_of_epoch:  # the caller trains on each block and sets `iter`
            first = self.iter + 1
            n_to_validation = self.validation_frequency - first % self.validation_frequency
            end = min(first + n_at_once, first + n_to_validation, end_of_epoch)
            # The run is over after the first minibatch that is not below the patience.
            last = min(end - 1, math.ceil(self.stopping.patience))
            yield first - begin, last - begin

    @property
    def model_variables(self) -> List[Any]:
        """The parameters and the statistics: all that the errors and the loss depend on."""
        return [*self.params, *self.statistics]

    @property
    def best_validation(self) -> Optional[Validation]:
        """The Validation of the best model; None if there is none."""
        best = (v for v in self.validations if v.iter == self.stopping.best_iter)
        return next(best, None)

    def load_best(self) -> None:
        """Set the parameters and the statistics to those of the best model.

        A run leaves them as they are after its last minibatch. A SettingError says that there is
        no best model yet.
        """
        if not self.best_values:
            raise SettingError("the run has no best model: it ended before the first validation")
        engine.set_values(self.model_variables, self.best_values)

    @contextlib.contextmanager
    def at_its_best(self) -> Iterator[None]:
        """Set the parameters and the statistics to those of the best model within the block."""
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
    def curve(self) -> List[list]:
        """The numbers of a :class:`.Point` for each validation, as lists for files."""
        numbers_of_point = operator.attrgetter(*self.criterion.point_fields)
        return [[*numbers_of_point(each.plain())] for each in self.validations]

    def _shorten(self, curve):
        """Shorten a curve to MAX_POINTS: its ends, new bests, significant gains, some between."""
        if len(curve) <= MAX_POINTS:
            return curve
        notable_iters = {*self.stopping.gains, self.stopping.best_iter}
        points = [Point(*row) for row in curve]
        # With criterion 'error', only new bests have a test error.
        is_notable = [p.iter in notable_iters or p.test_error is not None for p in points]
        n_notable = MAX_POINTS - 50  # at the most: 50 places are for others
        chosen = numpy.flatnonzero(is_notable)[-n_notable:]
        others = numpy.linspace(0, len(curve) - 1, MAX_POINTS - len(chosen)).astype(int)
        return [curve[i] for i in numpy.union1d(chosen, others)]

    @property
    def _used_hyperparameters(self):
        """The hyperparameters that are used: all, or for another model those of the loop."""
        settings = vars(self.hyperparameters)
        if self.is_tutorial_model:
            return settings
        return {name: settings[name] for name in RUN_SETTINGS}

    @property
    def _is_plain(self):
        """Whether every version of the arithmetic gives this run the same bits.

        :mod:`logreg.kernel.rules` has the versions. Plain descent on arrays is promised to be so.
        """
        settings = self.hyperparameters
        has_terms = settings.l1 or settings.l2 or settings.momentum
        return self.is_tutorial_model and not has_terms and not self.data.facts.is_table

    @functools.cached_property
    def _digests(self):
        return [digest(*pair) for pair in self.data]

    def identity(self) -> Dict[str, Any]:
        """Make a dict of what decides the bits of a run; a resumed run must have the same."""
        facts = self.data.facts
        return {
            **self._used_hyperparameters,
            # A run is resumed only by the version of the arithmetic that it began with. For plain
            # descent, all versions are as the first.
            "rule": 1 if self._is_plain else rules.current(),
            "names_sha256": facts.digest_of_names() if facts.is_table else None,
            "floatX": engine.theano.config.floatX,
            # None if no scale was given: then it follows from the dtype.
            "pixel_scale": facts.pixel_scale if facts.scale_all else None,
            "dataset": facts.dataset,
            "dataset_sha256": facts.dataset_sha256 or self._digests,
        }

    def facts(self) -> Dict[str, Any]:
        """Make a dict of what a model file says of the data, the settings and the run.

        There are no errors in it as long as there is no best model.
        """
        facts = {
            **self.data.facts.as_dict(),
            **self._used_hyperparameters,
            "n_train_batches": self.n_train_batches,
            "curve": self._shorten(self.curve),
            "reason": self.ending,
            "n_ranks": engine.ranks.size,
            "rule": rules.current(),
            "refit": self.n_refit_rows is not None,
            "n_refit_rows": self.n_refit_rows,
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

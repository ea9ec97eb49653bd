"""Data sets, on one way in: read, checked, split, learnt from, and put into shared variables."""

from logreg.datasets.dataset import DataSet as DataSet, make_folds as make_folds
from logreg.datasets.dataset import read_dataset as read_dataset

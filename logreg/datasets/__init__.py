"""Data sets, on one way in: read, checked, split, learnt from, and put into shared variables."""

from logreg.datasets.dataset import DataSet as DataSet, read_dataset as read_dataset
from logreg.datasets.dataset import read_folds as read_folds

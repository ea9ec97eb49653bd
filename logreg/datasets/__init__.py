"""Data sets, on one way in: found, read, checked, split, prepared, put into shared variables."""

from logreg.datasets.dataset import DataSet as DataSet
from logreg.datasets.dataset import read_dataset as read_dataset

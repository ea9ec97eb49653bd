"""Data frames, and what Python has in their place."""

import pandas

from logreg.parts.frames import framed


def test_columns_that_are_series_keep_their_order_whatever_their_index():
    sizes = pandas.Series([1, 2, 3], index=[2, 1, 0])
    kinds = pandas.Series(["a", "b", "c"], index=[0, 1, 5])
    frame = framed({"size": sizes, "kind": kinds})
    assert frame.to_dict("list") == {"size": [1, 2, 3], "kind": ["a", "b", "c"]}

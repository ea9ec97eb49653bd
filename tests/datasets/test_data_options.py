"""Options of tables and of preparation."""

import pytest

from logreg import load_data
from logreg.basics.errors import SettingError


@pytest.mark.parametrize(
    "name, value, needed",
    [
        ("encoding", "hex", "one that Python knows"),
        ("encoding", "a\0", "one that Python knows"),
        ("encoding", 8, "one that Python knows"),
        ("header", 0, "True or False"),
        ("missing", "median", "'mean'"),
        ("label_column", True, "a name, or a number"),
        ("pixel_scale", 1 / 255, "a number from 1 to 1e9"),
    ],
)
def test_senseless_options_are_refused_by_name(name, value, needed):
    with pytest.raises(SettingError, match=f"^`{name}` is .*: it must be {needed}"):
        load_data("t.csv", **{name: value})

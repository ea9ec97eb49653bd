"""Options of tables and of preparation."""

import pytest

from logreg import load_data
from logreg.basics.errors import SettingError


@pytest.mark.parametrize(
    "name, value, needed",
    [
        *(("encoding", value, "one that Python knows") for value in ("klingon", "hex", "a\0", 8)),
        *(("header", 0, "True or False"), ("missing", "median", "'mean'")),
        *(("label_column", True, "a name, or a number"), ("decimal", ";", "'.' or ','")),
        *(
            ("size", 9, "a whole number from 10"),
            ("pixel_scale", 1 / 255, "a number from 1 to 1e9"),
        ),
        *(("split_seed", n, r"a whole .* 0 to 2\*\*32-1") for n in (1.5, "1", -1, 2**32, None)),
    ],
)
def test_senseless_options_are_refused_by_name(name, value, needed):
    with pytest.raises(SettingError, match=f"^`{name}` is .*: it must be {needed}"):
        load_data("t.csv", **{name: value})

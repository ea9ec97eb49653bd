"""Data frames, and what Python has in their place: rows and columns as dicts."""

from logreg.basics.errors import DatasetError, needing

FRAME = "the data frame"  # as messages call one


def is_frame(value):
    """Whether a value is a pandas.DataFrame, or one of its kind."""
    return hasattr(value, "columns") and hasattr(value, "iloc")


def framed(value):
    """Make a pandas.DataFrame of a row, a list of rows, a dict of columns, or a polars frame.

    A row is a dict of cells, or if there is only one, perhaps a pandas.Series. Anything else is
    returned as it is.

    Examples
    --------
    >>> framed({"mass": 3750.0, "sex": "f"}).to_dict("list")
    {'mass': [3750.0], 'sex': ['f']}
    >>> framed([{"mass": 3750, "sex": "f"}, {"mass": 3800, "sex": "m"}]).to_dict("list")
    {'mass': [3750, 3800], 'sex': ['f', 'm']}
    """
    # Besides pandas' frames, two things have `to_dict`: pandas' series, which have `iloc`, and
    # polars' frames, which have not.
    if hasattr(value, "to_dict") and not is_frame(value):
        value = value.to_dict() if hasattr(value, "iloc") else value.to_dict(as_series=False)
    is_dict = isinstance(value, dict)
    if not (is_dict or (isinstance(value, list) and value and isinstance(value[0], dict))):
        return value
    with needing("a table", "tables", "pandas"):
        import pandas
    is_row = is_dict and not any(map(pandas.api.types.is_list_like, value.values()))
    if is_dict:
        # A column that is a series comes without its index, by which pandas would order the cells.
        value = {name: getattr(cells, "array", cells) for name, cells in value.items()}
    try:
        return pandas.DataFrame([value] if is_row else value)
    except (TypeError, ValueError) as error:
        raise DatasetError(f"{FRAME}: {error}: every column needs as many cells") from None

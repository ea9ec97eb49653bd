"""The texts of a column: memory holds each different one once, and a code for each row."""

from numbers import Real
from typing import NamedTuple, Optional

import numpy

from logreg.basics.errors import DatasetError


class TextChunk(NamedTuple):
    """The cells of a column in a chunk of rows."""

    n_above: Optional[int]  # how many rows are above the chunk, if the cells are features
    row_numbers: numpy.ndarray  # as in messages
    codes: numpy.ndarray  # of each row


class Texts:
    """The texts of a column, each with its code: 0, 1, ... in the order in which they occur.

    An empty cell has the code -1.

    Attributes
    ----------
    index, title : int, str
        The column in the table, and how messages call it.
    text_codes : dict
        From text to code.
    from_number_cells : set of str
        The texts of cells that came as numbers, not as texts.
    chunks : list of TextChunk
    """

    def __init__(self, header, index):
        self.header = header
        self.index = index
        self.title = header.title(index)
        self.text_codes = {}
        self.from_number_cells = set()
        self.chunks = []

    def add(self, frame, n_above=None):
        """Take in a chunk of the table; return the code of each of its rows.

        `n_above` is the number of rows above the chunk. Only features need it.
        """
        try:
            places, different_cells = frame[self.index].factorize()
        except TypeError:  # a cell cannot be hashed
            raise DatasetError(
                f"{self.title} holds a list or an object: each cell needs one number, date or text"
            ) from None
        cell_codes = []
        for cell in different_cells:
            text = self.header.cell_text(cell)
            if isinstance(cell, Real):
                self.from_number_cells.add(text)
            code = self.text_codes.setdefault(text, len(self.text_codes)) if text else -1
            cell_codes.append(code)
        cell_codes.append(-1)  # pandas gives a missing cell the place -1, which is this last one
        codes = numpy.array(cell_codes, "int32")[places]
        self.chunks.append(TextChunk(n_above, frame.index, codes))
        return codes

    def codes(self):
        """The code of each row."""
        return numpy.concatenate([chunk.codes for chunk in self.chunks])

    def rows(self, text):
        """The numbers of the rows that hold a text; for ``''``, of the rows with an empty cell."""
        code = self.text_codes[text] if text else -1
        found = [chunk.row_numbers[chunk.codes == code] for chunk in self.chunks]
        return numpy.concatenate(found)

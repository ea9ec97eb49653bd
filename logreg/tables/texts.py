"""The texts of a column: memory holds each different one once, and a code for each row."""

from numbers import Real

import numpy

from logreg.errors import DatasetError


class Texts:
    """The texts of a column, each with its code: 0, 1, ... in the order in which they occur.

    An empty cell has the code -1.

    Attributes
    ----------
    index, title : int, str
        The column in the table, and how messages call it.
    text_codes : dict
        From text to code.
    numeric : set of str
        The texts of cells that are numbers themselves.
    chunks : list of tuples
        Of each chunk: how many rows stand above it, the numbers of its rows, and their codes.
    """

    def __init__(self, header, index):
        self.header = header
        self.index = index
        self.title = header.title(index)
        self.text_codes = {}
        self.numeric = set()
        self.chunks = []

    def add(self, frame, n_above=0):
        """Take in a chunk of the table, below `n_above` rows; return the codes of its texts."""
        try:
            places, different_cells = frame[self.index].factorize()
        except TypeError:  # a cell cannot be hashed
            raise DatasetError(
                f"{self.title} holds a list or an object: each cell needs one number, date or text"
            ) from None
        new_codes = []
        for cell in different_cells:
            text = self.header.cell_text(cell)
            if isinstance(cell, Real):
                self.numeric.add(text)
            new_codes.append(self.text_codes.setdefault(text, len(self.text_codes)) if text else -1)
        # A missing cell is not among the different ones, and has the place -1: that of the last.
        codes = numpy.array([*new_codes, -1], "int32")[places]
        self.chunks.append((n_above, frame.index, codes))
        return codes

    def codes(self):
        """The code of each row."""
        return numpy.concatenate([codes for _, _, codes in self.chunks])

    def rows(self, text):
        """The numbers of the rows that hold a text."""
        code = self.text_codes.get(text, -1)
        return numpy.concatenate([rows[codes == code] for _, rows, codes in self.chunks])

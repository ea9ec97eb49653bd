"""Marks: what a model says of the expressions that it builds.

The native kernel computes softmax regression. It need not search a graph for it, because
:class:`logreg.model.LogisticRegression` marks what it builds. A mark is a plain tuple on the
engine's `tag` of a variable: the variable itself, the meaning in a word, and the parts that the
variable is made of. It is valid only for the variable that it names: an engine that clones a
graph copies the tags.
"""


def mark(variable, meaning, *parts):
    """Say what a symbolic variable means, and what it is made of.

    - ``"probabilities"`` and ``"classes"``, of the rows of x: x, W and b.
    - ``"cost"``, the mean negative log-likelihood, and ``"errors"``, the mean zero-one loss: x, W,
      b, the labels of the rows, and their weights or None.
    """
    variable.tag.logreg = (variable, meaning, *parts)


def marked_parts(variable, meaning):
    """Return the parts of a variable that is marked with a meaning; None of any other."""
    found = getattr(variable.tag, "logreg", None)
    if found and found[0] is variable and found[1] == meaning:
        return found[2:]
    return None

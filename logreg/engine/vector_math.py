"""exp, log, tanh and sigmoid of whole arrays by NumPy's functions, which use vector instructions.

The engines compute them number by number. When logreg compiles a graph, a rewrite gives them to
NumPy. It comes after the gradients are taken and before the engine fuses operations into loops. The
classes of each engine for this are in `theano_math` and `pytensor_math`.
"""

BEFORE_FUSION = 48.9  # a position among the engines' rewrites, which fuse at 49
FUNCTION_NAMES = "exp", "log", "tanh"
DTYPES = "float32", "float64"


class FunctionOp:
    """What the engines' Ops that call a function of NumPy have in common.

    An Op inherits from it first. It names ``__props__``, which engines look for in the class
    itself, and its engine's class of nodes as `apply_class`.
    """

    apply_class = None

    def __init__(self, function_name):
        self.function_name = function_name

    def make_node(self, x):
        return self.apply_class(self, [x], [x.type()])


def call_numpy(fgraph, elemwise_class, names, op_class):
    """Put NumPy's functions in the place of the engine's in a graph.

    `names` is a dict from the class of an engine's scalar operation to the name of its function,
    and ``op_class(name)`` an Op that calls NumPy's function of that name.
    """
    for node in fgraph.toposort():
        if not isinstance(node.op, elemwise_class):
            continue
        name = names.get(type(node.op.scalar_op))
        x = node.inputs[0]
        if name is None or x.ndim == 0 or x.dtype not in DTYPES:
            continue
        # NumPy has no sigmoid, so it is made of exp.
        new = 1 / (1 + op_class("exp")(-x)) if name == "sigmoid" else op_class(name)(x)
        fgraph.replace_validate(node.outputs[0], new, reason="call NumPy")

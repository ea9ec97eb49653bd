"""PyTensor under Theano's names, as far as logreg uses them."""

import types


class Names(types.ModuleType):
    """A module with the names of others. A name that only Theano has is an AttributeError."""

    def __init__(self, path, *modules, **names):
        super().__init__(path)
        for module in modules:
            vars(self).update((k, v) for k, v in vars(module).items() if not k.startswith("__"))
        vars(self).update(names, _path=path)

    def __getattr__(self, name):
        raise AttributeError(missing_message(f"{self._path}.{name}"))


def missing_message(path):
    """Say that PyTensor does not have a name of Theano's, and what to do."""
    return (
        f"PyTensor, which stands in for Theano, has no {path}: use a function that PyTensor "
        "documents, or run the program on Python 3.8 to 3.11, where Theano installs"
    )


def with_theanos_names(pytensor):
    """Make the modules `theano` and `T` from PyTensor's names; PyTensor itself does not change."""
    from logreg.engine import nnet

    T = Names(
        "theano.tensor",
        pytensor.tensor,
        grad=pytensor.grad,
        log=nnet.log,
        nnet=Names("theano.tensor.nnet", nnet),
        opt=Names("theano.tensor.opt", pytensor.raise_op),  # its Assert
    )
    name_and_version = {"__name__": pytensor.__name__, "__version__": pytensor.__version__}
    return Names("theano", pytensor, tensor=T, **name_and_version), T

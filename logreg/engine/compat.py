"""PyTensor under Theano's names, for programs that were written for Theano."""

import types

CONV2D = "T.signal.convolve2d(x[:, None], W[None], mode='valid').sum(axis=2)"
POOL = "x.reshape((n, c, h // 2, 2, w // 2, 2)).max(axis=(3, 5)) for maxima of 2 x 2"
INSTEAD = {
    "theano.sandbox": "T.shared_randomstreams.RandomStreams(seed), which draws other numbers",
    "theano.tensor.inv": "T.reciprocal",
    "theano.tensor.nnet.conv": CONV2D,
    "theano.tensor.nnet.conv2d": CONV2D,
    "theano.tensor.signal.downsample": POOL,
    "theano.tensor.signal.pool": POOL,
}


class Names(types.ModuleType):
    """A module with some modules' names and others; what only Theano has is an AttributeError."""

    def __init__(self, path, *modules, **names):
        super().__init__(path)
        for module in modules:
            vars(self).update(vars(module))
        vars(self).update(names, _path=path)

    def __getattr__(self, name):
        path = f"{self._path}.{name}"
        instead = INSTEAD.get(path, "what PyTensor's documentation names")
        raise AttributeError(
            f"PyTensor, which stands in for Theano, has no {path}: use {instead}; or run the "
            "program on Python 3.8 to 3.11, where Theano installs"
        )


def with_theanos_names(pytensor):
    """Make the modules `theano` and `T` of PyTensor, which stays as it is."""

    def softmax(x):  # Theano's is over the rows of a matrix
        from pytensor.tensor.special import softmax

        return softmax(x, axis=-1)

    def relu(x, alpha=0):
        return T.switch(x > 0, x, alpha * x)

    def binary_crossentropy(output, target):
        return -(target * T.log(output) + (1 - target) * T.log(1 - output))

    def Assert(message):
        from pytensor.raise_op import Assert

        return Assert(message)

    def RandomStreams(seed=None):
        from pytensor.tensor.random.utils import RandomStream

        return RandomStream(seed)

    path = "theano.tensor"
    streams = Names(path + ".shared_randomstreams", RandomStreams=RandomStreams)
    nnet = Names(path + ".nnet", softmax=softmax, relu=relu)
    T = Names(path, pytensor.tensor, grad=pytensor.grad, nnet=nnet, shared_randomstreams=streams)
    nnet.sigmoid, nnet.softplus = T.sigmoid, T.softplus
    nnet.binary_crossentropy = binary_crossentropy
    T.opt = Names(path + ".opt", Assert=Assert)
    T.signal = Names(path + ".signal", T.signal)
    return Names("theano", pytensor, tensor=T), T

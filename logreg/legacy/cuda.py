"""``theano.sandbox.cuda`` and ``theano.gpuarray`` for programs that run on the CPU."""

import theano  # of the hook: on PyTensor, too
from theano.sandbox.rng_mrg import MRG_RandomStreams as CURAND_RandomStreams  # noqa: F401
from theano.tensor.nnet import conv2d
from theano.tensor.signal.pool import pool_2d

from logreg.basics.console import note

cuda_available = cuda_enabled = pygpu_activated = False
float32_shared_constructor = gpuarray_shared_constructor = theano.shared


class CudaNdarrayType:
    """The type of arrays on a GPU, which no variable has."""


GpuArrayType = CudaNdarrayType


def use(device, *args, **options):
    """Say that the program runs on the CPU, whatever device it asks for."""
    note(f"note: the program asks for device {device}: it runs on the CPU")


def dnn_available(*args):
    """Tell that there is no cuDNN."""
    return False


def gpu_contiguous(x):
    """Return the array as it is: nothing is moved to a GPU, or from it."""
    return x


as_cuda_ndarray_variable = gpu_from_host = host_from_gpu = gpu_contiguous
dnn_present = dnn_available


def dnn_conv(
    img,
    kerns,
    border_mode="valid",
    subsample=(1, 1),
    dilation=(1, 1),
    conv_mode="conv",
    *args,
    num_groups=1,
    **options,
):
    """Convolve images as ``conv2d`` does, or correlate them if `conv_mode` is 'cross'.

    `args` and `options` choose how cuDNN computes, and have no effect. Dilation and groups of
    channels are not computed here.
    """
    if tuple(dilation) != (1, 1) or num_groups != 1:
        raise NotImplementedError("dnn_conv on the CPU has neither `dilation` nor `num_groups`")
    is_flipped = conv_mode == "conv"
    return conv2d(img, kerns, border_mode=border_mode, subsample=subsample, filter_flip=is_flipped)


def dnn_pool(img, ws, stride=None, mode="max", pad=None):
    """Pool images as ``pool_2d`` does. Windows are one pixel apart unless `stride` is given."""
    stride = stride or (1, 1)
    return pool_2d(img, ws, ignore_border=True, stride=stride, pad=pad or (0, 0), mode=mode)

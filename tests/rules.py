"""The rules of descent in NumPy, with a memory of each parameter, at step t."""

import numpy


def sgd(p, g, memory, t, learning_rate):
    return p - learning_rate * g


def momentum(p, g, memory, t, learning_rate, momentum=0.9):
    memory["v"] = momentum * memory.get("v", 0) - learning_rate * g
    return p + memory["v"]


def nesterov(p, g, memory, t, learning_rate, momentum=0.9):
    before = memory.get("v", 0)
    memory["v"] = momentum * before - learning_rate * g
    # The usual form, for parameters that are looked at after the step ahead.
    return p - momentum * before + (1 + momentum) * memory["v"]


def adagrad(p, g, memory, t, learning_rate=1.0, epsilon=1e-6):
    memory["a"] = memory.get("a", 0) + g * g
    return p - learning_rate * g / numpy.sqrt(memory["a"] + epsilon)


def adam(p, g, memory, t, learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8):
    memory["m"] = beta1 * memory.get("m", 0) + (1 - beta1) * g
    memory["v"] = beta2 * memory.get("v", 0) + (1 - beta2) * g * g
    # The form of the article's remark on efficiency, which moves the corrections.
    rate = learning_rate * numpy.sqrt(1 - beta2**t) / (1 - beta1**t)
    return p - rate * memory["m"] / (numpy.sqrt(memory["v"]) + epsilon * numpy.sqrt(1 - beta2**t))

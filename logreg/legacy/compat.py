"""``theano.compat`` and its ``python2x``: names that differ between Python 2 and Python 3."""

from collections import Counter as Counter
from collections import OrderedDict as OrderedDict
from collections.abc import MutableMapping as DictMixin  # noqa: F401

from six import PY3 as PY3
from six import get_unbound_function as get_unbound_function

izip = zip
imap = map
ifilter = filter

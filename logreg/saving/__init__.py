"""The files of models, of a net's parameters and of checkpoints, as an engine's variables.

``logreg.saving.restore`` is what a model file asks ``pickle.load`` to call.
"""

from logreg.saving.models import check_stands_alone, dumps_model, dumps_params
from logreg.saving.models import load_model as load_model, load_params as load_params, provenance
from logreg.saving.models import restore as restore, save_model as save_model
from logreg.saving.models import save_params as save_params

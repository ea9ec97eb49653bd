"""The files of models, of a net's parameters and of checkpoints, as an engine's variables.

``logreg.saving.restore`` is what a model file asks ``pickle.load`` to call.
"""

from logreg.saving.models import check_stands_alone as check_stands_alone
from logreg.saving.models import dumps_model as dumps_model
from logreg.saving.models import dumps_params as dumps_params
from logreg.saving.models import load_model as load_model
from logreg.saving.models import load_params as load_params
from logreg.saving.models import provenance as provenance
from logreg.saving.models import restore as restore
from logreg.saving.models import save_model as save_model
from logreg.saving.models import save_params as save_params

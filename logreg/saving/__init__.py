"""The files of models, of a net's parameters and of checkpoints.

`model_file` has the bytes of a file, and `facts` what a model's tells. `foreign` reads the models
of the tutorial's own program. None of these needs an engine: `variables` does, which makes shared
variables of files, and files of shared variables.
"""


def restore(header, data, sha256):
    """Make what a file of ours describes; this is what ``pickle.load`` calls.

    The arguments are those of :func:`logreg.saving.model_file.parse`. A model becomes a
    LogisticRegression, a checkpoint or parameters ``{'header': dict, 'arrays': dict}``.
    """
    from logreg.saving import model_file, variables  # now, as it starts the engine

    header, arrays = model_file.parse(header, data, sha256)
    if header.get("format") != "logreg model":
        return {"header": header, "arrays": arrays}
    return variables.as_model(*model_file.model_of(header, arrays))

"""The command line of export: ``logreg export`` or ``python -m logreg.export``.

Rows of x, of shape (n, n_in), become probabilities, of shape (n, n_out), so:

    x = x / pixel_scale                            # 1 if the features are no pixels
    x = where(isnan(x), feature_means, x)          # if `missing` is 'mean'
    x = (x - feature_means) / feature_scales       # if the model has feature_scales
    probabilities = softmax(x @ W + b)

and the label is the one of `class_labels` that is most probable. A column of text is a feature for
each of its categories, 1 or 0, in the order of `feature_names` (`column=category`). With `missing`,
an empty cell of such a column is the category '' (`column=`), if the column had empty cells in
training. A date is the number of days since 1970-01-01, a time the part of a day.

onnx does all of that. Its input `x` holds float64 if features are filled or standardized, else the
model's type. Its outputs are `label` and `probabilities`. Its metadata say what `x` is; their
key `logreg` has all that the model file says. npz and json hold the numbers above by these names,
and their key `metadata` has all that the model file says.
"""

import io
import json
import os
import sys

from logreg.cli.start import end_at_ctrl_c

if __name__ == "__main__":
    end_at_ctrl_c()

import numpy

from logreg.basics.console import say
from logreg.basics.errors import needing
from logreg.basics.files import BEST_MODEL, check_files_differ, write_whole
from logreg.cli.command import command
from logreg.cli.options import add_file, add_output, command_parser
from logreg.prediction.predictor import Predictor

# What is written beside W and b: the keys of the metadata that predictions need.
EXPORTED_KEYS = ("pixel_scale", "missing", "feature_means", "feature_scales", "class_labels")
# Opset 13 is of 2020: old runtimes know it, too.
ONNX = """<ir_version: 8, opset_import: ["": 13], producer_name: "logreg">
logreg ({x_type}[n, {n_in}] x) => ({label_type}[n] label, {p_type}[n, {n_out}] probabilities) {{
  scaled = Div (x, pixel_scale)
  is_empty = IsNaN (scaled)
  filled = Where (is_empty, fill, scaled)
  centred = Sub (filled, shifts)
  standardized = Div (centred, scales)
  row = Cast <to = {type_number}> (standardized)
  scores = Gemm (row, W, b)
  probabilities = Softmax <axis = 1> (scores)
  best = ArgMax <axis = 1, keepdims = 0> (probabilities)
  label = Gather (class_labels, best)
}}"""
TYPES = {"float32": ("float", 1), "float64": ("double", 11)}  # as ONNX calls and numbers them


def to_onnx(content, metadata):
    """Make the bytes of an ONNX file.

    `content` has W, b, and those of EXPORTED_KEYS that the model has: `class_labels` and
    `pixel_scale` always, and `missing` if empty cells are filled.
    """
    with needing("--to onnx", "onnx", "onnx"):
        from onnx import checker, helper, numpy_helper, parser
    W = content["W"]
    labels = content["class_labels"]
    is_text = labels.dtype.kind == "U"
    scale = content["pixel_scale"]
    means = content.get("feature_means")
    # Large features lose digits in float32 unless they are centred before.
    dtype = W.dtype.name if means is None else "float64"
    steps = {
        "pixel_scale": scale,
        "fill": means if "missing" in content else numpy.nan,
        "shifts": means if "feature_scales" in content else 0,
        "scales": content.get("feature_scales", 1),
    }
    constants = {name: numpy.asarray(value, dtype) for name, value in steps.items()}
    constants["class_labels"] = labels.astype(object) if is_text else labels
    constants.update(W=W, b=content["b"])
    type_name, type_number = TYPES[W.dtype.name]
    text = ONNX.format(
        n_in=len(W),
        n_out=len(labels),
        label_type="string" if is_text else "int64",
        x_type=TYPES[dtype][0],
        p_type=type_name,
        type_number=type_number,
    )
    model = parser.parse_model(text)
    tensors = (numpy_helper.from_array(value, name) for name, value in constants.items())
    model.graph.initializer.extend(tensors)
    x = "features as the data have them"
    if scale != 1:
        x = f"pixels as images have them, bytes of 0 to 255; they are divided by {scale} here"
    helper.set_model_props(model, {"logreg": json.dumps(metadata), "x": x})
    checker.check_model(model, full_check=True)
    return model.SerializeToString()


def to_npz(content, metadata):
    """Make the bytes of an npz file; `metadata` is JSON text in it."""
    stream = io.BytesIO()
    numpy.savez(stream, **content, metadata=json.dumps(metadata))
    return stream.getvalue()


def to_json(content, metadata):
    """Make the bytes of a JSON file; its numbers have all the digits that they need."""
    lists = {name: numpy.asarray(value).tolist() for name, value in content.items()}
    return json.dumps({**lists, "metadata": metadata}, indent=1).encode()


WRITERS = {"onnx": to_onnx, "npz": to_npz, "json": to_json}


def parser():
    """Make the parser of the command line."""
    parser = command_parser(
        "export",
        "[MODEL]",
        "Write a model for programs without logreg.",
        ["best_model.pkl --to onnx", "model.pkl --to npz -o arrays.npz"],
        epilog=str(__doc__).partition("\n\n")[2],  # the rules
    )
    add_file(
        parser,
        "model",
        nargs="?",
        metavar="MODEL",
        default=BEST_MODEL,
        help="a model file (default: %(default)s)",
    )
    parser.add_argument("--to", choices=WRITERS, required=True, help="the format")
    add_output(parser, "where it goes (default: beside the model, as model.onnx)")
    return parser


@command
def main(argv=None):
    """Export as the options say; see :mod:`logreg.cli.command` for the exit code."""
    args = parser().parse_args(argv)
    output = args.output or os.path.splitext(args.model)[0] + f".{args.to}"
    check_files_differ([output], [args.model])
    predictor = Predictor(args.model)
    predictor.refuse_overwriting_data(output)
    metadata = predictor.metadata
    stated = {name: metadata[name] for name in EXPORTED_KEYS if metadata.get(name) is not None}
    content = {"W": predictor.W, "b": predictor.b, **stated}
    content["class_labels"] = numpy.asarray(content["class_labels"])
    write_whole(output, WRITERS[args.to](content, metadata))
    n_in, n_out = predictor.W.shape
    say(f"{output}: a model of {n_in} features and {n_out} classes")


if __name__ == "__main__":
    sys.exit(main())

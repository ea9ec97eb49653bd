"""What commands print, and how they end.

A line has a command, its exit code, and what stands on stdout and on stderr, as regular
expressions; where there is none, nothing is printed. D and T are the arrays and the table.
"""

import gzip
import os
import re
import shlex

import numpy
import pytest
from builders import csv_text, make_pairs, save, save_pairs, write

LABELS = ["ant", "bee", "cat"]
ROWS = numpy.eye(3, 4)  # of the classes 0, 1 and 2, by the weights 10 * eye(4, 3)
SHORT = {"D": "--dataset d.npz --n-epochs 2", "T": "--dataset t.csv --n-epochs 2"}

COMMANDS = r"""
train D | 0 | epoch 1, minibatch 10/10, validation error | stopped after 2 of 2 epochs
train D --quiet | 0 | ^Optimization complete with [^\n]+\n$ |
train T --quiet | 0 | ^best model: .*\nvalidation error: .*\ntrained anew .*\ntest error: |
train T --folds 3 --quiet | 0 | ^fold 1 of 3: test error: .* of 20 rows.*\nmean of 3 folds: |
train D --verbose --momentum 0.9 --l1 0.001 --l2 0.01 --class-weight balanced | 0 | epoch 2 | .
train D --patience 2 --patience-increase 1 --n-epochs 99 | 0 | run for 1 epochs | stopped by patie
train D --l2 1 --learning-rate 1e30 | 1 | ^... loading | error: the run diverged in epoch 1
train D --check-reference | 1 | epoch 2 | epoch 1: .* and the tutorial has 12.458333 %, test error
train D --floatx float64 --device cpu | 0 | Optimization complete | float64
train T | 0 | t.csv: 60 rows, 4 features, 3 classes\n40 rows to train on, 10 to val | class
train T --no-shuffle | 0 | \(in their order\) | class
train T --drop b,c --no-standardize --missing mean --na - | 0 | 2 features, 3 classes | .
train --help | 0 | ^usage: logreg-train |
train --version | 0 | ^logreg \d+\.\d+\.\d+$ |
train D --n-epochs 0 | 1 | | error: n_epochs is 0
train D --batch-size 1000 | 1 | loading data | error: the batch size is 1000, but the
train D --learning-rate nan | 1 | | error: learning_rate is nan
train D --momentum 1 | 1 | | error: momentum is 1
train D --batch-size 9999999999999999999999999999999999999999 | 1 | | error: batch_size has more than 18 digits
train D --n-epochs x | 2 | | argument --n-epochs: invalid int value: 'x'
train D --pixel-scale 0 | 2 | | argument --pixel-scale: invalid positive_number value: '0'
train D --pixel-scale inf | 2 | | argument --pixel-scale: invalid positive_number value: 'inf'
train D --floatx float16 | 2 | | argument --floatx: invalid choice
train D --bogus | 2 | | unrecognized arguments: --bogus
train D --device tpu | 1 | | error: device 'tpu' is not known: give cpu, cuda
train D --output no/such.pkl | 1 | | error: no/such.pkl cannot be written: No such file
train D --output folder | 1 | | error: folder cannot be written: it is not a regular file
train D --output d.npz | 1 | loading data | error: d.npz would overwrite what is read
train D --output a --checkpoint ./a | 1 | | error: ./a would overwrite what is read, or written
train D --resume | 1 | | error: --resume needs --checkpoint FILE
train D --checkpoint d.npz | 1 | . | error: d.npz would overwrite
train D --checkpoint new --resume --quiet | 0 | ^Opt.*\n$ | ^warning: there is no new to go .*\n$
train D --checkpoint rows.npy --resume | 1 | . | error: rows.npy cannot be
train D --history h.csv | 0 | epoch 2 | .
train --dataset unknown.csv | 1 | loading data | error: .*'unknown' .2 rows.*--na unknown
train T --encoding klingon | 1 | | error: encoding is 'klingon': give
train T --label-column nothing | 1 | loading data | error: t.csv.* has no column nothing
train T --label-column 9 | 1 | loading data | error: t.csv.* has no column 9
train T --drop class,a,b,c,d | 1 | loading data | error:
train --dataset nowhere.npz | 1 | | error: data set 'nowhere.npz' not found; looked in
train --dataset folder | 1 | loading data | error: folder
train --dataset hostile.gz | 1 | loading data | error: hostile.gz.*posix.system
train --dataset cut.npz | 1 | | error: cut.npz
train --dataset gap.csv | 1 | loading data | error: gap.csv: empty or missing cells: 30 in .*--missing mean
train --dataset short.csv | 1 | loading data | error: short.csv
train --dataset few.csv | 1 | loading data | error: few.csv
predict | 1 | | error: best_model.pkl cannot be loaded: No such file
predict rows.npy -M | 0 | ^rows.npy\[0\]: ant\nrows.npy\[1\]: bee\nrows.npy\[2\]: cat\n$ |
predict rows.npy -M -n 1 --top 2 | 0 | ^rows.npy\[0\]: ant  ant=0.9999  bee=0.0000\n$ |
predict rows.npy -M -n 1 --proba | 0 | ^rows.npy\[0\]: ant  ant=0.9999  bee=0.0000  cat=0.0000\n$ |
predict rows.npy -M --format csv | 0 | ^input,row,prediction\nrows.npy,0,ant\nrows.npy,1,bee\n |
predict rows.npy -M -n 1 --format json | 0 | ^\[\n{.*"row": 0, "prediction": "ant"}\n\]\n$ |
predict rows.csv -M | 0 | ^rows.csv\[0\]: ant\nrows.csv\[1\]: bee\nrows.csv\[2\]: cat\n$ |
predict rows.npy rows.csv -M -n 1 | 0 | ^rows.npy\[0\]: ant\nrows.csv\[0\]: ant\n$ |
predict rows.npy -M --output o.txt | 0 | |
predict rows.npy -M --output rows.npy | 1 | | error: rows.npy would overwrite what is read
predict rows.npy -M --output model.pkl | 1 | | error: model.pkl would overwrite what is read
predict wrong.npy rows.npy -M -n 1 | 1 | ^rows.npy\[0\]: ant\n$ | error: wrong.npy.* 5
predict nan.npy -M | 1 | | error: nan.npy.* row 0
predict nothing.npy -M | 1 | | error: nothing.npy
predict hostile.pkl -M | 1 | | error: hostile.pkl
predict rows.npy --model hostile.pkl | 1 | | error: hostile.pkl cannot be loaded.*posix.system
predict rows.npy --model rows.npy | 1 | | error: rows.npy cannot be loaded
predict rows.npy -M -n 0 | 1 | | error: -n is 0: it must be 1 or more
predict rows.npy -M --top x | 2 | | argument --top: invalid int value: 'x'
predict rows.npy -M --evaluate | 2 | | give inputs, --evaluate or --info, and no two of them
predict rows.npy -M --dataset d.npz | 2 | | --dataset is for --evaluate and for the first examples
predict -M --evaluate --proba | 2 | | for predictions, not for --evaluate
predict rows.npy -M --invert --no-invert | 2 | | not allowed with argument
predict -M --dataset e.npz | 0 | ^Predicted values for the first 3 .*\n\['ant' 'bee' 'cat'\]\n$ |
predict -M --dataset e.npz --evaluate | 0 | 0.000000 % \(0 of 3 rows\).*\nbee +0 +1 +0\ncat +0 +0 +1\n |
predict -M --dataset e.npz --evaluate --format json | 0 | "error_percent": 0.0, |
predict -M --dataset nowhere.npz | 1 | | error: data set 'nowhere.npz' not found
predict -M --info | 0 | ant.*bee.*cat |
predict -M --info --output i.json | 0 | |
export model.pkl --to npz | 0 | ^model.npz: a model of 4 features and 3 classes\n$ |
export model.pkl --to json --output j | 0 | ^j: a model of 4 features and 3 classes\n$ |
export model.pkl | 2 | | the following arguments are required: --to
export model.pkl --to npz --output model.pkl | 1 | | error: model.pkl would overwrite
export model.pkl --to json --output no/m.json | 1 | | error: no/m.json cannot be written
export nothing.pkl --to npz | 1 | | error: nothing.pkl cannot be loaded: No such file
report model.pkl --dataset nowhere.npz | 1 | | error: data set 'nowhere.npz' not found
report model.pkl --output model.pkl | 1 | | error: model.pkl would overwrite what is read
report model.pkl --output no/p.html | 1 | | error: no/p.html cannot be written
report nothing.pkl | 1 | | error: nothing.pkl cannot be loaded
tutorial.__main__ --output d/t.html | 1 | | error: d/t.html cannot be written
tutorial.__main__ --output a --notebook a | 1 | | error: a would overwrite
"""  # noqa: E501


@pytest.fixture
def files(working_folder):
    """The files that the commands read."""
    os.mkdir("folder")
    save_pairs("d.npz", make_pairs())
    save_pairs("e.npz", [(ROWS, numpy.array(LABELS))] * 3)
    save("model.pkl", 10 * numpy.eye(4, 3), numpy.zeros(3), class_labels=LABELS)
    x, y = make_pairs((60,))[0]
    write("t.csv", csv_text(numpy.c_[x, y.astype(object)], [*"abcd", "class"]).encode())
    numpy.save("rows.npy", ROWS)
    numpy.save("wrong.npy", numpy.eye(5))
    numpy.save("nan.npy", numpy.nan * ROWS)
    write("rows.csv", csv_text(ROWS).encode())
    hostile = b"\x80\x02cposix\nsystem\nX\x0c\x00\x00\x00touch harmed\x85R."
    write("hostile.pkl", hostile)
    write("hostile.gz", gzip.compress(hostile))
    write("cut.npz", (working_folder / "d.npz").read_bytes()[:500])
    write("gap.csv", b"a,label\n" + b"1,x\n,y\n" * 30)
    write("short.csv", b"a,label\n" + b"1,x\n2\n" * 30)
    write("unknown.csv", b"a,label\n1,x\nunknown,y\nunknown,y\n")
    write("few.csv", b"a,label\n1,x\n2,y\n")
    return working_folder


@pytest.mark.parametrize("line", COMMANDS.strip().split("\n"), ids=lambda it: it.split(" | ")[0])
def test_a_command(line, cli, files):
    if line.startswith("report"):
        pytest.importorskip("matplotlib")
    command, code, out, err = (part.strip() for part in f"{line} ".split(" |"))
    words = [SHORT.get(word, word) for word in command.replace("-M", "--model model.pkl").split()]
    before = {path: path.read_bytes() for path in files.iterdir() if path.is_file()}
    done = cli(*shlex.split(" ".join(words)))
    assert done.code == int(code), done
    for pattern, text in ((out, done.out), (err, done.err)):
        assert re.search(pattern, text, re.DOTALL) if pattern else text == "", text
    assert not (code == "0" and "error: " in done.err)
    assert {path: path.read_bytes() for path in before} == before  # the data, whatever came
    assert not [name for name in os.listdir(".") if name.startswith(".") or name == "harmed"]

"""What commands print, and how they end.

A line has a command, its exit code, and what stands on stdout and on stderr, as regular
expressions; where there is none, nothing is printed. D and T are the arrays and the table.
"""

import os
import re
import shlex
from pathlib import Path

import numpy
import pytest
from builders import csv_text, make_pairs, save, save_pairs, save_table, write

LABELS = ["ant", "bee", "cat"]
ROWS = numpy.eye(3, 4)  # of the classes 0, 1 and 2, by the weights 10 * eye(4, 3)
SHORT = {"D": "--dataset d.npz --n-epochs 2", "T": "--dataset t.csv --n-epochs 2"}

COMMANDS = r"""
train T --folds 2 --quiet | 0 | ^best of the folds: epoch 2 of 2, .* all 60 rows trained .*\ntest error: .* of 60 rows |
train T --verbose | 0 | the model\nepoch 1, [^\n]+\nepoch 2, [^\n]+\nbest of the folds: (?!.*best of) | class
train T --folds 0 | 0 | t.csv: 60 rows, 4 features, 3 classes\n40 rows to train on, 10 to val | class
train T --folds 1 | 1 | ^... loading data\n$ | error: --folds is 1: of 60 rows, 2 to 60 folds are made
train T --folds 61 | 1 | ^... loading data\n$ | error: --folds is 61: of 60 rows, 2 to 60 folds are made
train T --folds 3 --l2 12 --batch-size 1 --quiet | 0 | ^best of the folds: | warning: the run diverged in epoch \d+:
train --verify m.pkl --batch-size 1 --no-refit --na - | 1 | | from the model file: leave out --batch-size, --na, --no-refit\n$
train D --folds 3 | 1 | ^... loading data\n$ | has a test set: folds are made of one table
train T --folds 3 --checkpoint run | 1 | the model | error: run cannot hold the state of 3 folds: give --folds 0
train T --no-refit | 1 | loading data | error: --refit is for one split into three sets: give --folds 0
train T --refit | 1 | loading data | error: --refit is for one split into three sets: give --folds 0
train D --check-reference | 1 | epoch 2 | epoch 1: .* and the tutorial has 12.458333 %, test error
train T | 0 | t.csv: 60 rows, 4 features, 3 classes\n5 folds \(split at random\): each is | class
train T --drop 'b, c,' --no-standardize --missing mean --na - | 0 | 2 features, 3 classes | .
train a.csv --dataset b.csv | 2 | | error: argument --dataset: not allowed with argument PATH\n$
train T --header --no-header | 2 | | argument --no-header: not allowed with argument --header
train D --batch-size 0 | 1 | | error: --batch-size is 0: it must be
train D --pixel-scale 0 | 1 | loading data | error: --pixel-scale is 0.0: it must be a number from 1 to 1e9
train D --device cpu2 | 1 | | error: device 'cpu2' is not known: give cpu, cuda
train D --resume | 1 | | error: --resume needs --checkpoint FILE
train D --checkpoint new --resume --quiet | 0 | ^Opt.*\n$ | ^warning: there is no new to go .*\n$
train --dataset na.csv --na - --na ? --missing mean --n-epochs 1 | 0 | 28 rows, 1 features | .
predict rows.csv -M | 1 | | error: rows.csv: .*'x'
predict rows.csv -M -n 3 | 0 | ^rows.csv\[1\]: ant\nrows.csv\[2\]: bee\nrows.csv\[3\]: cat\n$ |
predict -M --proba --top 2 | 2 | | argument --top: not allowed with argument --proba
predict rows.csv -M --na - --group a | 2 | | error: unrecognized arguments: --na - --group a\n$
predict rows.npy --model new.pkl --threshold 0 | 0 | ^rows.npy\[0\]: 7\nrows.npy\[1\]: 7\nrows.npy\[2\]: 7\n$ |
predict rows.npy --model new.pkl --threshold 1 | 0 | ^rows.npy\[0\]: 0\nrows.npy\[1\]: 0\nrows.npy\[2\]: 0\n$ |
predict rows.npy --model new.pkl --threshold nan | 1 | | error: --threshold is nan, and new.pkl has 2 classes: it
predict rows.npy --model new.pkl --threshold 1.5 | 1 | | error: --threshold is 1.5, and new.pkl has 2 classes: it
predict rows.npy -M --threshold 0 | 1 | | error: --threshold is 0.0, and model.pkl has 3 classes: it is for two classes, and goes from 0 to 1
predict rows.csv -M --keep a | 2 | | error: --keep is for the formats csv and json\n$
predict rows.npy -M --keep a --format csv | 1 | | error: rows.npy: is no table, and --keep keeps columns of tables\n$
predict t.csv -M --keep 'a, no' --format csv | 1 | | no column no to keep, or several
predict -M --info --weights | 2 | | argument --weights: not allowed with argument --info
predict wide.csv -M --encoding utf-16-le | 0 | ^wide.csv\[1\]: ant\nwide.csv\[2\]: bee\nwide.csv\[3\]: cat\n$ |
predict logo.svg -M | 1 | | error: logo.svg: is no npy, npz, CSV or IDX file; the model expects 4 features. It takes no pictures, as it was not trained on grey images of a known range that are at least 10 x 10 pixels large\n$
predict empty other.pkl -M | 1 | | error: empty: is a pickle, or a folder without pictures: .*\nerror: other.pkl: is a pickle, or
predict --model other.pkl --evaluate --label-column no | 1 | | ^error: t.csv.* has no column no.*\. The model was trained on 't.csv'; --dataset names other data\n$
predict t.csv -M --evaluate | 1 | | error: t.csv: the model does not know the labels '0', '1', '2': leave
predict rows.npy rows.csv -M --evaluate | 2 | | error: --evaluate takes one INPUT, or --dataset\n$
predict rows.npy -M --evaluate --dataset e.npz | 2 | | error: --evaluate takes one INPUT, or --dataset
predict rows.npy -M --info | 2 | | error: --info goes without INPUT
predict -M --info --dataset e.npz --header | 2 | | error: --info and --dataset, --header do not go together\n$
predict -M --weights -n 3 --top 2 | 2 | | error: --weights and -n, --top do not go together\n$
predict rows.npy -M --dataset e.npz | 2 | | error: INPUT and --dataset do not go together\n$
predict -M --evaluate photos | 1 | | ^error: photos: is no data set: give .* a folder of pictures for each class
predict -M --evaluate pictures | 1 | | error: pictures: a folder of pictures, which the model does not take\n$
predict -M --evaluate -n 3 --top 2 | 2 | | error: --evaluate and -n, --top do not go together\n$
predict -M --evaluate --proba | 2 | | error: --evaluate and --proba do not go together\n$
predict -M --evaluate --format csv | 2 | | error: .*csv
predict photos -M --evaluate --no-invert | 2 | | error: --evaluate and --no-invert do not go together\n$
predict -M --no-invert --keep a | 2 | | error: the first examples and --no-invert, --keep do not go together\n$
predict rows.npy -M --top 0 | 1 | | ^error: --top is 0: it must be 1 or more\n$
predict wrong.npy rows.npy -M -n 1 --min-proba 1 | 1 | ^rows.npy\[0\]: \?\n$ | error: wrong.npy.* 5
predict rows.npy -M -n 0 | 1 | | error: -n is 0: it must be 1 or more
predict rows.npy --model new.pkl --min-proba 0.5 | 0 | ^rows.npy\[0\]: 0\nrows.npy\[1\]: 7\nrows.npy\[2\]: 0\n$ |
predict wrong.npy -M --output rows.csv | 1 | | error: wrong.npy.*\nerror: nothing could be predicted, so rows.csv is not
predict rows.npy -M --min-proba -0.1 | 1 | | error: --min-proba is -0.1: it must be from 0 to 1\n$
predict rows.npy -M --min-proba nan | 1 | | error: --min-proba is nan: it must be from 0 to 1
predict rows.npy -M --min-proba 75 | 1 | | error: --min-proba is 75.0: it must be from 0 to 1
predict -M --dataset e.npz --evaluate | 0 | ^Test set of e.npz: its own test set\n.* 0.000000 % \(0 of 3 rows\).*\nbee +0 +1 +0\ncat +0 +0 +1\n.*first: none\n$ |
predict -M --evaluate e.npz --min-proba 0.3 | 0 | \n +from 0.3 +- |
predict --model new.pkl --evaluate one.npz | 0 | 3 rows\).*\nlog-loss 0.773224\n | ^note: one.npz: all 3 rows are
predict --model other.pkl --dataset d.npz | 1 | | ^error: d.npz: the model expects 5 features, got \(20, 4\); give as --dataset data like those that it was trained on\n$
export ./model.pkl --to npz | 0 | ^./model.npz: a model of 4 features and 3 classes\n$ |
report.__main__ model.pkl --dataset no.csv | 1 | | error: .*no.csv
report.__main__ new.pkl | 0 | | \nnote: the page is without the errors on a test set .*: t.csv: the model does not know the labels '1', '2'.*\nthe page is new.html\n$
report.__main__ ./other.pkl --label-column no | 0 | | ^note: the page is without the errors on a test set \(--dataset names one\): t.csv.* has no column no.*\. The model was trained on 't.csv'; --dataset names other data\nthe page is ./other.html\n$
tutorial.__main__ --output a --notebook a | 1 | | error: a would overwrite
tutorial.__main__ --mnist --notebook tutorial_mnist.html | 1 | | error: tutorial_mnist.html would
"""  # noqa: E501


@pytest.fixture
def files(working_folder):
    """The files that the commands read."""
    os.mkdir("empty")
    for folder in ("photos", "pictures/no", "pictures/yes"):
        os.makedirs(folder)
        write(f"{folder}/p.png", b"\x89PNG")
    save_pairs("d.npz", make_pairs())
    save_pairs("e.npz", [(ROWS, numpy.array(LABELS))] * 3)
    save("model.pkl", 10 * numpy.eye(4, 3), class_labels=LABELS, dataset="d.npz")
    save_table(60)
    save("other.pkl", numpy.eye(5, 3), dataset="t.csv")  # which has 4 features
    os.mkdir("tabs")
    for name in ("train", "test"):
        Path(f"tabs/{name}.csv").write_bytes(Path("t.csv").read_bytes())
    save("tabs.pkl", numpy.eye(4, 3), dataset="tabs")
    save("new.pkl", numpy.eye(4, 2), dataset="t.csv", class_labels=[0, 7])
    numpy.savez("one.npz", x=ROWS, y=[7, 7, 7])
    numpy.save("rows.npy", ROWS)
    numpy.save("wrong.npy", numpy.eye(5))
    write("rows.csv", csv_text(ROWS).encode() + b"1,x,3,4\n")
    write("wide.csv", csv_text(ROWS).encode("utf-16-le"))
    write("logo.svg", b"<svg/>")
    write("na.csv", b"a,label\n" + b"1,x\n2,y\n-,x\n?,y\n" * 7)
    return working_folder


def contents():
    """What all files hold that are here, by their names."""
    return {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}


@pytest.mark.parametrize("line", COMMANDS.strip().split("\n"), ids=lambda it: it.split(" | ")[0])
def test_a_command(line, cli, files):
    command, code, out, err = (part.strip() for part in f"{line} ".split(" |"))
    words = [SHORT.get(word, word) for word in command.replace("-M", "--model model.pkl").split()]
    before = contents()
    done = cli(*shlex.split(" ".join(words)), code=int(code))
    for pattern, text in ((out, done.out), (err, done.err)):
        assert re.search(pattern, text, re.DOTALL) if pattern else text == "", text
    after = contents()
    assert before.items() <= after.items()  # the data, whatever came
    assert before == after or done.code == 0 or "--check" in line


TABS = "tabs/train.csv tabs/valid.csv.gz tabs/x_train.npy"  # the first is there


@pytest.mark.parametrize(
    "command, options, read",
    [
        ("train d.npz", "--output --checkpoint --history", "d.npz"),
        (
            "train t.csv --checkpoint run.state --history run.csv",
            "--output",
            "t.csv run.state run.csv",
        ),
        ("predict rows.npy photos -M", "--output", "rows.npy photos/p.png model.pkl d.npz"),
        ("predict -M --evaluate --dataset e.npz", "--output", "e.npz model.pkl d.npz"),
        ("predict -M --info", "--output", "model.pkl d.npz"),
        ("export model.pkl --to npz", "--output", "model.pkl d.npz"),
        ("report.__main__ model.pkl --dataset e.npz", "--output", "e.npz model.pkl d.npz"),
        ("report.__main__ other.pkl", "--output", "other.pkl t.csv"),
        ("train tabs --history run.csv", "--output", TABS),
        ("predict --model tabs.pkl rows.npy", "--output", TABS),
        ("predict --model tabs.pkl --weights --format text", "--output", TABS),
        ("export tabs.pkl --to json", "--output", TABS),
        ("report.__main__ tabs.pkl", "--output", TABS),
        ("predict photos -M", "--output", "photos/new.png"),
        ("train mnist_sample", "--output --history", "mnist_sample"),
        ("tutorial.__main__", "--output --notebook", ""),
    ],
)
def test_nothing_is_overwritten(command, options, read, cli, files):
    """And what cannot be written is told before the data are read, if that can be."""
    words = command.replace("-M", "--model model.pkl").split()
    before = contents()
    for option in options.split():
        for path in [*read.split(), "nowhere/file"]:
            done = cli(*words, option, path, code=1)
            said = r"would (overwrite what is|be read as a part of) .*: give another name$"
            said = said if path in read else "cannot be written: No such file or directory; "
            assert re.match(f"error: {path} {said}", done.err.splitlines()[-1])
            assert path in read or not done.out
    assert contents() == before


def test_what_is_written_may_lie_beside_the_data(cli, files, monkeypatch):
    """Once more, too."""
    monkeypatch.chdir("tabs")
    for _ in range(2):
        cli("train . --n-epochs 2")
        cli("predict train.csv --output predicted.csv")
    assert {"best_model.pkl", "predicted.csv"} < {*os.listdir()}

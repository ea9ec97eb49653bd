"""Runs that are interrupted and resumed, against the same run undisturbed."""

import base64
import functools
import math
import re
import zlib
from pathlib import Path

import numpy
import pytest

from logreg import engine, load_model
from logreg.callbacks import BestModel, Callback, History, PrintLog, StopTraining
from logreg.callbacks.checkpoint import Checkpoint
from logreg.datasets import read_dataset, shared_datasets
from logreg.engine import theano
from logreg.errors import ModelFileError
from logreg.hyperparameters import Hyperparameters
from logreg.run import Run, Validation
from logreg.saving import dumps_params
from logreg.sgd import fit, run_settings, softmax_regression

# A checkpoint after epoch 4 and the best model after epoch 12 of one run on DATA, as the version
# before sub-packages and callbacks wrote them.
OLD_STATE = (
    "c-qBPJ&0pf6wW$3&EkTEf@om~*sR%jf8OuR>>w%@R<Z~VjNy6Tedi`mU+zoZdx<j+frTxUWknlZS+-HI(83jTK}^yJise="
    "|S_oElR<5P@yo5<+CUI6QOq!c>zI*OD-#OpOl{J~9tqfX?Tnu8}I+sCSq#2y+RdzmKt5gnZBFn^nUfZbd?$$!%tktWveyj"
    "`69Cj(SS+i*lwSmZD5hhS22vA8X3eFH>)vNp%gq{vz#~{c3{G{IiYLO_wq*`NyITtCt$n2LH->{qw!k;2!gOtgEZpFHU6>"
    "ShYt<nZ**k!;p>xcq9Q&Ot34f2g{YRX0T)QE1pQO45!PIrH5VSE~-n;|Sm$_{FfWoZ_OBnh(gO*D~)WBayiS&m0Mn-YhcD"
    "{%pt@i9E-AX6Ppp@cZp@f?@n$Mvb@7(ii~5R`FCjD5s(^eLMj{SGm`{i2;}Oqn+*ZMc|n*4JgWp(tcK$m6$=9ZIHziX4g="
    "S=ClN09~Dp#M~X^ZNY4(WL{CqLQY)bcq-z|CepW+PgTf6P!UxQu`T9MpLtGXg-j7;ZV1~UB=Ur79rkqxqs=>9i#vwc0dzn"
    "YLD4n@x6>pltMq;3AfZ#r@W|#z5Scb}9c0tVFjfS2QjF8@95Sc_=%%ubv{8mEi6RCq@rrG@U$6wRmKm6;v0>P+c3-Ikf9Z"
    "abAj3vL-L83aN-4HxvA?AuN%Pq-xR$^8S^9Jyw{)yxDfB`pd}#n#9+%Ce!`_)^|2kW#T=@q<-#sDdS5_)9TrRK^3hAT~B#"
    "7-mA#fa443bPlo(G8tAt~QBHd?Q;=KnQg_q8daV!sQ==5Y1)C@07`EaVA9(a#{zq67JCHdarzXaSbjg*o!HamP6@gHkrXo"
    "U0Y{kA#<5%tNox#FFiHs!X&|!>nQ*q<!omU$GVMTTtD2&!n77k<5}K+$RpRSM08%`ulJD5uusTc{j}g$yOrC0d*#lI4ap*"
    "2)snP$8o1F{=J|BQ7m-nw_N7f(?a)5Z*&Vvp<o}e>x_D?-8?D#=e9n2{lfOAFMd0D=i1Fl_58u)iFJ4T_SHWo550eD@*(+"
    "k^3rSD+wVR<y!7Rb@5iIP$0m2qe{t#VPuC{5e!f2LJ+SjkrBYEc^qED4rGzVt&Nw9zc+_<S_Z4+j2m)MJ0(Y3QxMy2j5(|"
    "haiMWwRRB!F=-r38&^~Ud?o!R{4hxN@DzPUQOJzN`KzW(0UpEn;L->W}4e)_wwH%B)<*nFh%)yVth(XBfV4@dtt_j>Q+QS"
    "-M~w|>0v;CM+Lt|X!FgB@~CBO^iuq3>~GS<+@+XbhgExcMLT3FS(F=Soj_lFP`ogp3?{SjXR@H^7q"
)
OLD_MODEL = (
    "c-n1KJ#W-N5WNs6NQ6>R(17KZ<g_3DIG-RvP(g{12#O+WZO`6WTCeZcdzW0INOTktN{Q$r_ydRnB_}#sN<>S6M9D8;ckiN"
    "n2)kL&d-G=I&HD9XF6y3wUb|uAQudY<G`d!>G;D4DT5PrUeWnzfG=A6H+VWretDetA%`_$ExD~8=bbH$z{Ok&1!rL}dtBP"
    "rp?9ZxrRb7Cv+zK=+m}Ums_cNyRe%h3KU_LQ2a4uNWq=IE2Tx}D>s~)kMHmd<As{7#e$}vc9-sL%*Hho6I$g&8>m}C^iDC"
    "+Qnk`U!d$P>&nngK5`k5Cwp2q&Zy6+uQg;wFQI5kf_W#lc(^oE9R{8pdlRd_ib8h`Na0N2rUCBk9S&vCfU~LH0@s^JbZ>J"
    "={j^&>@35@7sBaH42y>DM%%&zz!@&LYz6ec}23USP$%cuGpMeRs&U!p#rH>-8Wn8*P<{mY9~o(aSe*;vX&+m8!LT*9cs-M"
    "<oswIcU_!I3t&o`yOFAy35IDEXB)M>*^!(9Rc-5!Do3&$nYt;PvoU2_+6Dr5tVec<)SgGxU@}u8bmq>$Gz&7f^+JTug@}>"
    "J6__0x$Z8JCUDI-tGcj)t(F8@rmLE)X-%ae(HpcDP3OD@`=i<V6+T8dQl&Y0WC()JX5+!9qq^jO&9G9ZYuboRPCYwRsfOV"
    "fU(SQk#nJ5cq|Ak7F1j)rG`Va9+J)Gd6lh6pqh+q<%gx$1)qGZzHK}@1>Hu|pFmh6H1ckE{EJs`Lfhua6X45(&y7x2Mw;m"
    "Lz9?|-bTS8}@W^YL`~o1T6@T-mty>3I4yIhx)*I-Jtt*2d1WKM#-JemJ@P@$2d5-^=SOH~*gQ-FbI1ytetM)oP(m9`d}%<"
    "BaF#e_|m`aFjuUi@cKqN@&3Ih*Jhdk_427VUX}53vd{7+(E1uF1{IFe?Gj?{s*2UTSo"
)
SETTINGS = Hyperparameters(learning_rate=0.05, n_epochs=12, batch_size=10, momentum=0.5)


def make_pairs():
    """Whole numbers: the same bits wherever they are made."""
    start = 0
    for n in (65, 47, 33):  # 6 minibatches an epoch
        i = numpy.arange(start, start + 4 * n)
        x = (i * i % 251 * 31 % 256).astype("uint8").reshape(n, 4)
        noise = (numpy.arange(3 * n) ** 3 % 61).reshape(n, 3)
        yield x, (x[:, :3] + noise).argmax(axis=1)
        start += 4 * n


PAIRS = list(make_pairs())
DATA = read_dataset(PAIRS)


class Stop(Callback):
    """Ends a run some minibatches after its n-th validation."""

    def __init__(self, n=math.inf, minibatches=0):
        self.n, self.minibatches = n, minibatches

    def on_validation(self, run, validation):
        self.n -= 1

    def on_minibatch_end(self, run):
        self.minibatches -= self.n <= 0
        if self.minibatches < 0:
            raise StopTraining


@functools.lru_cache(maxsize=None)
def problem(floatx):
    """What is trained: a classifier, and the first arguments of :func:`fit`."""
    with engine.floatx(floatx):
        return softmax_regression(4, 3, SETTINGS)


def train(folder, stop=None, resume=False, floatx="float32", data=DATA, **changed):
    """Run in a folder, which comes to hold model.pkl, run.state and run.csv."""
    hyperparameters = Hyperparameters(**{**vars(SETTINGS), **changed})
    folder = Path(folder)
    folder.mkdir(exist_ok=True)
    with engine.floatx(floatx):
        classifier, *expressions, _ = problem(floatx)
        for variable, _ in expressions[-1]:
            engine.set_value(variable, numpy.zeros_like(engine.value(variable)))
        callbacks = [
            PrintLog(),
            BestModel(folder / "model.pkl", classifier),
            History(folder / "run.csv"),
            Checkpoint(folder / "run.state", run_settings(data, hyperparameters), resume),
            *([stop] if stop else []),
        ]
        return fit(*expressions, shared_datasets(data), hyperparameters, callbacks)


def outcome(folder):
    """The bits of the model, and the history without the seconds, which nothing can repeat."""
    model = load_model(Path(folder, "model.pkl"))
    rows = Path(folder, "run.csv").read_text().splitlines()
    seconds = [float(row.rpartition(",")[2]) for row in rows[1:]]
    assert seconds == sorted(seconds)
    history = [row.rpartition(",")[0] for row in rows]
    told = [model.metadata.get(name) for name in ("curve", "reason")]
    return [engine.value(param).tobytes() for param in model.params], history, told


def lines(out):
    return [line for line in out.splitlines() if re.match(r" *epoch|Optimization", line)]


def contents(folder):
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


# Validated every 4 minibatches, a run is stopped by patience in the middle of an epoch.
@pytest.mark.parametrize("floatx, minibatches", [("float32", 0), ("float64", 3)])
def test_a_run_resumed_twice_ends_like_an_undisturbed_one(capfd, floatx, minibatches):
    run = functools.partial(train, floatx=floatx, patience=8, patience_increase=6)
    whole = run("whole")
    expected = lines(capfd.readouterr().out)
    assert whole.reason == "patience" and whole.epoch > 3 and (whole.iter + 1) % 6

    printed = []
    for n, resume in ((1, False), (2, True)):
        part = run("parts", Stop(n, minibatches), resume=resume)
        assert part.reason == "interrupted"
        printed += lines(capfd.readouterr().out)
        assert printed == expected[: len(printed)]
    assert len(outcome("parts")[1]) == 1 + 3 < len(outcome("whole")[1])
    last = run("parts", resume=True)
    assert printed + lines(capfd.readouterr().out) == expected
    assert outcome("parts") == outcome("whole")
    # Resumed once more, it has nothing left to do and says the same at its end.
    again = run("parts", resume=True)
    assert lines(capfd.readouterr().out) == expected[-1:]
    assert outcome("parts") == outcome("whole")
    for name in ("reason", "iter", "validations", "best_validation"):
        assert getattr(again, name) == getattr(last, name) == getattr(whole, name)


# Validated every 4 minibatches of 6 an epoch, the first part ends after the last checkpoint.
@pytest.mark.parametrize("n_epochs", [3, 4])
def test_a_finished_run_is_lengthened_to_the_bits_of_a_longer_one(capfd, n_epochs):
    long = functools.partial(train, n_epochs=7, patience=8, patience_increase=100)
    assert long("whole").reason == "n_epochs"
    expected = lines(capfd.readouterr().out)
    first = train("parts", n_epochs=n_epochs, patience=8, patience_increase=100)
    assert (first.epoch, first.reason) == (n_epochs, "n_epochs")
    printed = lines(capfd.readouterr().out)[:-1]
    last = long("parts", resume=True)
    assert printed + lines(capfd.readouterr().out) == expected
    assert (last.iter, last.reason) == (41, "n_epochs")
    assert outcome("parts") == outcome("whole")


def test_a_run_is_not_resumed_with_fewer_epochs_than_it_has_run(working_folder, capfd):
    train("run", Stop(4))
    before = contents("run")
    with pytest.raises(ModelFileError, match="is in epoch 4, and n_epochs is 3: give 4 or more"):
        train("run", resume=True, n_epochs=3)
    assert contents("run") == before
    assert train("run", resume=True, n_epochs=4).epoch == 4


def test_patience_that_ran_out_ends_a_resumed_run_of_more_epochs(working_folder, capfd):
    stops = {"patience": 8, "patience_increase": 1}
    assert train("run", **stops).reason == "patience"
    before = outcome("run")
    capfd.readouterr()
    assert train("run", resume=True, n_epochs=100, **stops).reason == "patience"
    assert "stopped by patience at iteration" in capfd.readouterr().err
    assert outcome("run") == before


def golden(text):
    return zlib.decompress(base64.b85decode(text))


def test_a_run_of_the_version_before_is_gone_on_with(working_folder):
    Path("run").mkdir()
    Path("run/run.state").write_bytes(golden(OLD_STATE))
    Path("old.pkl").write_bytes(golden(OLD_MODEL))
    assert train("run", Stop(0), resume=True).epoch == 5
    assert load_model("run/model.pkl").metadata["epoch"] == 4
    run = train("run", resume=True)
    assert (run.epoch, run.reason, run.best_validation.error) == (
        12,
        "n_epochs",
        pytest.approx(0.325),
    )
    old, new = load_model("old.pkl"), load_model("run/model.pkl")
    for before, now in zip(old.params, new.params):
        assert before.dtype == now.dtype == "float32"
        numpy.testing.assert_allclose(engine.value(before), engine.value(now), rtol=1e-4)
    assert old.metadata["test_error_all_rows"] == new.metadata["test_error_all_rows"]
    assert old.metadata["dataset_sha256"] == DATA.sha256


OTHER = read_dataset([(255 - x, y) for x, y in PAIRS])


@pytest.mark.parametrize(
    "changed, messages",
    [
        ({"learning_rate": 0.03}, ["learning_rate was 0.05 and is 0.03"]),
        ({"class_weight": "balanced"}, ["class_weight was None and is balanced"]),
        ({"momentum": 0.4, "l1": 0.1}, ["momentum was 0.5 and is 0.4", "l1 was 0.0 and is 0.1"]),
        ({"patience_increase": 4}, ["patience_increase was 2 and is 4"]),
        ({"floatx": "float64"}, ["floatX was float32 and is float64"]),
        (
            {"data": OTHER},
            [
                f"the data set was the given arrays (SHA-256 {DATA.sha256[:12]}...) "
                f"and is the given arrays ({OTHER.sha256[:12]}...)"
            ],
        ),
    ],
)
def test_a_run_with_other_settings_is_not_gone_on_with(working_folder, changed, messages):
    train("run", Stop(1))
    before = contents("run")
    with pytest.raises(ModelFileError, match=r"run\.state cannot be resumed from") as raised:
        train("run", resume=True, **changed)
    assert all(message in str(raised.value) for message in messages)
    assert len(re.findall(r" was ", str(raised.value))) == len(messages)
    assert contents("run") == before


def test_the_same_data_by_another_name_are_the_same(working_folder):
    train("run", Stop(1))
    names = [f"{key}_{split}" for split in ("train", "valid", "test") for key in "xy"]
    numpy.savez("same.npz", **dict(zip(names, [array for pair in PAIRS for array in pair])))
    Path("run/model.pkl").unlink()
    assert train("run", Stop(0), resume=True, data=read_dataset("same.npz")).epoch == 2
    assert load_model("run/model.pkl").metadata["epoch"] == 1  # it has come back


def test_a_state_is_neither_overwritten_unasked_nor_needed(working_folder, capfd):
    assert train("run", Stop(1), resume=True).epoch == 1
    assert re.search(r"^warning: there is no run.run\.state", capfd.readouterr().err, re.M)
    before = contents("run")
    with pytest.raises(ModelFileError, match=r"run\.state is there already: .*--resume"):
        train("run")
    assert contents("run") == before


# ---- states of runs that nobody trains

RUN = {"batch_size": 20, "dataset": "d", "dataset_sha256": "0" * 64}
HERE = f"{engine.NAME} {engine.VERSION}"


def new_run(shape=(2, 2), n_threads=None):
    variables = [theano.shared(numpy.zeros(shape)), theano.shared(numpy.zeros(2))]
    return Run(variables, [], Hyperparameters(), 5, n_threads=n_threads)


def write_state(**options):
    """Write the state of a run after two validations, of which the first was the best."""
    run = new_run(**options)
    run.iter, run.seconds, run.best_values = 9, 1.5, [numpy.eye(2), numpy.arange(2.0)]
    run.validations = [
        Validation(4, 0.7, 0.25, 0.3, 0.6, 0.125, 0.2),
        Validation(9, math.inf, 0.25, 0.3, 0.6),
    ]
    run.stopping.update(4, 0.25)
    for variable in run.variables:
        engine.set_value(variable, numpy.ones_like(engine.value(variable)))
    Checkpoint("run.state", RUN).on_validation(run, None)
    return run


def resumed(run):
    Checkpoint("run.state", RUN, resume=True).on_train_begin(run)
    return run


def test_all_that_a_state_holds_comes_back(working_folder, capfd):
    before, run = write_state(), resumed(new_run())
    for variable in run.variables:
        assert (engine.value(variable) == 1).all()
    assert (run.iter, run.seconds) == (9, 1.5)
    assert [value.tolist() for value in run.best_values] == [[[1, 0], [0, 1]], [0, 1]]
    assert vars(run.stopping) == vars(before.stopping)
    assert run.validations[0] == run.best_validation == before.best_validation
    assert run.validations[1] == before.validations[1]._replace(cost=None)
    assert capfd.readouterr().err == ""


def test_a_run_without_a_best_yet_comes_back(working_folder):
    Checkpoint("run.state", RUN).on_validation(new_run(), None)
    run = resumed(new_run())
    assert (run.best_values, run.stopping.best_loss, run.best_validation) == (None, math.inf, None)


def test_another_number_of_ranks_is_told(working_folder, capfd, monkeypatch):
    write_state()
    checkpoint = Checkpoint("run.state", RUN, resume=True)
    monkeypatch.setattr("logreg.shell.ranks.size", 2)
    checkpoint.on_train_begin(new_run())
    said = f"warning: the run began on {HERE} and goes on on {HERE} on 2 ranks: the last digits may"
    assert capfd.readouterr().err.startswith(said)


@pytest.mark.parametrize("then, now", [(2, 2), (2, 4), (None, 4), (2, None), (None, None)])
def test_another_number_of_threads_is_told_where_it_decides_the_bits(
    working_folder, capfd, then, now
):
    write_state(n_threads=then)
    resumed(new_run(n_threads=now))
    began, goes_on = (HERE + (f" with {n} thread(s)" if n else "") for n in (then, now))
    said = f"warning: the run began on {began} and goes on on {goes_on}: the last digits may come "
    assert capfd.readouterr().err == ("" if then == now else said + "out different\n")


def test_the_state_of_another_model_is_refused(working_folder):
    write_state()
    with pytest.raises(ModelFileError, match="it is of another model, whose parameters have other"):
        resumed(new_run(shape=(3, 2)))


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "it is empty"),
        (b"state", "it is not a model file"),
        (golden(OLD_MODEL), "it is a model file, not a checkpoint file"),
        (dumps_params([theano.shared(numpy.eye(2))]), "it is a parameters file, not a checkpoint"),
    ],
)
def test_another_file_is_no_state(working_folder, content, message):
    Path("run.state").write_bytes(content)
    with pytest.raises(ModelFileError, match=rf"run\.state cannot be loaded: {message}"):
        Checkpoint("run.state", RUN, resume=True)

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
# wrote them in which early stopping had ties.
OLD_STATE = (
    "c-rMwO^6&t6rPwwAsD=fh#njUJQz1){dE2G?q(4c51up#2IA6IcU8}{>7SXdo=MiQ5XeCZ5xr<6<f7ogixE^1cjqD~9zA)"
    "{gW}1Xr<|>-p6vF{PZANl*mJ3R@6~&+-uvEHbLnuD7QIsSx>}5rymzcrx++R_Y}h*U`;k`bVn>vv*wUTV_Sv(Y&?q}A?an"
    "C4D{dBNAtQKm(=0k;Q6?fxRU24?I4wklku~vF+OsC`?j~r)WLA&o^~RtRjmoidxssJO>;j)dpAqI`j=7P5E<*$~K4@hWAN"
    "*`22;F%`F(3d##;AulTI?YorKvl^+!+&&a)t@@J<bVsX8@RsN)|*#*m>|EfCPFRQp7#TU5?E2o1gRGt}I1mZ`?ru(UTCKM"
    "D$fiS3R~0$kPC<0@n|f_mbS1RedG$!ba&5SHq&rL}fKK4%$&)Mdt>E>9AGTLaVkXoUc46MSjjA0=iw*FO`sXkL-Sw4Yq1~"
    "gzFH4(mK)B;$laYWl;tqO@p#HZ$;*A#3#)2C<mNCKurxgNu^5b(5|(Lid@#FfO-%E?o(3&4o!`XzA~T;oLgr?4u}p$BJkj"
    "E+h(^_^^4qQjJptana#Ky<u2J!R8c?B$y>H`5LkevLhInXN_u@;G~4>R2STfATHkgr8LPZK9h`l2p!)(5>Y5cph(Zh)pgf"
    "k?Kq~S{?87+3p^7DpDIgxA&_|p~FGMkj%?Uv$0Fn#l?V<mS^|n6;og_2W9;-~{m1~Ud7pZi2_kCNL6xMaLOSHdKqRh?oo6"
    "b5g8L2hS3hQT-?bS68)S!s^uJ^Xt15qU^kL(dU6b(s`<dK1eR#RB${wR)9wO=x0rd{qyX*k6;!tl;uV3MdSZ#&pTffJ;Ko"
    "<e4B92VrFlU|<0NhI=yD;sI7N}af#!|mar=U#cB)w*;C9(?NlSsr|CDS?HHd1-FSvO=oV+GeT}79Y#-W*X8f%DPz7($yG@"
    "icwy<e30cjQvw7x_q3@9RqC|Hi<wijxfHxnk&d#w>HmL8qW}E>-xG676(yNS8(dSGF;TK1sI~@bh6a}Ny&GVo@GL5os79p"
    "<GGo%{|7~$DGPOXgBat4EFXAB+Rl13r8ksxvl&#-DHHCL3D?7Ais@<eI5?I1s7VAL`<9+9~)ZSrEHp;?gZcEs2!PA!|TGt"
    "FUJ$fgG^xQVd_m;)T0u0xWW+{?9aP#hJNgLAXb4AIL=k%UQcaU5#*LD4>uLZCVsHKaAubwls52g{vBGqaUZ|gytR5RN^t0"
    "o}-#e+QeFj#^4yP*e#b|G%(H5O?i9X1+~7Q70xc6a^faluT3OhoSV9``UKPHK|qIZ||(vj|0yGqO4Vo;<()(VHhWK7Hxi$"
    "vaoBPuj;XPM$c*Hf~=2Yx2<hHzpr~-zG1=v9a;)3)`o@xc2?-&V|P&UmySc)K5QOncVp0>hAEqGtahKEy)xL8DkNUo@A0x"
    "=?fk+g+&aIq%4Gr#uQ2%(kQ~5%P^J*M_d@zK~#$2;kSoJP7jZE|NQLG+9y98U3>AH%R4u>5AUA7`ri7j>yPi=T6uE!neV<"
    "@+qw3^+9TaBclfW5u7CaT_Rc@e{p9fDoy|X9U;pvMgS!jvfkGlF5HS$|#~zNnm>C}Dz*jz^JOT()!4Sh(3gLwzVxFPSh~h"
    "{wPfCyM-Q#blIj?y"
)
OLD_MODEL = (
    "c-nPUy^kA36n6*+ktm{|q5*4LF4la{&Iu9(6_f~xL#NYfygO^Jv>*2F`f^7UL`M;!l!%^>e*jUS#G<36MEnCtlvI?w_x3K"
    "f&zEsC{=Io$zkTzYuWqJgGi$?a()rV(p51Cg*EemrwHzJ&_v&c$F!F8d&%5Ywe0&^z79EVEyli|g1#FMi!C0Q0z$Thru>g"
    "F6NYhrn2j^(WGOn5|lz6rZz0Z8_!S*nk`aYc}UGYVLznp<N^?jH%Z4oeYy(&w@O5b%!+N|oH>Jj>2%-z9Q@RR4((oaK4R*"
    "1sEwlO^j#cbYhg=@-HRd2^%wWom^#lREhV(zTAPR23@giWl_Y-@4EjNDzw2Iu5&jbxfhZmm%w7S~6>+~i})2hy3?N^P8qV"
    "=c*tvAwMNnyf-n1jQNGT*cgoSn-%@w90KSia;)oT!eCp8RneiPU*o#P{-<;JaS-%IW4u4JT^SGR#8m*LMKIKJEx3umK$v>"
    "WFtz{Zf(vWD9z5Y6v9%7m`NKWM=`fbsTYK}q;;Us8Kb4OTrs9JH<W@rsWwf7Ks#Ksn8h*Y*b$kBhUk=`Ef57mp^SwxoYvH"
    "pB#SUt7CPCXZDEaef&*Uyrit2?LhZM`9|Ol1uSpl^7WMNmo)xE|9$#F`jXCM&UTA}-M9#UGN@kgf^Gw3brB3IL=TkWidB$"
    "_Ypc2EKh)t%ZB4;^xcx@QVVsF(&)IhPAFn2k>E6k_d94dRr>^qDdGDe3&T2#K=T%oLO7K@N=0sZ-c;%u}b3iYh0!$mv3Zg"
    "83=nk<VZoudQ@)Q;f$RU48D&TQS%OStw`xCZW0U+&<T_vlImkTwhL<`6V73rHZ<`W#%e&1tAY-6#DVbaCF4*cpzoMtdJx-"
    "xo~{7=Gud<YYzpD#d1tij)juvk5++*ux&Ss;1kumBF_)D09*dUj(9J_CZgvFJzCtMpbkj9Nf584Hmzu$P1n7gc$BFDXx<O"
    "Yf`jrRybmk_I>M%Iw4smGR+p+HV+7*fU9b8J`^G3@C_HhNvKmS6}4^)fn;eLU{=9|*%!qb^h+OX=nJkCBjJe_=lz_BjpT&"
    "$iN(O^I$+P+0F>MlU*ZtvzU%^G^HrXgTg-Ngvgoh;O}el>s6D)UNod=qrCRoG;?5DwcgX`>Ww!f6I{V?}it?iEdaM(;tGh"
    "+hQO?UkPkmWrG(%gduTh4*gI5aR4g}vx!z~kBfOJJ?aBZ@}*JM|*A|(S9s+iFmN5hGuEI{n^$s<e>+HM$U{%CpQ!*_rE?$"
    "3M6&+GM#zdl&s{=HxS@%Z)oZ~grJ`Xl#b{q~c`Ynk1-fA;Y|@BQ%2k5AwD>9=RU{C)f0o!9<-_T`)3K3%?a^!{ix3f`v78"
    "zZKv%F^J|6a*)pdf~Wa8MlJxF2{#X*xZ3Y!PB9&of<7n&@Qm$&99d)f3kdK@;?#6V21"
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


def test_a_state_that_kept_a_later_one_of_equal_models_is_refused(working_folder):
    Checkpoint("run.state", {**RUN, "ties": "later"}).on_validation(new_run(), None)
    with pytest.raises(ModelFileError, match="it keeps a later one, which is no more done"):
        resumed(new_run())


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

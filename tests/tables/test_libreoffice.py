"""LibreOffice opens a table and saves it: logreg reads the same values from its files."""

import datetime
import pathlib
import shutil
import subprocess

import numpy
import openpyxl
import pytest
from numpy.testing import assert_equal
from reads import DAY

from logreg.parts.options import TableOptions
from logreg.tables.reading import read_table

pytestmark = [
    pytest.mark.weekly,
    pytest.mark.skipif(not shutil.which("soffice"), reason="LibreOffice is not installed"),
]

NOTES = ['say "hi"', "a, b; c", "two\nlines", "Çé ü ß 雪", None]
ROWS = range(40)
CELLS = {
    "note": [NOTES[i % 5] for i in ROWS],
    "code": [f"00{i % 3}" for i in ROWS],
    "amount": [None if i % 7 == 0 else 1234.125 * i - 5 for i in ROWS],
    "day": [datetime.date(2024, 1, 31) + datetime.timedelta(i) for i in ROWS],
    "moment": [datetime.datetime(2024, 1, 31, i % 24, 37, 30) for i in ROWS],
    "clock": [datetime.time(i % 24, 45) for i in ROWS],
    "flag": [i % 3 == 0 for i in ROWS],
    "kind": [["cat", "dög"][i % 2] for i in ROWS],
}
MEANT = {
    **{f"note={text or ''}": [note == text for note in CELLS["note"]] for text in NOTES},
    **{f"code={code}": [cell == code for cell in CELLS["code"]] for code in ("000", "001", "002")},
    "amount": [numpy.nan if cell is None else cell for cell in CELLS["amount"]],
    "day": [DAY + i for i in ROWS],
    "moment": [DAY + (i % 24 * 3600 + 37 * 60 + 30) / 86400 for i in ROWS],
    "clock": [(i % 24 + 0.75) / 24 for i in ROWS],
    "flag": CELLS["flag"],
}
# Of LibreOffice's filter: the delimiter and the quote, the encoding, all texts in quotes, and
# truth values and dates that it finds in a text.
CSV = "{},34,{},1,,0,true,true"
COMMA, SEMICOLON, TAB = map(ord, ",;\t")
UTF_8, UTF_16 = 76, 65535
SETTINGS = """<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Setup/L10N"><prop oor:name="ooSetupSystemLocale" oor:op="fuse">
<value>{}</value></prop></item></oor:items>"""


def convert(path, form, locale, *options):
    """Have LibreOffice save a table in another format; return the path of the new file."""
    user = pathlib.Path("profile", locale, "user")
    user.mkdir(parents=True, exist_ok=True)
    (user / "registrymodifications.xcu").write_text(SETTINGS.format(locale))
    profile = f"-env:UserInstallation={user.parent.resolve().as_uri()}"
    folder = pathlib.Path("saved", locale)
    command = ["soffice", profile, "--headless", *options, "--convert-to", form]
    subprocess.run([*command, "--outdir", folder, path], check=True, timeout=300)
    suffix, _, _ = form.partition(":")
    return folder / f"t.{suffix}"


def to_csv(locale, delimiter, encoding):
    """Write an Excel file, and have LibreOffice save it as CSV; return the path of the CSV."""
    form = CSV.format(delimiter, encoding)
    return convert(book(), f"csv:Text - txt - csv (StarCalc):{form}", locale)


def book():
    """Write an Excel file; return its path."""
    book = openpyxl.Workbook()
    book.active.append([*CELLS])
    for row in zip(*CELLS.values()):
        book.active.append(row)
    book.save("t.xlsx")
    return "t.xlsx"


def assert_read(path, meant):
    """What is read must be what was meant: a dict from the name of each feature to its values."""
    part, known = read_table(path, TableOptions(missing="mean", categorical="code"))
    assert [part.labels[code] for code in part.codes] == CELLS["kind"]
    assert_equal(dict(zip(known["feature_names"], part.x.T)), meant)


def test_excel():
    assert_read(convert(book(), "xlsx", "en-US"), MEANT)


@pytest.mark.parametrize("delimiter, encoding", [(COMMA, UTF_8), (TAB, UTF_16)])
def test_csv(delimiter, encoding):
    assert_read(to_csv("en-US", delimiter, encoding), MEANT)


def test_csv_of_a_german_program():
    """It has decimal commas, and dates like 31.01.2024; its truth values are texts."""
    path = to_csv("de-DE", SEMICOLON, UTF_8)
    meant = {**MEANT, "flag=WAHR": MEANT["flag"], "flag=FALSCH": [not x for x in MEANT["flag"]]}
    del meant["flag"]
    assert_read(path, meant)
    options = f"--infilter=CSV:{CSV.format(SEMICOLON, UTF_8)}"
    assert_read(convert(path, "xlsx", "de-DE", options), MEANT)  # which has them as numbers

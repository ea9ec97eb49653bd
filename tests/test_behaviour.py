"""Some 530 command lines, and what they did when they were last looked at.

``python tests/behaviour/behaviour.py`` says how the table is written anew, after a change of
behaviour that is wanted.
"""

from conftest import ROOT

FOLDER = ROOT / "tests" / "behaviour"


def test_every_command_does_what_the_table_says(run):
    done = run(FOLDER / "behaviour.py", "--compare", FOLDER / "table.json")
    assert done.stdout == ""
    assert done.returncode == 0, done.stderr
    assert "530 commands" in done.stderr

"""The quiz in GIFT, read again by the rules of the format."""

import re

from logreg.tutorial.text import TEXT

PART = r"((?:\\.|[^\\~={}:#\n])+)"  # what has a meaning in GIFT comes after a backslash
QUESTION = rf"::{PART}::\[markdown\]{PART} \{{\n(.+?)\n\}}(?:\n\n|\n$)"
CHOICE = rf"([~=]){PART}#{PART}"


def plain(text):
    return re.sub(r"\\(.)", r"\1", text)


def test_each_question_has_one_right_choice_and_reasons(cli, working_folder):
    done = cli("tutorial.__main__", "--quiz", "quiz.gift")
    assert (done.code, done.out) == (0, "") and "the quiz is quiz.gift" in done.err
    assert [path.name for path in working_folder.iterdir()] == ["quiz.gift"]
    words = " ".join(TEXT.read_text("utf-8").split())
    gift = (working_folder / "quiz.gift").read_text("utf-8")
    assert re.fullmatch(f"(?s)(?:{QUESTION})+", gift)
    found = re.findall(f"(?s){QUESTION}", gift)
    assert len(found) == words.count("### Question ")
    for title, question, body in found:
        assert f"## {plain(title)} " in words and f"**{plain(question)}**" in words
        choices = [re.fullmatch(CHOICE, line).groups() for line in body.splitlines()]
        assert [mark for mark, _, _ in choices].count("=") == 1
        for mark, choice, reason in choices:
            assert f". {plain(choice)}</summary> {plain(reason)}" in words
            assert reason.startswith("Yes") == (mark == "=")

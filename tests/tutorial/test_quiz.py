"""The quiz in GIFT, read again by the rules of the format."""

import re

from logreg.tutorial.text import TEXT


def parse(gift):
    """Questions of GIFT: title, text, and choices of mark, text and feedback, unescaped."""
    for block in gift.strip().split("\n\n"):
        title, text, body = re.fullmatch(
            r"(?s)::(.+?)::\[markdown\](.+?) \{\n(.+)\n\}", block
        ).groups()
        choices = []
        for line in body.split("\n"):
            parts = [re.sub(r"\\(.)", r"\1", part) for part in re.split(r"(?<!\\)#", line[1:])]
            assert len(parts) == 2 and not re.search(r"(?<!\\)[~={}:]", line[1:]), line
            choices.append((line[0], *parts))
        yield title, re.sub(r"\\(.)", r"\1", text), choices


def test_each_question_has_one_right_choice_and_reasons(cli, working_folder):
    done = cli("tutorial.__main__", "--quiz", "quiz.gift")
    assert (done.code, done.out) == (0, "") and "the quiz is quiz.gift" in done.err
    assert [path.name for path in working_folder.iterdir()] == ["quiz.gift"]
    words = " ".join(TEXT.read_text("utf-8").split())
    found = list(parse((working_folder / "quiz.gift").read_text("utf-8")))
    assert len(found) == words.count("### Question ")
    for title, text, choices in found:
        assert f"## {title} " in words and f"**{text}**" in words
        assert [mark for mark, _, _ in choices].count("=") == 1
        for mark, choice, reason in choices:
            assert f". {choice}</summary> {reason}" in words
            assert reason.startswith("Yes") == (mark == "=")

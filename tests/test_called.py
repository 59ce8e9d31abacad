"""Messages name the command that the user has."""

import sys
from pathlib import Path

import pytest

from oral_cancer.called import command
from oral_cancer.settings import unknown


@pytest.mark.parametrize(
    ("called", "verb", "said"),
    [
        ("/usr/bin/oral-cancer", "train", "oral-cancer train"),
        ("/usr/bin/pytest", "fetch", "oral-cancer fetch"),
        ("/lib/oral_cancer/__main__.py", "report", "python -m oral_cancer report"),
        ("train.py", "train", "python train.py"),
        ("train.py", "fetch", "python scripts/fetch_data.py"),
        ("scripts/predict.py", "export", "python scripts/export.py"),
        ("scripts/report.py", "train", "python train.py"),
        ("scripts/report.py", "status", "oral-cancer status"),
        ("/some where/train.py", "report", "python '/some where/scripts/report.py'"),
    ],
)
def test_a_verb_is_named_as_the_program_was_called(
    monkeypatch: pytest.MonkeyPatch, called: str, verb: str, said: str
) -> None:
    monkeypatch.setattr(sys, "argv", [called, "fold=1"])
    assert command(verb) == said


def test_words_are_quoted_for_a_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["oral-cancer"])
    assert command("report", Path("my studies", "a")) == "oral-cancer report 'my studies/a'"
    assert unknown("x", ["seed"]) == "x: is no option; `oral-cancer train --cfg job` lists all"

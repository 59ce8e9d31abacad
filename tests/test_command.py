import os
from pathlib import Path

import pytest

from oral_cancer.command import FULL_ERROR, faults_in_one_line, no_empty_folder
from oral_cancer.errors import UserError


def test_a_users_fault_is_a_line_each_and_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop, faults_in_one_line():
        raise UserError("fold=9: too large", "seed=x: no number")
    assert stop.value.code == 1
    assert capsys.readouterr().err == "error: fold=9: too large\nerror: seed=x: no number\n"


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit), faults_in_one_line():
        (tmp_path / "file" / "outputs").mkdir()
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {tmp_path / 'file' / 'outputs'}: Not a directory")


def test_a_fault_of_the_program_shows_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop, faults_in_one_line():
        raise ZeroDivisionError("of ours")
    assert stop.value.code == 1
    said = capsys.readouterr().err
    assert said.startswith("Traceback")
    assert "ZeroDivisionError: of ours" in said


def test_an_interruption_is_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop, faults_in_one_line():
        raise KeyboardInterrupt
    assert stop.value.code == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_the_environment_is_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FULL_ERROR, raising=False)
    with faults_in_one_line():
        assert os.environ[FULL_ERROR] == "1"
    assert FULL_ERROR not in os.environ


def test_only_empty_folders_are_taken_away(tmp_path: Path) -> None:
    (tmp_path / "kept").touch()
    empty, full = tmp_path / "a" / "empty", tmp_path / "b" / "full"
    for folder in (empty, full):
        folder.mkdir(parents=True)
    (full / "kept").touch()
    for folder in (empty, full):
        with pytest.raises(UserError), no_empty_folder(folder):
            raise UserError("x: y: z")
    assert not (tmp_path / "a").exists()
    assert full.exists()

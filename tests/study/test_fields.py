"""What `oral-cancer plan` says, from its command line."""

from pathlib import Path

import pytest

from oral_cancer.cli import main
from oral_cancer.pages.compositions import OF_FIELDS
from tests.study.made_up import write_study


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_study(tmp_path_factory.mktemp("plan") / "paper", ["m1", "m2"], [0, 1], images=12)


def said(capsys: pytest.CaptureFixture[str], *words: str | Path) -> str:
    main(["plan", *map(str, words)])
    return " ".join(capsys.readouterr().out.split())


def test_a_wide_interval_has_a_number_of_fields(paper: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, paper, "width=0.9")
    assert "m2 of paper: a 95 % interval at most 0.9 wide" in text  # the best by validation
    assert all(name in text for name in ("1:2", "3:1", "parental", "control"))
    assert "no number" not in text
    assert OF_FIELDS in text


def test_it_warns_where_number_does_not_limit(paper: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, paper, "width=0.001", "experiment=m1")
    assert "m1 of paper" in text
    assert "no number of fields will do" in text
    assert "bias, not number, limits" in text


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ((), "error: width: is needed: width=..."),
        (("width=0",), "error: width=0: must be a number above 0 and below 1"),
        (("width=1.5",), "error: width=1.5: must be a number above 0 and below 1"),
        (("width=0.1", "experiment=m9"), "experiment=m9: "),
        (("width=0.1", "out=x"), "error: out: is no option; those there are width, experiment"),
    ],
)
def test_wrong_settings_are_refused(
    paper: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], fault: str
) -> None:
    with pytest.raises(SystemExit):
        main(["plan", str(paper), *words])
    (line,) = capsys.readouterr().err.splitlines()
    assert fault in line

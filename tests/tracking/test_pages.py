"""A study's workspace and report, made on a stand-in for W&B's server."""

import json
from pathlib import Path

import pytest
import wandb

from oral_cancer.cli import main
from oral_cancer.evaluation.tables import summary
from oral_cancer.settings.callbacks import MEASURED
from oral_cancer.study import wandb_pages
from oral_cancer.study.runs import read_study
from tests.study.made_up import write_study
from tests.tracking.stand_in import ENTITY, PROJECT, StandIn


@pytest.fixture
def paper(tmp_path: Path) -> Path:
    return write_study(tmp_path / "paper", ["m1", "m2"], [0, 1])


def refused(study: Path, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit, match="1"):
        main(["wandb", str(study)])
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_workspace_and_report_are_made_and_made_anew_in_place(
    server: StandIn, paper: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.groups = {"paper": 4}
    main(["wandb", str(paper)])
    said = capsys.readouterr().out
    found = json.loads((paper / wandb_pages.FILE).read_text())
    assert set(found) == {"workspace", "report"}
    assert all(url.startswith(f"{server.address}/{ENTITY}/{PROJECT}") and url in said for url in found.values())
    workspace, report = server.views.values()
    assert (workspace["type"], report["type"]) == ("project-view", "runs")
    for view in (workspace, report):
        assert view["displayName"] == "Study paper"
        assert all(f"curves/{name}" in view["spec"] for name in MEASURED)
        assert "test/accuracy" in view["spec"]
        assert '"paper"' in view["spec"].replace("\\", "")  # its runs, and not the project's
    assert "predictions/images" in workspace["spec"]
    mean = summary(read_study(paper).predictions).query("experiment == 'm1' and metric == 'rmse'")["mean"]
    assert all(f"{value:.3f} (" in report["spec"] for value in mean)
    before = set(server.views)

    main(["wandb", str(paper)])
    assert set(server.views) == before
    assert json.loads((paper / wandb_pages.FILE).read_text()) == found
    assert not list((paper.parent / "home").iterdir())


def test_what_lacks_is_one_line_with_its_remedy(
    server: StandIn, paper: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert refused(paper, capsys).endswith(
        f"{ENTITY}/{PROJECT} has no run of paper; send those that are offline there with `wandb sync outputs/wandb`"
    )
    asked = len(server.asked)
    for variable, value, remedy in (
        ("WANDB_MODE", "offline", "unset it"),
        ("WANDB_API_KEY", "", "`wandb login`"),
    ):
        with monkeypatch.context() as patched:
            patched.setenv(variable, value)
            wandb.teardown()
            assert remedy in refused(paper, capsys)
    with monkeypatch.context() as patched:
        patched.setattr(wandb_pages, "PACKAGE", "no_such_package")
        assert "pip install 'oral-cancer[wandb]'" in refused(paper, capsys)
    assert [name for name, _ in server.asked[asked:] if name] == []
    assert not (paper / wandb_pages.FILE).exists()


def test_runs_of_a_study_are_where_they_were_logged_to(server: StandIn, tmp_path: Path) -> None:
    url = f"{server.address}/lab/cells/runs/abc"
    server.groups = {"lab_study": 1}
    main(["wandb", str(write_study(tmp_path / "lab_study", ["m1"], [0], wandb_url=url))])
    assert {view["project"]["entityName"] for view in server.views.values()} == {"lab"}
    assert {view["project"]["name"] for view in server.views.values()} == {"cells"}

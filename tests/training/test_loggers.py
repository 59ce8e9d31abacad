import os
import subprocess
import sys
from pathlib import Path

from oral_cancer.wandb_start import START_TIMEOUT

TWO_RUNS = """
import sys, time
from oral_cancer import wandb_start
wandb_start.START_TIMEOUT = 2
for name in ("first", "second"):
    before = time.monotonic()
    run = wandb_start.start_wandb("oral-cancer", "outputs", id=name, name=name)
    assert run.settings.mode == "offline", run.settings.mode
    seconds = time.monotonic() - before
    run.log({"loss": 1.0})
    run.finish()
assert seconds < 2, f"the second run waited {seconds:.0f} s again"
"""


HOMELESS = """
from oral_cancer import wandb_start
run = wandb_start.start_wandb("oral-cancer", "outputs", tags=["simulated", "mine"])
artifact = wandb_start.wandb.Artifact("table", type="table")
artifact.add_file("table.csv")
run.log_artifact(artifact)
print(*run.tags)
run.finish()
"""


def test_home_stays_untouched_and_tags_arrive(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    env = {name: value for name, value in os.environ.items() if not name.startswith(("WANDB_", "XDG_"))}
    env |= {"HOME": str(tmp_path / "home"), "WANDB_MODE": "offline", "WANDB_TAGS": "draft, mine"}
    command = [sys.executable, "-c", HOMELESS]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == {"simulated", "mine", "draft"}
    assert not [path for path in (tmp_path / "home").rglob("*") if "wandb" in path.name]


def test_a_server_that_does_not_answer_leaves_the_runs_offline(tmp_path: Path) -> None:
    env = os.environ | {"WANDB_API_KEY": "0" * 40, "WANDB_BASE_URL": "http://127.0.0.1:9"}
    env.pop("WANDB_MODE", None)
    command = [sys.executable, "-c", TWO_RUNS]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("W&B does not answer") == 1
    assert len(list((tmp_path / "outputs" / "wandb").glob("offline-run-*/*.wandb"))) == 2
    assert START_TIMEOUT <= 20

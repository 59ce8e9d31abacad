"""One cell of a study: skipped when finished, resumed when interrupted, failing alone."""

import json
import logging
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig
from rich import print

from oral_cancer.command import described
from oral_cancer.files import write_text
from oral_cancer.study.grids import duration
from oral_cancer.study.plan import Plan, read_plan
from oral_cancer.training.manifest import RESULTS, changed_files, read_manifest, write_manifest
from oral_cancer.training.ranks import is_first, must_be_started
from oral_cancer.training.settings import check, number_of_ranks, settings_hash
from oral_cancer.training.train import train

log = logging.getLogger(__name__)


def run_cell(cfg: DictConfig) -> float | None:
    """Train the cell that Hydra's current job is, unless it is finished; an error is left in its manifest.

    A trial of a search is a cell that belongs to no plan.

    Returns:
        The RMSE of the HETERO validation images, which a search minimises; None for a cell that failed.
    """
    hydra = HydraConfig.get()
    study, folder = Path(hydra.sweep.dir), Path(hydra.runtime.output_dir)
    plan = read_plan(study)
    if is_finished(folder, settings_hash(cfg), plan):
        return validation_rmse(json.loads((folder / "metrics.json").read_text(encoding="utf-8")))
    expected = {}
    if plan is not None:
        expected = {"fingerprint": plan.data["fingerprint"], "weights": plan.weights[folder.parent.name]}
        if is_first():
            print(f"[bold]{study.name}[/]: {progress_line(study, plan, folder)}")
    try:
        check(cfg)  # a plan's cells have passed, a trial's values between those tried beforehand have not
        return validation_rmse(train(cfg, expected))
    except Exception as error:
        if not is_first():
            raise
        ours = {"config_hash": settings_hash(cfg)}
        before = read_manifest(folder) or {}
        manifest = before if before.get("config_hash") == ours["config_hash"] else ours
        said = described(error)
        write_manifest(folder, manifest | {"status": "failed", "error": said})
        write_text(folder / "error.txt", traceback.format_exc())
        log.error("%s fails: %s (error.txt there says where)", folder, said)
        if number_of_ranks(cfg) > 1 and not must_be_started(cfg):
            raise  # or the other ranks would wait for this one
        return None


def validation_rmse(metrics: dict[str, Any]) -> float:
    """RMSE of the HETERO validation images."""
    return float(metrics["val"]["hetero"]["rmse"])


def is_finished(folder: Path, config_hash: str, plan: Plan | None) -> bool:
    """Whether a cell's folder holds a complete training with these settings on the plan's data, undamaged."""
    manifest = read_manifest(folder) or {}
    if (
        manifest.get("status") != "complete"
        or manifest.get("config_hash") != config_hash
        or (plan is not None and manifest.get("fingerprint") != plan.data["fingerprint"])
    ):
        return False
    damaged = changed_files(folder, manifest, RESULTS)
    for fault in damaged:
        log.warning("%s; the cell is trained again", fault)
    return not damaged


def progress_line(study: Path, plan: Plan, running: Path) -> str:
    """Cells done, running and failed, and the time left if the others take as long as those done."""
    folders = [study / cell["model"] / f"fold={cell['fold']}" for cell in plan.cells]
    manifests = [read_manifest(folder) or {} for folder in folders if folder.resolve() != running.resolve()]
    done = [manifest["seconds"] for manifest in manifests if manifest.get("status") == "complete"]
    failed = Counter(manifest.get("status") for manifest in manifests)["failed"]
    left = len(plan.cells) - len(done)
    line = f"{len(done)} of {len(plan.cells)} cells done, 1 running, {failed} failed"
    if done:
        line += f", about {duration(left * sum(done) / len(done))} left"
    return line

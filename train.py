#!/usr/bin/env python3
"""One training, or a study of many: python train.py [-m] [group=choice] [key=value]. See python train.py --help."""

import sys
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from oral_cancer.command import faults_in_one_line, insist_on_trust, no_empty_folder
from oral_cancer.experiments import Composed, name_of
from oral_cancer.settings import check


@hydra.main(version_base="1.3", config_path="conf", config_name="train")
def main(settings: DictConfig) -> float | None:
    of_hydra = HydraConfig.get()
    folder = Path(of_hydra.runtime.output_dir)
    # What follows is imported late, since neither --help nor a refusal needs it.
    if of_hydra.mode == RunMode.MULTIRUN:
        from oral_cancer.study.study import run_job

        return run_job(Composed.of(settings, of_hydra), Path(of_hydra.sweep.dir), folder)
    with faults_in_one_line(), no_empty_folder(folder.resolve()):
        check(settings)
        print("loading ...", flush=True)
        from oral_cancer.training.run import Run
        from oral_cancer.training.train import train

        composed = Composed.of(settings, of_hydra)
        chosen = any(word.startswith("hydra.run.dir=") for word in of_hydra.overrides.hydra)
        named = composed.named(name_of(composed))
        train(Run.of(named, folder if chosen else None, overrides=composed.overrides))
    return None


if __name__ == "__main__":
    with faults_in_one_line():
        arguments = sys.argv[1:]
        insist_on_trust(arguments)
        sys.argv[1:] = arguments
        main()

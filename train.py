#!/usr/bin/env python3
"""One training, or a study of many: python train.py [-m] [group=choice] [key=value]. See python train.py --help."""

import sys
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from oral_cancer.command import faults_in_one_line, insist_on_trust, no_empty_folder
from oral_cancer.training.settings import check


@hydra.main(version_base="1.3", config_path="conf", config_name="train")
def main(cfg: DictConfig) -> float | None:
    # What follows is imported late, since neither --help nor a refusal needs it.
    if HydraConfig.get().mode == RunMode.MULTIRUN:
        from oral_cancer.study.runner import run_cell

        return run_cell(cfg)
    with faults_in_one_line(), no_empty_folder(Path(HydraConfig.get().runtime.output_dir)):
        check(cfg)
        from oral_cancer.training.train import train

        train(cfg)
    return None


if __name__ == "__main__":
    with faults_in_one_line():
        arguments = sys.argv[1:]
        insist_on_trust(arguments)
        sys.argv[1:] = arguments
        main()

"""The command that writes a model of a study as ONNX files with a model card, step by step."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from omegaconf import DictConfig
from rich import print
from rich.markup import escape

from oral_cancer.command import say
from oral_cancer.counting import counted
from oral_cancer.data.preprocessing import IN_WORDS
from oral_cancer.files import refuse_file, write_text
from oral_cancer.inference.members import choose_runs, load_network, resizing, views_in_words
from oral_cancer.inference.model_card import model_card
from oral_cancer.inference.onnx_files import ENSEMBLE, onnx_folder, write_onnx

CARD = "MODEL_CARD.md"


def export_model(study_folder: Path, settings: DictConfig) -> None:
    """Write one ONNX file a run, one of the ensemble, and a model card.

    Args:
        study_folder: of a study with at least one finished run.
        settings: those of conf/export.yaml.

    Raises:
        UserError: for a study or a checkpoint that cannot be used, and a network that ONNX cannot express.
    """
    study, runs = choose_runs(study_folder, settings.experiment, settings.seed, settings.split_seed)
    study = replace(study, private=study.private or settings.private)
    experiment, way, seen = runs[0].experiment, resizing(runs), views_in_words(runs)
    folder = Path(settings.out) if settings.out else onnx_folder(study, experiment)
    refuse_file("out", folder)
    networks = [load_network(run, settings.trust) for run in runs]
    files = [(f"{run.run.training}.onnx", [run], [network]) for run, network in zip(runs, networks, strict=True)]
    files.append((ENSEMBLE, runs, networks))
    print(escape(f"{experiment} of {study.name}: {counted(len(runs), 'network')} and their ensemble, a while each"))
    print(f"predicted is {seen}")
    differences = {}
    with _quiet():
        for name, members, of_members in files:
            differences[name] = write_onnx(folder / name, members, of_members, way)
            say(f"written: {folder / name}", whole=True)
    if way.preprocess in IN_WORDS:
        say(f"not in the files: {IN_WORDS[way.preprocess]}; {CARD} shows how images are to be prepared")
    write_text(folder / CARD, model_card(study, runs, way, differences))
    say(f"written: {folder / CARD}", whole=True)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what PyTorch's exporter says to its developers."""
    exporter = logging.getLogger("torch.onnx")
    before = exporter.level
    exporter.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        exporter.setLevel(before)

"""What the verbs of the command `oral-cancer` do, with what was given on its command line.

Each imports what it needs once it is run, so that help and completion wait for no library. Their docstrings are their
help.
"""

import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

OUTPUTS = Path("outputs")
Given = Namespace


def _settings_of(verb: str, given: Given) -> Any:
    from oral_cancer.command import settings_of
    from oral_cancer.inference.populations import images_not_there

    return settings_of(verb, given.overrides, images_not_there)


def check(given: Given) -> None:
    """Say what would be trained on, without training: labels, splits, groups, sizes, duplicates, what is left out.

    oral-cancer check source=folder source.root=my_cells

    Samples of each class and mixture lie in outputs/check. The exit code is 1 where something must be mended first.
    """
    from oral_cancer.train import checked_settings

    settings = checked_settings(given.overrides, given.config_dir)
    from oral_cancer.check import check_images  # heavy, as below: no refusal of an option needs it

    check_images(settings)


def report(given: Given) -> None:
    """Make the tables and the page of a study or a search again, from whatever runs or trials are there.

    oral-cancer report outputs/studies/paper
    oral-cancer report --verify outputs/studies/paper   # whether predictions, tables and page agree; writes nothing
    """
    if given.verify:
        from oral_cancer.errors import refuse
        from oral_cancer.study.verify import verify_study

        refuse([line for finding in verify_study(given.study) for line in finding.shown()])
        return
    from oral_cancer.study.remake import remake_report

    remake_report(given.study)


def predict(given: Given) -> None:
    """Predict new images with a finished study, and estimate the composition of the populations that they show.

    oral-cancer predict outputs/studies/paper images=/data/culture_7
    """
    settings = _settings_of("predict", given)
    from oral_cancer.inference.command import predict_folder

    if not predict_folder(given.study, settings):
        sys.exit(1)


def explain(given: Given) -> None:
    """Show where in an image the networks of a finished study find what they predict.

    oral-cancer explain outputs/studies/paper
    """
    settings = _settings_of("explain", given)
    from oral_cancer.explain.command import explain_images

    if not explain_images(given.study, settings):
        sys.exit(1)


def export(given: Given) -> None:
    """Write a model of a finished study as ONNX files, one a fold and one for their ensemble, with a model card.

    oral-cancer export outputs/studies/paper experiment=m5
    """
    settings = _settings_of("export", given)
    from oral_cancer.inference.export import export_model

    export_model(given.study, settings)


def plan(given: Given) -> None:
    """How many fields give a composition with an interval of a width, by the spread of the study's own test images.

    oral-cancer plan outputs/studies/paper width=0.1

    It warns where bias, not number, limits: where known cultures are further off than the interval would be wide.
    """
    settings = _settings_of("plan", given)
    from oral_cancer.study.fields import show_fields

    show_fields(given.study, settings.width, settings.experiment)


def wandb(given: Given) -> None:
    """Make a workspace and a report of a study in Weights & Biases, where you are logged in and its runs are online.

    oral-cancer wandb outputs/studies/paper

    Called again, it makes both anew in place. It needs the extra `wandb`.
    """
    from oral_cancer.study.wandb_pages import write_wandb_pages

    write_wandb_pages(given.study)


def app(given: Given) -> None:
    """Open a page on this computer where images are dropped, predicted and explained; needs the extra `app`.

    oral-cancer app studies=[outputs,/data/outputs]
    """
    settings = _settings_of("app", given)
    from oral_cancer.app.command import serve

    serve(settings)


def fetch(given: Given) -> None:
    """Fetch the published images from Kaggle (public, no account) and check their counts.

    After an interruption run it again: the download goes on where it stopped. A complete folder is left alone.
    """
    from oral_cancer.data.published import fetch_published

    fetch_published(given.into)


def status(given: Given) -> None:
    """Which runs of a study are done, run and at which epoch, have failed and why, or lack; and the time left.

    oral-cancer status outputs/studies/paper --watch
    """
    from oral_cancer.study.status import print_status, refuse_none, show_status, watch_status

    if given.study is None:
        refuse_none(OUTPUTS)
    (watch_status if given.watch else print_status if given.json else show_status)(given.study)


def list_all(given: Given) -> None:
    """The studies and the runs of no study below a folder: what is done, the best experiment, when, and how large."""
    from oral_cancer.study.listing import show_list

    show_list(given.folder)


def compare(given: Given) -> None:
    """The settings in which two runs, experiments or studies differ, and their figures side by side.

    oral-cancer compare outputs/studies/paper/m1 outputs/studies/paper/m5
    """
    from oral_cancer.study.compare import show_comparison

    show_comparison(given.a, given.b)


def clean(given: Given) -> None:
    """Remove what nothing needs any more, once it has been shown and you have said yes.

    Image stores of images that no run has trained on, or of an older format; W&B folders that have been synced or whose
    run is gone; trainings that were moved beside their successors (fold=0.1). With --checkpoints also the networks of
    finished runs, without which nothing can be predicted, explained or exported. A study that runs is left alone.
    """
    from oral_cancer.study import clean as cleaning

    cleaning.clean(given.folder, given.checkpoints, given.yes)


SLOW_TO_LOAD = (predict, explain, export, wandb, app)
"""Verbs whose libraries take seconds to import, and which say so."""

"""The command that explains images, step by step."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
from omegaconf import DictConfig
from rich import get_console, print
from rich.markup import escape
from rich.panel import Panel
from rich.progress import Progress

from oral_cancer.command import say
from oral_cancer.counting import counted
from oral_cancer.data.collection import in_words, record_of
from oral_cancer.data.reading import NewReading, Reading
from oral_cancer.errors import UserError
from oral_cancer.explain.choice import Labelled, labelled, own_images, runs_to_explain
from oral_cancer.explain.explain import Explanation
from oral_cancer.explain.explaining import Explained, Unread, explain, explainers_of
from oral_cancer.explain.page import Shown, explanations_page
from oral_cancer.explain.pictures import TITLES, Pixels, png, sheet
from oral_cancer.explain.wandb_run import log_explanations
from oral_cancer.files import refuse_file, write_bytes, write_text
from oral_cancer.inference.members import views_in_words
from oral_cancer.inference.populations import find_images, printable
from oral_cancer.labels import in_files
from oral_cancer.privacy import redacted
from oral_cancer.study.runs import Study, read_study

PAGE = "index.html"
LONGEST = 160  # bytes of an image's name within that of a picture
WORDS = {True: "correct", False: "false", None: "unlabelled"}
MIXED = "mixed"
"""What the names of pictures say of a prediction."""


def explain_images(study_folder: Path, settings: DictConfig) -> bool:
    """Explain images by the networks of a study: pictures, a sheet an image, an index page, a W&B run.

    Args:
        study_folder: of a study with at least one finished run.
        settings: those of conf/explain.yaml.

    Returns:
        Whether all images could be read.

    Raises:
        UserError: for a study, a checkpoint or a folder of images that cannot be used.
    """
    given = Reading.of(settings.range, settings.channels, settings.plane, before="")
    study = read_study(study_folder, settings.experiment)
    study = replace(study, private=study.private or settings.private)
    runs = runs_to_explain(study, settings.fold, settings.seed, settings.split_seed)
    root = Path(settings.images) if settings.images else None
    found = find_images(root) if root else None
    images = labelled(found.images, study) if found else own_images(study, runs, settings.per_class)
    new = NewReading.of(runs[0].facts.get("reading"), given)
    folder = Path(settings.out or Path("outputs", "explanations", study.name, root.resolve().name if root else "test"))
    refuse_file("out", folder)
    explainers = explainers_of(runs, settings.trust)
    target = _target(study, settings.target)
    if found:
        say(in_words(record_of([image.file for image in found.images], found.left_out)))
    say(f"{counted(len(images), 'image')}, explained by {', '.join(run.name for run in runs)} of {study.name}")

    console = get_console()
    shown: list[Shown] = []
    unread: list[str] = []
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("explaining", total=len(images) * len(runs))
        told = partial(bar.advance, task)
        for one in explain(images, explainers, new, target, settings.batch_size, told):
            if isinstance(one, Unread):
                unread.append(f"{printable(str(one.labelled.image.path))}: {one.reason}")
            else:
                shown.append(_write_pictures(one, study.classes, folder))
    say(*(f"skipped {line}" for line in unread), style="red")
    if not shown:
        return False

    no_map = [run.name for run, explainer in explainers if not explainer.has_feature_map]
    if no_map:
        print(f"[yellow]Grad-CAM does not apply to {escape(', '.join(no_map))}: no convolutional feature map[/]")
    shown = _in_order(shown, images)
    facts = {
        "Study": str(study.folder),
        "Images": str(root or f"{settings.per_class} right ones of each class and of each mixture, and all wrong ones"),
        "Class explained": settings.target or "the predicted one",
        "Explained is": " or ".join(dict.fromkeys(views_in_words([run]) for run in runs)),
        "Made": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }
    if study.private:
        unread, facts = redacted(unread), redacted(facts)
    write_text(folder / PAGE, explanations_page(study, shown, unread, no_map, facts))
    if settings.wandb:
        log_explanations(study, runs, folder, shown)
    _show(study, shown, folder / PAGE)
    return not unread and not (found and found.others)


def _target(study: Study, name: str | None) -> int | None:
    """The place of the class to explain; None is the predicted one."""
    if name is None:
        return None
    if name not in study.classes:
        raise UserError(f"target={name}: must be null or one of {', '.join(study.classes)}")
    return study.classes.index(name)


def _write_pictures(one: Explained, classes: Sequence[str], folder: Path) -> Shown:
    """Write the pictures of an explanation, and say what of it the page shows."""
    found, run = one.explanation, one.run
    image, proportions, mixed = one.labelled.image, one.labelled.proportions, one.labelled.mixed
    correct = None if proportions is None or mixed else bool(proportions.argmax() == found.predicted)
    off = float(np.abs(proportions - found.probabilities).mean()) if proportions is not None and mixed else None
    beginning = Path(run.experiment, run.run.training, image.file)
    names, judged = {}, MIXED if mixed else WORDS[correct]
    for picture, pixels in ({"sheet": _sheet(one.original, found)} | found.pictures).items():
        name = f"{_short(beginning.name)}-{picture}-{judged}-{in_files(classes[found.predicted])}.png"
        names[picture] = beginning.with_name(name).as_posix()
        write_bytes(folder / names[picture], png(pixels))
    return Shown(
        image.file,
        run.experiment,
        run.run.training,
        one.labelled.name,
        tuple(found.probabilities.tolist()),
        classes[found.predicted],
        found.target,
        correct,
        off,
        names,
    )


def _in_order(shown: Sequence[Shown], images: Sequence[Labelled]) -> list[Shown]:
    """Images in their order, but for mixed ones: these last, mixture by mixture, the furthest off first."""
    place = {labelled.image.file: number for number, labelled in enumerate(images)}
    off: dict[str, float] = {}
    for one in shown:
        off[one.file] = max(off.get(one.file, 0.0), one.off or 0.0)
    return sorted(
        shown,
        key=lambda one: (one.off is not None, one.true if one.off is not None else "", -off[one.file], place[one.file]),
    )


def _short(name: str) -> str:
    """A file name with room for what is added to it; a long one is cut, and told apart by its hash."""
    if len(name.encode()) <= LONGEST:
        return name
    return f"{name.encode()[:LONGEST].decode(errors='ignore')}~{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _sheet(original: Pixels, found: Explanation) -> Pixels:
    pictures = {"original": original} | found.pictures
    return sheet({name: pictures[name] for name in TITLES if name in pictures}, scaled="grad_cam")


def _show(study: Study, shown: Sequence[Shown], page: Path) -> None:
    if study.simulated:
        print(Panel("TRAINED ON SIMULATED MICROGRAPHS: no picture says anything about real cells", style="bold red"))
    judged = [one.correct for one in shown if one.correct is not None]
    of_pure = f", {sum(judged)} of {len(judged)} predictions of pure images correct" if judged else ""
    off = [one.off for one in shown if one.off is not None]
    of_mixed = f", proportions of mixed ones off by {np.mean(off):.3f} on the mean" if off else ""
    say(f"{len(shown)} sheets{of_pure}{of_mixed}")
    say(f"page: {page}", whole=True)

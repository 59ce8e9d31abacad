"""The command `oral-cancer`: its verbs, what each takes, and what does the work.

A verb imports what it needs once it is run, so that help and completion wait for no library.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

STUDY = "folder of a study, such as outputs/studies/paper"
OUTPUTS = Path("outputs")
Given = argparse.Namespace


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a verb.

    Args:
        arguments: the verb and its own; None for those of the process.

    Raises:
        SystemExit: 1 for what is the user's to mend, told in a line on standard error; 2 for a wrong command line.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["train"]:  # which has Hydra's command line, and not argparse's
        from oral_cancer.train import main as train

        train(words[1:])
        return
    parser = build_parser()
    if "_ARGCOMPLETE" in os.environ:
        import argcomplete

        argcomplete.autocomplete(parser, always_complete_options=False)
    if not words:
        parser.print_help()
        return
    given, left = parser.parse_known_args(words)
    if [word for word in left if word.startswith("-") or not hasattr(given, "overrides")]:
        parser.error(f"unrecognized arguments: {' '.join(left)}")
    if left:  # settings that stand behind an option
        given.overrides += left

    from oral_cancer.command import faults_in_one_line

    with faults_in_one_line():
        if given.run in SLOW_TO_LOAD:
            print("loading ...", flush=True)
        given.run(given)


def run_verb(verb: str, arguments: Sequence[str] | None = None) -> None:
    """Run a verb with its arguments, by default those of the process."""
    main([verb, *(sys.argv[1:] if arguments is None else arguments)])


def build_parser() -> argparse.ArgumentParser:
    """What `oral-cancer` takes."""
    parser = argparse.ArgumentParser(
        "oral-cancer",
        description="Experiments on micrographs of cells that look alike.",
        epilog='`oral-cancer VERB --help` says more. Completion: eval "$(register-python-argcomplete oral-cancer)"',
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)

    train = verbs.add_parser("train", help="train one model, or run a study or a search", add_help=False)
    _overrides(train, _train_settings)

    check = _verb(verbs, _check, "check", "what would be trained on, with nothing trained")
    check.add_argument("--config-dir", type=Path, help="folder of settings of your own; needs trust=true")
    _overrides(check, _train_settings)

    report = _verb(verbs, _report, "report", "make the tables and the page of a study or a search again")
    report.add_argument("study", type=Path, help=STUDY)
    report.add_argument("--verify", action="store_true", help="write nothing; recompute all, and say what agrees")

    _of_a_study(verbs, _predict, "predict", "predict new images, and what populations are made of")
    _of_a_study(verbs, _explain, "explain", "show where in an image networks find what they predict")
    _of_a_study(verbs, _export, "export", "write a model as ONNX files with a model card")
    _of_a_study(verbs, _plan, "plan", "how many fields an interval of a width needs")

    wandb = _verb(verbs, _wandb, "wandb", "a workspace and a report of a study in Weights & Biases")
    wandb.add_argument("study", type=Path, help=STUDY)

    _with_settings(_verb(verbs, _app, "app", "a page on this computer: drop images, see what is in the culture"), "app")

    fetch = _verb(verbs, _fetch, "fetch", "fetch the published images from Kaggle (public, no account)")
    fetch.add_argument("--into", type=Path, default=Path("data"), help="folder for the images (default: data)")
    status = _verb(verbs, _status, "status", "which runs of a study are done, run, have failed or lack")
    status.add_argument("study", type=Path, nargs="?", help=f"{STUDY}, of a run, or outputs/runs")
    way = status.add_mutually_exclusive_group()
    way.add_argument("--watch", action="store_true", help="again every few seconds, until nothing runs")
    way.add_argument("--json", action="store_true", help="for programs, and to send along when you ask for help")
    listing = _verb(verbs, _list, "list", "the studies and runs there are, with their best figures")
    listing.add_argument("folder", type=Path, nargs="?", default=OUTPUTS, help="where (default: outputs)")
    compare = _verb(verbs, _compare, "compare", "two runs, experiments or studies: settings that differ, and figures")
    for name in ("a", "b"):
        compare.add_argument(name, type=Path, help="folder of a run, of an experiment or of a study")
    clean = _verb(verbs, _clean, "clean", "remove what nothing needs any more, shown before it goes")
    clean.add_argument("folder", type=Path, nargs="?", default=OUTPUTS, help="of a study, or of all (default: outputs)")
    clean.add_argument("--checkpoints", action="store_true", help="those of finished runs too: no more predictions")
    clean.add_argument("--yes", action="store_true", help="without asking")
    return parser


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: Any, **__: Any) -> None:
        from importlib.metadata import version

        print(f"oral-cancer {version('oral-cancer')}")
        parser.exit()


def _verb(verbs: Any, run: Callable[[Given], None], name: str, what: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = verbs.add_parser(
        name, help=what, description=run.__doc__ or what, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.set_defaults(run=run)
    return parser


def _of_a_study(verbs: Any, run: Callable[[Given], None], name: str, what: str) -> None:
    """A verb with a study and settings of its own, in conf/<verb>.yaml."""
    parser = _verb(verbs, run, name, what)
    parser.add_argument("study", type=Path, help=STUDY)
    _with_settings(parser, name)


def _with_settings(parser: argparse.ArgumentParser, name: str) -> None:
    from oral_cancer.config_groups import CONF

    settings = (CONF / f"{name}.yaml").read_text(encoding="utf-8")
    parser.epilog = f"settings:\n{settings}".replace("%", "%%")
    options = [line.partition(":")[0] + "=" for line in settings.splitlines() if line[:1].isalpha()]
    _overrides(parser, lambda prefix, **_: options)


def _overrides(parser: argparse.ArgumentParser, completer: Callable[..., Sequence[str]]) -> None:
    action: Any = parser.add_argument("overrides", nargs="*", metavar="key=value", help="settings, see below")
    action.completer = completer


def _settings_of(verb: str, given: Given) -> Any:
    from oral_cancer.command import settings_of
    from oral_cancer.inference.populations import images_not_there

    return settings_of(verb, given.overrides, images_not_there)


def _train_settings(prefix: str, parsed_args: Given, **_: Any) -> list[str]:
    """What Hydra offers to complete a word of `train` with."""
    from oral_cancer.train import completions

    return completions([*(parsed_args.overrides or []), prefix])


def _check(given: Given) -> None:
    """Say what would be trained on, without training: labels, splits, groups, sizes, duplicates, what is left out.

    oral-cancer check source=folder source.root=my_cells

    Samples of each class and mixture lie in outputs/check. The exit code is 1 where something must be mended first.
    """
    from oral_cancer.train import checked_settings

    settings = checked_settings(given.overrides, given.config_dir)
    from oral_cancer.check import check_images  # heavy, as below: no refusal of an option needs it

    check_images(settings)


def _report(given: Given) -> None:
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


def _predict(given: Given) -> None:
    """Predict new images with a finished study, and estimate the composition of the populations that they show.

    oral-cancer predict outputs/studies/paper images=/data/culture_7
    """
    settings = _settings_of("predict", given)
    from oral_cancer.inference.command import predict_folder

    if not predict_folder(given.study, settings):
        sys.exit(1)


def _explain(given: Given) -> None:
    """Show where in an image the networks of a finished study find what they predict.

    oral-cancer explain outputs/studies/paper
    """
    settings = _settings_of("explain", given)
    from oral_cancer.explain.command import explain_images

    if not explain_images(given.study, settings):
        sys.exit(1)


def _export(given: Given) -> None:
    """Write a model of a finished study as ONNX files, one a fold and one for their ensemble, with a model card.

    oral-cancer export outputs/studies/paper experiment=m5
    """
    settings = _settings_of("export", given)
    from oral_cancer.inference.export import export_model

    export_model(given.study, settings)


def _plan(given: Given) -> None:
    """How many fields give a composition with an interval of a width, by the spread of the study's own test images.

    oral-cancer plan outputs/studies/paper width=0.1

    It warns where bias, not number, limits: where known cultures are further off than the interval would be wide.
    """
    settings = _settings_of("plan", given)
    from oral_cancer.study.fields import show_fields

    show_fields(given.study, settings.width, settings.experiment)


def _wandb(given: Given) -> None:
    """Make a workspace and a report of a study in Weights & Biases, where you are logged in and its runs are online.

    oral-cancer wandb outputs/studies/paper

    Called again, it makes both anew in place. It needs the extra `wandb`.
    """
    from oral_cancer.study.wandb_pages import write_wandb_pages

    write_wandb_pages(given.study)


def _app(given: Given) -> None:
    """Open a page on this computer where images are dropped, predicted and explained; needs the extra `app`.

    oral-cancer app studies=[outputs,/data/outputs]
    """
    settings = _settings_of("app", given)
    from oral_cancer.app.command import serve

    serve(settings)


def _fetch(given: Given) -> None:
    """Fetch the published images from Kaggle (public, no account) and check their counts.

    After an interruption run it again: the download goes on where it stopped. A complete folder is left alone.
    """
    from oral_cancer.data.published import fetch_published

    fetch_published(given.into)


def _status(given: Given) -> None:
    """Which runs of a study are done, run and at which epoch, have failed and why, or lack; and the time left.

    oral-cancer status outputs/studies/paper --watch
    """
    from oral_cancer.study.status import print_status, refuse_none, show_status, watch_status

    if given.study is None:
        refuse_none(OUTPUTS)
    (watch_status if given.watch else print_status if given.json else show_status)(given.study)


def _list(given: Given) -> None:
    """The studies and the runs of no study below a folder: what is done, the best experiment, when, and how large."""
    from oral_cancer.study.listing import show_list

    show_list(given.folder)


def _compare(given: Given) -> None:
    """The settings in which two runs, experiments or studies differ, and their figures side by side.

    oral-cancer compare outputs/studies/paper/m1 outputs/studies/paper/m5
    """
    from oral_cancer.study.compare import show_comparison

    show_comparison(given.a, given.b)


def _clean(given: Given) -> None:
    """Remove what nothing needs any more, once it has been shown and you have said yes.

    Image stores of images that no run has trained on, or of an older format; W&B folders that have been synced or whose
    run is gone; trainings that were moved beside their successors (fold=0.1). With --checkpoints also the networks of
    finished runs, without which nothing can be predicted, explained or exported. A study that runs is left alone.
    """
    from oral_cancer.study.clean import clean

    clean(given.folder, given.checkpoints, given.yes)


SLOW_TO_LOAD = (_predict, _explain, _export, _wandb, _app)
"""Verbs whose libraries take seconds to import, and which say so."""

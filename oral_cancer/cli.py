"""The command `oral-cancer`: its verbs and what each takes; what it does is in `verbs`."""

import argparse
import os
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from oral_cancer import verbs
from oral_cancer.verbs import OUTPUTS, Given

STUDY = "folder of a study, such as outputs/studies/paper"


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
        if given.run in verbs.SLOW_TO_LOAD:
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
    parsers = parser.add_subparsers(title="verbs", metavar="VERB", required=True)

    train = parsers.add_parser("train", help="train one model, or run a study or a search", add_help=False)
    _overrides(train, _train_settings)

    check = _verb(parsers, verbs.check, "check", "what would be trained on, with nothing trained")
    check.add_argument("--config-dir", type=Path, help="folder of settings of your own; needs trust=true")
    _overrides(check, _train_settings)

    report = _verb(parsers, verbs.report, "report", "make the tables and the page of a study or a search again")
    report.add_argument("study", type=Path, help=STUDY)
    report.add_argument("--verify", action="store_true", help="write nothing; recompute all, and say what agrees")

    _of_a_study(parsers, verbs.predict, "predict", "predict new images, and what populations are made of")
    _of_a_study(parsers, verbs.explain, "explain", "show where in an image networks find what they predict")
    _of_a_study(parsers, verbs.export, "export", "write a model as ONNX files with a model card")
    _of_a_study(parsers, verbs.plan, "plan", "how many fields an interval of a width needs")

    wandb = _verb(parsers, verbs.wandb, "wandb", "a workspace and a report of a study in Weights & Biases")
    wandb.add_argument("study", type=Path, help=STUDY)

    app = _verb(parsers, verbs.app, "app", "a page on this computer: drop images, see what is in the culture")
    _with_settings(app, "app")

    fetch = _verb(parsers, verbs.fetch, "fetch", "fetch the published images from Kaggle (public, no account)")
    fetch.add_argument("--into", type=Path, default=Path("data"), help="folder for the images (default: data)")
    status = _verb(parsers, verbs.status, "status", "which runs of a study are done, run, have failed or lack")
    status.add_argument("study", type=Path, nargs="?", help=f"{STUDY}, of a run, or outputs/runs")
    way = status.add_mutually_exclusive_group()
    way.add_argument("--watch", action="store_true", help="again every few seconds, until nothing runs")
    way.add_argument("--json", action="store_true", help="for programs, and to send along when you ask for help")
    listing = _verb(parsers, verbs.list_all, "list", "the studies and runs there are, with their best figures")
    listing.add_argument("folder", type=Path, nargs="?", default=OUTPUTS, help="where (default: outputs)")
    compare = _verb(
        parsers, verbs.compare, "compare", "two runs, experiments or studies: settings that differ, and figures"
    )
    for name in ("a", "b"):
        compare.add_argument(name, type=Path, help="folder of a run, of an experiment or of a study")
    clean = _verb(parsers, verbs.clean, "clean", "remove what nothing needs any more, shown before it goes")
    clean.add_argument("folder", type=Path, nargs="?", default=OUTPUTS, help="of a study, or of all (default: outputs)")
    clean.add_argument("--checkpoints", action="store_true", help="those of finished runs too: no more predictions")
    clean.add_argument("--yes", action="store_true", help="without asking")
    return parser


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: Any, **__: Any) -> None:
        from importlib.metadata import version

        print(f"oral-cancer {version('oral-cancer')}")
        parser.exit()


class WholeWords(argparse.RawDescriptionHelpFormatter):
    """Lines as they are; those longer than a terminal is wide are broken between words, under what they begin with."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n".join(_broken(indent + line, width) for line in text.splitlines())


def _broken(line: str, width: int) -> str:
    setting, sign, _ = line.partition("# ")
    under = " " * len(setting) + sign if sign else " " * (len(line) - len(line.lstrip()))
    return textwrap.fill(line, width, subsequent_indent=under, break_long_words=False, break_on_hyphens=False)


def _verb(parsers: Any, run: Callable[[Given], None], name: str, what: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = parsers.add_parser(
        name, help=what, description=run.__doc__ or what, formatter_class=WholeWords
    )
    parser.set_defaults(run=run)
    return parser


def _of_a_study(parsers: Any, run: Callable[[Given], None], name: str, what: str) -> None:
    """A verb with a study and settings of its own, in conf/<verb>.yaml."""
    parser = _verb(parsers, run, name, what)
    parser.add_argument("study", type=Path, help=STUDY)
    _with_settings(parser, name)


def _with_settings(parser: argparse.ArgumentParser, name: str) -> None:
    from oral_cancer.config_groups import CONF

    settings = (CONF / f"{name}.yaml").read_text(encoding="utf-8")
    parser.epilog = f"settings:\n{settings}"
    options = [line.partition(":")[0] + "=" for line in settings.splitlines() if line[:1].isalpha()]
    _overrides(parser, lambda prefix, **_: options)


def _overrides(parser: argparse.ArgumentParser, completer: Callable[..., Sequence[str]]) -> None:
    action: Any = parser.add_argument("overrides", nargs="*", metavar="key=value", help="settings, see below")
    action.completer = completer


def _train_settings(prefix: str, parsed_args: Given, **_: Any) -> list[str]:
    """What Hydra offers to complete a word of `train` with."""
    from oral_cancer.train import completions

    return completions([*(parsed_args.overrides or []), prefix])

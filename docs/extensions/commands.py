"""The page of all commands, made of the help that each of them prints."""

import argparse
from collections.abc import Iterator
from typing import Any

from omegaconf import OmegaConf

from oral_cancer.cli import WholeWords, build_parser
from oral_cancer.config_groups import CONF

WIDTH = 100  # characters of a line of help


def commands_page() -> str:
    """A section a verb in Markdown, with what `oral-cancer VERB --help` prints."""
    return "\n\n".join(f"## {verb}\n\n```text\n{said.strip()}\n```" for verb, said in helps())


def helps() -> Iterator[tuple[str, str]]:
    """Each verb with its help; of `train`, which has Hydra's, the part before the settings."""
    for verb, parser in verbs().items():
        if verb == "train":
            help_: Any = OmegaConf.to_container(OmegaConf.load(CONF / "hydra" / "help" / "train.yaml"), resolve=False)
            said = str(help_["template"]).partition("Groups, and what each chooses:")[0] + str(help_["footer"])
            yield verb, said.replace("${called:train}", "oral-cancer train")
        else:
            parser.formatter_class = lambda prog: WholeWords(prog, width=WIDTH)
            yield verb, parser.format_help()


def verbs() -> dict[str, argparse.ArgumentParser]:
    """The parsers of the verbs, by name."""
    (found,) = (action for action in build_parser()._actions if isinstance(action, argparse._SubParsersAction))
    return dict(found.choices)

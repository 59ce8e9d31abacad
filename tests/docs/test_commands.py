"""Every command that README and the site show is one that its program takes, with settings that can be trained with."""

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest

from oral_cancer.called import DOORS, SCRIPTS
from oral_cancer.cli import build_parser
from oral_cancer.command import settings_of
from oral_cancer.command_line import faults_of, insist_on_trust, options_first
from oral_cancer.quoting import for_hydra
from oral_cancer.settings.commands import COMMANDS
from oral_cancer.train import LITERAL, PATTERNED
from tests.conftest import REPOSITORY
from tests.docs.pages import PAGES, commands, files

OF_OTHERS = ("docker", "eval", "git", "source")
"""Programs that are not ours, nor of our environment."""
VERBS = {Path(script).stem: verb for verb, script in SCRIPTS.items()}


def test_pages_and_commands_are_found() -> None:
    assert len(PAGES) > 40
    assert sum(len(commands(page)) for page in PAGES) > 100


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(REPOSITORY).as_posix())
def test_what_is_shown_can_be_typed(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for path, content in files(page).items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(content, encoding="utf-8")
    faults = [f"{' '.join(words)}: {fault}" for words in commands(page) for fault in _faults(tuple(words))]
    assert not faults, "\n".join(faults)


def _faults(words: tuple[str, ...]) -> Sequence[str]:
    program, *given = words
    if program in OF_OTHERS:
        return ()
    if program == "python" and given[:2] == ["-m", "oral_cancer"]:
        program, given = "oral-cancer", given[2:]
    if program == "python" and Path(given[0]).name in DOORS:
        program, given = "oral-cancer", [VERBS[Path(given[0]).stem], *given[1:]]
    checked: dict[str, Callable[[list[str]], Iterator[str]]] = {
        "oral-cancer": _of_verb,
        "make": _of_make,
        "python": _of_module,
        "pip": _of_pip,
        "wandb": _of_wandb,
    }
    return list(checked[program](given)) if program in checked else ["no program that is known here"]


def _of_verb(given: list[str]) -> Iterator[str]:
    if not given or given[0].startswith("--"):
        yield from (word for word in given if word not in ("--help", "--version"))
        return
    verb, *rest = given
    if verb in ("train", "check"):
        yield from _of_train(tuple(rest))
        return
    if all(word.startswith("--") for word in rest):  # named, in a sentence
        rest = ["a", "b"] if verb == "compare" else ["study", *rest] if verb in ("report", *COMMANDS) else rest
    found, left = build_parser().parse_known_args([verb, *rest])
    yield from left
    if verb in COMMANDS and len(rest) > 1:
        settings_of(verb, found.overrides)


@cache
def _of_train(words: tuple[str, ...]) -> Sequence[str]:
    given = options_first(words)
    if set(given) & {"--help", "--cfg"} or "--config-name" in given:
        return ()
    insist_on_trust(given)
    return [fault for fault in faults_of(for_hydra(given, LITERAL, PATTERNED)) if not _is_not_there(fault)]


def _is_not_there(fault: str) -> bool:
    """Images, tables and weights of the reader's."""
    absent = r"source\.(root|table): .* does not exist: |model\.weights=\S+\.(bin|pth|safetensors|ckpt): must be "
    return re.match(absent, fault) is not None


def _of_make(given: list[str]) -> Iterator[str]:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    for word in given:
        name, is_variable, _ = word.partition("=")
        if not re.search(rf"^{name} \?=" if is_variable else rf"^{re.escape(name)}:", makefile, re.MULTILINE):
            yield f"{word} is not in the Makefile"


def _of_module(given: list[str]) -> Iterator[str]:
    """A benchmark, with the options that its source names."""
    if given[:1] != ["-m"]:
        yield "is no script of ours"
        return
    path = REPOSITORY.joinpath(*given[1].split("."))
    source = (path / "__main__.py" if path.is_dir() else path.with_suffix(".py")).read_text(encoding="utf-8")
    strings = {node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)}
    yield from (word for word in given[2:] if word.startswith("--") and word not in strings)


def _of_pip(given: list[str]) -> Iterator[str]:
    project = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    for extra in re.findall(r"\[(.*?)\]", " ".join(given)):
        if not all(re.search(rf"^{name} = \[", project, re.MULTILINE) for name in extra.split(",")):
            yield f"{extra} is no extra"


def _of_wandb(given: list[str]) -> Iterator[str]:
    from wandb.cli.cli import cli

    if given[0] not in cli.commands:
        yield f"{given[0]} is no command of wandb"

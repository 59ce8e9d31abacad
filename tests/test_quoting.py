import json
from collections.abc import Iterable
from pathlib import Path

import pytest
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import OverrideParseException
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from oral_cancer import quoting
from oral_cancer.command import brief, settings_of
from oral_cancer.experiments import compose_settings
from oral_cancer.quoting import as_typed, without_references
from oral_cancer.settings import build, resolved
from oral_cancer.train import LITERAL, PATTERNED
from oral_cancer.training.run import Run, RunName

PIECES = [*" =,[]{}()'\"\\$:;~+-*?!#%&|<>^@äß細.\t/", "${", "${a}", "\\${", "null", "a"]
NASTY = st.lists(
    st.one_of(st.sampled_from(PIECES), st.characters(exclude_categories=["Cs", "Cc"])), min_size=1, max_size=12
).map("".join)
QUICK = settings(max_examples=100, deadline=None, derandomize=True, database=None)
MY_IMAGES = "/data/my images, batch=[1] (2)/ä ${HOME} \\${x} it's"


def for_hydra(words: Iterable[str]) -> list[str]:
    return quoting.for_hydra(words, LITERAL, PATTERNED)


def is_hydras(value: str) -> bool:
    return value in ("null", "???") or (len(value) > 1 and value[0] == value[-1] and value[0] in "'\"")


def in_a_sweep(word: str) -> str:
    """What a job of a multirun is given for a word that is not swept."""
    (override,) = OverridesParser.create().parse_overrides([word])
    assert not override.is_sweep_override()
    ((words,),) = BasicSweeper.split_arguments([override], None)
    return words[0]


@QUICK
@given(NASTY)
@example("a'\\")
@example("\\\\'${b}")
@example("a\\")
def test_what_arrives_is_what_the_shell_passed(value: str) -> None:
    assume(not is_hydras(value))
    (word,) = for_hydra([f"store={value}"])
    for each in (word, in_a_sweep(word)):
        cfg = OmegaConf.create({"store": OverridesParser.create().parse_override(each).value()})
        assert cfg.store == value
        plain = OmegaConf.to_container(cfg, resolve=True)
        assert OmegaConf.create(without_references(plain)).store == value
        assert OmegaConf.create(OmegaConf.to_yaml(OmegaConf.create(without_references(plain)))).store == value


@QUICK
@given(st.lists(NASTY, min_size=1, max_size=3))
def test_a_pattern_is_one_and_a_list_is_many(patterns: list[str]) -> None:
    assume(not any(is_hydras(one) or set(one) & set(",'\"[]") or one.strip() != one for one in patterns))
    (one,) = for_hydra([f"source.leave_out={patterns[0]}"])
    assert list(OmegaConf.create(OverridesParser.create().parse_override(one).value())) == patterns[:1]
    (many,) = for_hydra([f"source.leave_out=[{','.join(patterns)}]"])
    assert list(OmegaConf.create(OverridesParser.create().parse_override(many).value())) == patterns


@pytest.mark.parametrize("option", [*LITERAL, *PATTERNED])
def test_nothing_and_what_hydra_quotes_mean_what_they_mean_to_hydra(option: str) -> None:
    for value in ("null", "", "'a, b'", '"${oc.env:HOME}"'):
        said = f"[{value}]" if option in PATTERNED and value not in ("null", "") else value
        assert for_hydra([f"++{option}={value}"]) == [f"++{option}={said}"]


def test_a_list_of_patterns_may_quote_some() -> None:
    (word,) = for_hydra(["source.leave_out=['a,b', *.txt ,\"c d\"]"])
    assert OverridesParser.create().parse_override(word).value() == ["a,b", "*.txt", "c d"]
    assert for_hydra(["source.leave_out=[]"]) == ["source.leave_out=[]"]


def test_other_options_are_hydras() -> None:
    words = ["fold=0,1", "-m", "~callbacks", "data.batch_size=8", "source=folder", "--cfg", "job"]
    assert for_hydra(words) == words


def test_every_option_named_exists() -> None:
    choices = [compose_settings([f"source={choice}"]) for choice in ("auto", "folder", "table")]
    own = [name for name in (*LITERAL, *PATTERNED) if not name.startswith("hydra.")]
    missing = object()
    for name in own:
        assert any(OmegaConf.select(cfg, name, default=missing) is not missing for cfg in choices), name


def test_a_mapping_where_a_list_may_be_is_hydras() -> None:
    words = ["source.table={a: t 1.csv, b: t2.csv}", "source.table=[t 1.csv,t2.csv]", "source.file={:03d}.png"]
    said = for_hydra(words)
    assert said == [words[0], "source.table=['t 1.csv','t2.csv']", "source.file=['{:03d}.png']"]


@QUICK
@given(st.dictionaries(NASTY, st.one_of(NASTY, st.integers(), st.lists(NASTY, max_size=2)), min_size=1, max_size=3))
def test_names_in_a_mapping_may_be_quoted(mapping: dict[str, object]) -> None:
    (word,) = for_hydra([f"resampling.multiples={json.dumps(mapping, ensure_ascii=False)}"])
    for each in (word, in_a_sweep(word)):
        override = OverridesParser.create().parse_override(each)
        assert OmegaConf.to_container(OmegaConf.create({"a": override.value()}), resolve=True) == {"a": mapping}
        assert OmegaConf.create([str(override.input_line)])[0] is not None  # where Hydra keeps what was given
    assert json.loads(as_typed(word).partition("=")[2]) == mapping


def test_mixtures_on_the_command_line_are_those_of_a_file() -> None:
    said = "source.mixtures={'1:3 AB': {parts: {A: 1, 'naïve B': 3}, folders: [mix_A1_B3]}}"
    mixtures = resolved(compose_settings(for_hydra(["source=folder", said])))["source"]["mixtures"]
    assert mixtures == {"1:3 AB": {"parts": {"A": 1, "naïve B": 3}, "folders": ["mix_A1_B3"]}}
    name = compose_settings(for_hydra(["resampling=ros", "resampling.multiples={'1:3': 4}"])).name
    assert name == 'homo_hetero-ros,resampling.multiples={"1:3": 4}'
    with pytest.raises(OverrideParseException) as refused:
        compose_settings(for_hydra(["source.mixtures={naïve: 1}"]))
    assert (
        brief(refused.value) == "source.mixtures={naïve: 1}: cannot be read; quote the names in it, \"key={'1:3': 2}\""
    )


def test_a_path_reaches_the_source_and_the_record_as_it_is(tmp_path: Path) -> None:
    root = Path(f"{tmp_path}{MY_IMAGES}")
    root.mkdir(parents=True)
    cfg = compose_settings(for_hydra(["source=folder", f"source.root={root}", "source.leave_out=a,b"]))
    assert build(cfg, "source").root == root
    run = Run.of(cfg, tmp_path, RunName("m2", 0))
    assert run.config["source"]["root"] == str(root)
    assert run.config["source"]["leave_out"] == ["a,b"]
    assert build(run.settings, "source").root == root


@pytest.mark.parametrize("command", ["predict", "explain", "export"])
def test_the_other_verbs_take_paths_alike(command: str) -> None:
    needed = [] if command == "export" else [f"images={MY_IMAGES}"]
    found = settings_of(command, [*needed, f"out={MY_IMAGES}", "experiment='m5'"])
    assert (found.out, found.experiment) == (MY_IMAGES, "m5")
    assert not needed or found.images == MY_IMAGES

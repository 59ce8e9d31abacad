"""Every setting is declared once, with its range, and refused in one wording by whatever command it is given to."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
from annotated_types import Ge, Gt, Le, Lt
from omegaconf import OmegaConf
from pydantic.fields import FieldInfo

from oral_cancer.command import settings_of
from oral_cancer.errors import UserError
from oral_cancer.experiments import compose_settings
from oral_cancer.settings import AS_TYPED, PATTERNS, build, check, faults_of, options, resolved, settings_hash, unknown
from oral_cancer.settings.commands import COMMANDS, Sweeper
from oral_cancer.settings.refusals import section_of
from oral_cancer.settings.rules import ByTarget, Rule, Section
from oral_cancer.settings.training import Training
from tests.conftest import REPOSITORY
from tests.test_conf import CHOICES, composed

OTHERS = {"strategy", "progress", "params"}  # Lightning's, a callback, and what is searched: no rule of ours
BY_NAME = {"multiples", "mixtures"}  # of which those are named that are refused
NOWHERE = {"no": "such"}
ANY_NAME = {"controls"}  # which has such names: those of a study
SWEEPER = {"direction": "minimize", "n_trials": 3, "n_jobs": None, "sampler": {"seed": 0}, "params": {}}
CHOSEN = (
    (),
    ("source=folder", "resampling=ros", "logger=csv", "model=efficientnet_lite0"),
    ("source=simulated", "resampling=borderline_smote", "augmentation=device"),
    ("resampling=enn_ros", "study=paper", "augmentation=robust"),
    ("experiment=adamw", "augmentation=randaugment"),
)


def refusals(*overrides: str) -> list[str]:
    try:
        check(compose_settings(["resampling=ros", *overrides]))
    except UserError as refused:
        return list(refused.lines)
    return []


def leaves(
    section: type[Section], content: Mapping[str, Any], *place: str
) -> Iterator[tuple[tuple[str, ...], FieldInfo]]:
    """The declared options that are plain values, within the classes that a content chooses."""
    for name, field in section.model_fields.items():
        inner = section_of(field, content.get(name) or {})
        if inner is None:
            yield (*place, name), field
        elif content.get(name):
            yield from leaves(inner, content[name], *place, name)


def put(content: Mapping[str, Any], place: tuple[str, ...], value: Any) -> dict[str, Any]:
    first, *rest = place
    return {**content, first: put(content[first], tuple(rest), value) if rest else value}


def out_of_range(field: FieldInfo) -> list[Any]:
    """Values beyond the bounds that are declared, and one that is of no type that any option has."""
    rules = [one for rule in field.metadata for one in (rule.constraints if isinstance(rule, Rule) else [])]
    beyond = {
        Ge: lambda bound: [bound.ge - 1, str(bound.ge), True],
        Gt: lambda bound: [bound.gt, str(bound.gt + 1), True],
        Le: lambda bound: [bound.le + 1, float("nan")],
        Lt: lambda bound: [bound.lt, float("inf")],
    }
    found = [value for rule in rules for value in beyond.get(type(rule), lambda _: [])(rule)]
    return [NOWHERE, *found, *([] if type(None) in get_args(field.annotation) else [None])]


@pytest.mark.parametrize(("group", "choice"), CHOICES)
def test_every_option_of_a_choice_is_declared(group: str, choice: str) -> None:
    def declared(section: type[Section], content: Mapping[str, Any], place: str) -> Iterator[str]:
        target = str(content.get("_target_", ""))
        if target.startswith("oral_cancer.") and section.builds != target:
            yield f"{place}{target}"
        for name, value in content.items():
            field = section.model_fields.get(name)
            inner = section_of(field, value) if field and isinstance(value, Mapping) else None
            if inner is not None:
                yield from declared(inner, value, f"{place}{name}.")
            elif field is None and not name.startswith("_") and not target.startswith(("albumentations.", "optuna.")):
                yield f"{place}{name}"

    config = composed(f"{group}={choice}")
    content: Any = OmegaConf.to_container(OmegaConf.masked_copy(config, [k for k in config if k != "hydra"]))
    assert list(declared(Training, content, "")) == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_of_a_command_is_declared_with_its_default(command: str) -> None:
    there: Any = OmegaConf.to_container(OmegaConf.load(REPOSITORY / "conf" / f"{command}.yaml"))
    declared = COMMANDS[command].model_fields
    assert there == {name: "???" if declared[name].is_required() else declared[name].default for name in there}
    assert there.keys() == declared.keys()


def test_every_option_of_a_search_is_declared() -> None:
    there: Any = OmegaConf.to_container(OmegaConf.load(REPOSITORY / "conf" / "hydra" / "sweeper" / "optuna.yaml"))
    assert {name for name in there if not name.startswith("_") and name != "defaults"} | {"sampler"} == set(
        Sweeper.model_fields
    )


@pytest.mark.parametrize("chosen", CHOSEN)
def test_an_option_out_of_its_range_is_refused_in_one_wording(chosen: tuple[str, ...]) -> None:
    content = resolved(compose_settings(chosen))
    insist_on_one_wording(Training, content, "")


def test_so_it_is_by_the_other_commands() -> None:
    needed = {"images": "folder", "width": 0.1}
    for section in COMMANDS.values():
        content = {name: value for name, value in needed.items() if name in section.model_fields}
        insist_on_one_wording(section, content, "")
    insist_on_one_wording(Sweeper, SWEEPER, "hydra.sweeper.")


def insist_on_one_wording(section: type[Section], content: Mapping[str, Any], before: str) -> None:
    assert faults_of(section, content, before) == []
    for place, field in leaves(section, content):
        if place[-1] in OTHERS:
            continue
        for value in out_of_range(field):
            if place[-1] in ANY_NAME and value == NOWHERE:
                value = {"no": 3}
            lines = faults_of(section, put(content, place, value), before)
            assert lines, (place, value)
            if place[-1] not in BY_NAME:
                assert lines[0].startswith(f"{before}{'.'.join(place)}="), (place, value)
                assert ": must be " in lines[0]


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("data.folds='3'", "data.folds=3: must be a whole number of at least 2, or leave_one_group_out"),
        ("data.folds=3.0", "data.folds=3.0: must be a whole number of at least 2, or leave_one_group_out"),
        ("data.folds=true", "data.folds=true: must be a whole number of at least 2"),
        ("model.views=2", "model.views=2: must be 1 or 8"),
        ("model.views=true", "model.views=true: must be 1 or 8"),
        ("model.recalibrate=1", "model.recalibrate=1: must be true, false or augmented"),
        ("model.compile='true'", "model.compile=true: must be true or false"),
        ("model.scheduler.factor=true", "model.scheduler.factor=true: must be a positive finite number"),
        ("study.name=../x", "study.name=../x: must be a name that a folder can have: not empty, no slash, no dot"),
        ("+data.batchsize=3", "data.batchsize: is no option; did you mean data.batch_size?"),
        (
            "+source.per_class=3",
            "source.per_class: is no option of what is chosen here; it belongs to source=simulated",
        ),
        ("+source.group_by=x", "source.group_by: is no option of what is chosen here; it belongs to source=folder or"),
        ("+source.simulated.per_clas=3", "source.simulated.per_clas: is no option; did you mean source.simulated.per_"),
        ("+trainer.compile=true", "trainer.compile: is no option; did you mean model.compile?"),
        (
            "+trainer.gradient_clip_vall=1",
            "trainer.gradient_clip_vall: is no option; did you mean trainer.gradient_clip_v",
        ),
        ("+trial=1", "trial: is no option; did you mean split_seed?"),
        ("~store", "store: is needed: store=..."),
        ("~logger", "logger: is needed: logger=..."),
    ],
)
def test_nothing_is_turned_into_another_type_and_names_are_guessed(word: str, line: str) -> None:
    (said,) = refusals(word)
    assert said.startswith(line)


def test_losses_and_what_is_beside_them_are_refused_in_the_same_words() -> None:
    refused = {
        "model.output=tanh": "model.output=tanh: must be one of softmax, sigmoid",
        "model.loss=hinge": "model.loss=hinge: must be one of mse, cross_entropy, kl, focal",
        "model.focal.gamma=-1": "model.focal.gamma=-1: must be a finite number of at least 0",
        "model.focal.alpha=[1,0,1]": "model.focal.alpha=[1,0,1]: must be null or a list of positive numbers, one for "
        "each class in their order",
        "model.label_smoothing=1": "model.label_smoothing=1: must be a number from 0 to below 1",
        "model.mixup=0": "model.mixup=0: must be null or a positive finite number",
        "model.freeze=-1": "model.freeze=-1: must be a whole number of at least 0",
        "+model.optimizer.weight_decay=0.1": "model.optimizer.weight_decay: is no option of what is chosen here; ",
    }
    lines = refusals(*refused)
    assert len(lines) == len(refused)
    for expected in refused.values():
        assert [line for line in lines if line.startswith(expected)], (expected, lines)


def test_an_int_is_fine_where_a_float_is_meant() -> None:
    assert refusals("model.scheduler.factor=2", "model.drop_path_rate=0", "+trainer.gradient_clip_val=1") == []


def test_all_faults_are_told_at_once() -> None:
    wrong = ("data.folds=1", "seed=-1", "+data.foo=1", "model.image_size=8", "source.plane=last", "+trainer.foo=2")
    lines = refusals(*wrong, "resampling.multiples.3_1=-1")
    assert [line.partition(":")[0].partition("=")[0] for line in lines] == [
        "data.folds",
        "data.foo",
        "source.plane",
        "resampling.multiples.3_1",
        "model.image_size",
        "seed",
        "trainer.foo",
    ]


class OwnTreatment:
    """A class of a user's, which checks its own options."""

    def __init__(self, strength: int) -> None:
        if strength > 3:
            raise UserError(f"resampling.strength={strength}: must be at most 3")


def test_a_section_of_the_users_own_class_is_open_and_the_class_checks_it() -> None:
    def said(**treatment: Any) -> list[str]:
        settings = compose_settings([])
        settings.resampling = OmegaConf.create({"_target_": f"{__name__}.OwnTreatment", **treatment})
        try:
            check(settings)
        except UserError as refused:
            return list(refused.lines)
        return []

    assert said(strength=3) == []
    assert said(strength=4) == ["resampling.strength=4: must be at most 3"]
    (line,) = said(strength=3, width=1)
    assert line.startswith("resampling: ")
    assert "width" in line


CONTROLS = "a table, or the folder of each class or mixture, such as {a: plate/A1}"
FOLD, PLANE = "a whole number of at least 0, or all", "a whole number from 0, or one of first, middle, max"


@pytest.mark.parametrize(
    ("given", "lines"),
    [
        (
            "predict batch_size=0",
            ["images: is needed: images=...", "batch_size=0: must be null or a whole number of at least 1"],
        ),
        ("predict images=a engin=onnx", ["engin: is no option; did you mean engine?"]),
        ("predict images=a engine=tf", ["engine=tf: must be one of torch, onnx"]),
        ("predict images=a workers=1.5", ["workers=1.5: must be null or a whole number of at least 1"]),
        (
            "predict images=a plane=last trust=1",
            [f"plane=last: must be null or {PLANE}", "trust=1: must be true or false"],
        ),
        ("predict images=a controls={a:b,c:}", [f"controls={{'a:b': None, 'c': None}}: must be null or {CONTROLS}"]),
        ("predict images=a controls.=b", [f"controls={{'': 'b'}}: must be null or {CONTROLS}"]),
        ("explain fold=every wandb=1", [f"fold=every: must be null or {FOLD}", "wandb=1: must be true or false"]),
        ("explain target=''", ["target=: must be null or a text that is not empty"]),
        (
            "export images=a",
            ["images: is no option; those there are experiment, seed, split_seed, out, private, trust"],
        ),
    ],
)
def test_the_other_commands_refuse_in_the_same_words(given: str, lines: list[str]) -> None:
    with pytest.raises(UserError) as refused:
        settings_of(given.split()[0], given.split()[1:])
    assert sorted(refused.value.lines) == sorted(lines)


def test_paths_and_names_of_a_command_are_taken_as_typed() -> None:
    settings = settings_of("predict", ["images=a=b, [c] ${d}", "out=null", "experiment=3"])
    assert (settings.images, settings.out, settings.experiment) == ("a=b, [c] ${d}", None, "3")
    assert {"source.root", "store", "model.weights"} <= set(options(Training, AS_TYPED))
    assert set(options(Training, PATTERNS)) == {"source.leave_out", "source.table", "source.file"}


@pytest.mark.parametrize(
    ("word", "counts"),
    [
        ("data.eval_batch_size=4", False),
        ("data.workers=1", False),
        ("trainer.log_every_n_steps=5", False),
        ("logger=csv", False),
        ("logger.project=mine", False),
        ("source.simulated.root=/elsewhere", False),
        ("source.root=/elsewhere", False),
        ("store=/elsewhere", False),
        ("study.name=x", False),
        ("hydra/launcher=local", False),
        ("callbacks.progress=null", False),
        ("+callbacks.stop={_target_:pytorch_lightning.callbacks.EarlyStopping,monitor:val/rmse}", True),
        ("data.batch_size=8", True),
        ("source.plane=0", True),
        ("source.simulated.seed=1", True),
        ("split_seed=1", True),
        ("seed=1", True),
        ("fold=all", True),
        ("model.compile=true", True),
        ("model.views=8", True),
        ("model.loss=kl", True),
        ("model.antialias=true", True),
        ("model.preprocess=clahe", True),
        ("model.recipe.precision=auto", True),  # which the trainer follows
        ("trainer.precision=bf16-mixed", True),
    ],
)
def test_the_hash_depends_on_what_figures_depend_on(word: str, counts: bool) -> None:
    assert (settings_hash(compose_settings([word])) != settings_hash(compose_settings([]))) == counts


def test_a_study_of_before_there_were_some_settings_can_be_given_its_own_again() -> None:
    later = ("views", "output", "loss", "focal", "label_smoothing", "freeze")
    without = [f"~model.{name}" for name in later]
    settings = compose_settings(
        [*without, "model.backbone=test_efficientnet", "model.weights=none", "model.image_size=32"]
    )
    check(settings)
    assert not set(later) & resolved(settings)["model"].keys()
    model = build(settings, "model", classes=3)
    assert (model.views, model.output, model.loss_of_images.__name__) == (1, "softmax", "mse")


def test_a_guess_prefers_what_is_beside() -> None:
    known = ["seed", "source.seed", "data.batch_size", "source.simulated.seed"]
    assert unknown("source.sed", known).endswith("did you mean source.seed?")
    assert unknown("data.seed", known).endswith("did you mean seed?")
    assert unknown("x", known, "look").endswith("is no option; look")


def test_every_rule_has_its_section_or_its_words() -> None:
    def plain(section: type[Section]) -> Iterator[str]:
        for name, field in section.model_fields.items():
            rules = [rule for rule in field.metadata if isinstance(rule, Rule | ByTarget)]
            kinds = [kind for rule in rules if isinstance(rule, ByTarget) for kind in (*rule.sections, rule.other)]
            own = section_of(field, {})
            for kind in kinds or ([own] if own else []):
                yield from plain(kind)
            if not rules and own is None:
                yield name

    found = {name for section in (Training, Sweeper, *COMMANDS.values()) for name in plain(section)}
    assert found == OTHERS | BY_NAME | {"pairs"}  # whose entries have them


def test_a_refusal_needs_no_network_library(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom oral_cancer.experiments import compose_settings\nfrom oral_cancer.settings import check\n"
        "try: check(compose_settings(['data.folds=1', '+trainer.foo=1']))\n"
        "except Exception as error: print(error)\n"
        "print({'torch', 'pytorch_lightning', 'imblearn', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    *lines, late = done.stdout.splitlines()
    assert len(lines) == 2
    assert late == "set()"

"""A study from somebody else is data: nothing that it names is run, made, opened or looked up, and it says so at once.

A seal tells of damage, not of who wrote a file: every study here is sealed anew after it was changed.
"""

import csv
import io
import json
import os
import pickle
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
import yaml
from hydra.errors import InstantiationException
from hydra.utils import instantiate

from oral_cancer.command_line import insist_on_trust
from oral_cancer.errors import UserError
from oral_cancer.files import sealed
from oral_cancer.models import SoftLabelClassifier
from oral_cancer.spreadsheets import REASON
from oral_cancer.study.report import write_report
from oral_cancer.study.runs import find_runs, read_study
from oral_cancer.training.manifest import CHECKPOINT, file_hashes, read_manifest, write_manifest
from scripts import explain, export, predict, report
from tests.conftest import REPOSITORY, training_below
from tests.published import CLASSES, SPLIT_FOLDERS, folder_source
from tests.study.made_up import few_resamples, write_run, write_study
from tests.study.processes import Started

COMMANDS: dict[str, Callable[[list[str]], None]] = {
    "predict": predict.main,
    "explain": explain.main,
    "export": export.main,
    "report": report.main,
}
NETWORK_COMMANDS = ("predict", "explain", "export")


class Trace:
    """What the process does with paths that name `bait`, while it is looked at."""

    bait: str | None = None
    seen: list[str] = []  # noqa: RUF012


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if Trace.bait and event not in ("object.__getattr__", "compile") and Trace.bait in repr(arguments):
        Trace.seen.append(f"{event}{arguments!r}"[:200])


sys.addaudithook(_audit)


class Payload:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return _write, (str(self.marker), "unpickled")


def _write(path: str, content: str) -> int:
    return Path(path).write_text(content)


@pytest.fixture(scope="module")
def whole(images_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of one fold of M2."""
    folder = tmp_path_factory.mktemp("whole")
    training_below(folder, images_root)("trainer.max_epochs=1", folder="study/m2/fold=0")
    return folder / "study"


@pytest.fixture
def study(whole: Path, tmp_path: Path) -> Path:
    """A copy of it, which a test may change."""
    return Path(shutil.copytree(whole, tmp_path / "study"))


@pytest.fixture
def bait(tmp_path: Path) -> Path:
    """A folder that nothing may touch: a pickle with a payload, and a file that somebody could miss."""
    folder = tmp_path / "bait"
    folder.mkdir()
    (folder / "payload.pt").write_bytes(pickle.dumps(Payload(folder / "marker")))
    (folder / "thesis.txt").write_text("years of work")
    return folder


@contextmanager
def untouched(bait: Path) -> Iterator[None]:
    """Fail where anything names the bait in what it asks of the system, and where the bait is another afterwards."""
    before = {path: path.read_bytes() for path in bait.iterdir()}
    Trace.seen.clear()
    Trace.bait = bait.name
    try:
        yield
    finally:
        Trace.bait = None
    assert Trace.seen == []
    assert {path: path.read_bytes() for path in bait.iterdir()} == before


def change(study: Path, **entries: Any) -> None:
    """Seal the manifest of the only run anew, with entries such as `config__model__backbone` changed."""
    run = study / "m2" / "fold=0"
    manifest = read_manifest(run)
    assert manifest is not None
    for name, value in entries.items():
        *sections, last = name.split("__") if not name.startswith("__") else [name]
        content: Any = manifest
        for section in sections:
            content = content.setdefault(section, {})
        content[last] = value
    write_manifest(run, manifest)


@pytest.fixture
def run(
    images_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., list[str]]:
    """A function that runs a command on a study and returns what it says on standard error, by lines.

    ONNX files are not written, which takes long and is the last thing that `export` does with the networks.
    """
    monkeypatch.setattr("oral_cancer.inference.export.write_onnx", lambda *_: 0.0)
    monkeypatch.chdir(tmp_path)
    images = images_root / SPLIT_FOLDERS["hetero", "test"] / "20X_TG2-WT1"
    options = {
        "predict": [f"images={images}", "workers=1", "out=out"],
        "explain": [f"images={images}", "wandb=false", "out=out"],
        "export": ["out=out"],
        "report": [],
    }

    def run_one(command: str, study: Path, *more: str) -> list[str]:
        capsys.readouterr()
        ended = False
        try:
            COMMANDS[command]([str(study), *options[command], *more])
        except SystemExit:
            ended = True
        lines = capsys.readouterr().err.splitlines() if ended else []
        assert ended == bool(lines)
        return lines

    return run_one


def refusal(lines: list[str]) -> str:
    (line,) = lines
    assert line.startswith("error: ")
    return line


def calls(bait: Path) -> dict[str, dict[str, Any]]:
    """What somebody could name, each with arguments by which the bait would tell."""
    payload, marker, thesis = (str(bait / name) for name in ("payload.pt", "marker", "thesis.txt"))
    touch = f"open({marker!r}, 'w')"
    return {
        "a pickle": {"_target_": "torch.load", "f": payload, "weights_only": False},
        "a log file": {"_target_": "logging.FileHandler", "filename": marker},
        "eval": {"_target_": "builtins.eval", "_args_": [touch]},
        "exec": {"_target_": "builtins.exec", "_args_": [touch]},
        "a shell": {"_target_": "os.system", "command": f"touch {marker}"},
        "a process": {"_target_": "subprocess.run", "args": ["touch", marker]},
        "removal": {"_target_": "shutil.rmtree", "path": str(bait)},
        "writing": {
            "_target_": "pathlib.Path.write_text",
            "_args_": [{"_target_": "pathlib.Path", "_args_": [marker]}, "x"],
        },
        "a method by name": {"_target_": "hydra.utils.get_method", "path": "os.system", "marker": marker},
        "a call in a call": {
            "_target_": "hydra.utils.call",
            "_args_": [{"_target_": "os.remove", "path": thesis, "_partial_": True}],
        },
        "half a call": {"_target_": "functools.partial", "_args_": [{"_target_": "os.remove"}, thesis]},
        "numpy": {"_target_": "numpy.load", "file": payload, "allow_pickle": True},
        "pandas": {"_target_": "pandas.read_pickle", "filepath_or_buffer": payload},
    }


CALLS = tuple(calls(Path("bait")))
GROUPS = ("data", "source", "resampling", "augmentation", "trainer", "logger")


def test_the_bait_would_tell(bait: Path) -> None:
    for name in ("a pickle", "a log file"):
        with pytest.raises(AssertionError), untouched(bait), suppress(InstantiationException):
            instantiate(calls(bait)[name])
    assert (bait / "marker").exists()


@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_that_a_manifest_names_is_run(run, study: Path, bait: Path, command: str) -> None:
    named = list(calls(bait).values())
    places = [f"config__{group}" for group in GROUPS]
    places += [f"config__model__{part}" for part in ("optimizer", "scheduler", "head", "_partial_", "_args_")]
    for turn in range(2):  # each call has a place in one of them
        calls_by_place = {
            place: named[(number + turn * len(places)) % len(named)] for number, place in enumerate(places)
        }
        change(study, **calls_by_place, config__callbacks={"own": named[turn]})
        with untouched(bait), few_resamples():
            assert run(command, study) == []


@pytest.mark.parametrize("command", NETWORK_COMMANDS)
@pytest.mark.parametrize("name", CALLS)
def test_no_class_is_called_for_its_name(run, study: Path, bait: Path, command: str, name: str) -> None:
    manifest = read_manifest(study / "m2" / "fold=0")
    assert manifest is not None
    call = calls(bait)[name]
    change(study, config__model=manifest["config"]["model"] | call)
    with untouched(bait):
        line = refusal(run(command, study))
        assert f"manifest.json: config.model._target_={call['_target_']}: is no network of this program" in line
        assert "with trust=true it is imported and run" in line
        line = refusal(run(command, study, "trust=true"))
        assert "is not derived from oral_cancer.models.SoftLabelClassifier" in line or "cannot be imported" in line


@pytest.mark.parametrize("command", NETWORK_COMMANDS)
@pytest.mark.parametrize("target", [None, 1, True, [], {"_target_": "os.system"}, "", "no.such.module", ".", "a b"])
def test_what_is_no_name_of_a_class_is_refused(run, study: Path, command: str, target: object) -> None:
    change(study, config__model___target_=target)
    for trust in ("trust=false", "trust=true"):
        assert "manifest.json: config.model._target_=" in refusal(run(command, study, trust))


BACKBONES = (
    "hf-hub:timm/resnet18.a1_in1k",
    "hf_hub:timm/resnet18.a1_in1k",
    "local-dir:bait",
    "resnet18.hf-hub:x",
    "test_byobnet/../bait",
    "/bait/payload.pt",
    "https://example.org/x",
    "${oc.env:HOME}",
    "${oc.env:BAIT}",
    "",
    "nothing",
)
ABSURD = [
    *(("backbone", value) for value in (*BACKBONES, None, 1, ["test_byobnet"], {"a": 1})),
    *(
        ("image_size", value)
        for value in (10**9, 10**400, 8193, 31, 0, -32, True, "32", "${oc.env:SIZE}", 32.0, float("nan"), None, [32])
    ),
    *(("supersampling", value) for value in (10**9, 257, 0, -1, True, "1", 1.0, None, [1], {})),
    *(("views", value) for value in (0, 2, 64, -8, True, "8", 8.0, None, [8])),
    *(("antialias", value) for value in (1, "true", None)),
    *(("preprocess", value) for value in ("CLAHE", None, 1, ["clahe"])),
    *(("normalize", value) for value in ("imagenet1k", None, True)),
    *(("output", value) for value in ("tanh", None, True, ["softmax"])),
    *(("batch_norm_momentum", value) for value in (0, 1.1, float("nan"), True, "0.1")),
    *(("drop_path_rate", value) for value in (1.0, -0.1, float("nan"), float("inf"), True, "0.2", [0.2])),
]


@pytest.mark.slow
@pytest.mark.parametrize("command", NETWORK_COMMANDS)
def test_absurd_settings_of_a_network_are_refused_by_name(
    run, study: Path, bait: Path, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BAIT", "test_byobnet")
    monkeypatch.setenv("SIZE", "32")
    manifest = read_manifest(study / "m2" / "fold=0")
    assert manifest is not None
    for name, value in ABSURD:
        # write_manifest refuses NaN, which whoever means harm can write all the same.
        changed = manifest | {"config": manifest["config"] | {"model": manifest["config"]["model"] | {name: value}}}
        (study / "m2" / "fold=0" / "manifest.json").write_text(json.dumps(sealed(changed)))
        with untouched(bait):
            line = refusal(run(command, study))
        assert f"{study / 'm2' / 'fold=0' / 'manifest.json'}: " in line, (name, value)
        assert f"model.{name}=" in line, (name, value)
        assert len(line) < 500


def test_a_networks_settings_may_not_be_missing(run, study: Path) -> None:
    for model in (None, {}, {"_target_": "oral_cancer.models.SoftLabelClassifier"}):
        change(study, config__model=model)
        lines = run("predict", study)
        assert lines
        assert all("manifest.json: config.model" in line for line in lines)


ENTRIES: list[tuple[str, Any]] = [
    ("config", []),
    ("config", "x"),
    ("config__trainer", []),
    ("config__augmentation", 1),
    ("files", []),
    ("files", {"/etc/passwd": "0" * 64}),
    ("files", {"../../../secret": "0" * 64}),
    ("files", {"predictions.csv": 1}),
    ("root", 1),
    ("root", ["/etc"]),
    ("reading", []),
    ("reading", {"levels": [{"pixels": "uint16"}]}),
    ("found", {"images": 1}),
    ("weights", ""),
    ("weights", []),
    ("images", "many"),
    ("seconds", "long"),
    ("seconds", float("nan")),
    ("training_images", {"parental": "x"}),
    ("training_appearance", {"width": 1}),
    ("near_duplicates", None),
    ("versions", []),
]


@pytest.mark.parametrize("command", COMMANDS)
def test_entries_of_another_shape_are_refused_by_name(run, study: Path, command: str) -> None:
    folder = study / "m2" / "fold=0"
    manifest = read_manifest(folder)
    assert manifest is not None
    for name, value in ENTRIES:
        entry, _, part = name.partition("__")
        changed = manifest | {entry: manifest[entry] | {part: value} if part else value}
        (folder / "manifest.json").write_text(json.dumps(sealed(changed)))
        assert f"{folder / 'manifest.json'}: {entry} must be " in refusal(run(command, study)), (name, value)


def test_what_is_no_manifest_is_damaged(study: Path) -> None:
    path = study / "m2" / "fold=0" / "manifest.json"
    for content in ("[" * 100_000, "[]", "1", json.dumps(sealed({"status": []})), ""):
        path.write_text(content)
        with pytest.raises(UserError, match=r"none of 1 run is finished|status must be"):
            read_study(study)
    path.unlink()
    os.mkfifo(path)
    assert find_runs(study)[0].status == "damaged"


OWN_NETWORK = """
from pathlib import Path

from oral_cancer.models import SoftLabelClassifier

Path({marker!r}).touch()


class Own(SoftLabelClassifier):
    def __init__(self, widths, **settings):
        assert set(settings) <= {{"backbone", "weights", "image_size", "supersampling", "drop_path_rate",
                                 "recalibrate", "classes", "views", "normalize", "batch_norm_momentum", "antialias",
                                 "output", "preprocess", "backbone_options"}}
        assert widths == [1, 2]
        super().__init__(**settings)
"""


def test_a_class_of_the_users_own_is_built_where_the_command_line_says_so(
    run, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / "imported"
    (tmp_path / "own_network.py").write_text(OWN_NETWORK.format(marker=str(marker)))
    monkeypatch.syspath_prepend(tmp_path)
    assert run("predict", study) == []
    expected = (tmp_path / "out" / "predictions.csv").read_bytes()
    (tmp_path / "out" / "predictions.csv").unlink()
    change(study, config__model___target_="own_network.Own", config__model__widths=[1, 2])
    for command in NETWORK_COMMANDS:
        refusal(run(command, study))
    assert not marker.exists()
    for command in NETWORK_COMMANDS:
        assert run(command, study, "trust=true") == []
    assert (tmp_path / "out" / "predictions.csv").read_bytes() == expected
    change(study, config__model__widths={"_target_": "os.getcwd"})
    assert "config.model.widths={'_target_': 'os.getcwd'}: must be a number, a text" in refusal(
        run("predict", study, "trust=true")
    )


@pytest.mark.parametrize("command", NETWORK_COMMANDS)
@pytest.mark.parametrize("value", ["ja", "1", "null", "True?"])
def test_trust_is_true_or_false(run, study: Path, command: str, value: str) -> None:
    assert refusal(run(command, study, f"trust={value}")).startswith("error: trust=")


def test_a_network_is_built_without_what_trains_it() -> None:
    network = SoftLabelClassifier("test_byobnet", "none", 3, 32, 1, 0.0, False).eval()
    assert network(torch.zeros(1, 32, 32, 3, dtype=torch.uint8)).shape == (1, len(CLASSES))


@pytest.mark.parametrize("command", NETWORK_COMMANDS)
def test_a_checkpoint_of_any_content_runs_nothing(run, study: Path, bait: Path, command: str) -> None:
    path = study / "m2" / "fold=0" / CHECKPOINT
    state = torch.load(path, weights_only=True)
    odd: list[object] = [
        Payload(bait / "marker"),
        {"state_dict": Payload(bait / "marker")},
        {"state_dict": state["state_dict"], "optimizer": Payload(bait / "marker")},
        {"state_dict": {1: torch.zeros(2)}},
        {"state_dict": [1]},
        {"state_dict": None},
        [],
    ]
    for content in odd:
        torch.save(content, path)
        change(study, files=file_hashes(path.parents[1]))
        with untouched(bait):
            assert f"{path} " in refusal(run(command, study))


@pytest.mark.parametrize("file", ["/etc/passwd", "../../bait/thesis.txt", "a/../../x.png", "", ".", "./..", "a\0b"])
def test_tables_name_no_images_elsewhere(run, study: Path, bait: Path, file: str) -> None:
    folder = study / "m2" / "fold=0"
    for table, commands in (("predictions.csv", COMMANDS), ("splits.csv", ())):
        frame = pd.read_csv(folder / table, keep_default_na=False)
        frame.loc[0, "file"] = file
        kept = (folder / table).read_bytes()
        frame.to_csv(folder / table, index=False)
        change(study, files=file_hashes(folder), root=str(bait.parent / "images"))
        with untouched(bait):
            for command in commands:
                line = refusal(run(command, study))
                assert f"{folder / table}, line 2: file is " in line or "not a readable CSV file" in line
            if table == "splits.csv":
                (bait.parent / "images").mkdir()
                lines = run("report", study, "--verify")
                assert any(str(folder / table) in line for line in lines)
        (folder / table).write_bytes(kept)


@pytest.mark.parametrize("model", ["../../bait", "/etc", "..", ".", "", "m2/../../bait", "a\0b"])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_plan_names_no_folders_elsewhere(run, study: Path, bait: Path, command: str, model: str) -> None:
    plan = sealed({"runs": [{"experiment": model, "fold": 0}]})
    (study / "study.yaml").write_text(yaml.safe_dump(plan))
    with untouched(bait):
        shown = model.replace("\0", "\\x00")
        said = f"{study / 'study.yaml'}: the experiment {shown} is no folder of the study"
        assert said in refusal(run(command, study))


@pytest.mark.parametrize("place", ["m3", "m2/fold=1", "tables", "exports", "study.yaml", "m2/fold=0/history.csv"])
@pytest.mark.parametrize("command", COMMANDS)
def test_links_out_of_a_study_are_refused(run, study: Path, bait: Path, command: str, place: str) -> None:
    (study / place).unlink(missing_ok=True)
    (study / place).symlink_to(bait)
    with untouched(bait):
        assert f"{study / place} is a link out of the study" in refusal(run(command, study))


def test_links_within_a_study_and_to_it_are_followed(run, study: Path, tmp_path: Path) -> None:
    (study / "m3").symlink_to("m2")
    (tmp_path / "linked").symlink_to(study)
    assert {run.name for run in read_study(tmp_path / "linked").complete} == {"m2/fold=0", "m3/fold=0"}


def test_no_folder_that_a_study_names_is_made_for_wandb(
    run, study: Path, bait: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[tuple[str, str]] = []

    def start(project: str, save_dir: str, **_: Any) -> Any:
        begun.append((project, save_dir))
        raise UserError("begun")

    monkeypatch.setattr("oral_cancer.study.tracked.start_wandb", start)
    for project, taken in (("mine", "mine"), ("../x", "oral-cancer"), (1, "oral-cancer")):
        change(study, config__logger={"project": project, "save_dir": str(bait / "made")})
        with untouched(bait):
            assert refusal(run("explain", study, "wandb=true")) == "error: begun"
        assert begun.pop() == (taken, "outputs")


FORMULAS = ("=cmd|' :C calc'!A0", "+1", "-1", "@x", " =1", "\uff1d1")
SPLIT_OFF = ("\t=1", "\r=1", "\n-2", "a;=1", "a; +1", "b\t-1", "c\r1", 'd";=1')


def begin(text: str, separator: str) -> set[str]:
    """The first characters of the cells that a spreadsheet with this separator makes of a CSV file, but of numbers."""
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    return {run.lstrip()[:1] for row in rows for run in row if not re.fullmatch(r"-?[\d.]+(e-\d+)?", run)}


def copies(image: Path, folder: Path, names: Sequence[str]) -> Path:
    """An image under each name: by itself, in a folder of that name, and in another folder."""
    for name in names:
        for where in (folder, folder / name, folder / "plate"):
            where.mkdir(parents=True, exist_ok=True)
            shutil.copy(image, where / f"{name}.png")
    return folder


@pytest.fixture
def image(images_root: Path) -> Path:
    return next((images_root / SPLIT_FOLDERS["hetero", "test"] / "20X_TG2-WT1").iterdir())


def test_no_name_of_an_image_is_a_formula_and_each_still_names_its_file(
    run, study: Path, image: Path, tmp_path: Path
) -> None:
    new = copies(image, tmp_path / "new", [*FORMULAS, "a;b,c", "plain"])
    assert run("predict", study, f"images={new}") == []
    found = pd.read_csv(tmp_path / "out" / "predictions.csv", keep_default_na=False)
    assert {new / name for name in found.file} == set(new.rglob("*.png"))
    assert {"plain.png", "plate/+1.png", "./+1.png", "./-1/-1.png"} <= set(found.file)
    assert {".", "plain", "./-1", "a;b,c"} <= set(found.population)
    for table in ("predictions.csv", "composition.csv"):
        text = (tmp_path / "out" / table).read_bytes().decode()
        for separator in ",;\t":
            assert not begin(text, separator) & set("=+-@\uff1d"), (table, separator)


@pytest.mark.parametrize("name", SPLIT_OFF)
@pytest.mark.parametrize("command", ["predict", "explain"])
def test_names_of_which_a_part_would_be_a_formula_are_refused(
    run, study: Path, image: Path, tmp_path: Path, command: str, name: str
) -> None:
    for place in (f"{name}.png", f"{name}/x.png", f"plate/{name}.png"):
        new = tmp_path / "new"
        shutil.rmtree(new, ignore_errors=True)
        (new / place).parent.mkdir(parents=True)
        shutil.copy(image, new / place)
        line = refusal(run(command, study, f"images={new}"))
        assert line.startswith(f"error: images: {new}/")
        assert line.endswith("for a formula; rename it")
        assert not (tmp_path / "out").exists()


def test_names_of_training_images_of_which_a_part_would_be_a_formula_are_refused(
    images_root: Path, tmp_path: Path
) -> None:
    root = Path(shutil.copytree(images_root, tmp_path / "images"))
    image = next((root / SPLIT_FOLDERS["homo", "val"] / "control").iterdir())
    image.rename(image.with_name("a;=1.png"))
    (line,) = folder_source(root).collect().problems
    assert line.endswith("a;=1.png: " + REASON + ": rename it")


@pytest.mark.parametrize("name", [*FORMULAS, "-m2", "a;=m2"])
def test_no_name_of_a_model_is_a_formula(tmp_path: Path, name: str) -> None:
    study = write_study(tmp_path / "study", ("m1",), (0, 1))
    write_run(study, name, 0)
    with pytest.raises(UserError, match=r"for a formula; rename the folder"):
        write_report(read_study(study))
    assert not (study / "tables").exists()


FOREIGN_CONFIG = """
defaults: [_self_]
name: x
hydra:
  callbacks:
    own: {{_target_: builtins.open, file: {marker}, mode: w}}
  run: {{dir: made}}
  output_subdir: null
"""


def train(cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return Started([sys.executable, str(REPOSITORY / "train.py"), *arguments], cwd).ended(120)


def test_settings_of_somebody_else_run_nothing_without_trust(tmp_path: Path) -> None:
    (tmp_path / "record").mkdir()
    (tmp_path / "record" / "config.yaml").write_text(FOREIGN_CONFIG.format(marker=tmp_path / "marker"))
    command = ("--config-dir", str(tmp_path / "record"), "--config-name", "config")
    for more in ((), ("--cfg", "job"), ("-m",), ("trust=false",), ("trust=true", "trust=false")):
        options = [word for word in more if word.startswith("-") or word == "job"]
        done = train(tmp_path, *command, *options, *(word for word in more if word not in options))
        assert done.returncode == 1
        (line,) = done.stderr.splitlines()
        assert line.startswith(f"error: --config-dir {tmp_path / 'record'}: whatever the files there name is imported")
        assert "trust=true" in line
        assert sorted(path.name for path in tmp_path.iterdir()) == ["record"]
    train(tmp_path, *command, "trust=true")
    assert (tmp_path / "marker").exists()  # as it would have been


@pytest.mark.parametrize(
    "given",
    [
        ["--config-dir", "x"],
        ["-cd", "x"],
        ["--config-d=x"],
        ["--config-path", "x"],
        ["-cp", "x"],
        ["--experimental-rerun", "config.pickle"],
        ["hydra.searchpath=[file://x]"],
        ["++hydra.searchpath=[file://x]"],
    ],
)
def test_every_way_to_settings_from_elsewhere_needs_trust(given: list[str]) -> None:
    with pytest.raises(UserError, match="give trust=true"):
        insist_on_trust([*given, "fold=1"])
    for word in ("trust=true", "+trust=true", "++trust=true"):
        arguments = [*given, "fold=1", word]
        insist_on_trust(arguments)
        assert arguments == [*given, "fold=1"]
    with pytest.raises(UserError, match="must be trust=true or trust=false"):
        insist_on_trust([*given, "trust=yes"])


def test_our_own_settings_need_no_trust() -> None:
    for given in ([], ["-m", "fold=0,1"], ["resampling=random_part", "resampling.share=0.8"], ["study=paper"]):
        arguments = list(given)
        insist_on_trust(arguments)
        assert arguments == given

"""The settings of the commands beside train.py, and of a search."""

from typing import Annotated, Any, Literal, get_args

from annotated_types import Gt, Lt, MinLen

from oral_cancer.settings.data import FOLDER, Fold, Reading
from oral_cancer.settings.rules import (
    AS_TYPED,
    BY_NAME,
    FINITE,
    PATTERNS,
    TEXT,
    TRUTH,
    OpenSection,
    Rule,
    Section,
    one_of,
    whole,
)
from oral_cancer.settings.study import SEEDS

ENGINES = ("torch", "onnx")
Direction = Literal["minimize", "maximize"]
WIDTH = Rule("a number above 0 and below 1", (Gt(0), Lt(1), FINITE))
Path = Annotated[str, MinLen(1)]
CONTROLS = Rule("a table, or the folder of each class or mixture, such as {a: plate/A1}")
FOLDERS = Rule("folders, such as [outputs, /data/outputs]", (MinLen(1),))
EXPERIMENT = Rule("the name of an experiment", (MinLen(1),))


class OfStudy(Section):
    """What every command that reads a study can be told."""

    experiment: Annotated[str | None, EXPERIMENT, AS_TYPED] = None
    seed: Annotated[int | None, whole(0, SEEDS)] = None
    split_seed: Annotated[int | None, whole(0, SEEDS)] = None
    out: Annotated[str | None, FOLDER, AS_TYPED] = None
    private: Annotated[bool, TRUTH] = False
    trust: Annotated[bool, TRUTH] = False


class Export(OfStudy):
    """Those of conf/export.yaml."""


class Predict(OfStudy, Reading):
    """Those of conf/predict.yaml."""

    images: Annotated[str, FOLDER, AS_TYPED]
    controls: Annotated[Path | Annotated[dict[Path, Path], MinLen(1)] | None, CONTROLS, BY_NAME] = None
    engine: Annotated[str, one_of(ENGINES), AS_TYPED] = ENGINES[0]
    batch_size: Annotated[int | None, whole(1)] = None
    workers: Annotated[int | None, whole(1)] = None
    wandb: Annotated[bool, TRUTH] = False


class Explain(OfStudy, Reading):
    """Those of conf/explain.yaml."""

    images: Annotated[str | None, FOLDER, AS_TYPED] = None
    per_class: Annotated[int, whole(1)] = 4
    fold: Annotated[Fold | None, Rule("a whole number of at least 0, or all")] = 0
    target: Annotated[str | None, TEXT, AS_TYPED] = None
    batch_size: Annotated[int, whole(1)] = 8
    wandb: Annotated[bool, TRUTH] = True


class Fields(Section):
    """Those of conf/plan.yaml."""

    width: Annotated[float, WIDTH]
    experiment: Annotated[str | None, EXPERIMENT, AS_TYPED] = None


class App(Section):
    """Those of conf/app.yaml."""

    studies: Annotated[list[Path], FOLDERS, PATTERNS] = ["outputs"]  # noqa: RUF012 - pydantic copies it
    folders: Annotated[list[Path] | None, FOLDERS, PATTERNS] = None
    host: Annotated[str, TEXT, AS_TYPED] = "127.0.0.1"
    port: Annotated[int, whole(0, 65535)] = 8600
    password: Annotated[str | None, Rule("a text of at least 8 characters", (MinLen(8),)), AS_TYPED] = None
    open: Annotated[bool, TRUTH] = True
    max_images: Annotated[int, whole(1)] = 2000
    max_mb: Annotated[int, whole(1)] = 200
    max_mb_in_all: Annotated[int, whole(1)] = 4000
    trust: Annotated[bool, TRUTH] = False


COMMANDS: dict[str, type[Section]] = {
    "predict": Predict,
    "explain": Explain,
    "export": Export,
    "plan": Fields,
    "app": App,
}
"""By the name of a command, and of its settings in `conf/`."""


class Sampler(OpenSection):
    """Of Optuna, which checks the rest."""

    seed: Annotated[int, whole(0)]


class Sweeper(Section):
    """Of hydra.sweeper in a search."""

    direction: Annotated[str | None, one_of(get_args(Direction))] = None
    n_trials: Annotated[int, whole(1)]
    n_jobs: Annotated[int | None, whole(1)]
    sampler: Sampler
    params: Any = None

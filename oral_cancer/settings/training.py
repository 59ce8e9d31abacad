"""The settings of a training: every option's type and range, and whether figures depend on it.

What an option is for stands beside its value in `conf/`. A section is named after what is built from it.
"""

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt, Le, Len, Lt, MinLen
from pydantic import ConfigDict, ValidationInfo, ValidatorFunctionWrapHandler, field_validator

from oral_cancer.settings.augmentation import (
    RECIPES,
    BatchAugmentation,
    KerasAugmentation,
    OfAccelerator,
    Puzzle,
    QuarterTurns,
    RandAugment,
    Robust,
    views_of,
)
from oral_cancer.settings.data import (
    ENDS_OF_PASS,
    FOLDER,
    AutoSource,
    CellDataModule,
    Data,
    Fold,
    FolderSource,
    LayoutSource,
    SimulatedSource,
)
from oral_cancer.settings.learning import AUGMENTED, LOSS, MSE, OUTPUTS, SOFTMAX, Focal
from oral_cancer.settings.loggers import CsvLogger, NoLogger, TensorBoardLogger, WandbLogger
from oral_cancer.settings.networks import instead_of_network
from oral_cancer.settings.optimization import AdamW, KerasAdam, OneCycle, Optimizer, PiecewiseConstant
from oral_cancer.settings.resampling import (
    BorderlineSmote,
    CutMix,
    EnnRandomOverSampling,
    NoResampling,
    RandomOverSampling,
    SoftSmote,
)
from oral_cancer.settings.rules import (
    AS_TYPED,
    FINITE,
    POSITIVE,
    SHARE,
    TRUTH,
    WITHOUT_INFLUENCE,
    OpenSection,
    Rule,
    Section,
    by_target,
    fitting,
    must,
    one_of,
    whole,
)
from oral_cancer.settings.study import NAME_IN_TABLES, SEEDS, Launcher, Study
from oral_cancer.settings.table import TableSource

VIEWS = (1, 8)  # of a square: as it lies, or all its turns and flips
ACCELERATORS = ("auto", "cpu", "gpu", "cuda", "mps")
RAW, IMAGENET, INCEPTION = NORMALIZATIONS = ("raw", "imagenet", "inception")  # of what the network sees
NONE, CLAHE, CLAHE_BINARY = PREPROCESSINGS = ("none", "clahe", "clahe_binary")  # of images, once they are resized
PRECISIONS = ("auto", "32-true", "bf16-mixed", "16-mixed", "bf16-true", "16-true", "64-true")
OWN_OPTIONS = ("pretrained", "num_classes", "img_size", "drop_path_rate")  # of timm's, which other settings say
BACKBONE_OPTIONS = Rule(
    f"numbers or truth values by timm's names, such as {{init_values: 1e-5}}, and none of {', '.join(OWN_OPTIONS)}",
    (fitting(lambda options: not set(options) & set(OWN_OPTIONS)),),
)
BackboneOptions = Annotated[dict[str, bool | int | Annotated[float, FINITE]] | None, BACKBONE_OPTIONS]
BACKBONE = Rule("the name of a timm network", (MinLen(1),))
WEIGHTS = Rule(
    "auto, imagenet, none or an existing file",
    (fitting(lambda name: name in ("auto", "imagenet", "none") or Path(name).is_file()),),
)
FOLD = Rule("a whole number from 0 to data.folds - 1, or all")


class Seen(OpenSection):
    """How a network of any class sees images. Runs of before there were views had one, and antialiased, raw images."""

    image_size: Annotated[int, whole(32)]
    supersampling: Annotated[int, whole(1)]
    views: Annotated[int, Rule("1 or 8", (fitting(VIEWS.__contains__),))] = 1
    antialias: Annotated[bool, TRUTH] = True
    normalize: Annotated[str, one_of(NORMALIZATIONS)] = RAW
    preprocess: Annotated[str, one_of(PREPROCESSINGS)] = NONE


class Network(Seen):
    """What a network of ours is built from, whether it is to train or has trained."""

    backbone: Annotated[str, BACKBONE]
    backbone_options: BackboneOptions = None
    drop_path_rate: Annotated[float | None, SHARE]
    batch_norm_momentum: Annotated[float | None, Rule("a number above 0 and at most 1", (Gt(0), Le(1), FINITE))] = None
    output: Annotated[str, one_of(OUTPUTS)] = SOFTMAX


def _of_timm(backbone: str) -> str:
    if instead := instead_of_network(backbone):
        raise must(backbone, instead)
    return backbone


class Recipe(Section):
    """What data, augmentation and trainer do with a network unless they are told otherwise."""

    precision: Annotated[str, one_of(PRECISIONS)]
    end_of_pass: Annotated[str, one_of(ENDS_OF_PASS)]
    augmentation: Annotated[str, one_of(RECIPES)]


class Model(Network):
    """A network of any class, and how it trains."""

    weights: Annotated[str, WEIGHTS, AS_TYPED]
    recalibrate: Annotated[bool | Literal["augmented"], Rule(f"true, false or {AUGMENTED}")] = False
    ema: Annotated[float | None, Rule("a number above 0 and below 1, such as 0.99", (Gt(0), Lt(1), FINITE))] = None
    compile: Annotated[bool, TRUTH] = False
    loss: Annotated[str, LOSS] = MSE
    focal: Focal | None = None
    label_smoothing: Annotated[float, SHARE] = 0.0
    mixup: Annotated[float | None, POSITIVE] = None
    freeze: Annotated[int, whole(0)] = 0
    recipe: Annotated[Recipe | None, WITHOUT_INFLUENCE] = None  # what follows it has
    optimizer: Annotated[Any, by_target(KerasAdam, AdamW, other=Optimizer)]
    scheduler: Annotated[Any, by_target(PiecewiseConstant, OneCycle)]


class SoftLabelClassifier(Model):
    model_config = ConfigDict(extra="forbid")
    builds: ClassVar[str] = "oral_cancer.models.SoftLabelClassifier"

    _known = field_validator("backbone")(_of_timm)


class LinearProbe(Seen):
    """A frozen backbone with a regression for its head; an option of other networks' training would change nothing."""

    model_config = ConfigDict(extra="forbid")
    builds: ClassVar[str] = "oral_cancer.models.LinearProbe"
    backbone: Annotated[str, BACKBONE]
    backbone_options: BackboneOptions = None
    weights: Annotated[str, WEIGHTS, AS_TYPED]
    ridge: Annotated[float, POSITIVE]
    recipe: Annotated[Recipe | None, WITHOUT_INFLUENCE] = None

    _known = field_validator("backbone")(_of_timm)


class Trainer(OpenSection):
    """Of Lightning's arguments those that we set or depend on; `training` and Lightning check the others."""

    accelerator: Annotated[str, one_of(ACCELERATORS)]
    strategy: Any = None
    num_nodes: Annotated[int, whole(1)]
    devices: Annotated[
        Annotated[int, Ge(1)] | Annotated[list[Annotated[int, Ge(0)]], Len(1, 1)],
        Rule("a whole number of at least 1, or the number of one GPU in brackets, such as [3]"),
    ]
    precision: Annotated[str, one_of(PRECISIONS)]
    max_epochs: Annotated[int, whole(1)]
    deterministic: Annotated[bool | Literal["warn"] | None, Rule("true, false or warn")] = None
    log_every_n_steps: Annotated[int | None, whole(0), WITHOUT_INFLUENCE] = None
    num_sanity_val_steps: Annotated[int | None, whole(-1)] = None
    enable_model_summary: Annotated[bool | None, TRUTH, WITHOUT_INFLUENCE] = None
    use_distributed_sampler: Annotated[bool, TRUTH] = True

    @field_validator("num_nodes", "devices")
    @classmethod
    def _divided(cls, number: int | list[int], info: ValidationInfo) -> int | list[int]:
        if isinstance(number, int) and number > 1 and not info.data.get("strategy"):
            raise must(number, "1 with this trainer; trainer=ddp trains on several devices")
        return number

    @property
    def ranks(self) -> int:
        """Devices that one training runs on, each with a process of its own."""
        return self.num_nodes * (1 if isinstance(self.devices, list) else self.devices)


class Callbacks(OpenSection):
    """Lightning callbacks by names of the user's choice; one may stop a training, and so counts."""

    progress: Annotated[Any, WITHOUT_INFLUENCE] = None


class Training(Section):
    """All settings of one training."""

    trainer: Annotated[Any, by_target(other=Trainer)]
    data: Annotated[Any, by_target(CellDataModule, other=Data)]
    source: Annotated[Any, by_target(AutoSource, FolderSource, LayoutSource, SimulatedSource, TableSource)]
    resampling: Annotated[
        Any,
        by_target(NoResampling, RandomOverSampling, BorderlineSmote, EnnRandomOverSampling, CutMix, SoftSmote),
    ]
    model: Annotated[Any, by_target(SoftLabelClassifier, LinearProbe, other=Model)]
    augmentation: Annotated[
        Any, by_target(OfAccelerator, BatchAugmentation, KerasAugmentation, QuarterTurns, Robust, RandAugment, Puzzle)
    ]
    logger: Annotated[Any, by_target(WandbLogger, CsvLogger, TensorBoardLogger, NoLogger), WITHOUT_INFLUENCE]
    callbacks: Callbacks | None = None
    name: Annotated[str | None, NAME_IN_TABLES, AS_TYPED, WITHOUT_INFLUENCE]
    fold: Annotated[Fold, FOLD]
    split_seed: Annotated[int, whole(0, SEEDS)]
    seed: Annotated[int, whole(0, SEEDS)]
    store: Annotated[str, FOLDER, AS_TYPED, WITHOUT_INFLUENCE]
    study: Annotated[Study, WITHOUT_INFLUENCE]
    launcher: Annotated[Launcher | None, WITHOUT_INFLUENCE] = None
    private: Annotated[bool, TRUTH, WITHOUT_INFLUENCE] = False
    trust: Annotated[bool, TRUTH, WITHOUT_INFLUENCE] = False
    keep_optimizer: Annotated[bool, TRUTH, WITHOUT_INFLUENCE] = False

    @field_validator("data")
    @classmethod
    def _shared_evenly(cls, data: Data, info: ValidationInfo) -> Data:
        trainer: Trainer | None = info.data.get("trainer")
        if trainer and data.batch_size % trainer.ranks:
            raise must(data.batch_size, f"a multiple of the {trainer.ranks} devices that share it", "batch_size")
        return data

    @field_validator("model")
    @classmethod
    def _on_one_device(cls, model: Seen, info: ValidationInfo) -> Seen:
        trainer: Trainer | None = info.data.get("trainer")
        if isinstance(model, LinearProbe) and trainer and trainer.ranks > 1:
            raise must(
                model.builds, "one that learns in steps where devices share them; leave trainer=ddp out", "_target_"
            )
        return model

    @field_validator("augmentation", mode="wrap")
    @classmethod
    def _of_few_views(cls, content: Any, check: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Section:
        augmentation: Section = check(content)
        if isinstance(info.data.get("model"), LinearProbe) and not views_of(augmentation):
            option = "recipe" if "recipe" in content else "_target_"
            raise must(content[option], "that of augmentation=quarters or none, of which a probe learns", option)
        return augmentation

    @field_validator("fold")
    @classmethod
    def _below_folds(cls, fold: Fold, info: ValidationInfo) -> Fold:
        data: Data | None = info.data.get("data")
        if data and isinstance(data.folds, int) and fold != "all" and fold >= data.folds:
            raise must(fold, FOLD.allowed)
        return fold

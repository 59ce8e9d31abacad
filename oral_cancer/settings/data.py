"""Settings of images: where they come from, how their files are read, and which of them train."""

from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Len, MinLen
from pydantic import ConfigDict

from oral_cancer.settings.rules import (
    AS_TYPED,
    NOT_NEGATIVE,
    PATTERNS,
    POSITIVE,
    SHARE,
    TEXT,
    WITHOUT_INFLUENCE,
    OpenSection,
    Rule,
    Section,
    by_target,
    fitting,
    is_ascending,
    one_of,
    whole,
)

SHUFFLED = "shuffled"
RUNS_ON, SHORT_BATCH = ENDS_OF_PASS = ("runs_on", "short_batch")  # over the training images
STREAMS = (SHUFFLED, "balanced")  # of training images
PLANES = ("first", "middle", "max")  # beside a plane's number

FOLDER = Rule("a folder", (MinLen(1),))
Fold = Annotated[int, Ge(0)] | Literal["all"]
"""The fold that validates; "all" is the training on every pure image, those that validate too."""
LEAVE_ONE_GROUP_OUT = "leave_one_group_out"
Folds = Annotated[
    Annotated[int, Ge(2)] | Literal["leave_one_group_out"],
    Rule(f"a whole number of at least 2, or {LEAVE_ONE_GROUP_OUT}"),
]


class Data(OpenSection):
    """What a data module of any class is asked for."""

    train_sets: Annotated[
        list[Literal["homo", "hetero"]],
        Rule("[homo], [hetero] or [homo, hetero]", (MinLen(1), fitting(lambda sets: len(set(sets)) == len(sets)))),
    ]
    folds: Folds
    batch_size: Annotated[int, whole(1)]
    eval_batch_size: Annotated[int | None, whole(1), WITHOUT_INFLUENCE]
    workers: Annotated[int | None, whole(0), WITHOUT_INFLUENCE]


class CellDataModule(Data):
    model_config = ConfigDict(extra="forbid")
    builds: ClassVar[str] = "oral_cancer.data.datamodule.CellDataModule"
    class_weights: Annotated[
        Literal["auto"] | dict[str, Annotated[float, POSITIVE]] | None,
        Rule("auto, or a positive number for each class, such as {a: 1, b: 3}"),
    ] = None
    stream: Annotated[str, one_of(STREAMS)] = SHUFFLED
    end_of_pass: Annotated[str, one_of(ENDS_OF_PASS)] = RUNS_ON


class Reading(Section):
    """How image files are read, in a training and by the commands for new images."""

    range: Annotated[
        list[float] | None,
        Rule(
            "[low, high], two numbers, the lower one first", (Len(2, 2), fitting(lambda ends: is_ascending(ends, True)))
        ),
    ] = None
    channels: Annotated[
        Annotated[int, Ge(0)]
        | Annotated[str, MinLen(1)]
        | Annotated[list[Annotated[int, Ge(0)] | Annotated[str, MinLen(1)]], fitting(lambda few: len(few) in (1, 3))]
        | None,
        Rule("a channel or three, by number from 0 or by name, such as 0 or [1,0,2]"),
    ] = None
    plane: Annotated[
        Annotated[int, Ge(0)] | Annotated[str, fitting(lambda name: name in PLANES)] | None,
        Rule(f"a whole number from 0, or one of {', '.join(PLANES)}"),
    ] = None


class ImageFolder(Reading):
    """What every source says that reads a folder of the user's."""

    root: Annotated[str, FOLDER, AS_TYPED, WITHOUT_INFLUENCE]  # the images' fingerprint says whether they are the same
    leave_out: Annotated[
        list[Annotated[str, MinLen(1)]] | Annotated[str, MinLen(1)] | None,
        Rule("a list of names, such as [old,notes]"),
        PATTERNS,
    ] = None


class Mixture(Section):
    """Of known composition: parts of each class, in any scale, and the folders of its images."""

    parts: Annotated[
        dict[str, Annotated[float, NOT_NEGATIVE]],
        Rule("parts of the classes, such as {a: 1, b: 3}", (MinLen(1), fitting(lambda parts: any(parts.values())))),
    ]
    folders: list[Annotated[str, MinLen(1)]] | None = None


Mixtures = dict[str, Mixture]


class LayoutSource(ImageFolder):
    """Images in folders that are declared."""

    builds: ClassVar[str] = "oral_cancer.data.layout_source.LayoutSource"
    root: Annotated[str | None, FOLDER, AS_TYPED, WITHOUT_INFLUENCE] = None  # type: ignore[assignment]
    classes: Annotated[
        dict[str, list[Annotated[str, MinLen(1)]]],
        Rule("the folders of each class, such as {a: [folder]}"),
    ]
    mixtures: Mixtures
    splits: Annotated[
        dict[Literal["val", "test"], dict[Literal["homo", "hetero"], str]],
        Rule("the folders of pure and mixed images, such as {val: {homo: a, hetero: b}, test: {homo: c, hetero: d}}"),
    ]


class OwnImages(ImageFolder):
    """What is said of images whose layout is not declared: mixtures among them, and how they may be divided."""

    mixtures: Mixtures | None = None
    group_by: Annotated[str | None, TEXT, AS_TYPED] = None
    test_share: Annotated[float, SHARE] = 0.2


class FolderSource(OwnImages):
    builds: ClassVar[str] = "oral_cancer.data.folder.FolderSource"
    layout: Annotated[str | None, TEXT, AS_TYPED] = None


class SimulatedSource(Section):
    builds: ClassVar[str] = "oral_cancer.data.sources.SimulatedSource"
    root: Annotated[str, FOLDER, AS_TYPED, WITHOUT_INFLUENCE]
    per_class: Annotated[int, whole(5)]
    per_mixture: Annotated[int, whole(5)]
    seed: Annotated[int, whole(0)]


class AutoSource(ImageFolder):
    builds: ClassVar[str] = "oral_cancer.data.sources.AutoSource"
    root: Annotated[str | None, FOLDER, AS_TYPED, WITHOUT_INFLUENCE]  # type: ignore[assignment]
    layout: Annotated[str | None, TEXT, AS_TYPED] = None
    simulated: Annotated[Any, by_target(SimulatedSource)]

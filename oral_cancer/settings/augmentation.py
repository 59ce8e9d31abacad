"""The settings of what happens to training images."""

from typing import Annotated, Any, ClassVar

from annotated_types import Ge, Le, Len

from oral_cancer.settings.rules import (
    FINITE,
    PROBABILITY,
    TEXT,
    Rule,
    Section,
    by_target,
    fitting,
    is_ascending,
    one_of,
    whole,
)

CENTRE, KERAS, QUARTERS = ROTATIONS = ("centre", "keras", "quarters")  # about what, or by what, images are turned


def _range(what: str, low: float, high: float) -> Rule:
    return Rule(f"a lower and a higher {what}, from {low:g} to {high:g}", (Len(2, 2), fitting(is_ascending)))


class BatchAugmentation(Section):
    builds: ClassVar[str] = "oral_cancer.data.augmentation.BatchAugmentation"
    degrees: Annotated[list[Annotated[float, Ge(-360), Le(360)]], _range("angle", -360, 360)]
    fill: Annotated[float, Rule("a grey level from 0 to 255", (Ge(0), Le(255), FINITE))]
    horizontal_flip: Annotated[float, PROBABILITY]
    vertical_flip: Annotated[float, PROBABILITY]


class KerasAugmentation(BatchAugmentation):
    builds: ClassVar[str] = "oral_cancer.data.keras_augmentation.KerasAugmentation"


class QuarterTurns(Section):
    builds: ClassVar[str] = "oral_cancer.data.augmentation.QuarterTurns"


class OfAccelerator(Section):
    builds: ClassVar[str] = "oral_cancer.data.augmentation.of_accelerator"
    accelerator: Annotated[str, TEXT]  # the trainer's, where it is checked
    rotation: Annotated[str, one_of(ROTATIONS)] = CENTRE
    cpu: Annotated[Any, by_target()]
    gpu: Annotated[Any, by_target(BatchAugmentation)]
    keras: Annotated[Any, by_target(KerasAugmentation)] = None
    quarters: Annotated[Any, by_target(QuarterTurns)] = None


Factors = Annotated[list[Annotated[float, Ge(0.2), Le(5)]], _range("factor", 0.2, 5)]


class Robust(Section):
    builds: ClassVar[str] = "oral_cancer.data.robust.robust"
    accelerator: Annotated[str, TEXT]
    image_size: Annotated[int, whole(1)]  # these two the model's, likewise
    supersampling: Annotated[int, whole(1)]
    blur: Annotated[list[Annotated[float, Ge(0), Le(0.05)]], _range("share of the side", 0, 0.05)]
    fall_off: Annotated[list[Annotated[float, Ge(0), Le(0.9)]], _range("share", 0, 0.9)]
    colour: Factors
    brightness: Factors
    contrast: Factors
    gamma: Factors
    noise: Annotated[list[Annotated[float, Ge(0), Le(64)]], _range("number of grey levels", 0, 64)]


def views_of(augmentation: Section) -> int:
    """How many views of an image there are of an augmentation that leaves pixels as they are; 0 for any other."""
    if isinstance(augmentation, QuarterTurns):
        return 8
    if isinstance(augmentation, OfAccelerator):
        return 8 if augmentation.rotation == QUARTERS else 0
    return int(getattr(augmentation, "transforms", None) == [])

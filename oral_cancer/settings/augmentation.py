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

CENTRE, KERAS, ROBUST = RECIPES = ("centre", "keras", "robust")  # what a network's recipe can say of augmentation


MAGNITUDES = 31  # of RandAugment, from 0
GREY_LEVEL = Rule("a grey level from 0 to 255", (Ge(0), Le(255), FINITE))


def _range(what: str, low: float, high: float) -> Rule:
    return Rule(f"a lower and a higher {what}, from {low:g} to {high:g}", (Len(2, 2), fitting(is_ascending)))


class BatchAugmentation(Section):
    builds: ClassVar[str] = "oral_cancer.data.augmentation.BatchAugmentation"
    degrees: Annotated[list[Annotated[float, Ge(-360), Le(360)]], _range("angle", -360, 360)]
    fill: Annotated[float, GREY_LEVEL]
    horizontal_flip: Annotated[float, PROBABILITY]
    vertical_flip: Annotated[float, PROBABILITY]


class KerasAugmentation(BatchAugmentation):
    builds: ClassVar[str] = "oral_cancer.data.keras_augmentation.KerasAugmentation"


Factors = Annotated[list[Annotated[float, Ge(0.2), Le(5)]], _range("factor", 0.2, 5)]


class Robust(Section):
    builds: ClassVar[str] = "oral_cancer.data.robust.robust"
    words: ClassVar[str] = "light, colour, focus and noise of other days"
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


class OfAccelerator(Section):
    builds: ClassVar[str] = "oral_cancer.data.augmentation.of_accelerator"
    accelerator: Annotated[str, TEXT]  # the trainer's, where it is checked
    recipe: Annotated[str, one_of(RECIPES)] = CENTRE
    cpu: Annotated[Any, by_target()]
    gpu: Annotated[Any, by_target(BatchAugmentation)]
    keras: Annotated[Any, by_target(KerasAugmentation)] = None
    robust: Annotated[Any, by_target(Robust)] = None


class RandAugment(Section):
    builds: ClassVar[str] = "oral_cancer.data.rand_augment.rand_augment"
    words: ClassVar[str] = "RandAugment"
    num_ops: Annotated[int, whole(0)]
    magnitude: Annotated[int, whole(0, MAGNITUDES - 1)]
    fill: Annotated[float, GREY_LEVEL]

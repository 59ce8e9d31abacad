"""The settings of what happens to training images."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from annotated_types import Ge, Le, Len
from pydantic import ValidationInfo, field_validator

from oral_cancer.settings.rules import (
    FINITE,
    PROBABILITY,
    TEXT,
    Rule,
    Section,
    by_target,
    fitting,
    is_ascending,
    must,
    one_of,
    whole,
)

CENTRE, KERAS, QUARTERS, ROBUST = RECIPES = ("centre", "keras", "quarters", "robust")  # what a recipe says of it
MAGNITUDES = 31  # of RandAugment, from 0
IN_A_ROW = 3  # squares of a puzzle: 100 px of 300 in the authors' code
OF_MODEL = Rule("a whole number", ())  # whose range the model's own option tells
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


class QuarterTurns(Section):
    builds: ClassVar[str] = "oral_cancer.data.augmentation.QuarterTurns"


Factors = Annotated[list[Annotated[float, Ge(0.2), Le(5)]], _range("factor", 0.2, 5)]


class Robust(Section):
    builds: ClassVar[str] = "oral_cancer.data.robust.robust"
    words: ClassVar[str] = "light, colour, focus and noise of other days"
    accelerator: Annotated[str, TEXT]
    image_size: Annotated[int, OF_MODEL]  # these two the model's, likewise
    supersampling: Annotated[int, OF_MODEL]
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
    quarters: Annotated[Any, by_target(QuarterTurns)] = None
    robust: Annotated[Any, by_target(Robust)] = None


class RandAugment(Section):
    builds: ClassVar[str] = "oral_cancer.data.rand_augment.rand_augment"
    words: ClassVar[str] = "RandAugment"
    num_ops: Annotated[int, whole(0)]
    magnitude: Annotated[int, whole(0, MAGNITUDES - 1)]
    fill: Annotated[float, GREY_LEVEL]


class Puzzle(Section):
    builds: ClassVar[str] = "oral_cancer.data.puzzle.puzzle"
    words: ClassVar[str] = "squares that change places"
    image_size: Annotated[int, OF_MODEL]
    supersampling: Annotated[int, OF_MODEL]
    square: Annotated[int | None, whole(1)]
    then: Annotated[Any, by_target(OfAccelerator, BatchAugmentation, KerasAugmentation, Robust)]

    @field_validator("square")
    @classmethod
    def _divides(cls, square: int | None, info: ValidationInfo) -> int | None:
        size, times = (info.data.get(name) for name in ("image_size", "supersampling"))
        if size is None or times is None or min(size, times) < 1:  # which is told
            return square
        side = size * times
        wanted = square or side / IN_A_ROW
        divisors = [number for number in range(1, side // 2 + 1) if side % number == 0]
        if wanted not in divisors:
            near = min(divisors, key=lambda number: abs(number - wanted), default=1)
            whole_side = f"the {side} px of model.image_size x model.supersampling"
            raise must(square, f"pixels by which {whole_side} can be divided, such as {near}")
        return square


def turning(augmentation: Any) -> Mapping[str, Any]:
    """Of an augmentation's settings those by which images are turned: its own, or of the one that it ends with."""
    own = augmentation if isinstance(augmentation, Mapping) else {}
    last = own.get("then")
    return last if isinstance(last, Mapping) else own


def views_of(augmentation: Section) -> int:
    """How many views of an image there are of an augmentation that leaves pixels as they are; 0 for any other."""
    if isinstance(augmentation, QuarterTurns):
        return 8
    if isinstance(augmentation, OfAccelerator):
        return 8 if augmentation.recipe == QUARTERS else 0
    return int(getattr(augmentation, "transforms", None) == [])

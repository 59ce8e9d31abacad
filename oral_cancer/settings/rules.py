"""What a setting may be, said once: the rule that pydantic applies, and the words that a refusal says of it."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar, get_args

from annotated_types import Ge, GroupedMetadata, Gt, Le, Lt, MinLen
from pydantic import AfterValidator, BaseModel, ConfigDict, GetCoreSchemaHandler, ValidationError, model_validator
from pydantic.types import AllowInfNan
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, core_schema

WITHOUT_INFLUENCE = "without influence"
"""Marks a setting, or a section, that changes no figure. It may differ between the starts of a study."""
AS_TYPED = "as typed"
"""Marks a path, a pattern or a name of the user's, which is taken as it stands, whatever characters are in it."""
BY_NAME = "by name"
"""Marks paths by names of the user's, `option.<name>=<path>`, each as typed."""
PATTERNS = "patterns"
"""Marks a list of names or patterns, each as typed."""
OF_HYDRA = ("_target_", "_partial_", "_convert_", "_recursive_", "_args_")


class Section(BaseModel):
    """Settings by name, none of which is turned into another type, and no others."""

    model_config = ConfigDict(strict=True, extra="forbid")
    builds: ClassVar[str] = ""
    """What `_target_` says of the class that the section builds."""

    @model_validator(mode="before")
    @classmethod
    def _own(cls, content: Any) -> Any:
        """What Hydra is told is no option."""
        mapping = isinstance(content, Mapping)
        return {key: value for key, value in content.items() if key not in OF_HYDRA} if mapping else content


class OpenSection(Section):
    """Settings of which some are known here; the class that is built from them checks the others."""

    model_config = ConfigDict(extra="allow")


@dataclass(frozen=True)
class Must:
    """Whatever the rule before it refuses is refused in these words."""

    allowed: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        allowed = f"null or {self.allowed}" if type(None) in get_args(source) else self.allowed

        def validate(value: Any, check: Callable[[Any], Any]) -> Any:
            try:
                return check(value)
            except ValidationError:
                raise PydanticCustomError("must", "{allowed}", {"allowed": allowed}) from None

        return core_schema.no_info_wrap_validator_function(validate, handler(source))


@dataclass(frozen=True)
class Rule(GroupedMetadata):
    """Constraints of a setting, and what a value that fits them is called."""

    allowed: str
    constraints: tuple[Any, ...] = ()

    def __iter__(self) -> Iterator[Any]:
        """What pydantic applies, innermost first."""
        yield from self.constraints
        yield Must(self.allowed)


@dataclass(frozen=True)
class ByTarget:
    """A section whose options follow from what it builds: by `_target_` one of `sections`, else `other`.

    A class of the user's own checks its options itself, as far as `other` leaves them open.
    """

    sections: tuple[type[Section], ...]
    other: type[OpenSection] = OpenSection

    def of(self, content: Any) -> type[Section]:
        """The section that a mapping is."""
        target = content.get("_target_") if isinstance(content, Mapping) else None
        return next((section for section in self.sections if section.builds == target), self.other)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def validate(content: Any) -> Section:
            if not content:
                raise PydanticCustomError("missing", "a choice is needed")
            return self.of(content).model_validate(content)

        return core_schema.no_info_plain_validator_function(validate)


def by_target(*sections: type[Section], other: type[OpenSection] = OpenSection) -> ByTarget:
    """See `ByTarget`."""
    return ByTarget(sections, other)


def must(value: Any, allowed: str, *place: str | int) -> ValidationError:
    """For a validator of several settings to raise: that the one at a place below it must be something else."""
    refused = PydanticCustomError("must", "{allowed}", {"allowed": allowed})
    return ValidationError.from_exception_data("", [InitErrorDetails(type=refused, loc=place, input=value)])


def whole(least: int, most: int | None = None) -> Rule:
    """An int from `least` to `most`."""
    if most is None:
        return Rule(f"a whole number of at least {least}", (Ge(least),))
    return Rule(f"a whole number from {least} to {most}", (Ge(least), Le(most)))


def one_of(choices: Iterable[str]) -> Rule:
    """One of these texts."""
    allowed = tuple(choices)
    return Rule(f"one of {', '.join(allowed)}", (fitting(lambda value: value in allowed),))


def fitting(condition: Callable[[Any], bool]) -> AfterValidator:
    """A constraint of its own."""

    def validate(value: Any) -> Any:
        if value is not None and not condition(value):
            raise ValueError
        return value

    return AfterValidator(validate)


FINITE = AllowInfNan(False)
SHARE = Rule("a number from 0 to below 1", (Ge(0), Lt(1), FINITE))
PROBABILITY = Rule("a probability from 0 to 1", (Ge(0), Le(1), FINITE))
POSITIVE = Rule("a positive finite number", (Gt(0), FINITE))
NOT_NEGATIVE = Rule("a finite number of at least 0", (Ge(0), FINITE))
TRUTH = Rule("true or false")
TEXT = Rule("a text that is not empty", (MinLen(1),))


def is_ascending(values: list[Any], strictly: bool = False) -> bool:
    """Whether finite numbers never fall, or always rise."""
    rising = (a < b or (a == b and not strictly) for a, b in pairwise(values))
    return all(map(math.isfinite, values)) and all(rising)

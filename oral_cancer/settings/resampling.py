"""Settings of the training set's treatments."""

from typing import Annotated, Any, ClassVar

from annotated_types import Len
from pydantic import BeforeValidator, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from oral_cancer.labels import BY_NAME, MIXTURES
from oral_cancer.settings.rules import NOT_NEGATIVE, Rule, Section, fitting, must, one_of, whole

STRATEGIES = ("auto", "all")  # of cleaning


def _mixture(key: Any) -> str:
    """A mixture as it is called here; Hydra's command line cannot name a key with a colon."""
    if (mixture := str(key).replace("_", ":")) not in MIXTURES:
        raise PydanticCustomError("unknown", "those there are {names}", {"names": _spelled()})
    return mixture


def _spelled() -> str:
    return ", ".join(name.replace(":", "_") for name in MIXTURES)


def _named_once(multiples: Any) -> Any:
    if isinstance(multiples, dict) and len({str(key).replace("_", ":") for key in multiples}) < len(multiples):
        raise must(multiples, f"a multiple each of {_spelled()}, none of them twice")
    return multiples


Multiples = Annotated[
    dict[Annotated[str, BeforeValidator(_mixture)], Annotated[float, NOT_NEGATIVE]], BeforeValidator(_named_once)
]
"""Images to add, as multiples of a mixture's training images; written 3_1 or 3:1, read as 3:1."""


class NoResampling(Section):
    builds: ClassVar[str] = "oral_cancer.resampling.NoResampling"


class RandomOverSampling(Section):
    builds: ClassVar[str] = "oral_cancer.resampling.RandomOverSampling"
    multiples: Multiples


class BorderPair(Section):
    """A mixture to enlarge, the minority, and the class or mixture that shows where its border lies."""

    minority: Annotated[str, one_of(MIXTURES)]
    majority: Annotated[str, one_of(BY_NAME)]

    @field_validator("majority")
    @classmethod
    def _another(cls, majority: str, info: ValidationInfo) -> str:
        if majority == info.data.get("minority"):
            raise must(majority, "another than the minority")
        return majority


class BorderlineSmote(Section):
    builds: ClassVar[str] = "oral_cancer.resampling.BorderlineSmote"
    multiples: Multiples
    pairs: list[BorderPair]
    k_neighbors: Annotated[int, whole(1)]
    m_neighbors: Annotated[int, whole(1)]

    @field_validator("pairs")
    @classmethod
    def _one_each(cls, pairs: list[BorderPair], info: ValidationInfo) -> list[BorderPair]:
        enlarged = [mixture for mixture, multiple in info.data.get("multiples", {}).items() if multiple]
        minorities = [pair.minority for pair in pairs]
        if strange := [mixture for mixture in enlarged if minorities.count(mixture) != 1]:
            named = f"resampling.multiples.{strange[0].replace(':', '_')}"
            raise must(minorities, f"one with {strange[0]} as its minority, no fewer and no more, or give {named}=0")
        return pairs


class CleaningPair(Section):
    """Two mixtures, cleaned of images that lie among the other's.

    Attributes:
        mixtures: the two, class 0 first.
        sampling_strategy: "all" cleans both; "auto" leaves the smaller whole, at equal sizes class 0.
        keep: those of the two that go on to the training set as they come out.
    """

    mixtures: Annotated[
        list[Annotated[str, one_of(MIXTURES)]],
        Rule(f"two different of {', '.join(MIXTURES)}, in quotes", (Len(2, 2), fitting(lambda two: two[0] != two[1]))),
    ]
    sampling_strategy: Annotated[str, one_of(STRATEGIES)]
    keep: list[str]

    @field_validator("keep", mode="wrap")
    @classmethod
    def _of_the_two(cls, keep: Any, check: Any, info: ValidationInfo) -> Any:
        if not isinstance(keep, list) or not all(name in info.data.get("mixtures", MIXTURES) for name in keep):
            raise must(keep, "a list of one or both of the pair, or of none: []")
        return keep


class EnnRandomOverSampling(Section):
    builds: ClassVar[str] = "oral_cancer.resampling.EnnRandomOverSampling"
    multiples: Multiples
    pairs: list[CleaningPair]
    n_neighbors: Annotated[int, whole(1)]

    @field_validator("pairs")
    @classmethod
    def _kept_once(cls, pairs: list[CleaningPair]) -> list[CleaningPair]:
        keeps = [mixture for pair in pairs for mixture in pair.keep]
        if twice := [mixture for mixture in keeps if keeps.count(mixture) > 1]:
            raise must(keeps, f"each mixture in one keep, and {twice[0]} is in {keeps.count(twice[0])}")
        return pairs

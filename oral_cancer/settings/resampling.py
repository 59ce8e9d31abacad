"""Settings of the training set's treatments. Which labels there are is known once the images are, see `mixtures`."""

from typing import Annotated, Any, ClassVar

from annotated_types import Len
from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from oral_cancer.labels import in_files
from oral_cancer.settings.rules import NOT_NEGATIVE, TEXT, TRUTH, Rule, Section, fitting, must, one_of, whole

STRATEGIES = ("auto", "all")  # of cleaning
BOTH, OWN, OTHER = PARTNERS = ("both", "own", "other")  # of a pair of labels, by the images of which label they are
FULL, PARTIAL = EXTENTS = ("full", "partial")  # how many images are made of a pair
AUTO = "auto"
"""Instead of multiples: as many as raise every label to the images of the most frequent. Instead of pairs: each label
and all others."""

MULTIPLES = f"{AUTO}, or a number of at least 0 for each label that is to be enlarged"


def _form(name: str) -> str:
    """What "3:1", "3to1" and "3_1" have in common; Hydra's command line cannot name a key with a colon."""
    return in_files(name.replace("_", ":"))


def _by_label(multiples: Any) -> Any:
    if multiples == AUTO:
        return None
    if not isinstance(multiples, dict):
        raise must(multiples, MULTIPLES)
    if len({_form(str(label)) for label in multiples}) < len(multiples):
        raise must(multiples, "a multiple for each label, none of them twice")
    return multiples


Multiples = Annotated[
    dict[Annotated[str, BeforeValidator(str)], Annotated[float, NOT_NEGATIVE]] | None,
    BeforeValidator(_by_label),
    Field(description=MULTIPLES),
]
"""Images to add, as multiples of a label's training images, by label; None is "auto"."""
Label = Annotated[str, Rule("the name of a class or mixture, in quotes", tuple(TEXT.constraints))]
TwoLabels = Annotated[
    list[Label],
    Rule(
        "two different classes or mixtures, in quotes",
        (Len(2, 2), fitting(lambda two: _form(two[0]) != _form(two[1]))),
    ),
]


def _some(pairs: list[Any]) -> list[Any]:
    if not pairs:
        raise must(pairs, "at least one pair of labels, such as [[a,b]]")
    return pairs


Pairs = Annotated[list[TwoLabels], AfterValidator(_some)]


class NoResampling(Section):
    builds: ClassVar[str] = "oral_cancer.resampling.NoResampling"
    words: ClassVar[str] = "none"


class RandomOverSampling(Section):
    builds: ClassVar[str] = "oral_cancer.resampling.RandomOverSampling"
    words: ClassVar[str] = "random over-sampling"
    multiples: Multiples


class BorderPair(Section):
    """A label to enlarge, the minority, and another that shows where its border lies."""

    minority: Label
    majority: Label

    @field_validator("majority")
    @classmethod
    def _another(cls, majority: str, info: ValidationInfo) -> str:
        if _form(majority) == _form(info.data.get("minority", "")):
            raise must(majority, "another than the minority")
        return majority


def _paired(pairs: Any) -> Any:
    return None if pairs == AUTO else pairs


OrAuto = BeforeValidator(_paired)
PAIRS = Field(description=f"{AUTO}, or a list of pairs, each with the options that conf/resampling shows")


class BorderlineSmote(Section):
    builds: ClassVar[str] = "oral_cancer.resampling.BorderlineSmote"
    words: ClassVar[str] = "Borderline-SMOTE"
    multiples: Multiples
    pairs: Annotated[list[BorderPair] | None, OrAuto, PAIRS]
    k_neighbors: Annotated[int, whole(1)]
    m_neighbors: Annotated[int, whole(1)]
    eight_bits: Annotated[bool, TRUTH] = False

    @field_validator("pairs")
    @classmethod
    def _one_each(cls, pairs: list[BorderPair] | None, info: ValidationInfo) -> list[BorderPair] | None:
        if pairs is None:
            return None
        minorities = [pair.minority for pair in pairs]
        forms = [_form(name) for name in minorities]
        if twice := [name for name in minorities if forms.count(_form(name)) > 1]:
            raise must(minorities, f"one with {twice[0]} as its minority, no fewer and no more")
        enlarged = [label for label, multiple in (info.data.get("multiples") or {}).items() if multiple]
        if strange := [label for label in enlarged if _form(label) not in forms]:
            named = f"resampling.multiples.{strange[0].replace(':', '_')}"
            raise must(minorities, f"one with {strange[0]} as its minority, no fewer and no more, or give {named}=0")
        return pairs


class CleaningPair(Section):
    """Two labels, cleaned of images that lie among the other's.

    Attributes:
        mixtures: the two classes or mixtures, class 0 first.
        sampling_strategy: "all" cleans both; "auto" leaves the smaller whole, at equal sizes class 0.
        keep: those of the two that go on to the training set as they come out.
    """

    mixtures: TwoLabels
    sampling_strategy: Annotated[str, one_of(STRATEGIES)]
    keep: list[str]

    @field_validator("keep", mode="wrap")
    @classmethod
    def _of_the_two(cls, keep: Any, check: Any, info: ValidationInfo) -> Any:
        if not isinstance(keep, list) or not all(name in info.data.get("mixtures", keep) for name in keep):
            raise must(keep, "a list of one or both of the pair, or of none: []")
        return keep


class EnnRandomOverSampling(Section):
    builds: ClassVar[str] = "oral_cancer.resampling.EnnRandomOverSampling"
    words: ClassVar[str] = "cleaning by edited nearest neighbours, then random over-sampling"
    multiples: Multiples
    pairs: Annotated[list[CleaningPair] | None, OrAuto, PAIRS]
    n_neighbors: Annotated[int, whole(1)]

    @field_validator("pairs")
    @classmethod
    def _kept_once(cls, pairs: list[CleaningPair] | None) -> list[CleaningPair] | None:
        keeps = [mixture for pair in pairs or () for mixture in pair.keep]
        if twice := [mixture for mixture in keeps if keeps.count(mixture) > 1]:
            raise must(keeps, f"each mixture in one keep, and {twice[0]} is in {keeps.count(twice[0])}")
        return pairs


class CutMix(Section):
    builds: ClassVar[str] = "oral_cancer.resampling.CutMix"
    words: ClassVar[str] = "CutMix"
    pairs: Pairs
    partners: Annotated[str, one_of(PARTNERS)]
    extent: Annotated[str, one_of(EXTENTS)]

    @field_validator("extent")
    @classmethod
    def _across(cls, extent: str, info: ValidationInfo) -> str:
        if extent == PARTIAL and info.data.get("partners", OTHER) != OTHER:
            raise must(extent, f"{FULL}, or give resampling.partners={OTHER}: those are the partners that it takes")
        return extent


class SoftSmote(Section):
    builds: ClassVar[str] = "oral_cancer.resampling.SoftSmote"
    words: ClassVar[str] = "SMOTE with soft labels"
    pairs: Pairs
    among: Annotated[str, one_of((BOTH, OTHER))]
    n_neighbors: Annotated[int, whole(2)]
    multiple: Annotated[float, NOT_NEGATIVE]

"""The settings of the steps by which a network learns: the optimiser, and its rates."""

from typing import Annotated, ClassVar

from annotated_types import Ge, Len
from pydantic import ConfigDict, Field, ValidationInfo, field_validator

from oral_cancer.settings.rules import (
    NOT_NEGATIVE,
    POSITIVE,
    SHARE,
    TRUTH,
    OpenSection,
    Rule,
    Section,
    fitting,
    is_ascending,
    must,
)


class Optimizer(OpenSection):
    """What optimisers have in common; PyTorch checks the rest."""

    lr: Annotated[float, POSITIVE] = 1e-3
    betas: Annotated[
        list[Annotated[float, SHARE]], Rule("two numbers from 0 to below 1, such as [0.9, 0.999]", (Len(2, 2),))
    ] = Field([0.9, 0.999])
    eps: Annotated[float, POSITIVE] = 1e-8
    fused: Annotated[bool | None, TRUTH] = None


class KerasAdam(Optimizer):
    model_config = ConfigDict(extra="forbid")
    builds: ClassVar[str] = "oral_cancer.models.keras_adam.KerasAdam"


class AdamW(Optimizer):
    model_config = ConfigDict(extra="forbid")
    builds: ClassVar[str] = "oral_cancer.models.optimizers.adamw"
    weight_decay: Annotated[float, NOT_NEGATIVE]


class PiecewiseConstant(Section):
    builds: ClassVar[str] = "oral_cancer.models.schedules.piecewise_constant"
    milestones: Annotated[
        list[Annotated[int, Ge(0)]],
        Rule("a list of whole numbers of at least 0, none falling", (fitting(is_ascending),)),
    ]
    rates: Annotated[list[Annotated[float, POSITIVE]], Rule("a list of positive finite numbers")]
    factor: Annotated[float, POSITIVE]

    @field_validator("rates")
    @classmethod
    def _between_milestones(cls, rates: list[float], info: ValidationInfo) -> list[float]:
        if len(rates) != len(info.data.get("milestones", rates[1:])) + 1:
            raise must(rates, "one more than model.scheduler.milestones")
        return rates


class OneCycle(Section):
    builds: ClassVar[str] = "oral_cancer.models.schedules.one_cycle"
    max_rate: Annotated[float, POSITIVE]
    rise: Annotated[float, SHARE]
    factor: Annotated[float, POSITIVE]

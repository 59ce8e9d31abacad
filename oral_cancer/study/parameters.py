"""What a search varies: Hydra's sweeps of the command line as Optuna's distributions."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, IntervalSweep, Override, RangeSweep, Transformer

from oral_cancer.errors import UserError, refuse

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

LOG = "log"  # the tag of what is searched by its order of magnitude


@dataclass(frozen=True)
class Choice:
    """One of several values, each as it stands on a command line."""

    values: tuple[str, ...]

    def __str__(self) -> str:
        return ", ".join(self.values)

    @property
    def size(self) -> int:
        """How many values there are."""
        return len(self.values)

    @property
    def extremes(self) -> tuple[str, ...]:
        """The values that have to be tried to know whether all can be trained with."""
        return self.values

    def distribution(self) -> "BaseDistribution":
        """As Optuna knows it."""
        from optuna.distributions import CategoricalDistribution

        return CategoricalDistribution(self.values)


@dataclass(frozen=True)
class Span:
    """A number between two others, both included; `step` None is every number between."""

    low: float
    high: float
    step: float | None = None
    log: bool = False

    def __str__(self) -> str:
        step = "" if self.step is None else f" by {self.step}"
        return f"{self.low} to {self.high}{step}{', log' if self.log else ''}"

    @property
    def whole(self) -> bool:
        """Whether only whole numbers are meant."""
        return isinstance(self.low, int)

    @property
    def size(self) -> int | None:
        """How many values there are; None for more than can be counted."""
        return None if self.step is None else round((self.high - self.low) / self.step) + 1

    @property
    def extremes(self) -> tuple[str, ...]:
        """The values that have to be tried to know whether all can be trained with."""
        return text(self.low, self.step), text(self.high, self.step)

    def distribution(self) -> "BaseDistribution":
        """As Optuna knows it."""
        from optuna.distributions import FloatDistribution, IntDistribution

        if self.whole:
            return IntDistribution(int(self.low), int(self.high), self.log, int(self.step or 1))
        return FloatDistribution(self.low, self.high, self.log, self.step)


Parameter = Choice | Span


def overrides_of(trial: "FrozenTrial") -> dict[str, str]:
    """A trial's parameters as they stand on a command line."""
    return {
        option: text(value, getattr(trial.distributions[option], "step", None))
        for option, value in trial.params.items()
    }


def text(value: Any, step: float | None) -> str:
    """A value as it stands on a command line, without the rounding errors of steps.

    >>> text(0.1 + 0.2, 0.1), text(0.1 + 0.2, None), text(8, 1)
    ('0.3', '0.30000000000000004', '8')
    """
    return str(round(value, 12) if isinstance(value, float) and step is not None else value)


def parameters_of(params: Iterable[str], arguments: Sequence[str]) -> tuple[dict[str, Parameter], list[str]]:
    """What is searched, by the option's name, and the overrides that are alike in all trials.

    Args:
        params: `option=sweep` of the configuration.
        arguments: overrides of the command line, which win: a sweep there is searched, a value there is fixed.

    Raises:
        UserError: a line for each sweep that cannot be searched.
    """
    parser = OverridesParser.create()
    parameters: dict[str, Parameter] = {}
    fixed: list[str] = []
    problems: list[str] = []
    for override in [*parser.parse_overrides(list(params)), *parser.parse_overrides(list(arguments))]:
        option = override.get_key_element()
        parameters.pop(option, None)
        if not override.is_sweep_override():
            fixed.append(str(override.input_line))
            continue
        try:
            parameters[option] = _parameter(override)
        except ValueError as fault:
            problems.append(f"{override.input_line}: {fault}")
    refuse(problems)
    if not parameters:
        raise UserError("a search needs something to search: give an option as option='choice(a,b)' or interval(0.1,1)")
    return parameters, fixed


def _parameter(override: Override) -> Parameter:
    sweep: Any = override.value()
    if isinstance(sweep, ChoiceSweep):
        _insist_on_tags(sweep.tags, ())
        return Choice(tuple(dict.fromkeys(Transformer.str(value) for value in sweep.list)))
    if isinstance(sweep, RangeSweep):
        _insist_on_tags(sweep.tags, ())
        return _range(sweep)
    if isinstance(sweep, IntervalSweep):
        _insist_on_tags(sweep.tags, (LOG,))
        return _interval(sweep)
    raise ValueError("cannot be searched; give a choice, a range or an interval")


def _range(sweep: RangeSweep) -> Span:
    if not sweep.step:
        raise ValueError("has no step; leave it out, or give one above 0")
    values = sorted(sweep.range())
    if not values:
        raise ValueError("is empty; its end is not part of it")
    return Span(values[0], values[-1], abs(sweep.step))


def _interval(sweep: IntervalSweep) -> Span:
    low, high = sweep.start, sweep.end
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError("must go from a finite number to a greater one")
    log = LOG in sweep.tags
    if log and low <= 0:
        raise ValueError("must start above 0 where it is tagged log")
    if isinstance(low, int) and isinstance(high, int):
        return Span(low, high, 1, log)
    return Span(float(low), float(high), None, log)


def _insist_on_tags(tags: set[str], known: tuple[str, ...]) -> None:
    if unknown := sorted(tags - set(known)):
        allowed = f"only {', '.join(known)} is known here" if known else "only an interval takes one, log"
        raise ValueError(f"has the tag {unknown[0]}; {allowed}")

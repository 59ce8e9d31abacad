"""What a benchmark measures, beside what it is to reach."""

import argparse
import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """One measured quantity.

    Attributes:
        what: is measured.
        values: one a round.
        unit: "x" for a ratio taken within a round, "s" or "GB".
        target: what the median is to reach, or None.
        at_least: whether more is better.
    """

    what: str
    values: Sequence[float]
    unit: str
    target: float | None = None
    at_least: bool = False

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def reached(self) -> bool | None:
        """Whether the target is; None without one."""
        if self.target is None:
            return None
        return self.median >= self.target if self.at_least else self.median <= self.target

    @property
    def measured(self) -> str:
        """E.g. "1.03 x (5 rounds, 0.98 to 1.07)"."""
        spread = f" ({len(self.values)} rounds, {_plain(min(self.values))} to {_plain(max(self.values))})"
        return f"{_plain(self.median)} {self.unit}" + (spread if len(self.values) > 1 else "")

    @property
    def to_reach(self) -> str:
        """E.g. "at most 1.05 x", or nothing."""
        return "" if self.target is None else f"at {'least' if self.at_least else 'most'} {self.target:g} {self.unit}"


def _plain(value: float) -> str:
    return f"{value:.3g}" if value >= 0.001 else "below 0.001"


def options(doc: str | None, *add: tuple[str, dict[str, object]]) -> argparse.Namespace:
    """The options of a benchmark from the command line: those of `add`, and --json."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, keywords in add:
        parser.add_argument(name, **keywords)  # type: ignore[arg-type]
    parser.add_argument("--json", type=Path, help="a file for the figures")
    return parser.parse_args()


def publish(figures: Iterable[Figure], path: Path | None) -> None:
    """Print figures, and write them as JSON where a path is given."""
    figures = list(figures)
    for figure in figures:
        verdict = {None: "", True: ": reached", False: ": NOT reached"}[figure.reached]
        aim = f", to reach {figure.to_reach}" if figure.to_reach else ""
        print(f"{figure.what}: {figure.measured}{aim}{verdict}", flush=True)
    if path:
        path.write_text(json.dumps([asdict(figure) for figure in figures], indent=1) + "\n")


def read(path: Path) -> list[Figure]:
    """The figures that `publish` wrote."""
    return [Figure(**figure) for figure in json.loads(path.read_text())]

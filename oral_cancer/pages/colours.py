"""The colours of the page and its plots, one meaning each, told apart by colour-blind readers too.

Each is a pair: on a light and on a dark ground. Classes: the first seven in the hues of Okabe and Ito, Color Universal
Design (2008), each of a lightness (CIE L*) of its own, so that they differ in grey as well; further ones by hues a
golden angle apart.
Experiments: Petroff, Accessible color sequences for data visualization, arXiv:2107.02270 (2021), ten colours.
"""

import colorsys
from collections.abc import Sequence

from oral_cancer.labels import MOST

Pair = tuple[str, str]

PAPER: Pair = ("#ffffff", "#15181b")
PANEL: Pair = ("#f6f7f8", "#1d2125")
ALARM: Pair = ("#a11b1b", "#b52b2b")
ON_ALARM: Pair = ("#ffffff", "#ffffff")
INK: Pair = ("#1c2126", "#e4e7ea")
MUTED: Pair = ("#636b74", "#9aa3ad")
RULE: Pair = ("#d8dce1", "#3a4149")
ACCENT: Pair = ("#2b5d8a", "#8ab8e0")

GOLDEN_ANGLE = 0.381966  # of a turn


def _by_hue(number: int) -> Pair:
    def shade(lightness: float) -> str:
        rgb = colorsys.hls_to_rgb(number * GOLDEN_ANGLE % 1, lightness, 0.6)
        return "#" + "".join(f"{round(255 * part):02x}" for part in rgb)

    return shade(0.3 + 0.15 * (number % 2)), shade(0.6 + 0.12 * (number % 2))


CLASS_COLOURS: tuple[Pair, ...] = (
    ("#025580", "#098dd2"),
    ("#e17b28", "#ffb785"),
    ("#04825f", "#41b98f"),
    ("#c5629a", "#f699cc"),
    ("#765e00", "#b1923a"),
    ("#443086", "#8269bc"),
    ("#2e3401", "#dde29c"),
    *map(_by_hue, range(7, MOST)),
)
"""Of classes in their order."""
EXPERIMENT_COLOURS: tuple[Pair, ...] = (
    ("#3f90da", "#62a8ea"),
    ("#e08e00", "#ffa90e"),
    ("#bd1f01", "#f0624a"),
    ("#832db6", "#b978e0"),
    ("#2f9599", "#92dadd"),
    ("#a96b59", "#c48a79"),
    ("#e76300", "#ff8533"),
    ("#998f4d", "#b9ac70"),
    ("#717581", "#a3a7b3"),
    ("#7b8a8b", "#94a4a2"),
)

VARIABLES: dict[str, Pair] = {
    "paper": PAPER,
    "panel": PANEL,
    "alarm": ALARM,
    "on-alarm": ON_ALARM,
    "ink": INK,
    "muted": MUTED,
    "rule": RULE,
    "accent": ACCENT,
    **{f"class-{number}": pair for number, pair in enumerate(CLASS_COLOURS)},
    **{f"experiment-{number}": pair for number, pair in enumerate(EXPERIMENT_COLOURS)},
}
"""Every colour by its name as a CSS variable."""


def experiment_colours(experiments: Sequence[str]) -> dict[str, str]:
    """The colour of each experiment on a light ground; beyond ten they come round again."""
    colours = EXPERIMENT_COLOURS
    return {name: colours[number % len(colours)][0] for number, name in enumerate(experiments)}

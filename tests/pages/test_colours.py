"""Colours: text that can be read, fills that differ in grey."""

from itertools import pairwise

import pytest

from oral_cancer.pages import colours


def luminance(colour: str) -> float:
    """Relative luminance, 0 to 1 (WCAG 2.2)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """The ratio of two colours, 1 to 21 (WCAG 2.2)."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def lightness(colour: str) -> float:
    """CIE L*, 0 to 100."""
    return 116 * luminance(colour) ** (1 / 3) - 16


@pytest.mark.parametrize("ground", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("text", [colours.INK, colours.MUTED, colours.ACCENT])
def test_text_can_be_read(text: colours.Pair, ground: int) -> None:
    assert contrast(text[ground], colours.PAPER[ground]) >= 4.5
    assert contrast(text[ground], colours.PANEL[ground]) >= 4.5


@pytest.mark.parametrize("ground", [0, 1], ids=["light", "dark"])
def test_banners_can_be_read(ground: int) -> None:
    assert contrast(colours.ON_ALARM[ground], colours.ALARM[ground]) >= 4.5


@pytest.mark.parametrize("ground", [0, 1], ids=["light", "dark"])
def test_fills_of_classes_differ_in_grey_and_from_the_ground(ground: int) -> None:
    shades = [pair[ground] for pair in colours.CLASS_COLOURS[:7]]
    assert min(contrast(shade, colours.PAPER[ground]) for shade in shades) >= 2.9
    by_lightness = sorted(map(lightness, shades))
    assert min(b - a for a, b in pairwise(by_lightness)) >= 5.5
    first = sorted(map(lightness, shades[:3]))
    assert min(b - a for a, b in pairwise(first)) >= 11


def test_a_colour_of_a_figure_has_one_variable() -> None:
    light = [pair[0] for name, pair in colours.VARIABLES.items() if name != "on-alarm"]
    assert len(set(light)) == len(light)

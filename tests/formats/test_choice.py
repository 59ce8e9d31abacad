"""What is taken of files with several planes and channels, apart from any kind of file."""

import numpy as np
import pytest

from oral_cancer.formats.picture import (
    MAX_PIXELS,
    Ambiguous,
    Choice,
    Picture,
    Unreadable,
    Values,
    axes_in_words,
    check_size,
    of_a_microscope,
    pixels,
    upright,
)
from tests.formats.conftest import COLOURS, GREY


def picture(planes: int = 1, names: tuple[str, ...] = ("",), colour: bool = False) -> Picture:
    """One whose values are ten times the plane and the channel, and in colours a hundred times the colour."""

    def read(plane: int, channel: int) -> Values:
        grey = np.full((2, 3), 10 * plane + channel)
        return np.stack([grey, grey + 100, grey + 200], axis=-1) if colour else grey

    axes = f"{planes} x z" if planes > 1 else ""
    return Picture(np.dtype(int), read, planes=planes, axes=axes, channels=names, colour=colour)


def first(values: Values) -> list[int] | int:
    return values[0, 0].tolist()


@pytest.mark.parametrize(
    ("plane", "expected"),
    [("first", 0), ("middle", 20), ("max", 40), (0, 0), (4, 40), (None, None), (5, None), ("x", None)],
)
def test_planes(plane: int | str | None, expected: int | None) -> None:
    if expected is not None:
        assert first(pixels(picture(planes=5), Choice(plane=plane))) == expected
        return
    with pytest.raises(Ambiguous, match=r"source\.plane"):
        pixels(picture(planes=5), Choice(plane=plane))


def test_the_middle_of_an_even_number_is_the_later_one() -> None:
    assert first(pixels(picture(planes=4), Choice(plane="middle"))) == 20


@pytest.mark.parametrize(
    ("channels", "expected"),
    [((1,), 1), (("b",), 1), ((2, 0, 1), [2, 0, 1]), (("c", "a", 1), [2, 0, 1]), ((0, 0, 2), [0, 0, 2])],
)
def test_channels(channels: tuple[int | str, ...], expected: list[int] | int) -> None:
    assert first(pixels(picture(names=("a", "b", "c")), Choice(channels=channels))) == expected


@pytest.mark.parametrize("channels", [(3,), (-1,), ("d",), ("A",), (0, 1, 3)])
def test_channels_that_there_are_not(channels: tuple[int | str, ...]) -> None:
    with pytest.raises(Ambiguous, match=r"has no channel .*; source.channels can be 0 a, 1 b, 2 c"):
        pixels(picture(names=("a", "b", "c")), Choice(channels=channels))


def test_colours_are_channels_of_a_picture_in_colours() -> None:
    assert first(pixels(picture(colour=True), Choice())) == [0, 100, 200]
    assert first(pixels(picture(colour=True), Choice(channels=("green",)))) == 100
    assert first(pixels(picture(colour=True), Choice(channels=(2, 1, 0)))) == [200, 100, 0]


def test_of_channels_in_colours_one_is_chosen() -> None:
    several = picture(names=("a", "b"), colour=True)
    assert first(pixels(several, Choice(channels=("b",)))) == [1, 101, 201]
    with pytest.raises(Ambiguous, match=r"have colours of their own; choose one with predict.channels"):
        pixels(several, Choice(channels=(0, 1, 0), before="predict."))


def test_both_are_asked_for_at_once_by_the_names_of_the_options() -> None:
    with pytest.raises(Ambiguous) as caught:
        pixels(picture(planes=3, names=("DAPI", "")), Choice(before="+"))
    assert str(caught.value) == (
        "has 3 planes (3 x z) and 2 channels (0 DAPI; 1): choose with +plane=0 to 2, first, middle or max "
        "and +channels=0, or three as red, green and blue, such as [1,0,2]"
    )


def test_orientations_undo_what_a_camera_does() -> None:
    assert {upright(COLOURS, orientation).tobytes() for orientation in range(1, 9)} == {
        turned.tobytes()
        for mirrored in (COLOURS, COLOURS[:, ::-1])
        for turned in (np.rot90(mirrored, n) for n in range(4))
    }
    for orientation, back in ((1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 8), (7, 7), (8, 6)):
        np.testing.assert_array_equal(upright(upright(GREY, orientation), back), GREY)


@pytest.mark.parametrize(("width", "height"), [(0, 5), (5, 0), (MAX_PIXELS, 2), (-5, -5), (-1, 5)])
def test_sizes_that_are_refused(width: int, height: int) -> None:
    with pytest.raises(Unreadable, match="at most 40 million"):
        check_size(width, height)


def test_sizes_of_pixels() -> None:
    assert [of_a_microscope(size) for size in (None, -1.0, 0.0, 0.1, 20.0, 21.0)] == [None, None, None, 0.1, 20.0, None]


def test_axes_in_words() -> None:
    assert axes_in_words("TZ", (3, 10)) == "3 x time, 10 x z"
    assert axes_in_words("QSX", (2, 1, 4)) == "2 x page, 4 x X"

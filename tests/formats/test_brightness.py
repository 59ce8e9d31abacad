"""One meaning of brightness: depths that are declared and not, of an image and of a collection."""

import numpy as np
import pytest

from oral_cancer.formats.brightness import (
    Levels,
    Measured,
    clipped,
    common_levels,
    in_words,
    least,
    measured,
    own_levels,
    shown,
    summary,
)
from oral_cancer.formats.picture import Picture, Unreadable
from tests.formats.conftest import GREY, as_rgb


def deep(highest: float, lowest: float = 0, bits: int | None = None, dtype: str = "uint16") -> Measured:
    return Measured(dtype, bits, lowest, highest)


@pytest.mark.parametrize(
    ("lowest", "highest", "expected"),
    [
        (0, 0, (0, 255)),
        (0, 255, (0, 255)),
        (0, 256, (0, 1023)),
        (0, 1023, (0, 1023)),
        (100, 1024, (0, 4095)),
        (628, 4095, (0, 4095)),
        (0, 4096, (0, 16383)),
        (0, 16384, (0, 65535)),
        (32767, 32768, (0, 65535)),
        (32768, 32768 + 255, (32768, 32768 + 255)),
        (32768, 32768 + 4095, (32768, 32768 + 4095)),
        (32768, 32768 + 16383, (32768, 32768 + 16383)),
        (32768, 32768 + 16384, (0, 65535)),
        (40000, 65535, (0, 65535)),
    ],
)
def test_the_least_depth_that_holds_all(lowest: int, highest: int, expected: tuple[int, int]) -> None:
    assert least(lowest, highest)[:2] == expected


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (Measured("uint8", None, 0, 255), (0, 255, "type")),
        (Measured("uint8", 4, 0, 255), (0, 15, "type")),
        (deep(100, bits=12), (0, 4095, "declared")),
        (deep(4095, bits=12), (0, 4095, "declared")),
        (deep(32768 + 4095, 32768, bits=12), (32768, 32768 + 4095, "declared")),
        (deep(32768 + 4095, 32768, bits=16), (0, 65535, "declared")),
        (deep(3000), (0, 4095, "least")),
        (deep(100, dtype="int16"), None),
        (deep(1.0, dtype="float32"), None),
        (deep(100, dtype="uint32"), None),
        (deep(4000, bits=12, dtype="uint32"), (0, 4095, "declared")),
    ],
)
def test_levels_of_one_image(image: Measured, expected: tuple[float, float, str] | None) -> None:
    assert own_levels(image) == expected
    assert own_levels(image, [3, 9]) == (3, 9, "range")


def test_values_beyond_what_is_declared_are_refused() -> None:
    for image in (deep(4096, bits=12), deep(32768 + 4096, 32768, bits=12), deep(40000, 100, bits=12)):
        with pytest.raises(Unreadable, match="declares 12 bits, and has values up to"):
            own_levels(image)


def test_a_collection_has_the_depth_that_holds_all_that_declare_none() -> None:
    images = {
        "a/1": deep(1000),
        "a/2": deep(4000),
        "b/1": deep(4095),
        "b/2": deep(900, bits=10),
        "b/3": deep(9, bits=16),
    }
    levels, faults = common_levels(images, None)
    assert levels == (0, 4095, "least")
    assert not faults


def test_an_offset_counts_only_where_all_have_it() -> None:
    every, faults = common_levels({f"a/{n}": deep(32768 + 4000, 32768 + 10) for n in range(3)}, None)
    assert every == (32768, 32768 + 4095, "least")
    assert not faults
    mixed, faults = common_levels({"a/1": deep(32768 + 4000, 32768), "a/2": deep(4000, 20)}, None)
    assert mixed == (0, 65535, "least")
    assert not faults


def test_depths_that_differ_between_folders_are_refused_with_counts() -> None:
    images = {"x/dark/1": deep(900), "x/dark/2": deep(1000), "x/bright/1": deep(4000), "x/bright/2": deep(1)}
    _, (fault,) = common_levels(images, None)
    assert "x/dark: 2 images of 10 bits" in fault
    assert "x/bright: 2 images of 12 bits" in fault
    assert "source.range=[0,4095]" in fault
    assert common_levels(images, [0, 4095]) == (None, [])
    declared = {path: image._replace(bits=12) for path, image in images.items()}
    assert common_levels(declared, None) == (None, [])


@pytest.mark.parametrize("dtype", ["int8", "int16", "uint32", "float32", "float16"])
def test_types_that_need_a_range_get_one_proposed(dtype: str) -> None:
    images = {
        "a/1": deep(90, -3, dtype=dtype),
        "a/2": deep(120, 5, dtype=dtype),
        "a/3": Measured("uint8", None, 0, 255),
    }
    levels, (fault,) = common_levels(images, None)
    assert levels is None
    assert f"2 images of {dtype} pixels, -3 to 120" in fault
    assert "source.range=[-3,120]" in fault


def test_a_range_is_for_one_type_of_pixels() -> None:
    images = {"a/1": deep(90), "a/2": Measured("uint8", None, 0, 255)}
    _, (fault,) = common_levels(images, [0, 90])
    assert "one pixel type, and there are 1 of uint16, 1 of uint8" in fault


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "uint32", "int32", "float16", "float32", "float64"])
@pytest.mark.parametrize("inverted", [False, True])
def test_values_are_shown_by_their_levels(dtype: str, inverted: bool) -> None:
    values = GREY.astype(dtype)
    low, high = 40, 180
    expected = np.rint((GREY.astype(float) - low) * 255 / (high - low)).clip(0, 255)
    found = shown(values, Levels(low, high, "range"), inverted)
    assert found.dtype == np.uint8
    np.testing.assert_allclose(found, as_rgb(255 - expected if inverted else expected), atol=1)
    assert clipped(values, Levels(low, high, "range")) == pytest.approx(np.mean((low > GREY) | (high < GREY)))


def test_every_value_of_16_bits() -> None:
    every = np.arange(2**16, dtype=np.uint16).reshape(256, 256)
    np.testing.assert_array_equal(shown(every, Levels(0, 65535, "least"))[..., 1], np.rint(every / 257))
    twelve = shown(every, Levels(0, 4095, "least"))[..., 0]
    np.testing.assert_array_equal(twelve, np.rint(np.minimum(every, 4095) * (255 / 4095)))


def test_large_integers_keep_their_differences() -> None:
    values = np.array([[2**31, 2**31 + 100, 2**31 + 200]], np.uint32)
    found = shown(values, Levels(2**31, 2**31 + 200, "range"))[0, :, 0]
    np.testing.assert_allclose(found, [0, 128, 255], atol=1)


def test_what_is_no_number_is_refused() -> None:
    picture = Picture(np.dtype(np.float32), lambda plane, channel: values)
    for bad in (np.nan, np.inf, -np.inf):
        values = GREY.astype(np.float32)
        values[2, 3] = bad
        with pytest.raises(Unreadable, match="infinite or no number"):
            measured(picture, values)


@pytest.mark.parametrize(
    ("levels", "words"),
    [
        (Levels(0, 4095, "least"), "12 bits"),
        (Levels(32768, 32768 + 4095, "declared"), "12 bits from 32768"),
        (Levels(0, 255, "type"), "8 bits"),
        (Levels(0, 1, "range"), "0 to 1"),
        (Levels(0, 4095, "range"), "0 to 4095"),
    ],
)
def test_levels_in_words(levels: Levels, words: str) -> None:
    assert in_words(levels) == words


def test_what_was_found_is_counted() -> None:
    twelve, eight = Levels(0, 4095, "declared"), Levels(0, 255, "type")
    pairs = [(deep(9, bits=12), twelve), (Measured("uint8", None, 0, 255), eight), (deep(8, bits=12), twelve)]
    found = [{key: one[key] for key in ("pixels", "black", "white", "by", "images")} for one in summary(pairs)]
    assert found == [
        {"pixels": "uint16", "black": 0, "white": 4095, "by": "declared", "images": 2},
        {"pixels": "uint8", "black": 0, "white": 255, "by": "type", "images": 1},
    ]

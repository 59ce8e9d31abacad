"""Every case of the files of microscopes beside the repository: its picture, or its refusal."""

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from oral_cancer.data.reader import decode, read_image
from oral_cancer.formats.picture import Choice, Unreadable

PICTURES = (  # of those that may be refused, too, as far as the case is concerned
    "K11_4bit.tif",
    "K11_no_photometric.tif",
    "K12_planar16.tif",
    "K12_white_is_zero16.tif",
    "K1_10in16.tif",
    "K1_12in16.png",
    "K1_12in16_maxsample.tif",
    "K1_12in16_ome.ome.tif",
    "K1_12in16_plain.tif",
    "K9_tiled_orientation2.tif",
    "K9_tiled_orientation6.tif",
)
REFUSED = {
    "K3_": r"damaged|compressed by .*\(tag 259 = \d+\)",
    "K4_": "damaged",
    "K5_stack": "3 planes",
    "K5_hyper": "3 planes .* and 2 channels",
    "K5_channels": "2 channels",
    "K6_": "3 planes",
    "K8_2": "2 channels",
    "K8_3": "3 channels",
    "K8_5": "5 channels",
    "K11_compression": r"damaged: its .*\(tag 259 = \d+\)|compressed by OJPEG",
    "K11_float16": "float16 pixels.*source.range",
    "K11_float_planar": "float64 pixels.*source.range",
    "K12_float32": "float32 pixels.*source.range",
    "K12_int16": "int16 pixels.*source.range",
    "K12_int8": "int8 pixels.*source.range",
    "K12_uint32": "uint32 pixels.*source.range",
}


@pytest.fixture(scope="module")
def cases(microscope_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which the cases are drawn."""
    folder = tmp_path_factory.mktemp("cases")
    script = (microscope_files / "make_cases.py").read_text().replace("check() if CHECK else make()", "")
    spec = importlib.util.spec_from_loader("make_cases", loader=None)
    assert spec is not None
    module: Any = importlib.util.module_from_spec(spec)
    exec(compile(script, "make_cases.py", "exec"), module.__dict__)
    module.OUT = folder
    module.make()
    return folder


@pytest.fixture
def names(cases: Path) -> list[str]:
    found = [case["name"] for case in json.loads((cases / "cases.json").read_text())]
    assert len(found) == 41
    return [name for name in found if (cases / name).is_file()]


def test_every_expected_picture_is_read(cases: Path, names: list[str]) -> None:
    expected = sorted(name for name in names if (cases / f"{name}.expected.npy").exists())
    assert expected == sorted(PICTURES)
    for name in expected:
        found = read_image(cases / name).astype(int)
        np.testing.assert_allclose(found, np.load(cases / f"{name}.expected.npy"), atol=1, err_msg=name)


def test_every_other_case_is_refused_with_its_cause(cases: Path, names: list[str]) -> None:
    others = [name for name in names if name not in PICTURES and not name.startswith("K13_folder")]
    for name in others:
        (reason,) = (words for start, words in REFUSED.items() if name.startswith(start))
        with pytest.raises(Unreadable, match=reason):
            read_image(cases / name)
    assert all(any(name.startswith(start) for name in others) for start in REFUSED)


def test_what_is_chosen_of_the_stacks(cases: Path, names: list[str]) -> None:
    grey = read_image(cases / "K11_no_photometric.tif")
    for name, choice in {
        "K5_stack_first_black.tif": {"plane": 1},
        "K5_hyperstack.tif": {"plane": 2, "channels": (1,)},
        "K5_channels.ome.tif": {"channels": (1,)},
        "K6_imagej_one_ifd.tif": {"plane": "middle"},
        "K8_3channels_8.tif": {"channels": (2,)},
        "K8_5channels_8.tif": {"channels": (2,)},
    }.items():
        np.testing.assert_array_equal(read_image(cases / name, choice=Choice(**choice)), grey, err_msg=name)


def test_types_that_need_a_range_have_their_values(cases: Path) -> None:
    values: Callable[[str], Any] = lambda name: decode((cases / name).read_bytes(), Choice()).values  # noqa: E731
    np.testing.assert_array_equal(values("K12_int16.tif"), values("K1_12in16_plain.tif"))
    np.testing.assert_array_equal(values("K12_uint32.tif"), values("K1_12in16_plain.tif"))
    np.testing.assert_array_equal(values("K12_int8.tif"), values("K11_no_photometric.tif") >> 1)
    np.testing.assert_allclose(values("K12_float32.tif"), values("K11_no_photometric.tif") / 255, atol=1e-6)


def test_the_same_fields_in_five_encodings(cases: Path) -> None:
    for number in range(3):
        field = read_image(cases / "K14_populations" / "a_8bit" / f"{number}.tif").astype(int)
        deep = read_image(cases / "K14_populations" / "b_12in16" / f"{number}.tif")
        np.testing.assert_allclose(deep, field, atol=1)
        for folder in ("d_compression_34712", "e_damaged_lzw", "f_stack"):
            with pytest.raises(Unreadable):
                read_image(cases / "K14_populations" / folder / f"{number}.tif")


def test_the_folder_of_other_kinds(cases: Path) -> None:
    folder = cases / "K13_folder"
    one = read_image(folder / "one.png")
    np.testing.assert_array_equal(read_image(folder / "x.bmp"), one)
    for name, reason in (
        ("x.gif", "GIF"),
        ("x.webp", "WebP"),
        ("x.jp2", "JPEG 2000"),
        ("x.czi", "damaged"),
        ("x.nd2", "damaged"),
    ):
        with pytest.raises(Unreadable, match=reason):
            read_image(folder / name)

"""One meaning of brightness for a collection, planes and channels as chosen, nothing passed over in silence."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from oral_cancer.data.collection import ImageFile
from oral_cancer.data.reader import read_image
from oral_cancer.data.reading import Reading, in_lines, study_levels
from oral_cancer.data.resizing import resized
from oral_cancer.data.store import ImageStore, fingerprint_of, open_store
from oral_cancer.errors import UserError
from tests.published import GROUPS, SPLIT_FOLDERS, collection_of, folder_source

Train = Callable[..., Path]
SIZE = 32


def field(seed: int, low: int = 20, high: int = 240) -> NDArray[np.uint8]:
    """A smooth grey picture (48, 64) that uses these grey levels."""
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 5)).astype(np.uint8)
    fine = cv2.resize(coarse, (64, 48), interpolation=cv2.INTER_CUBIC).astype(float)
    return np.rint(np.interp(fine, (fine.min(), fine.max()), (low, high))).astype(np.uint8)


def write(path: Path, values: NDArray[Any], **options: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, values, photometric="minisblack", **options)


def opened(root: Path, stores: Path, **options: Any) -> ImageStore:
    files = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.*"))
    images = tuple(ImageFile(path, "parental") for path in files)
    return open_store(collection_of(images, root, reading=Reading.of(**options)), SIZE, stores)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "images"


@pytest.fixture
def stores(tmp_path: Path) -> Path:
    return tmp_path / "stores"


def plain(folder: Path, number: int = 4) -> NDArray[np.uint8]:
    """The rows of a store of the same fields saved with 8 bits."""
    for seed in range(number):
        write(folder / "plain" / f"{seed}.tif", field(seed))
    return np.array(opened(folder / "plain", folder / "plain stores").images)


@pytest.mark.parametrize(
    ("bits", "offset"), [(10, 0), (12, 0), (14, 0), (16, 0), (10, 2**15), (12, 2**15), (14, 2**15)]
)
def test_the_same_fields_look_the_same_however_deep_they_are(
    root: Path, stores: Path, tmp_path: Path, bits: int, offset: int
) -> None:
    for seed in range(4):
        deep = np.rint(field(seed) / 255 * (2**bits - 1)).astype(np.uint16)
        write(root / f"{seed}.tif", deep + offset)
    store = opened(root, stores)
    assert np.abs(store.images.astype(int) - plain(tmp_path)).max() <= 1
    (level,) = store.reading["levels"]
    assert (level["pixels"], level["by"], level["images"]) == ("uint16", "least", 4)
    assert (level["black"], level["white"]) == (offset, offset + 2**bits - 1)
    assert level["used"] == pytest.approx([offset + share / 255 * 2**bits for share in (20, 240)], rel=0.01)


def test_no_image_is_stretched_for_itself(root: Path, stores: Path) -> None:
    """The dim one is shown by the depth that the bright one needs, in whatever order they come and are added."""
    dim, bright = field(0, 0, 60).astype(np.uint16) * 4, field(1).astype(np.uint16) * 16
    write(root / "a.tif", dim)
    alone = opened(root, stores).images[0].mean()
    write(root / "b.tif", bright)
    store = opened(root, stores)
    assert store.images[0].mean() == pytest.approx(dim.mean() / 4095 * 255, abs=1)
    assert alone == pytest.approx(dim.mean() / 255 * 255, abs=1)  # it used 8 bits of 16
    again = opened(root, stores)
    np.testing.assert_array_equal(again.images, store.images)
    assert again.fingerprint == store.fingerprint


def test_files_that_declare_their_depth_may_be_of_any(root: Path, stores: Path, tmp_path: Path) -> None:
    for seed, bits in enumerate((12, 14)):
        deep = np.rint(field(seed) / 255 * (2**bits - 1)).astype(np.uint16)
        write(root / str(bits) / f"{seed}.tif", deep, extratags=[(281, 3, 1, 2**bits - 1, True)])
    write(root / "8" / "2.tif", field(2))
    write(root / "16" / "3.tif", field(3).astype(np.uint16) * 257)
    store = opened(root, stores)
    order = [int(Path(file.path).stem) for file in store.collection.files]
    assert np.abs(store.images.astype(int) - plain(tmp_path)[order]).max() <= 1
    assert {level["by"] for level in store.reading["levels"]} == {"declared", "least", "type"}


def test_a_file_whose_values_exceed_what_it_declares_is_refused(root: Path, stores: Path) -> None:
    write(root / "a.tif", np.full((40, 40), 5000, np.uint16), extratags=[(281, 3, 1, 4095, True)])
    with pytest.raises(UserError, match=r"a\.tif: declares 12 bits, and has values up to 5000; give source\.range"):
        opened(root, stores)


def test_undeclared_depths_that_differ_between_folders_are_refused_with_counts(root: Path, stores: Path) -> None:
    for seed in range(3):
        write(root / "control" / f"{seed}.tif", field(seed).astype(np.uint16) * 16)
        write(root / "5nMTG" / f"{seed}.tif", field(seed).astype(np.uint16) * 257)
    for _ in range(2):  # and again, though the store has been built by then
        with pytest.raises(UserError) as refused:
            opened(root, stores)
        (line,) = refused.value.lines
        assert "5nMTG: 3 images of 16 bits; control: 3 images of 12 bits" in line
        assert "source.range=[0,65535]" in line
    store = opened(root, stores, range=[0, 65535])
    assert store.images[0].mean() > 10 * store.images[-1].mean()  # as the user said


def test_a_folder_that_declares_more_than_others_use_is_refused(root: Path, stores: Path) -> None:
    for seed in range(2):
        dim = field(seed, 0, 225).astype(np.uint16) * 4
        write(root / "control" / f"{seed}.tif", dim, extratags=[(281, 3, 1, 4095, True)])
        write(root / "5nMTG" / f"{seed}.tif", dim)
    with pytest.raises(UserError) as refused:
        opened(root, stores)
    (line,) = refused.value.lines
    assert "some folders declare a greater depth (control: 2 images of 12 bits) than the 10 bits that hold all" in line
    assert line.endswith("source.range=[0,4095]")


def test_what_lies_beyond_a_range_is_told_and_much_of_it_is_refused(root: Path, stores: Path) -> None:
    for seed in range(2):
        bright = field(seed).astype(np.uint16) * 16
        bright[0, 0] = 5000
        write(root / "a" / f"{seed}.tif", bright)
    store = opened(root, stores, range=[0, 4095])
    (line,) = in_lines(store.reading)
    assert "they use 320 to 5000, and what lies beyond is clipped" in line
    for _ in range(2):
        with pytest.raises(UserError, match=r"a: \d+\.\d% of the values lie beyond source\.range: give a wider one"):
            opened(root, stores, range=[0, 1500])


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.uint32, np.float16, np.float32, np.float64])
def test_other_pixel_types_need_a_range_and_one_is_proposed(
    root: Path, stores: Path, tmp_path: Path, dtype: type
) -> None:
    for seed in range(4):
        write(root / f"{seed}.tif", (field(seed) / 4).astype(dtype))
    with pytest.raises(UserError) as refused:
        opened(root, stores)
    (line,) = refused.value.lines
    assert line.startswith(f"{root}: 4 images of {np.dtype(dtype)} pixels, 5 to 60: ")
    assert "source.range=[5,60]" in line
    store = opened(root, stores, range=[0, 63.75])
    assert np.abs(store.images.astype(int) - plain(tmp_path)).max() <= 3  # whole numbers are a fourth as fine
    assert store.reading["range"] == [0, 63.75]


def test_a_collection_that_uses_little_of_its_range_is_told_of(
    train: Train, images_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in images_root.rglob("*.png"):
        faint = cv2.imread(str(path)).astype(np.uint16) + 20_000
        target = tmp_path / "faint" / path.relative_to(images_root)
        target.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(target), faint)
    train(f"source.root={tmp_path / 'faint'}", "trainer.max_epochs=1")
    said = capsys.readouterr().out
    assert "168 images of uint16 pixels: 16 bits, the least that hold all images: 0 is black and 65535 white; " in said
    assert "they use 20000 to 20255 alone, so all look flat: source.range=[low, high] spreads them" in said


def test_a_range_is_for_one_pixel_type(root: Path, stores: Path) -> None:
    write(root / "a.tif", field(0))
    write(root / "b.tif", field(1).astype(np.int16))
    with pytest.raises(UserError, match="for images of one pixel type, and there are 1 of uint8, 1 of int16"):
        opened(root, stores, range=[0, 255])


def test_fingerprints_are_those_of_before_where_the_pixels_are(root: Path, stores: Path, tmp_path: Path) -> None:
    write(root / "a.tif", field(0))
    write(root / "b.tif", field(1).astype(np.uint16) * 257)
    store = opened(root, stores)
    files = list(zip([file.path for file in store.collection.files], store.bytes, store.sha256, strict=True))
    assert store.fingerprint == fingerprint_of(files, None)
    write(root / "b.tif", field(1).astype(np.uint16) * 16)
    deeper = opened(root, stores)
    files = list(zip([file.path for file in deeper.collection.files], deeper.bytes, deeper.sha256, strict=True))
    assert deeper.fingerprint != fingerprint_of(files, None)
    assert deeper.fingerprint == fingerprint_of(files, json.loads(json.dumps(deeper.reading)))


def test_a_study_of_declared_images_gives_its_depth_to_others() -> None:
    def study_levels_of(*found: tuple[str, int, str]) -> dict[str, tuple[float, str]]:
        record = {"levels": [{"pixels": kind, "black": 0, "white": white, "by": by} for kind, white, by in found]}
        return {kind: (one.high, one.by) for kind, one in study_levels(record).items()}

    assert study_levels_of(("uint16", 4095, "declared"), ("uint8", 255, "type")) == {"uint16": (4095, "study")}
    assert study_levels_of(("uint16", 16383, "declared"), ("uint16", 4095, "declared")) == {"uint16": (16383, "study")}
    assert study_levels_of(("uint16", 16383, "declared"), ("uint16", 4095, "least")) == {"uint16": (4095, "study")}
    assert study_levels_of(("float32", 1, "range")) == {"float32": (1, "range")}


def test_planes_and_channels_are_chosen_and_never_assumed(root: Path, stores: Path) -> None:
    stack = np.stack([np.stack([field(10 * z + c) for c in range(2)]) for z in range(3)])
    for name in "ab":
        write(root / f"{name}.tif", stack, imagej=True, metadata={"axes": "ZCYX"})
    with pytest.raises(UserError) as refused:
        opened(root, stores)
    for line in refused.value.lines:
        assert "3 planes (3 x z) and 2 channels" in line
        assert "source.plane=0 to 2, first, middle or max and source.channels=0" in line
        assert "replace or remove" not in line
    fingerprints = set()
    for options, expected in {
        (("plane", 2), ("channels", 1)): stack[2, 1],
        (("plane", "middle"), ("channels", 0)): stack[1, 0],
        (("plane", "max"), ("channels", 1)): stack[:, 1].max(axis=0),
        (("plane", "first"), ("channels", (1, 0, 1))): np.stack([stack[0, 1], stack[0, 0], stack[0, 1]], axis=-1),
    }.items():
        store = opened(root, stores, **dict(options))
        tifffile.imwrite(root.parent / "one.tif", expected, photometric="rgb" if expected.ndim == 3 else "minisblack")
        np.testing.assert_array_equal(store.images[0], resized(read_image(root.parent / "one.tif"), SIZE))
        fingerprints.add(store.fingerprint)
    assert len(fingerprints) == 4


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"range": 5}, r"source\.range=5: must be null or \[low, high\]"),
        ({"range": [5, 1]}, r"source\.range=\[5,1\]"),
        ({"range": [0, float("nan")]}, r"source\.range"),
        ({"range": [0, True]}, r"source\.range"),
        ({"channels": [0, 1]}, r"source\.channels=\[0,1\]: must be null or a channel or three"),
        ({"channels": -1}, r"source\.channels=-1"),
        ({"channels": True}, r"source\.channels"),
        ({"plane": "last"}, r"source\.plane=last: must be null or a whole number from 0, or one of first, middle, max"),
        ({"plane": 1.5}, r"source\.plane=1\.5"),
        ({"leave_out": [3]}, r"source\.leave_out=\[3\]: must be null or a list of names"),
    ],
)
def test_wrong_options_are_refused(tmp_path: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        folder_source(tmp_path, **options)


@pytest.fixture
def layout(images_root: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(images_root, tmp_path / "layout"))


def test_a_folder_that_nothing_reads_is_refused_by_name_unless_it_is_left_out(layout: Path) -> None:
    homo, hetero = (layout / SPLIT_FOLDERS[name, "val"] for name in ("homo", "hetero"))
    for extra in (homo / "senescent", hetero / "20X_TG1-WT1", homo / "control" / "old"):
        shutil.copytree(homo / "5nMTG", extra)
    shutil.copytree(homo, layout / "oral cancer 0521-0618_tag300_More")
    (homo / "notes").mkdir()
    (homo / "notes" / "text.txt").write_text("no image")
    problems = folder_source(layout).collect().problems
    assert len(problems) == 4
    for name, images in (
        ("senescent", 20),
        ("20X_TG1-WT1", 20),
        ("old", 20),
        ("oral cancer 0521-0618_tag300_More", 100),
    ):
        quoted = f"'{name}'" if " " in name else name
        (line,) = [line for line in problems if f"source.leave_out=[{quoted}]" in line]
        assert f"{images} images" in line
    (problem,) = folder_source(layout, leave_out=["s*ent", "20X_TG1-WT1", "old", "*More", "typo"]).collect().problems
    assert problem.startswith("source.leave_out: typo is the name of nothing here")
    collection = folder_source(layout, leave_out=["s*ent", "20X_TG1-WT1", "*/control/old", "*More"]).collect()
    assert collection.problems == ()
    assert len(collection.files) == 168
    named = [one.path for one in collection.left_out if one.why == "named in source.leave_out"]
    assert len(named) == 4


def test_what_is_found_and_left_out_is_said_in_a_line_and_recorded(
    train: Train, layout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = layout / SPLIT_FOLDERS["homo", "val"] / "control"
    for name in ("x.gif", "y.lif", ".DS_Store", "notes.txt"):
        (folder / name).write_bytes(b"something")
    (layout / "stray.png").write_bytes(b"something")
    (layout / "new class").mkdir()
    (layout / "new class" / "a.png").write_bytes(b"something")
    run = train(f"source.root={layout}", "trainer.max_epochs=1")
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith(f"{layout}: ")]
    assert "168 images (168 .png); left out: " in line
    assert f"2 of a kind that is not read ({SPLIT_FOLDERS['homo', 'val']}/control/x.gif, " in line
    assert "1 hidden (.DS_Store)" in line
    assert "1 no image (.txt)" in line
    assert "2 outside of the folders of classes and mixtures (new class/, stray.png)" in line
    left_out = json.loads((run / "manifest.json").read_text())["found"]["left_out"]
    assert left_out["hidden"] == {"number": 1, "files": [f"{SPLIT_FOLDERS['homo', 'val']}/control/.DS_Store"]}


def test_a_class_saved_in_12_bits_trains_like_the_others(train: Train, layout: Path) -> None:
    before = train(f"source.root={layout}", "trainer.max_epochs=1", folder="before")
    (group,) = [group for group in GROUPS if group.name == "resistant"]
    for split in ("val", "test"):
        for path in (layout / SPLIT_FOLDERS["homo", split] / group.folders[0]).iterdir():
            deep = np.rint(cv2.imread(str(path)) / 255 * 4095).astype(np.uint16)
            cv2.imwrite(str(path), deep)
    after = train(f"source.root={layout}", "trainer.max_epochs=1", folder="after")
    manifest = json.loads((after / "manifest.json").read_text())
    assert [(one["pixels"], one["white"], one["images"]) for one in manifest["reading"]["levels"]] == [
        ("uint16", 4095, 24),
        ("uint8", 255, 144),
    ]
    for name in ("predictions.csv", "metrics.json"):
        assert (after / name).read_bytes() == (before / name).read_bytes()


def test_a_root_that_is_given_is_used_or_refused(train: Train, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"source\.root: .*nowhere does not exist"):
        train("source=auto", f"source.root={tmp_path / 'nowhere'}")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"empty holds no folder with images for each class"):
        train("source=auto", f"source.root={tmp_path / 'empty'}")

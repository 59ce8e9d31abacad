import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from oral_cancer.data import store_build
from oral_cancer.data.collection import Collection, ImageFile
from oral_cancer.data.reader import Raw, read_image
from oral_cancer.data.resizing import resized
from oral_cancer.data.store import ImageStore, ImageView, open_store, verify
from oral_cancer.errors import UserError
from oral_cancer.formats.picture import Choice
from tests.published import collection_of

SIZE = 12


def write_image(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.random.default_rng(seed).integers(0, 256, (20, 30, 3), np.uint8))


def collect(root: Path) -> Collection:
    files = sorted(p.relative_to(root).as_posix() for p in root.rglob("*.*"))
    return collection_of((ImageFile(path, "parental") for path in files), root)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for number in range(6):
        write_image(tmp_path / "images" / "a" / f"{number}.tif", number)
    return tmp_path / "images"


@pytest.fixture
def stores(tmp_path: Path) -> Path:
    return tmp_path / "stores"


class Decoder:
    """Counts what is really decoded."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls = 0
        self._decode = store_build.decode
        monkeypatch.setattr(store_build, "decode", self)

    def __call__(self, data: bytes, choice: Choice) -> Raw:
        self.calls += 1
        return self._decode(data, choice)

    def count(self) -> int:
        calls, self.calls = self.calls, 0
        return calls


@pytest.fixture
def decoder(monkeypatch: pytest.MonkeyPatch) -> Decoder:
    return Decoder(monkeypatch)


def assert_right(store: ImageStore) -> None:
    root = store.collection.root
    expected = [resized(read_image(root / file.path), SIZE) for file in store.collection.files]
    np.testing.assert_array_equal(store.images, expected)
    assert verify(store) == []


def array_of(stores: Path) -> Path:
    (array,) = stores.glob("*/images-*.npy")
    return array


def test_rows_are_the_images_in_the_collections_order(root: Path, stores: Path) -> None:
    store = open_store(collect(root), SIZE, stores)
    assert_right(store)
    assert store.images.dtype == np.uint8
    assert not store.images.flags.writeable
    assert store.bytes == tuple((root / file.path).stat().st_size for file in store.collection.files)
    assert all(re.fullmatch("[0-9a-f]{64}", value) for value in (*store.sha256, store.fingerprint))


def test_opening_again_decodes_nothing(root: Path, stores: Path, decoder: Decoder) -> None:
    first = open_store(collect(root), SIZE, stores)
    assert decoder.count() == 6
    again = open_store(collect(root), SIZE, stores)
    assert decoder.count() == 0
    assert (again.sha256, again.fingerprint) == (first.sha256, first.fingerprint)


def test_only_what_changed_is_decoded(root: Path, stores: Path, decoder: Decoder) -> None:
    open_store(collect(root), SIZE, stores)
    decoder.count()

    write_image(root / "a" / "2.tif", 99)
    assert_right(open_store(collect(root), SIZE, stores))
    assert decoder.count() == 1

    write_image(root / "a" / "0new.tif", 100)
    assert_right(open_store(collect(root), SIZE, stores))
    assert decoder.count() == 1

    (root / "a" / "1.tif").unlink()
    (root / "a" / "3.tif").rename(root / "a" / "z.tif")
    os.utime(root / "a" / "4.tif", ns=(1, 1))
    assert_right(open_store(collect(root), SIZE, stores))
    assert decoder.count() == 0
    array_of(stores)


def test_each_image_size_and_root_has_its_own_store(root: Path, stores: Path, tmp_path: Path) -> None:
    write_image(tmp_path / "other" / "a.tif", 1)
    open_store(collect(root), SIZE, stores)
    assert open_store(collect(root), 5, stores).images.shape == (6, 5, 5, 3)
    open_store(collect(tmp_path / "other"), SIZE, stores)
    names = sorted(path.name for path in stores.iterdir())
    assert [name[:-9] for name in names] == ["images-12px", "images-5px", "other-12px"]


def test_another_decoder_builds_anew(
    root: Path, stores: Path, decoder: Decoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_store(collect(root), SIZE, stores)
    monkeypatch.setattr("oral_cancer.data.store_index.DECODER", "another")
    open_store(collect(root), SIZE, stores)
    assert decoder.count() == 12


def test_fingerprint_depends_on_names_and_content_alone(root: Path, stores: Path, tmp_path: Path) -> None:
    first = open_store(collect(root), SIZE, stores).fingerprint
    os.utime(root / "a" / "0.tif", ns=(1, 1))
    assert open_store(collect(root), SIZE, stores).fingerprint == first
    moved = root.rename(tmp_path / "moved")
    assert open_store(collect(moved), SIZE, stores).fingerprint == first
    assert open_store(collect(moved), 5, stores).fingerprint == first
    (moved / "a" / "0.tif").rename(moved / "a" / "renamed.tif")
    renamed = open_store(collect(moved), SIZE, stores).fingerprint
    write_image(moved / "a" / "renamed.tif", 77)
    changed = open_store(collect(moved), SIZE, stores).fingerprint
    assert len({first, renamed, changed}) == 3


@pytest.mark.parametrize("damage", ["index flipped", "index cut", "array cut", "array gone", "array header"])
def test_a_damaged_store_is_built_again(root: Path, stores: Path, decoder: Decoder, damage: str) -> None:
    open_store(collect(root), SIZE, stores)
    array = array_of(stores)
    index = array.parent / "index.json"
    content, pixels = bytearray(index.read_bytes()), bytearray(array.read_bytes())
    if damage == "index flipped":
        at = content.index(b"a/3.tif") + 10
        content[at] ^= 1
        index.write_bytes(content)
    elif damage == "index cut":
        index.write_bytes(content[:-5])
    elif damage == "array cut":
        array.write_bytes(pixels[:-5])
    elif damage == "array gone":
        array.unlink()
    else:
        array.write_bytes(pixels.replace(b"False", b"True ", 1))
    decoder.count()
    assert_right(open_store(collect(root), SIZE, stores))
    assert decoder.count() == 6
    open_store(collect(root), SIZE, stores)
    assert decoder.count() == 0


def test_damaged_pixels_are_named_and_never_copied_on(root: Path, stores: Path, decoder: Decoder) -> None:
    store = open_store(collect(root), SIZE, stores)
    with open(array_of(stores), "r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(bytes([store.images[-1, -1, -1, -1] ^ 1]))
    assert verify(open_store(collect(root), SIZE, stores)) == ["a/5.tif"]
    (root / "a" / "0.tif").unlink()
    decoder.count()
    assert_right(open_store(collect(root), SIZE, stores))
    assert decoder.count() == 1


def test_all_faults_come_in_one_error(root: Path, stores: Path, decoder: Decoder) -> None:
    (root / "a" / "1.tif").write_bytes(b"")
    (root / "a" / "3.tif").write_bytes((root / "a" / "2.tif").read_bytes()[:-30])
    (root / "a" / "4.png").write_bytes(b"text")
    good = collect(root)
    collection = collection_of(good.files, root, problems=("a folder is missing",))
    with pytest.raises(UserError) as raised:
        open_store(collection, SIZE, stores, problems=["too few"])
    missing, few, empty, cut, text = raised.value.lines
    assert (missing, few) == ("a folder is missing", "too few")
    assert empty == f"{root / 'a' / '1.tif'}: the file is empty: replace or remove it"
    assert cut.startswith(f"{root / 'a' / '3.tif'}: ")
    assert text.startswith(f"{root / 'a' / '4.png'}: not an image: not of a kind that is read (TIFF, PNG, ")
    assert text.endswith(": replace or remove it")
    assert decoder.count() == 7

    for name in ("1.tif", "3.tif", "4.png"):
        (root / "a" / name).unlink()
    assert_right(open_store(collect(root), SIZE, stores))
    assert decoder.count() == 0


def test_problems_of_the_caller_are_raised_though_the_store_is_there(root: Path, stores: Path) -> None:
    open_store(collect(root), SIZE, stores)
    with pytest.raises(UserError, match="too few"):
        open_store(collect(root), SIZE, stores, problems=["too few"])


def test_no_image_at_all_is_an_error(tmp_path: Path, stores: Path) -> None:
    with pytest.raises(UserError, match="no image to store"):
        open_store(collection_of((), tmp_path), SIZE, stores)
    with pytest.raises(UserError, match=r"^source.root: nowhere$"):
        open_store(collection_of((), tmp_path, problems=("source.root: nowhere",)), SIZE, stores)


def test_a_file_that_vanishes_is_named(root: Path, stores: Path) -> None:
    collection = collect(root)
    (root / "a" / "2.tif").unlink()
    with pytest.raises(UserError, match=r"2\.tif: cannot be read \(No such file"):
        open_store(collection, SIZE, stores)


def test_a_file_that_changes_while_it_is_read_is_named(
    root: Path, stores: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_bytes = store_build.read_bytes

    def read_and_touch(path: Path) -> bytes:
        data = read_bytes(path)
        if path.name == "2.tif":
            os.utime(path, ns=(1, 1))
        return data

    monkeypatch.setattr(store_build, "read_bytes", read_and_touch)
    with pytest.raises(UserError, match=r"2\.tif: changed while it was read") as raised:
        open_store(collect(root), SIZE, stores)
    assert len(raised.value.lines) == 1


def test_an_error_amid_a_build_leaves_the_old_store(root: Path, stores: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_store(collect(root), SIZE, stores)
    before = collect(root)
    write_image(root / "a" / "new.tif", 50)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(store_build, "decode", interrupt)
        with pytest.raises(KeyboardInterrupt):
            open_store(collect(root), SIZE, stores)
        array_of(stores)
        assert_right(open_store(before, SIZE, stores))
    assert_right(open_store(collect(root), SIZE, stores))


def test_a_store_that_cannot_be_written_says_so(
    root: Path, tmp_path: Path, stores: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"cannot be written \(Not a directory\)"):
        open_store(collect(root), SIZE, tmp_path / "file")
    monkeypatch.setattr(os, "pwrite", lambda _, pixels, __: len(pixels) - 1)
    with pytest.raises(UserError, match=r"cannot be written \(No space left on device\).* 1 MB free"):
        open_store(collect(root), SIZE, stores)
    assert list(stores.glob("*/images-*")) == []


SLOW_BUILD = r"""
import os, sys, time
from pathlib import Path
from oral_cancer.data import store_build
from tests_store import collect
from oral_cancer.data.store import open_store
decode = store_build.decode
def slow(*arguments):
    time.sleep(0.15)
    os.write(1, b"decoded\n")
    return decode(*arguments)
store_build.decode = slow
print(open_store(collect(Path(sys.argv[1])), 12, Path(sys.argv[2])).fingerprint, flush=True)
"""


def slow_build(root: Path, stores: Path) -> "subprocess.Popen[str]":
    """Another process that builds the store and prints a line for each image, then the fingerprint."""
    script = SLOW_BUILD.replace("tests_store", Path(__file__).stem)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, "-c", script, str(root), str(stores)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


@pytest.mark.slow
def test_kill_amid_a_build_leaves_the_old_store_or_none(root: Path, stores: Path) -> None:
    for prepare in (lambda: None, lambda: [write_image(root / "a" / f"{n}.tif", 20 + n) for n in range(6)]):
        prepare()
        process = slow_build(root, stores)
        assert process.stdout is not None
        assert process.stdout.readline() == "decoded\n"
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert_right(open_store(collect(root), SIZE, stores))
        array_of(stores)


@pytest.mark.slow
def test_two_processes_build_once(root: Path, stores: Path) -> None:
    processes = [slow_build(root, stores) for _ in range(2)]
    lines = [process.communicate(timeout=60)[0].splitlines() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sum(line == "decoded" for output in lines for line in output) == 6
    assert lines[0][-1] == lines[1][-1]
    store = open_store(collect(root), SIZE, stores)
    assert store.fingerprint == lines[0][-1]
    assert_right(store)


def test_an_open_store_outlives_its_replacement(root: Path, stores: Path) -> None:
    store = open_store(collect(root), SIZE, stores)
    before = np.array(store.images)
    write_image(root / "a" / "0.tif", 60)
    assert_right(open_store(collect(root), SIZE, stores))
    np.testing.assert_array_equal(store.images, before)


def test_opening_is_fast_and_says_nothing(root: Path, stores: Path, capfd: pytest.CaptureFixture[str]) -> None:
    open_store(collect(root), SIZE, stores)
    assert "decoded 6 of 6 images" in capfd.readouterr().err
    collection = collect(root)
    started = time.perf_counter()
    open_store(collection, SIZE, stores)
    assert time.perf_counter() - started < 0.2
    assert capfd.readouterr() == ("", "")


def test_view_selects_rows_without_copying(root: Path, stores: Path) -> None:
    images = open_store(collect(root), SIZE, stores).images
    view = ImageView(images, [4, 1, 1])
    assert (len(view), view.shape, view.dtype, view.ndim) == (3, (3, SIZE, SIZE, 3), np.uint8, 4)
    np.testing.assert_array_equal(view[0], images[4])
    np.testing.assert_array_equal(view[np.int64(-1)], images[1])
    assert np.shares_memory(view[0], images)
    np.testing.assert_array_equal(view[1:], images[[1, 1]])
    np.testing.assert_array_equal(view[np.array([2, 0])], images[[1, 4]])
    np.testing.assert_array_equal(view[np.array([True, False, False])], images[[4]])
    copy = np.asarray(view)
    assert type(copy) is np.ndarray
    assert not np.shares_memory(copy, images)
    np.testing.assert_array_equal(copy, images[[4, 1, 1]])
    np.testing.assert_array_equal(np.asarray(view, np.float32), images[[4, 1, 1]].astype(np.float32))
    with pytest.raises(ValueError, match="always a copy"):
        np.array(view, copy=False)
    with pytest.raises(IndexError):
        view[3]

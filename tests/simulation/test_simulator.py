"""The simulated micrographs: exact ratios, the same pixels everywhere, a layout that is whole or absent."""

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from oral_cancer.simulation import collection, simulator
from oral_cancer.simulation.cell_shapes import settle
from oral_cancer.simulation.collection import write_collection
from oral_cancer.simulation.simulator import cell_counts, draw_field
from tests import published as labels

GOLDEN = {
    "parental": "8bb72809564bb37e",
    "resistant": "82e3d4485d6b09e1",
    "control": "35ccd28f1894b299",
    "1:2": "161c80bfeac8122d",
    "2:1": "ac381e76499ae012",
    "1:3": "277ddbc68ae4dc33",
    "3:1": "b64b11d50c475eaf",
}


def digests() -> dict[str, str]:
    return {
        name: hashlib.sha256(draw_field(name, np.random.default_rng(5), (320, 240)).tobytes()).hexdigest()[:16]
        for name in labels.BY_NAME
    }


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*.tif"))}


@pytest.mark.parametrize("mixture", labels.MIXTURES)
def test_a_mixture_holds_its_exact_ratio(mixture: str) -> None:
    parental, resistant = map(int, mixture.split(":"))
    for seed in range(40):
        counts = cell_counts(mixture, np.random.default_rng(seed))
        assert counts["parental"] * resistant == counts["resistant"] * parental
        assert (counts["parental"] + counts["resistant"]) % 12 == 0
        assert 0 <= counts["detached"] <= 4
        assert set(counts) == {"parental", "resistant", "detached"}


def test_all_mixtures_draw_their_totals_alike() -> None:
    totals = {
        mixture: [sum(cell_counts(mixture, np.random.default_rng(seed)).values()) for seed in range(30)]
        for mixture in labels.MIXTURES
    }
    assert len({tuple(series) for series in totals.values()}) == 1


def test_resistant_fields_are_denser_but_overlap_with_parental_ones() -> None:
    parental, resistant = (
        [cell_counts(name, np.random.default_rng(seed))[name] for seed in range(60)]
        for name in ("parental", "resistant")
    )
    assert np.mean(resistant) > 1.3 * np.mean(parental)
    assert min(resistant) < np.median(parental)
    assert max(parental) > np.median(resistant)


def test_every_cell_asked_for_lies_in_the_field() -> None:
    kinds = ["parental"] * 12 + ["resistant"] * 36
    runs = settle(kinds, np.random.default_rng(0), (640, 480))
    assert Counter(runs.kinds) == Counter(kinds)
    assert runs.outlines.shape == (48, 64, 2)
    assert ((runs.centres > 0) & (runs.centres < (640, 480))).all()


def test_neighbours_touch_without_covering_each_other() -> None:
    runs = settle(["parental"] * 30, np.random.default_rng(1), (640, 480))
    cover = np.zeros((480, 640), np.int64)
    for outline in runs.outlines:
        cover += cv2.fillPoly(np.zeros((480, 640), np.uint8), [np.round(outline).astype(np.int32)], 1)
    assert (cover > 1).sum() < 0.03 * (cover > 0).sum()


def test_a_field_is_rgb_of_the_size_asked_for() -> None:
    picture = draw_field("parental", np.random.default_rng(0), (320, 200))
    assert picture.shape == (200, 320, 3)
    assert picture.dtype == np.uint8


def test_control_lies_on_a_bluer_ground() -> None:
    def blueness(name: str) -> list[float]:
        fields = (draw_field(name, np.random.default_rng(seed), (160, 120)) for seed in range(8))
        return [float(field[..., 2].mean() / field[..., 0].mean()) for field in fields]

    others = [value for name in labels.BY_NAME if name != "control" for value in blueness(name)]
    assert min(blueness("control")) > max(others)


def test_pixels_are_those_of_this_version() -> None:
    assert simulator.VERSION == 1, "new pixels: raise VERSION and renew GOLDEN together"
    assert digests() == GOLDEN


def test_pixels_depend_on_neither_processor_nor_threads() -> None:
    features = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    plain = {
        **os.environ,
        "OPENCV_CPU_DISABLE": "SSE4.1,SSE4.2,AVX,FP16,AVX2,AVX512-SKX,FMA3,NEON_DOTPROD,NEON_FP16",
        "OPENCV_IPP": "disabled",
        "OPENCV_FOR_THREADS_NUM": "1",
        "NPY_DISABLE_CPU_FEATURES": " ".join(features),
    }
    code = "import json; from tests.simulation import test_simulator; print(json.dumps(test_simulator.digests()))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        env=plain,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == digests()


def test_layout_counts_and_names(tmp_path: Path) -> None:
    root = tmp_path / "simulated"
    write_collection(root, per_class=5, per_mixture=2, seed=0)
    for group in labels.GROUPS:
        for split in labels.SPLITS:
            folder = root / labels.SPLIT_FOLDERS[group.image_set, split] / group.folders[0]
            expected = ({"val": 4, "test": 1} if group.image_set == "homo" else {"val": 1, "test": 1})[split]
            assert len(list(folder.iterdir())) == expected
    names = [path.name for path in root.rglob("*.tif")]
    assert len(names) == len(set(names)) == 3 * 5 + 4 * 2
    assert {"simulated_parental_003_val.tif", "simulated_1to2_000_test.tif"} <= set(names)
    assert [path.name for path in tmp_path.iterdir()] == ["simulated"]

    path = next(root.rglob("simulated_control_000_test.tif"))
    stored = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    drawn = draw_field("control", np.random.default_rng((0, 2, 1, 0)))
    np.testing.assert_array_equal(stored, drawn)


def test_published_counts() -> None:
    plans = collection.plan_collection(Path("root"), 300, 200, seed=0)
    found = Counter((plan.label, plan.path.stem.rsplit("_", 1)[1]) for plan in plans)
    assert found == {(group.name, split): n for group in labels.GROUPS for split, n in group.published.items()}


def test_same_seed_same_bytes_and_more_images_change_none(tmp_path: Path) -> None:
    write_collection(tmp_path / "a", 2, 2, seed=1)
    write_collection(tmp_path / "b", 3, 2, seed=1)
    write_collection(tmp_path / "c", 2, 2, seed=2)
    a, b, c = (contents(tmp_path / name) for name in "abc")
    assert a.items() <= b.items()
    assert a.keys() == c.keys()
    assert not set(a.values()) & set(c.values())


@pytest.mark.parametrize("fault", [KeyboardInterrupt, OSError("disk full")])
def test_interruption_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: BaseException | type[BaseException]
) -> None:
    def fails(plan: collection.Plan) -> None:
        if plan.label == "1:3":
            raise fault
        plan.path.touch()

    monkeypatch.setattr(collection, "_write", fails)
    with pytest.raises((KeyboardInterrupt, OSError)):
        write_collection(tmp_path / "simulated", 2, 2, seed=0)
    assert list(tmp_path.iterdir()) == []


def test_the_collection_of_a_concurrent_process_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "simulated"

    def overtaken(plan: collection.Plan) -> None:
        root.mkdir(exist_ok=True)
        (root / "theirs").touch()

    monkeypatch.setattr(collection, "_write", overtaken)
    write_collection(root, 2, 2, seed=0)
    assert [path.name for path in root.iterdir()] == ["theirs"]
    assert list(tmp_path.iterdir()) == [root]


def test_the_ratio_is_not_readable_from_density_or_brightness() -> None:
    rows, shares = [], []
    for number in range(20):
        for index, mixture in enumerate(labels.MIXTURES):
            green = draw_field(mixture, np.random.default_rng((9, index, number)))[..., 1]
            threshold, runs = cv2.threshold(green, 0, 1, cv2.THRESH_BINARY_INV + cv2.THRESH_OTSU)
            rows.append([green.mean(), green.std(), runs.mean(), threshold])
            shares.append(labels.soft_label(mixture)[0])
    model = make_pipeline(StandardScaler(), LinearRegression())
    folds = KFold(5, shuffle=True, random_state=0)
    assert r2_score(shares, cross_val_predict(model, np.array(rows), shares, cv=folds)) < 0.3

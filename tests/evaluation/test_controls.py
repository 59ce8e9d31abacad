"""Controls of a plate: what they correct, how far off they are said to be, and which of them are not used."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pytest

from oral_cancer.evaluation.controls import FEWEST, Controls, Judged, Plate, refit, with_controls
from oral_cancer.evaluation.cultures import Culture
from oral_cancer.evaluation.estimators import Unmixing
from oral_cancer.evaluation.headline import Headline
from oral_cancer.evaluation.known_images import KnownImages
from tests.evaluation.simulated_networks import MIXED, NETWORKS, PURE, World

FEW = 100
ENOUGH = 12
HALF = np.array([0.5, 0.5, 0.0])
PROPORTIONS = dict(zip("0123456", [*PURE, *MIXED], strict=True))


@dataclass
class Bench:
    """A study, and a plate whose images all are seen otherwise by as much, in logits."""

    seed: int
    shift: float

    def __post_init__(self) -> None:
        self.world = World(np.random.default_rng(self.seed))
        self.see = self.world.networks()
        self.effect = self.world.random.normal(0, self.shift, 3)

    @cached_property
    def known(self) -> KnownImages:
        return self.world.known(self.see)

    @cached_property
    def study(self) -> Headline:
        return Headline.of(self.known, FEW, self.seed)

    def images(self, truth: np.ndarray, number: int = 40) -> np.ndarray:
        return self.see(np.repeat(truth[None], number, axis=0), np.repeat(self.effect[None], number, axis=0))

    def controls(self, labels: str = "012", number: int = ENOUGH) -> Controls:
        images = [self.images(PROPORTIONS[label], number) for label in labels]
        return Controls(np.concatenate(images), np.repeat(np.array(list(labels)), number))

    def refit(self, controls: Controls) -> Plate:
        return refit(self.known, self.study, controls, PROPORTIONS, FEW, self.seed)


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench(0, shift=1.0)


def relabelled(controls: Controls, old: str, new: str) -> Controls:
    return Controls(controls.probabilities, np.where(controls.labels == old, new, controls.labels))


def joined(*several: Controls) -> Controls:
    return Controls(*(np.concatenate([getattr(one, name) for one in several]) for name in ("probabilities", "labels")))


def errors(shift: float, worlds: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of the study's estimate and of that with controls: errors (W, 2, P), coverage (W, 2, P), widths (W, 2, P)."""
    off, covered, widths = [], [], []
    for seed in range(worlds):
        bench = Bench(seed, shift)
        headlines = (bench.study, bench.refit(bench.controls()).headline)
        asked = [MIXED[0], MIXED[2], HALF, PURE[0]]
        populations = [bench.images(truth) for truth in asked]
        found = [[headline.composition(images) for images in populations] for headline in headlines]
        pairs = [list(zip(each, asked, strict=True)) for each in found]
        off.append([[np.abs(one.mean - truth).mean() for one, truth in each] for each in pairs])
        covered.append([[((one.low <= truth) & (truth <= one.high))[:2].mean() for one, truth in e] for e in pairs])
        widths.append([[(one.high - one.low)[:2].mean() for one, _ in each] for each in pairs])
    return np.array(off), np.array(covered), np.array(widths)


def test_a_plate_that_is_seen_otherwise_is_corrected_by_its_controls() -> None:
    off, covered, widths = errors(shift=1.0, worlds=6)
    study, plate = off.mean(axis=0)
    assert plate[:3].mean() < 0.6 * study[:3].mean()  # mixtures
    assert plate[3] < 0.03  # a pure culture
    assert covered[:, 1].mean() > covered[:, 0].mean()
    assert covered[:, 1].mean() >= 0.9
    assert np.median(widths[:, 1, :3]) < 0.5


def test_controls_of_a_plate_like_the_study_do_no_harm() -> None:
    off, covered, widths = errors(shift=0.0, worlds=3)
    study, plate = off.mean(axis=(0, 2))
    assert plate < study + 0.02
    assert covered[:, 1].mean() >= 0.9
    assert np.median(widths[:, 1]) < 1.3 * np.median(widths[:, 0])


def test_held_out_halves_say_how_good_the_controls_are(bench: Bench) -> None:
    plate = bench.refit(bench.controls())
    assert [(one.label, one.images) for one in plate.judged] == [("0", ENOUGH), ("1", ENOUGH), ("2", ENOUGH)]
    assert np.mean([one.held_out for one in plate.judged]) < 0.5 * np.mean([one.study for one in plate.judged])
    assert (plate.used, plate.remarks) == ({"0": ENOUGH, "1": ENOUGH, "2": ENOUGH}, ())


def test_the_half_that_is_judged_has_no_part_in_its_estimate(bench: Bench) -> None:
    """Four images of a mixture pull an end towards themselves, and the half without them is judged by it."""
    mixed_up = bench.controls()
    members = np.flatnonzero(mixed_up.labels == "0")
    mixed_up.probabilities[members[:4]] = bench.images(HALF, 4)
    judged = {one.label: one for one in bench.refit(mixed_up).judged}
    whole = {one.label: one for one in bench.refit(bench.controls()).judged}
    assert judged["0"].held_out > whole["0"].held_out + 0.02


def test_mixtures_stand_as_they_are_and_moved_as_their_classes_are(bench: Bench) -> None:
    known = with_controls(bench.known, bench.controls(number=200), PROPORTIONS)
    of_study, moved, of_plate = (
        np.log(images).mean(axis=(0, 1))
        for images in (
            known.probabilities[None, known.labels == "3"],
            known.probabilities[None, known.labels == "3 moved"],
            bench.images(MIXED[0], 200),
        )
    )
    assert np.abs(moved - of_plate).max() < 0.5 * np.abs(of_study - of_plate).max()
    alone = with_controls(bench.known, bench.controls("2"), PROPORTIONS)
    assert not any(label.endswith("moved") for label in alone.labels)  # mixtures of two other classes


def test_control_images_are_drawn_again(bench: Bench) -> None:
    drawn = bench.controls()
    alike = np.array(
        [np.tile(drawn.of([label]).probabilities.mean(axis=(0, 1)), (NETWORKS, 1)) for label in drawn.labels]
    )
    pure = bench.known.where(~bench.known.mixed)
    study = Headline.of(pure, FEW)
    spreads = []
    for controls in (Controls(alike, drawn.labels), drawn):
        headline = refit(pure, study, controls, PROPORTIONS, FEW).headline
        assert headline is not None
        assert isinstance(headline.resampled, Unmixing)
        spreads.append(headline.resampled.ends.std(axis=0).max())
    assert spreads[0] == pytest.approx(0, abs=1e-9)
    assert spreads[1] > 0.01


def test_too_few_controls_are_told_and_not_used(bench: Bench) -> None:
    plate = bench.refit(joined(bench.controls("01"), bench.controls("2", FEWEST - 1)))
    assert plate.used == {"0": ENOUGH, "1": ENOUGH}
    assert plate.remarks == (
        f"controls.2: {FEWEST - 1} images, of at least {FEWEST} that are needed: not used",
        "controls: none of 2: the study's images stay in their place, and know nothing of this plate",
    )
    nothing = bench.refit(bench.controls("012", FEWEST - 1))
    assert (nothing.headline, nothing.used, nothing.judged) == (None, {}, ())
    assert nothing.remarks[-1] == "controls: none can be used; the estimate is the study's"


def test_the_classes_without_controls_keep_the_ends_of_the_study(bench: Bench) -> None:
    controls = bench.controls("0")
    known = with_controls(bench.known, controls, PROPORTIONS)
    others = bench.known.where(bench.known.labels != "0")
    np.testing.assert_array_equal(known.probabilities[: len(others)], others.probabilities)
    of_plate = known.where(known.labels == "0")
    np.testing.assert_array_equal(of_plate.probabilities, controls.probabilities.reshape(-1, 3))
    assert not set(of_plate.units) & set(bench.known.units)
    assert len(np.unique(of_plate.units)) == ENOUGH
    assert "controls: none of 1, 2: the study's images" in bench.refit(controls).remarks[-1]


def test_mixtures_of_the_plate_take_the_place_of_the_studys(bench: Bench) -> None:
    controls = bench.controls("0123")
    known = with_controls(bench.known, controls, PROPORTIONS)
    of_plate = known.where(known.labels == "3")
    assert of_plate.mixed.all()
    np.testing.assert_array_equal(of_plate.targets[0], MIXED[0])
    assert len(of_plate) == ENOUGH * NETWORKS
    assert "3" in bench.refit(controls).used


def test_controls_of_one_content_under_two_labels_are_told_and_not_used(bench: Bench) -> None:
    same = joined(bench.controls("02"), relabelled(bench.controls("0"), "0", "1"))
    plate = bench.refit(same)
    assert "controls.0: by the networks they cannot be told from controls.1: neither is used" in plate.remarks
    assert plate.used == {"2": ENOUGH}


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_well_of_two_contents_is_told_and_not_used(seed: int) -> None:
    bench = Bench(seed, shift=0.5)
    half = joined(bench.controls("1", 6), relabelled(bench.controls("0", 6), "0", "1"))
    plate = bench.refit(joined(bench.controls("02"), half))
    assert plate.used == {"0": ENOUGH, "2": ENOUGH}
    alone = bench.refit(joined(bench.controls("2"), half))
    assert alone.used == {"2": ENOUGH}
    assert any("are like the study's images of 0: not of one content" in line for line in alone.remarks)
    assert any(
        re.match(r"controls.1: \d of 12 images are like controls.0: not of one content", line) for line in plate.remarks
    )


@pytest.mark.parametrize("ends", ["", "012"])
def test_mixtures_that_are_mixed_up_are_told_and_not_used(ends: str) -> None:
    bench = Bench(0, shift=0.3)
    low, high = min("3456", key=lambda name: PROPORTIONS[name][0]), max("3456", key=lambda name: PROPORTIONS[name][0])
    swapped = [relabelled(bench.controls(low), low, high), relabelled(bench.controls(high), high, low)]
    plate = bench.refit(joined(*([bench.controls(ends)] if ends else []), *swapped))
    assert plate.used == dict.fromkeys(ends, ENOUGH)
    first, second = sorted((low, high))
    assert f"controls.{first}: by the networks they are less like " in "".join(plate.remarks)
    assert f"than controls.{second}: neither is used" in "".join(plate.remarks)
    right = bench.refit(bench.controls(ends + low + high))
    assert right.used == dict.fromkeys(ends + low + high, ENOUGH)


def test_a_class_that_is_called_a_mixture_is_told_and_not_used() -> None:
    bench = Bench(0, shift=0.3)
    name = max("3456", key=lambda name: PROPORTIONS[name][1])  # most of it is of the other class
    as_mixture = relabelled(bench.controls("0"), "0", name)
    for beside in ("1", "012"):
        plate = bench.refit(joined(bench.controls(beside), as_mixture))
        assert plate.used == dict.fromkeys(beside, ENOUGH)
        assert any(line.startswith(f"controls.{name}: by the networks they ") for line in plate.remarks)
    moved = np.log(bench.controls("0").probabilities) + np.array([0.0, 0.4, 0.0])
    alone = replace(as_mixture, probabilities=np.exp(moved) / np.exp(moved).sum(axis=-1, keepdims=True))
    nearer = f"controls.{name}: by the networks they are nearer to the study's images of 0 than of {name}: not used"
    assert nearer in bench.refit(alone).remarks


def test_intervals_of_classes_without_controls_are_those_of_other_cultures(bench: Bench) -> None:
    off = np.array([0.2, -0.2, 0.0])
    cultures = [
        Culture(name, False, PROPORTIONS[name] - off * sign, bench.images(PROPORTIONS[name]), None)
        for name, sign in (("0", 1), ("1", -1))
    ]
    study = bench.study.tried_on(cultures)
    images = [bench.images(PROPORTIONS[name]) for name in "02"]
    before, after = (
        [headline.composition(each) for each in images]
        for headline in (study, refit(bench.known, study, bench.controls("2"), PROPORTIONS, FEW, 0).headline)
    )
    widths = [[float((one.high - one.low).max()) for one in each] for each in (before, after)]
    assert widths[1][0] > 0.9 * widths[0][0]
    assert widths[1][1] < 0.7 * widths[0][1]


def test_wells_that_are_mixed_up_are_told() -> None:
    bench = Bench(1, shift=0.0)
    swapped = joined(relabelled(bench.controls("0"), "0", "1"), relabelled(bench.controls("1"), "1", "0"))
    remarks = bench.refit(swapped).remarks
    assert (
        f"controls.1: the networks call {ENOUGH} of {ENOUGH} images 0: see that the wells are not mixed up" in remarks
    )
    assert "controls.0: by the networks they are less like 0 than controls.1: neither is used" in remarks
    alone = bench.refit(relabelled(bench.controls("1"), "1", "0"))
    assert "controls.0: by the networks they cannot be told from the study's images of 1: not used" in alone.remarks
    assert alone.headline is None


def test_controls_that_are_called_a_class_without_controls_are_not_used(bench: Bench) -> None:
    """On a plate whose light moves all answers no test against the study's images need show what is mixed up."""
    as_two = replace(bench.controls("0"), probabilities=np.tile([0.35, 0.05, 0.6], (ENOUGH, NETWORKS, 1)))
    plate = bench.refit(joined(as_two, bench.controls("1")))
    assert plate.used == {"1": ENOUGH}
    assert (
        f"controls.0: the networks call {ENOUGH} of {ENOUGH} images 2, of which there are no controls that can be "
        "used: 0 is not used; give some, or see that the wells are not mixed up"
    ) in plate.remarks


def test_controls_that_do_not_help_are_said_to_be_so(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def judged(*_: object) -> Iterator[Judged]:
        yield Judged("1", ENOUGH, study=0.02, held_out=0.03)

    monkeypatch.setattr("oral_cancer.evaluation.controls._judged", judged)
    assert bench.refit(bench.controls("1")).remarks[-1] == (
        "controls: they do not help: the mean error is 0.030 with the other half, 0.020 without; read the estimate "
        "without controls"
    )


def test_a_study_without_known_images_is_estimated_by_the_controls_alone(bench: Bench) -> None:
    nothing = bench.known.where(bench.known.mixed & False)
    plate = refit(nothing, Headline.of(nothing, FEW), bench.controls(), PROPORTIONS, FEW)
    assert plate.headline is not None
    assert plate.headline.choice.name == "unmixing"
    partial = refit(nothing, Headline.of(nothing, FEW), bench.controls("01"), PROPORTIONS, FEW)
    assert partial.headline is None
    assert partial.remarks == (
        "controls: none of 2, of which the study has no images either",
        "controls: none can be used; the estimate is the study's",
    )

"""Tables of what was predicted: a row an image, a row a population."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oral_cancer.counting import counted
from oral_cancer.data.appearance import FLAT, unlike
from oral_cancer.errors import refuse
from oral_cancer.evaluation.composition import Composition, composition
from oral_cancer.evaluation.controls import Plate
from oral_cancer.evaluation.feature_space import LIMIT, USUAL
from oral_cancer.evaluation.headline import FAR as NEAR_PURE
from oral_cancer.evaluation.headline import Headline
from oral_cancer.formats.brightness import MOST_CLIPPED, Measured
from oral_cancer.inference.populations import NewImage
from oral_cancer.inference.predict import Predicted, Skipped

LOOKS = ["brightness", "contrast", "micrometres"]
NOTHING = ""
CONSTANT = 1e-4  # SD of every proportion over the images, below which these are one image as far as is seen
CALIBRATED = "_calibrated"
CONTROLS = "_controls"
WITHOUT_UNLIKE = "_without_unlike"
OF_FEATURES = ["feature_distance", "feature_percentile"]
BY_FEATURES = "features"
"""How a remark begins on an image that is unlike the training images by what the networks see."""
FAR = (
    f"outside the training images by its features: half of its images are more than {LIMIT:g} times as far as "
    f"{USUAL:.0%} of those held out"
)
OUTSIDE = f"neither between the known mixtures nor within {NEAR_PURE} of a pure class: extrapolated"


def refuse_clipped(predicted: Sequence[Predicted]) -> None:
    """Raise a `UserError` that names each population of which too many values are clipped."""
    by_population: dict[str, list[Predicted]] = defaultdict(list)
    for one in predicted:
        by_population[one.image.population].append(one)
    problems = []
    for name, members in by_population.items():
        share = float(np.mean([one.clipped for one in members]))
        if share > MOST_CLIPPED:
            low, high, _ = max(members, key=lambda one: one.clipped).levels
            problems.append(
                f"images: {share:.1%} of the values of population {name} lie beyond {low:g} to {high:g}, which are "
                "black and white here: save it with its depth declared or with 8 bits, or give range=[low, high]"
            )
    refuse(problems)


def proposed_ranges(skipped: Sequence[Skipped]) -> list[str]:
    """For each pixel type that wants a range, the one that its images use."""
    by_type: dict[str, list[Measured]] = defaultdict(list)
    for one in skipped:
        if one.measured is not None:
            by_type[one.measured.dtype].append(one.measured)
    return [
        f"{counted(len(each), 'image')} of {dtype} pixels use {low:g} to {high:g}: range=[{low:g},{high:g}] would show "
        "all of them"
        for dtype, each in by_type.items()
        for low, high in [(min(one.lowest for one in each), max(one.highest for one in each))]
    ]


def without_repeats(predicted: Sequence[Predicted]) -> tuple[list[Predicted], list[Skipped]]:
    """Each image of a population once, and the others, which are identical to one before."""
    first: dict[tuple[str, bytes], str] = {}
    kept, repeated = [], []
    for one in predicted:
        same = first.setdefault((one.image.population, one.digest), one.image.file)
        if same == one.image.file:
            kept.append(one)
        else:
            repeated.append(Skipped(one.image, f"identical to {same}, which counts"))
    return kept, repeated


def in_common(kept: Sequence[Predicted]) -> list[str]:
    """A line for all images that the same populations have in common, each of which counts in each of these.

    Args:
        kept: those of `without_repeats`.
    """
    same: dict[bytes, list[NewImage]] = defaultdict(list)
    for one in kept:
        same[one.digest].append(one.image)
    shared: dict[tuple[str, ...], list[list[NewImage]]] = defaultdict(list)
    for images in same.values():
        if len(images) > 1:
            shared[tuple(image.population for image in images)].append(images)
    return [
        f"{' and '.join(map(_place, populations))}: {counted(len(found), 'image')} in common, such as "
        f"{' and '.join(image.file for image in found[0])}; counted in each, so remove them where they do not belong"
        for populations, found in shared.items()
    ]


def _place(population: str) -> str:
    return "the folder itself" if population == "." else population


def spread(classes: Sequence[str]) -> list[str]:
    """The columns of the SD over the networks."""
    return [f"{name}_sd" for name in classes]


VIEWS_SD = "views_sd"


def image_table(
    predicted: Sequence[Predicted],
    skipped: Sequence[Skipped],
    classes: Sequence[str],
    training: dict[str, list[float]] | None,
    experiment: str,
) -> pd.DataFrame:
    """One row an image: file, population, probabilities of the ensemble, their SD (n - 1) over the networks, remarks.

    Args:
        predicted: the images that could be read.
        skipped: those that have no prediction; their rows come last.
        classes: K names.
        training: the `appearance.span` of the training images; None where the study does not say.
        experiment: whose networks predicted.

    Returns:
        `file, population, experiment, predicted, <class>, <class>_sd, views_sd, unlike_training, left_out, brightness,
        contrast, micrometres, feature_distance, feature_percentile`. `views_sd` is how much the answer depends on how
        the image lies: the SD (n - 1) over the views of the ensemble's probability of the predicted class, NaN with a
        single view. `predicted` is the most probable class. `unlike_training` is empty for an image like those of the
        training; `left_out` says why an image has no figures, and is empty for those that have. With one network the SD
        is NaN. The last two are those of `feature_space.Likeness`, medians over the networks; NaN where features are
        not judged.
    """
    rows = []
    for one in predicted:
        mean = one.probabilities.mean(axis=0)
        sd = one.probabilities.std(axis=0, ddof=1) if len(one.probabilities) > 1 else np.full(len(classes), np.nan)
        views_sd = one.by_view[:, one.predicted].std(ddof=1) if len(one.by_view) > 1 else np.nan
        remarks = unlike(one.appearance, training) if training else []
        if one.clipped:
            remarks.append(f"clipped ({one.clipped:.2%} of its values)")
        far = [float(np.median(part)) for part in one.likeness[:2]] if one.likeness else [np.nan] * len(OF_FEATURES)
        if far[0] > LIMIT:
            remarks.append(f"{BY_FEATURES} ({far[0]:.1f} times as far from the training images as usual)")
        looks = [*(getattr(one.appearance, name) for name in LOOKS), *far]
        said = (one.image.file, one.image.population, experiment, classes[one.predicted])
        rows.append((*said, *mean, *sd, views_sd, "; ".join(remarks), NOTHING, *looks))
    nothing, lacking = [np.nan] * (2 * len(classes) + 1), [np.nan] * (len(LOOKS) + len(OF_FEATURES))
    for image, reason in ((one.image, one.reason) for one in skipped):
        said = (image.file, image.population, experiment, NOTHING)
        rows.append((*said, *nothing, NOTHING, reason, *lacking))
    columns = [
        "file",
        "population",
        "experiment",
        "predicted",
        *classes,
        *spread(classes),
        VIEWS_SD,
        "unlike_training",
        "left_out",
        *LOOKS,
        *OF_FEATURES,
    ]
    return pd.DataFrame(rows, columns=columns)


def by_network(predicted: Sequence[Predicted]) -> NDArray[np.float64]:
    """What each network says of each image, float64 (N, folds, K)."""
    return np.array([one.probabilities for one in predicted])


def population_table(
    images: pd.DataFrame,
    probabilities: NDArray[np.float64],
    classes: Sequence[str],
    headline: Headline,
    plate: Plate | None = None,
) -> pd.DataFrame:
    """One row a population: images, how many are unlike the training images, estimated composition.

    Args:
        images: as `image_table` has it.
        probabilities: (N, folds, K), of the images that were predicted, which come first there.
        classes: K names.
        headline: the experiment's estimator.
        plate: the same with controls; None where there are none.

    Returns:
        `population, images, unlike_training, left_out, remark, estimator, ratio, features`, and for each class its
        proportion and the ends of a 95 % interval: `<class>, <class>_low, <class>_high`, the paper's raw mean with the
        images drawn again; `<class>_calibrated...`, the headline estimate with all drawn again that it rests on; and
        where controls can be used `<class>_controls...`, the same with these. All once more, named
        `..._without_unlike...`, of the images that are like those of the training, NaN where there are none. Ends are
        NaN for a single image, and for a population that `remark` says is nearly constant. `estimator` is the
        headline's, `ratio` says where the last of the estimates lies neither between known mixtures nor at a pure
        class, and `features` where the population lies outside the training images by what the networks see.
    """
    rows = []
    headlines = {CALIBRATED: headline} | ({CONTROLS: plate.headline} if plate and plate.headline else {})
    predicted = (images["left_out"] == NOTHING).to_numpy()
    for name, of_population in images.groupby("population", sort=False):
        members = of_population[of_population["left_out"] == NOTHING]
        of_members = probabilities[(images["population"] == name).to_numpy()[predicted]]
        is_unlike = (members["unlike_training"] != NOTHING).to_numpy()
        constant = is_constant(members, classes)
        row = {
            "population": name,
            "images": len(members),
            "unlike_training": int(is_unlike.sum()),
            "left_out": len(of_population) - len(members),
            "remark": "nearly constant: no interval" if constant else NOTHING,
            "estimator": headline.choice.name,
            "ratio": NOTHING,
            "features": FAR if members["feature_distance"].median() > LIMIT else NOTHING,
        }
        for subset, chosen in (("", of_members), (WITHOUT_UNLIKE, of_members[~is_unlike])):
            found = {}
            if len(chosen):
                found[""] = composition(chosen.mean(axis=1))
                found |= {kind: fitted.composition(chosen) for kind, fitted in headlines.items()}
            for kind in ("", *headlines):
                row |= _estimate(found.get(kind), classes, kind + subset, len(chosen) > 1 and not constant)
            if found and not subset and headline.is_outside(list(found.values())[-1].mean):
                row["ratio"] = OUTSIDE
        rows.append(row)
    return pd.DataFrame(rows)


def is_constant(members: pd.DataFrame, classes: Sequence[str]) -> bool:
    """Whether the images of a population show next to nothing, or next to nothing that differs between them.

    An interval over such images would be narrow, and say nothing about the cells.
    """
    if members.empty:
        return False
    alike = len(members) > 1 and (members[list(classes)].std(ddof=1) < CONSTANT).all()
    return is_flat(members) or bool(alike)


def is_flat(members: pd.DataFrame) -> bool:
    """Whether at least half of the images, one or more, show next to nothing."""
    return bool((members["contrast"] < FLAT).mean() >= 0.5)


def _estimate(found: Composition | None, classes: Sequence[str], kind: str, interval: bool) -> dict[str, float]:
    """The proportions, and the ends of their intervals where there is one, by the names of their columns."""
    nothing = np.full(len(classes), np.nan)
    mean = found.mean if found else nothing
    low, high = (found.low, found.high) if found and interval else (nothing, nothing)
    row: dict[str, float] = {}
    for k, cls in enumerate(classes):
        row |= {f"{cls}{kind}": mean[k], f"{cls}{kind}_low": low[k], f"{cls}{kind}_high": high[k]}
    return row

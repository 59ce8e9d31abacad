"""What pages and model cards say of compositions, in the same words."""

from oral_cancer.evaluation.choice import KINDS
from oral_cancer.evaluation.controls import Plate
from oral_cancer.evaluation.headline import Headline

ESTIMATOR_NAMES = {
    "raw": "raw mean (the paper's)",
    "unmixing": "unmixing by class means",
    "dirichlet": "Dirichlet calibration",
    "dirichlet_unmixing": "Dirichlet calibration, then unmixing",
}
KIND_NAMES = {"mixtures": "mixtures", "unseen": "mixtures of a ratio left out", "pure": "pure cultures"}

OF_FIELDS = (
    "Composition is of fields, not of cells: it says how much of what a field shows is of each kind. Where the kinds "
    "differ in size or density, it is biased as a count of cells."
)
ASSUMED = (
    "No mixtures are known, so the estimate is unmixing by the mean probabilities of pure validation images. That "
    "assumes that what the networks say of a mixture is, on the mean, the mixture of what they say of its classes; "
    "nothing here has tried it, and the interval does not cover its failing."
)
UNCORRECTED = (
    "The estimate is the raw mean, not corrected: there are no validation images that the networks were not trained on "
    "(fold=all leaves none), or these do not tell all classes apart."
)

TRIED = (
    "Intervals also cover how far off it is on the study's test cultures, which no network has seen; for cultures that "
    "differ more from the training's than those do they are too narrow."
)
UNTRIED = (
    "Intervals are too narrow for cultures other than those that trained: the study has no test cultures, which would "
    "tell how far off it is on others."
)


def with_controls(plate: Plate) -> str:
    """How an estimate with controls comes about, and how far off it is on those that had no part in it."""
    assert plate.headline
    used = ", ".join(f"{number} of {label}" for label, number in plate.used.items())
    before, after = plate.errors
    moved = "the study's mixtures between them, as they are and moved as their classes are"
    between = moved if plate.headline.mixtures else "no mixture between them"
    headline = plate.headline
    as_before = headline.tried is not None and headline.of_plate is not None and not headline.of_plate.all()
    rest = " Intervals of populations that hold a class without controls are as wide as without any."
    return (
        f"The estimate is fitted anew with images of known content on the plate ({used}) in the place of the study's, "
        f"and {between}, by {ESTIMATOR_NAMES[headline.choice.name]}. On controls it is off by {after:.3f}, as the "
        f"mean absolute error of a proportion, with those of their other half, and by {before:.3f} without any."
        f"{rest if as_before else ''}"
    )


def basis(headline: Headline) -> str:
    """How an experiment's headline estimate comes about, how far off it was by cross-validation, and what it lacks."""
    if not headline.choice.errors:
        said = UNCORRECTED
    elif not headline.mixtures:
        said = ASSUMED
    else:
        errors = headline.choice.errors[headline.choice.name]
        off = ", ".join(f"{errors[kind]:.3f} in {KIND_NAMES[kind]}" for kind in KINDS if errors[kind] == errors[kind])
        said = (
            f"The estimate is by {ESTIMATOR_NAMES[headline.choice.name]}, the best of those tried by cross-validation "
            f"on validation images: off by {off}, as the mean absolute error of a proportion. It is fitted on pure "
            f"images and the mixtures {', '.join(headline.mixtures)}; beyond their ratios it extrapolates."
        )
    return f"{said} {untried(headline) or TRIED}"


def untried(headline: Headline) -> str:
    """What intervals lack where no culture was set aside to try the estimate on; "" where one was."""
    return "" if headline.tried else UNTRIED

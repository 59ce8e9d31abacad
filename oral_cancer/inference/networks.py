"""The network that a run's manifest describes, built without running anything that the manifest names.

A study may come from somebody else. Of a manifest's settings only those of the network are read, as plain values, and
nothing in them is looked up, neither in the environment nor anywhere else. What its class is called is compared with
what ours is called; a class of the user's own is imported only where the user says so.
"""

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from hydra.utils import get_class

from oral_cancer.command import brief
from oral_cancer.data.resizing import Resizing
from oral_cancer.errors import UserError, refuse
from oral_cancer.models import SoftLabelNetwork
from oral_cancer.settings import checked, shown
from oral_cancer.settings.training import LinearProbe, Network, Seen
from oral_cancer.study.run_record import RunRecord
from oral_cancer.training.manifest import FILE

CLASS = "oral_cancer.models.SoftLabelClassifier"
NAMES = (
    CLASS,
    "oral_cancer.models.classifier.SoftLabelClassifier",
    LinearProbe.builds,
)
"""What a manifest may call the classes of this program, which train a `SoftLabelNetwork`."""

OF_TRAINING = (
    *("weights", "compile", "optimizer", "scheduler", "ema", "recipe"),
    *("loss", "focal", "label_smoothing", "mixup", "freeze"),
)
AnySeen = TypeVar("AnySeen", bound=Seen)
REMEDY = "; train the run again"
LARGEST = 8192  # pixels a side that an image is resized to


def resizing(run: RunRecord) -> Resizing:
    """How images are resized for a run's network.

    Raises:
        UserError: where the run's manifest does not say, or says something absurd.
    """
    seen = _checked(run, Seen)
    side = seen.image_size * seen.supersampling
    if side > LARGEST:
        named = " x ".join(
            f"config.model.{name}={shown(getattr(seen, name))}" for name in ("image_size", "supersampling")
        )
        raise UserError(f"{run.folder / FILE}: {named}: must be at most {LARGEST} px; train the run again")
    return Resizing(side, seen.antialias, seen.preprocess)


def views(run: RunRecord) -> int:
    """How many turns and flips of an image a run's predictions are the mean over.

    Raises:
        UserError: where the run's manifest says something absurd.
    """
    return _checked(run, Seen).views


def normalization(run: RunRecord) -> str:
    """What a run's network makes of pixels before its first layer, such as "raw".

    Raises:
        UserError: where the run's manifest says something absurd.
    """
    return _checked(run, Seen).normalize


def build_network(run: RunRecord, trust: bool) -> SoftLabelNetwork:
    """The network of a run with random weights, which its checkpoint is to replace.

    Args:
        run: a finished one.
        trust: whether a class of the user's own that its manifest names is imported and built.

    Raises:
        UserError: a line for each faulty setting, naming the manifest; for a class that is not ours, or no
            `SoftLabelClassifier`; where the settings give no network.
    """
    resizing(run)
    network = _class(run, trust)
    settings = dict(_checked(run, Network)) if network is SoftLabelNetwork else _own_settings(run)
    manifest = run.folder / FILE
    try:
        return network(**settings, weights="none", classes=len(run.classes))
    except UserError as error:
        raise UserError(*(f"{manifest}: config.{line}" for line in error.lines)) from None
    except Exception as error:  # whatever a network says to a size that it cannot have
        said = f"{type(error).__name__}: {brief(error)}"
        raise UserError(f"{manifest}: config.model gives no network ({said}); train the run again") from error


def _checked(run: RunRecord, section: type[AnySeen]) -> AnySeen:
    """Those of the settings of a run's network that a section has, each of its type and in its range."""
    model, fields = _model(run), section.model_fields.items()
    given = {name: model.get(name) for name, field in fields if name in model or field.is_required()}
    return checked(section, given, _place(run), REMEDY)


def _model(run: RunRecord) -> Mapping[str, Any]:
    model = (run.facts.get("config") or {}).get("model")
    if not isinstance(model, dict):
        raise UserError(f"{run.folder / FILE}: config.model: is missing; train the run again")
    return model


def _class(run: RunRecord, trust: bool) -> Callable[..., SoftLabelNetwork]:
    target = _model(run).get("_target_")
    if target in NAMES:
        return SoftLabelNetwork
    if not isinstance(target, str):
        raise UserError(_fault(run, "_target_", target, f"{CLASS}, or with trust=true a class derived from it"))
    named = f"{run.folder / FILE}: config.model._target_={shown(target)}"
    if not trust:
        raise UserError(
            f"{named}: is no network of this program; with trust=true it is imported and run: give it only if the "
            "code is yours"
        )
    try:
        found = get_class(target)
    except Exception as error:  # whatever the import of a module provokes
        raise UserError(f"{named}: cannot be imported ({brief(error)}); see that PYTHONPATH leads to it") from error
    if not (inspect.isclass(found) and issubclass(found, SoftLabelNetwork)):
        raise UserError(f"{named}: is not derived from {CLASS}; derive it, and train the run again")
    return found


def _own_settings(run: RunRecord) -> dict[str, Any]:
    """What a class of the user's own is built from: all its settings but those of the training, as plain values."""
    own = {name: value for name, value in _model(run).items() if not name.startswith("_") and name not in OF_TRAINING}
    allowed = "a number, a text, true, false or null, or lists and mappings of these; only the network itself is built"
    refuse([_fault(run, name, value, allowed) for name, value in own.items() if not _is_plain(value)])
    return own


def _is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        return "_target_" not in value and all(isinstance(name, str) and _is_plain(one) for name, one in value.items())
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))


def _place(run: RunRecord) -> str:
    return f"{run.folder / FILE}: config.model."


def _fault(run: RunRecord, name: str, value: Any, allowed: str) -> str:
    return f"{_place(run)}{name}={shown(value)}: must be {allowed}{REMEDY}"

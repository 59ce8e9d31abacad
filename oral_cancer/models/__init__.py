"""The network: a timm backbone, and its training on soft labels, which is imported where something trains."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from oral_cancer.models.network import SoftLabelNetwork

if TYPE_CHECKING:
    from oral_cancer.models.classifier import SoftLabelClassifier
    from oral_cancer.models.linear_probe import LinearProbe

LATE = {"SoftLabelClassifier": "classifier", "LinearProbe": "linear_probe"}
"""With these comes Lightning, a second or more; and the modules that they are in."""

__all__ = ["LinearProbe", "SoftLabelClassifier", "SoftLabelNetwork"]


def __getattr__(name: str) -> Any:
    if name not in LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{LATE[name]}"), name)

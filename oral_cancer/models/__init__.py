"""The network: a timm backbone, and its training on soft labels, which is imported where something trains."""

from typing import TYPE_CHECKING, Any

from oral_cancer.models.network import SoftLabelNetwork

if TYPE_CHECKING:
    from oral_cancer.models.classifier import SoftLabelClassifier

__all__ = ["SoftLabelClassifier", "SoftLabelNetwork"]


def __getattr__(name: str) -> Any:
    if name != "SoftLabelClassifier":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from oral_cancer.models.classifier import SoftLabelClassifier  # late: with it comes Lightning, a second or more

    return SoftLabelClassifier

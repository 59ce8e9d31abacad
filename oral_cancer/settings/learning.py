"""What a network's outputs become, what it learns by, and how that reads."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from annotated_types import MinLen

from oral_cancer.settings.rules import NOT_NEGATIVE, POSITIVE, Rule, Section, fitting

SOFTMAX, SIGMOID = OUTPUTS = ("softmax", "sigmoid")
"""From a network's numbers to probabilities: by softmax, or each by the sigmoid and a row divided by its sum."""
MSE, CROSS_ENTROPY, KL, FOCAL = LOSSES = ("mse", "cross_entropy", "kl", "focal")
AUGMENTED = "augmented"
"""Batch-norm statistics are taken anew from images as they train."""
LOSS = Rule(
    f"one of {', '.join(LOSSES)}, or a function of your own as module.name",
    (fitting(lambda name: name in LOSSES or ("." in name and all(map(str.isidentifier, name.split("."))))),),
)
WORDS = {
    SIGMOID: "sigmoids divided by their sum",
    MSE: "mean squared error",
    CROSS_ENTROPY: "cross-entropy",
    KL: "Kullback-Leibler divergence",
    FOCAL: "focal loss",
}


class Focal(Section):
    """Of loss=focal."""

    gamma: Annotated[float, NOT_NEGATIVE] = 2.0
    alpha: Annotated[
        list[Annotated[float, POSITIVE]] | None,
        Rule("a list of positive numbers, one for each class in their order", (MinLen(2),)),
    ] = None


def output_in_words(model: Mapping[str, Any]) -> str:
    """What the outputs of a network with these settings become; those of before it was a setting by softmax."""
    output = str(model.get("output", SOFTMAX))
    return WORDS.get(output, output)


def loss_in_words(model: Mapping[str, Any]) -> str:
    """What a network with these settings learns by, e.g. "focal loss (gamma 2.0)"; formerly the squared error."""
    loss = str(model.get("loss", MSE))
    numbers = _options(model, FOCAL) if loss == FOCAL else {}
    said = ", ".join(f"{name} {value}" for name, value in numbers.items() if value is not None)
    return WORDS.get(loss, loss) + (f" ({said})" if said else "")


def _options(model: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """What is below a setting; nothing where it is no mapping, as a manifest may say whatever it likes."""
    found = model.get(name)
    return found if isinstance(found, Mapping) else {}


def beside(model: Mapping[str, Any]) -> Iterator[str]:
    """What a network with these settings does beside its loss, as far as it does."""
    if smoothing := model.get("label_smoothing"):
        yield f"labels smoothed by {smoothing}"
    if alpha := model.get("mixup"):
        yield f"mixup by Beta({alpha}, {alpha})"
    if stages := model.get("freeze"):
        yield "the first stage frozen" if stages == 1 else f"the first {stages} stages frozen"
    if (decay := model.get("ema")) is not None:
        yield f"weights averaged with decay {decay}"


def learning(model: Mapping[str, Any]) -> Iterator[str]:
    """What a network with these settings learns otherwise than the published one, as far as it is not its optimiser's.

    A decay of the weights is told, since experiments differ in it.
    """
    if model.get("output", SOFTMAX) != SOFTMAX:
        yield output_in_words(model)
    if model.get("loss", MSE) != MSE:
        yield loss_in_words(model)
    yield from beside(model)
    if decay := _options(model, "optimizer").get("weight_decay"):
        yield f"weight decay {decay}"

"""Each loss and output against its formula in plain NumPy, and what a step makes of them."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from oral_cancer.errors import UserError
from oral_cancer.experiments import compose_settings
from oral_cancer.models import SoftLabelClassifier, SoftLabelNetwork
from oral_cancer.models.losses import CONTRACT, LOSSES, loss_of, smoothed
from oral_cancer.settings import check
from oral_cancer.settings.learning import loss_in_words

Floats = NDArray[np.float64]
ALPHA = (0.5, 1.0, 3.0)
RNG = np.random.default_rng(0)
SCORES = RNG.normal(0, 3, (40, 3))
LABELS = np.concatenate([np.eye(3), [[0.25, 0.75, 0.0]], RNG.dirichlet(np.ones(3), 36)])


def softmax(scores: Floats) -> Floats:
    return np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)


def of_mse(y: Floats, p: Floats) -> float:
    return float(np.mean([(a - b) ** 2 for a, b in zip(y, p, strict=True)]))


def of_cross_entropy(y: Floats, p: Floats) -> float:
    return -sum(a * np.log(b) for a, b in zip(y, p, strict=True))


def of_kl(y: Floats, p: Floats) -> float:
    return sum(a * np.log(a / b) for a, b in zip(y, p, strict=True) if a > 0)


def of_focal(gamma: float, alpha: tuple[float, ...]) -> Callable[[Floats, Floats], float]:
    def of(y: Floats, p: Floats) -> float:
        return sum(w * a * (1 - b) ** gamma * -np.log(b) for w, a, b in zip(alpha, y, p, strict=True))

    return of


CASES = {
    "mse": ("mse", {}, of_mse),
    "cross_entropy": ("cross_entropy", {}, of_cross_entropy),
    "kl": ("kl", {}, of_kl),
    "focal": ("focal", {}, of_focal(2, (1, 1, 1))),
    "focal, gamma 5 and alpha": ("focal", {"gamma": 5, "alpha": list(ALPHA)}, of_focal(5, ALPHA)),
}


@pytest.mark.parametrize("case", CASES)
def test_a_loss_is_its_formula_image_by_image(case: str) -> None:
    name, options, formula = CASES[case]
    found = loss_of(name, 3, options)(torch.from_numpy(SCORES), torch.from_numpy(LABELS))
    expected = [formula(y, p) for y, p in zip(LABELS, softmax(SCORES), strict=True)]
    np.testing.assert_allclose(found, expected, rtol=1e-10)
    assert {name for name, *_ in CASES.values()} == LOSSES.keys()


def test_without_gamma_the_focal_loss_is_cross_entropy_which_teaches_what_kl_teaches() -> None:
    labels = torch.from_numpy(LABELS)

    def value_and_gradient(name: str, options: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
        scores = torch.from_numpy(SCORES).requires_grad_()
        value = loss_of(name, 3, options)(scores, labels)
        return value.detach(), torch.autograd.grad(value.sum(), scores)[0]

    entropy, divergence = value_and_gradient("cross_entropy", {}), value_and_gradient("kl", {})
    torch.testing.assert_close(value_and_gradient("focal", {"gamma": 0.0}), entropy)
    torch.testing.assert_close(entropy[1], divergence[1])
    assert (entropy[0] - divergence[0] > -1e-12).all()
    exact = loss_of("kl", 3)(labels.clamp(min=1e-300).log(), labels)
    torch.testing.assert_close(exact, torch.zeros(40, dtype=torch.float64))


@pytest.mark.parametrize(("name", "least"), [("mse", 0.25), ("cross_entropy", 0.25), ("kl", 0.25), ("focal", 0.399)])
def test_the_focal_loss_alone_draws_mixtures_to_the_middle(name: str, least: float) -> None:
    first = torch.arange(1, 1000, dtype=torch.float64) / 1000
    found = loss_of(name, 2)(torch.stack((first, 1 - first), dim=1).log(), torch.tensor([[0.25, 0.75]] * 999).double())
    assert float(first[found.argmin()]) == pytest.approx(least)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_scores_however_far_apart_have_a_finite_loss_and_gradient(name: str, gamma: float) -> None:
    scores = torch.tensor([[300.0, -300, 0], [-300, 300, 0], [0, 0, 0]], requires_grad=True)
    loss = loss_of(name, 3, {"gamma": gamma})(scores, torch.eye(3)[[0, 0, 2]])
    loss.sum().backward()
    assert loss.isfinite().all()
    assert loss[0] < 1e-6 < loss[1]
    assert scores.grad is not None
    assert scores.grad.isfinite().all()


def test_smoothed_labels_move_towards_the_even_one() -> None:
    labels = torch.tensor([[1.0, 0, 0], [0.25, 0.75, 0]])
    expected = [[0.9 + 0.1 / 3, 0.1 / 3, 0.1 / 3], [0.225 + 0.1 / 3, 0.675 + 0.1 / 3, 0.1 / 3]]
    torch.testing.assert_close(smoothed(labels, 0.1), torch.tensor(expected))
    assert smoothed(labels, 0.0) is labels


def test_weights_of_other_than_the_classes_are_refused() -> None:
    for alpha in ([1, 2], [1, 1, 1, 1]):
        with pytest.raises(UserError, match=r"^model.focal.alpha=\[.*\]: must be null or a list of 3 positive numbers"):
            loss_of("focal", 3, {"alpha": alpha})
    assert loss_of("mse", 3, {"gamma": 2.0, "alpha": [1, 2]}) is LOSSES["mse"]  # which has none


OWN = """
import torch
def own(scores, soft_labels): return (scores - soft_labels).abs().sum(dim=1)
def mean(scores, soft_labels): return own(scores, soft_labels).mean()
def detached(scores, soft_labels): return own(scores, soft_labels).detach()
def failing(scores, soft_labels): return scores @ soft_labels
number = 3
"""


@pytest.fixture
def own_losses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_losses.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "own_losses", raising=False)


@pytest.mark.usefixtures("own_losses")
def test_a_function_of_the_users_is_a_loss() -> None:
    found = loss_of("own_losses.own", 3)(torch.from_numpy(SCORES), torch.from_numpy(LABELS))
    np.testing.assert_allclose(found, np.abs(SCORES - LABELS).sum(axis=1), rtol=1e-12)
    check(compose_settings(["model.loss=own_losses.own"]))
    assert loss_in_words({"loss": "own_losses.own"}) == "own_losses.own"


@pytest.mark.usefixtures("own_losses")
@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("no_such.loss", r"cannot be imported \(No module named 'no_such'\); see that PYTHONPATH leads to it"),
        ("own_losses.other", "cannot be imported"),
        ("own_losses.mean", f"must {re.escape(CONTRACT)}"),
        ("own_losses.detached", f"must {re.escape(CONTRACT)}"),
        ("own_losses.failing", f"fails on two images .*; it must {re.escape(CONTRACT)}"),
        ("own_losses.number", "fails on two images"),
    ],
)
def test_a_function_that_is_no_loss_is_refused_in_a_line(name: str, fault: str) -> None:
    with pytest.raises(UserError, match=f"^model.loss={name}: {fault}") as refused:
        loss_of(name, 3)
    assert len(refused.value.lines) == 1


@pytest.mark.parametrize("name", ["mes", "own_losses.", "own losses.own", "../own.loss"])
def test_a_name_that_no_function_can_have_is_refused(name: str) -> None:
    with pytest.raises(UserError, match=r"^model.loss=.*: must be one of mse, .*, or a function of your own as module"):
        check(compose_settings([f"model.loss='{name}'"]))


def classifier(weights: list[float] | None = None, **settings: Any) -> SoftLabelClassifier:
    torch.manual_seed(0)
    model = SoftLabelClassifier(
        "test_byobnet", "none", 3, 32, 1, 0.0, False, torch.optim.Adam, lambda *_: None, **settings
    )
    model.log = lambda *_, **__: None  # type: ignore[method-assign,assignment]
    held = None if weights is None else torch.tensor(weights)
    model._trainer = SimpleNamespace(datamodule=SimpleNamespace(class_weights=held))  # type: ignore[assignment]
    model._fabric = None
    return model


IMAGES = torch.randint(0, 256, (8, 32, 32, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
SOFT = torch.from_numpy(np.array([*np.eye(3), [0.25, 0.75, 0], *np.eye(3), [0.5, 0.5, 0]], np.float32))


def stepped(model: SoftLabelClassifier) -> tuple[float, Floats]:
    """The loss of a step, and the probabilities that it is of."""
    seen: list[torch.Tensor] = []
    hook = model.network.register_forward_hook(lambda _, __, out: seen.append(out.detach()))
    loss = model.training_step((IMAGES, SOFT), 0).detach()
    hook.remove()
    outputs = seen[0].double().numpy()
    if model.output == "softmax":
        return float(loss), softmax(outputs)
    sigmoids = 1 / (1 + np.exp(-outputs))
    return float(loss), sigmoids / sigmoids.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("output", ["softmax", "sigmoid"])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("weights", [None, [1.0, 2.0, 5.0]])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_a_step_takes_the_mean_over_images_weighted_by_their_classes(
    case: str, output: str, weights: list[float] | None, smoothing: float
) -> None:
    name, options, formula = CASES[case]
    model = classifier(weights, loss=name, focal=options, output=output, label_smoothing=smoothing)
    loss, probabilities = stepped(model)
    labels = (1 - smoothing) * SOFT.double().numpy() + smoothing / 3
    each = np.array([formula(y, p) for y, p in zip(labels, probabilities, strict=True)])
    of_images = labels @ np.array(weights or [1.0, 1.0, 1.0])
    assert loss == pytest.approx(float((each * of_images).mean()), rel=1e-4)
    assert float(model.train_loss.compute()) == pytest.approx(float(each.mean()), rel=1e-4)
    pure = SOFT.numpy().max(axis=1) == 1
    right = probabilities.argmax(axis=1)[pure] == SOFT.numpy().argmax(axis=1)[pure]
    assert float(model.train_accuracy.compute()) == pytest.approx(right.mean())  # by labels that are not smoothed


def test_validation_is_by_whole_labels_and_by_the_loss_that_trains() -> None:
    model = classifier(loss="focal", output="sigmoid", label_smoothing=0.3, mixup=0.5).eval()
    model.validation_step((IMAGES, SOFT), 0, 0)
    probabilities = model(IMAGES).detach().double().numpy()
    each = [of_focal(2, (1, 1, 1))(y, p) for y, p in zip(SOFT.double().numpy(), probabilities, strict=True)]
    assert float(model.val_loss.compute()) == pytest.approx(float(np.mean(each)), rel=1e-4)
    model.validation_step((IMAGES, SOFT), 0, 1)
    squares = ((probabilities - SOFT.numpy()) ** 2).sum(axis=1)
    assert float(model.val_rmse.compute()) == pytest.approx(float(np.sqrt(squares.mean())), rel=1e-5)


def test_rows_of_sigmoids_sum_to_1_even_where_all_are_next_to_nothing() -> None:
    network = SoftLabelNetwork("test_byobnet", "none", 3, 32, 1, 0.0, output="sigmoid").eval()
    outputs = torch.tensor([[2.0, -1, 0], [-200, -201, -300], [90, 80, -1]])
    network.network = torch.nn.Identity()
    found = network.probabilities(outputs)
    sigmoids = torch.sigmoid(outputs[0].double())
    torch.testing.assert_close(found[0].double(), sigmoids / sigmoids.sum(), atol=1e-6, rtol=0)
    torch.testing.assert_close(found.sum(dim=1), torch.ones(3))
    torch.testing.assert_close(found[1], torch.tensor([np.e, 1, 0]).float() / (np.e + 1), atol=1e-6, rtol=0)
    torch.testing.assert_close(found[2], torch.tensor([1, 1, 0.268941]) / 2.268941, atol=1e-5, rtol=0)


def test_mixup_takes_a_share_of_another_image_of_the_batch_and_of_its_label() -> None:
    model = classifier(mixup=0.4)
    seen: list[torch.Tensor] = []
    model.network.register_forward_pre_hook(lambda _, given: seen.append(given[0].detach()))
    torch.manual_seed(7)
    loss = float(model.training_step((IMAGES, SOFT), 0).detach())
    torch.manual_seed(7)
    share = float(torch.distributions.Beta(torch.tensor([0.4]), torch.tensor([0.4])).sample())
    assert 0 < share < 1
    pixels = IMAGES.permute(0, 3, 1, 2).float().numpy()
    partners = [7, *range(7)]
    np.testing.assert_allclose(seen[0], share * pixels + (1 - share) * pixels[partners], rtol=1e-5, atol=1e-3)
    labels = share * SOFT.numpy() + (1 - share) * SOFT.numpy()[partners]
    with torch.no_grad():
        probabilities = model.network(seen[0]).float().softmax(dim=1).numpy()
    assert loss == pytest.approx(float(((probabilities - labels) ** 2).mean()), rel=1e-4)
    torch.manual_seed(7)
    assert float(model.training_step((IMAGES, SOFT), 0).detach()) == pytest.approx(loss)  # of PyTorch's generator alone
    odd = model.training_step((IMAGES[:5], SOFT[:5]), 0)  # as at the end of a pass
    assert odd.isfinite()

"""From a store of images to batches: splits, training-set treatment, augmentation."""

import math
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from typing import Any

import albumentations
import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_lightning import LightningDataModule
from torch.utils.data import DataLoader, Dataset

from oral_cancer.data.appearance import appearance_of, span
from oral_cancer.data.augmentation import DeviceAugmentation, SeededAugmentation
from oral_cancer.data.class_weights import weights_of_classes
from oral_cancer.data.datasets import Batch, DrawnImages, EvaluationImages, TrainingImages
from oral_cancer.data.short_batches import ShortBatches
from oral_cancer.data.splits import EVALUATED, Splits, split
from oral_cancer.data.store import ImageStore, ImageView
from oral_cancer.data.stream import ShuffledStream
from oral_cancer.data.training_set import INTERPOLATED, checked, treat
from oral_cancer.labels import TOLERANCE, ImageSet
from oral_cancer.settings.callbacks import OF_VALIDATION
from oral_cancer.settings.data import RUNS_ON, SHORT_BATCH, SHUFFLED, Fold

SHARE_OF_GPU = 0.2  # of its free memory, for pixels: other runs and the network need room, too


def measured_in_validation(splits: Splits) -> tuple[str, ...]:
    """The figures of validation that there are images for: of pure ones, of mixed ones."""
    return (OF_VALIDATION[:2] if len(splits.homo_val) else ()) + (OF_VALIDATION[2:] if len(splits.hetero_val) else ())


class CellDataModule(LightningDataModule):
    """The images of one run of a study: one data variant, one treatment, one fold.

    Batches are uint8 (B, H, W, 3), RGB, with soft labels float32 (B, K).

    Args:
        store: every image of the collection, decoded and resized.
        resampling: treats the training set; see `oral_cancer.resampling`.
        augmentation: an albumentations composition or a `DeviceAugmentation`, applied to training images only.
        train_sets: which image sets train: "homo", "hetero".
        fold: the fold that validates, or "all"; see `splits.split`.
        folds: their number, or "leave_one_group_out".
        split_seed: of the splits.
        seed: of treatment, shuffling and augmentation.
        batch_size: images a training step, over all ranks.
        eval_batch_size: images a batch in evaluation, of no influence beyond rounding; None is 256 on a GPU, else 16.
        class_weights: of the loss, by class, "auto" by how rare each is in the treated training set; None: all alike.
        stream: of training images: "shuffled", each as often as another; "balanced", each label as often as another.
        end_of_pass: over the training images: "runs_on" into the next in a batch; "short_batch", see `ShortBatches`.
        workers: processes that augment on the CPU; None is 0 where the CPU trains, else one a core up to 8.
    """

    def __init__(
        self,
        store: ImageStore,
        resampling: Any,
        augmentation: albumentations.BaseCompose | DeviceAugmentation,
        train_sets: Sequence[ImageSet],
        fold: Fold,
        folds: int | str,
        split_seed: int,
        seed: int,
        batch_size: int,
        eval_batch_size: int | None,
        workers: int | None,
        class_weights: Mapping[str, float] | str | None = None,
        stream: str = SHUFFLED,
        end_of_pass: str = RUNS_ON,
    ) -> None:
        super().__init__()
        self.store = store
        self.splits = split(store.collection, fold, folds, split_seed)
        self.labels = store.collection.names()
        self.soft_labels = store.collection.soft_labels()
        self.train_sets = tuple(train_sets)
        self.resampling = resampling
        self.augmentation = augmentation
        self.seed = seed
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size
        self.workers = workers
        self.weights_by_class = class_weights
        self.stream = stream
        self.end_of_pass = end_of_pass
        self.class_weights: torch.Tensor | None = None
        self.training_images: TrainingImages | None = None
        self.pixels: torch.Tensor | None = None
        self.treatment_seconds = 0.0
        self.first_epoch = 0
        self.predicted: Sequence[NDArray[np.int64]] = ()

    @property
    def train_rows(self) -> NDArray[np.int64]:
        """Rows of the store that may train, before any treatment."""
        return self.splits.train_rows(self.train_sets)

    @property
    def steps_per_epoch(self) -> int:
        """One epoch of pure training images, or of mixed ones if there are no others: 36 at published counts."""
        images = len(self.splits.homo_train) or len(self.splits.hetero_train)
        return max(1, images // self.batch_size)

    @property
    def validated(self) -> tuple[str, ...]:
        """The figures of validation that there are images for, as `SoftLabelClassifier.MEASURED` names them."""
        return measured_in_validation(self.splits)

    @property
    def ranks(self) -> tuple[int, int]:
        """How many processes share the images of a training or an evaluation, and which of them this is."""
        return (self.trainer.world_size, self.trainer.global_rank) if self.trainer else (1, 0)

    @property
    def on_gpu(self) -> bool:
        """Whether a GPU trains."""
        return self.trainer is not None and self.trainer.strategy.root_device.type == "cuda"

    def roles(self) -> NDArray[np.str_]:
        """What each row of the store is used for: "train", "val", "test" or "unused"."""
        return self.splits.roles(self.train_sets)

    def setup(self, stage: str | None = None) -> None:
        """Treat the training set, once."""
        if self.training_images is None:
            started = time.perf_counter()
            rows = self.train_rows
            images = ImageView(self.store.images, rows)
            treated = checked(
                treat(self.resampling, images, self.soft_labels[rows], self.seed, self.labels[rows]),
                images,
                self.soft_labels.shape[1],
                f"resampling: {type(self.resampling).__name__}",
            )
            self.training_images = TrainingImages(images, treated)
            classes = self.store.collection.labels.classes
            weights = weights_of_classes(self.weights_by_class, treated.soft_labels, classes)
            self.class_weights = None if weights is None else torch.from_numpy(weights)
            self.treatment_seconds = time.perf_counter() - started

    def state_dict(self) -> dict[str, Any]:
        """The epoch that a training goes on with from a checkpoint."""
        assert self.trainer is not None
        return {"next_epoch": self.trainer.current_epoch + 1}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Loading processes draw ahead as soon as there is a loader, before Lightning tells its sampler the epoch."""
        self.first_epoch = state_dict["next_epoch"]

    def training_counts(self) -> dict[str, int]:
        """Images of each class and mixture in the treated training set; labels in between count as "interpolated"."""
        return dict(Counter(self._treated_labels().tolist()))

    def copies(self) -> NDArray[np.int64]:
        """How often the treated training set has each row of the store, (N,)."""
        return np.bincount(self.train_rows[self._plain_images().indices], minlength=len(self.labels))

    def synthetic(self) -> tuple[NDArray[np.uint8], NDArray[np.str_]]:
        """The images that the treatment made, uint8 (S, H, W, 3), and their labels (S,)."""
        plain = self._plain_images()
        return plain.synthetic, self._treated_labels()[len(plain.indices) :]

    def _treated_labels(self) -> NDArray[np.str_]:
        assert self.training_images is not None
        chosen = self.training_images.indices
        names = self.labels[self.train_rows][chosen].tolist()
        proportions = self.store.collection.labels.proportions
        for label in self.training_images.soft_labels.numpy()[len(chosen) :]:
            near = [name for name, known in proportions.items() if np.abs(label - known).max() <= TOLERANCE]
            names.append(near[0] if near else INTERPOLATED)
        return np.array(names, np.str_)

    def training_appearance(self) -> dict[str, list[float]]:
        """The `appearance.span` of the images that may train, as the store has them and with their own sizes."""
        store = self.store
        return span(
            [
                appearance_of(store.images[row], tuple(store.sizes[row]), store.micrometres[row])
                for row in self.train_rows
            ]
        )

    def _loader(self, dataset: Dataset[Any], workers: int = 0, **batches: Any) -> DataLoader[Any]:
        return DataLoader(
            dataset,
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=self.on_gpu,
            **batches,
        )

    def train_dataloader(self) -> DataLoader[Any]:
        """Batches of the training set, `steps_per_epoch` an epoch, augmented or to be by `on_after_batch_transfer`."""
        return self._training_batches(self.first_epoch)

    def _training_batches(self, epoch: int) -> DataLoader[Any]:
        plain = self._plain_images()
        if isinstance(self.augmentation, DeviceAugmentation):
            if self.pixels is None:
                self.pixels = self._pixels_on_device(plain)
            drawn = DrawnImages(plain, self.augmentation, self.seed, by_position=self.pixels is not None)
            return self._stream(drawn, epoch)
        augmented = copy(plain)
        augmented.augmentation = SeededAugmentation(self.augmentation, self.seed)
        workers = self.workers
        if workers is None:
            workers = min(torch.get_num_threads(), 8) if self.on_gpu else 0
        return self._stream(augmented, epoch, workers)

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """Augment training batches on the device, where that is where it happens."""
        if len(batch) == 2:
            return batch
        images, draws, soft_labels = batch
        if self.pixels is not None:
            images = self.pixels[images]
        assert isinstance(self.augmentation, DeviceAugmentation)
        return self.augmentation(images, draws.to(images.device)), soft_labels

    def first_training_images(self, augmented: bool, device: torch.device) -> Iterator[torch.Tensor]:
        """The images of each batch of the first epoch, on a device, augmented as they train or not at all."""
        for batch in self._training_batches(0) if augmented else self._stream(self._plain_images(), epoch=0):
            with torch.autocast(device.type, enabled=False):  # whatever precision the network runs in meanwhile
                images, *_ = self.on_after_batch_transfer([part.to(device) for part in batch], 0)
            yield images

    def _plain_images(self) -> TrainingImages:
        assert self.training_images is not None, "setup() comes first"
        return self.training_images

    def shares(self) -> NDArray[np.float64]:
        """How much of a long training is of the image at each position of the treated set, (M,); their sum is 1."""
        return self._shuffled().shares()

    def _shuffled(self) -> ShuffledStream:
        ranks, rank = self.ranks
        images = len(self._plain_images())
        labels = None if self.stream == SHUFFLED else self._treated_labels()
        return ShuffledStream(images, self.batch_size, self.steps_per_epoch, self.seed, ranks, rank, labels)

    def _stream(self, images: Any, epoch: int, workers: int = 0) -> DataLoader[Any]:
        ranks, _ = self.ranks
        stream = self._shuffled()
        stream.set_epoch(epoch)
        short = ShortBatches(stream)
        if self.end_of_pass == SHORT_BATCH and short.batches:
            return self._loader(images, workers=workers, batch_sampler=short)
        return self._loader(images, workers=workers, batch_size=self.batch_size // ranks, sampler=stream)

    def _pixels_on_device(self, plain: TrainingImages) -> torch.Tensor | None:
        """The training set as uint8 (M, H, W, 3) on the GPU, where it takes no more than a share of its free memory."""
        shape = (len(plain), *plain.image(0).shape)
        if not self.on_gpu:
            return None
        device = self.trainer.strategy.root_device  # type: ignore[union-attr]
        if math.prod(shape) > SHARE_OF_GPU * torch.cuda.mem_get_info(device)[0]:
            return None
        pixels = torch.empty(shape, dtype=torch.uint8, device=device)
        for position in range(len(plain)):
            pixels[position] = torch.from_numpy(np.array(plain.image(position)))
        return pixels

    def loader_of(self, rows: NDArray[np.int64]) -> DataLoader[Batch]:
        """Batches of this rank's part of some rows of the store, in their order, as they are."""
        ranks, rank = self.ranks
        own = rows[rank::ranks]
        images = EvaluationImages(ImageView(self.store.images, own), self.soft_labels[own])
        return self._loader(images, batch_size=self.eval_batch_size or (256 if self.on_gpu else 16))

    def originals(self) -> NDArray[np.int64]:
        """The rows of the store that train once the training set is treated, each once."""
        assert self.training_images is not None, "setup() comes first"
        return self.train_rows[np.unique(self.training_images.indices)]

    def evaluated(self, names: Sequence[str] = EVALUATED) -> list[str]:
        """Those of some image sets that have an image, in their order; each has a loader."""
        return [name for name in names if len(getattr(self.splits, name))]

    def val_dataloader(self) -> list[DataLoader[Batch]]:
        """Pure validation images, mixed validation images, as far as there are any."""
        return [self.loader_of(getattr(self.splits, name)) for name in self.evaluated(EVALUATED[:2])]

    def predict_dataloader(self) -> list[DataLoader[Batch]]:
        """The rows of the store that `predicted` has, set by set."""
        return [self.loader_of(rows) for rows in self.predicted]

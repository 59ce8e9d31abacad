"""What a training says when the memory of its GPU or its machine does not suffice."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from oral_cancer.errors import UserError

REMEDY = (
    "lower launcher.cells_per_gpu or launcher.jobs if runs share it, data.eval_batch_size, data.workers, "
    "model.image_size or, departing from the recipe, data.batch_size"
)


@contextmanager
def enough_memory() -> Iterator[None]:
    """Turn errors for want of memory into one line that says what to lower."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not _is_out_of_memory(error):
            raise
        raise UserError(f"out of memory ({str(error).partition('. ')[0] or type(error).__name__}): {REMEDY}") from error


def _is_out_of_memory(error: RuntimeError | MemoryError) -> bool:
    """PyTorch has a type for a GPU's memory, and for that of the machine only words."""
    words = ("DefaultCPUAllocator", "out of memory", "Cannot allocate memory")
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or any(word in str(error) for word in words)

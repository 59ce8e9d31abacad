"""The settings of where curves go."""

from typing import Annotated, ClassVar

from annotated_types import MinLen
from pydantic import Field

from oral_cancer.settings.data import FOLDER
from oral_cancer.settings.rules import AS_TYPED, Rule, Section


class WandbLogger(Section):
    builds: ClassVar[str] = "oral_cancer.training.loggers.wandb_logger"
    project: Annotated[str, Rule("the name of a W&B project", (MinLen(1),))]
    save_dir: Annotated[str, FOLDER, AS_TYPED]
    tags: Annotated[list[Annotated[str, MinLen(1)]], Rule("a list of texts, such as [plate7,draft]")] = Field([])


class CsvLogger(Section):
    builds: ClassVar[str] = "oral_cancer.training.loggers.csv_logger"


class TensorBoardLogger(Section):
    builds: ClassVar[str] = "oral_cancer.training.loggers.tensorboard_logger"


class NoLogger(Section):
    builds: ClassVar[str] = "oral_cancer.training.loggers.no_logger"

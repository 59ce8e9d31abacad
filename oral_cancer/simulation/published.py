"""The published data set (PLOS ONE e0310304), as conf/source/oral_cancer.yaml and the paper have it.

Only what draws, fetches and tries that very data set may look here.
"""

from typing import Any

from omegaconf import OmegaConf

from oral_cancer.config_groups import CONF
from oral_cancer.layout import read_layout

_content: Any = OmegaConf.to_container(OmegaConf.load(CONF / "source" / "oral_cancer.yaml"))
LAYOUT = read_layout(_content["classes"], _content["mixtures"], _content["splits"])
LABELS = LAYOUT.labels
COUNTS = {"homo": {"val": 240, "test": 60}, "hetero": {"val": 160, "test": 40}}
"""Images of a pure label and of a mixed one, in the Val and the Test folders."""

"""What the evaluation stands on: figures of files, without a network, a command line or their weight."""

import json
import subprocess
import sys
from pathlib import Path

from oral_cancer import evaluation

NOT_NEEDED = {"hydra", "omegaconf", "torch", "pytorch_lightning", "oral_cancer.command"}
LOADED = """
import importlib, json, sys
loaded = {}
for name in sys.argv[1:]:
    importlib.import_module(name)
    loaded[name] = list(sys.modules)
print(json.dumps(loaded))
"""


def test_no_module_of_it_loads_a_network_or_the_command_line():
    (folder,) = evaluation.__path__
    names = [f"oral_cancer.evaluation.{path.stem}" for path in sorted(Path(folder).glob("[!_]*.py"))]
    done = subprocess.run([sys.executable, "-c", LOADED, *names], capture_output=True, text=True, check=True)
    loaded = json.loads(done.stdout)
    assert len(loaded) >= 7
    assert {name: sorted(NOT_NEEDED.intersection(loaded[name])) for name in names} == {name: [] for name in names}

# Everything runs in .venv, made from constraints.txt by the first target that needs it.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-cluster lint clean

.venv/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/pip install --quiet --constraint constraints.txt --editable . --group dev
	touch $@

demo: .venv/.installed        ## five models across five folds with the small network on simulated cells
	$(BIN)/python train.py study=demo

test: .venv/.installed        ## all tests
	$(BIN)/pytest

test-cluster: .venv/.installed ## a study through a Slurm cluster, brought up on this machine and taken down; needs root
	@test "$$(id -u)" = 0 || { echo "make test-cluster: needs root, to bring up a Slurm cluster" >&2; exit 1; }
	@command -v slurmctld munged >/dev/null || \
		{ apt-get update -q && apt-get install -y -q --no-install-recommends slurm-wlm munge; } >/dev/null
	$(BIN)/pytest -m cluster tests/cluster

lint: .venv/.installed        ## style and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

clean:                        ## remove the environment; data and outputs stay
	rm -rf .venv

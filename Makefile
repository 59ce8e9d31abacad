# Everything runs in .venv, made from constraints.txt by the first target that needs it.
PYTHON ?= python3
KILLS ?= 50
# The index of PyTorch's CPU builds, for a computer without a GPU; its page for installing names the address.
TORCH_INDEX ?=
BIN := .venv/bin

ifneq ($(shell command -v uv 2>/dev/null),)
VENV := uv venv --quiet --seed --allow-existing --python $(PYTHON) .venv
PIP := uv pip install --python $(BIN)/python
else
VENV := $(PYTHON) -m venv .venv && $(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
PIP := $(BIN)/python -m pip install
endif
INSTALL := $(PIP) --constraint constraints.txt $(if $(TORCH_INDEX),$(foreach name,torch torchvision,--find-links $(TORCH_INDEX)/$(name)/))

.PHONY: demo app bench docs test test-all test-faults test-cluster lint audit release clean

.venv/.installed: pyproject.toml constraints.txt
	@echo "Installing into .venv: $(if $(TORCH_INDEX),about 2.5 GB with PyTorch's CPU build,about 7 GB; see TORCH_INDEX in docs/how-to/install.md for 2.5 GB without a GPU). This takes minutes."
	@$(VENV)
	@$(INSTALL) --editable .[app,lite,microscopes,wandb] --group dev
	@touch $@

.venv/.docs .venv/.release: .venv/.%: .venv/.installed
	@$(INSTALL) --quiet --group $*
	@touch $@

demo: .venv/.installed        ## five models across five folds with the small network on simulated cells
	@echo "Drawing micrographs and training 25 small networks on them: minutes on two cores, once PyTorch is loaded."
	@$(BIN)/python train.py study=demo
	@echo
	@echo "The page: $(CURDIR)/outputs/studies/demo/report.html"
	@echo "Next, where its networks look, and what your own images would train (a folder for each class):"
	@echo "    $(BIN)/oral-cancer explain outputs/studies/demo"
	@echo "    $(BIN)/oral-cancer check source=folder source.root=FOLDER"

docs: .venv/.docs             ## the site, docs/_build/html/index.html, without a warning
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet --jobs auto docs docs/_build/html
	@echo "The site: $(CURDIR)/docs/_build/html/index.html"

release: .venv/.release       ## wheel and source distribution in dist/, with the version of the git tag, checked
	rm -rf dist
	$(BIN)/python -m build --no-isolation --outdir dist
	$(BIN)/twine check --strict dist/*

app: .venv/.installed         ## a page in the browser where images are dropped; trains the demo first if there is no study
	@ls outputs/studies/*/*/fold=*/manifest.json >/dev/null 2>&1 || $(MAKE) demo
	$(BIN)/oral-cancer app

bench: .venv/.installed       ## what it costs, beside what it may: a table and outputs/bench/bench.json, in 15 minutes
	$(BIN)/python -m benchmarks

test: .venv/.docs             ## the quick tests, in minutes
	$(BIN)/pytest --numprocesses=auto --dist=worksteal

test-all: .venv/.docs         ## these and the slow ones; prints the lines of the package that they reach
	$(BIN)/pytest -m "not cluster and not faults" --numprocesses=auto --dist=worksteal \
		--cov=oral_cancer --cov-report=term:skip-covered --cov-fail-under=90

test-faults: .venv/.installed ## KILLS kills (50), full disks, servers that fail: minutes; prints what was done and lost
	$(BIN)/pytest -m faults tests/faults --kills=$(KILLS)

test-cluster: .venv/.installed ## a study through a Slurm cluster, brought up on this machine and taken down; needs root
	@test "$$(id -u)" = 0 || { echo "make test-cluster: needs root, to bring up a Slurm cluster" >&2; exit 1; }
	@command -v slurmctld munged >/dev/null || \
		{ apt-get update -q && apt-get install -y -q --no-install-recommends slurm-wlm munge; } >/dev/null
	$(BIN)/pytest -m cluster tests/cluster

lint: .venv/.docs audit       ## style, types (of the site's own extensions too), known vulnerabilities
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

# What pip-audit has looked up has an entry "vulns" in its report; what it has not found has none.
audit: .venv/.installed       ## known vulnerabilities of what constraints.txt names, where their list can be reached
	@$(BIN)/pip-audit --requirement constraints.txt --no-deps --disable-pip --progress-spinner=off --format=json \
		--output=.venv/audit.json 2>.venv/audit.log; found=$$?; \
	if ! grep -qs '"vulns"' .venv/audit.json; then echo "pip-audit: its data cannot be reached; run make audit where it can"; \
	elif [ $$found = 0 ]; then echo "pip-audit: no known vulnerability"; else cat .venv/audit.json; exit 1; fi

clean:                        ## remove the environment; data and outputs stay
	rm -rf .venv

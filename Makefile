# `make run` and `make test` build their own .venv; PYTHON chooses the interpreter (3.11, 3.12 or 3.13).
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed

.PHONY: run test test-all test-oldest bench lint docs

run: $(INSTALLED)
	@stamp=$$(date -u +%Y%m%dT%H%M%SZ); \
	$(BIN)/spikelearn run learn_digits --out results/learn_digits-$$stamp && \
	$(BIN)/spikelearn run stdp_window --out results/stdp_window-$$stamp && \
	echo && echo "The figures are in" && \
	echo "  results/learn_digits-$$stamp/figure.png   (a spiking network learns handwritten digits)" && \
	echo "  results/stdp_window-$$stamp/figure.png    (an STDP window beside the measurements)"

test: $(INSTALLED)
	$(BIN)/python -m pytest -m "not slow"

test-all: $(INSTALLED) .venv/installed-lab lint
	$(BIN)/python -m pytest

# every package at the lowest version that setup.cfg allows, on Python 3.11
test-oldest:
	rm -rf .venv-oldest && python3.11 -m venv .venv-oldest
	.venv-oldest/bin/python -m pip install --quiet --disable-pip-version-check packaging
	.venv-oldest/bin/python tests/oldest.py > .venv-oldest/requirements.txt
	.venv-oldest/bin/python -m pip install --quiet --disable-pip-version-check -r .venv-oldest/requirements.txt
	.venv-oldest/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	.venv-oldest/bin/python -m pytest -m "not compiler and not long and not slow"

bench: $(INSTALLED)
	$(BIN)/python benchmarks/report.py

lint: $(INSTALLED)
	$(BIN)/ruff check .

docs: .venv/installed-docs
	$(BIN)/python -m sphinx -W --keep-going --quiet -b html docs build/docs
	@echo "open build/docs/index.html"

.venv/installed-lab: $(INSTALLED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[lab]" playwright
	@touch $@

.venv/installed-docs: $(INSTALLED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[docs]"
	@touch $@

$(INSTALLED): setup.cfg pyproject.toml
	@command -v $(PYTHON) > /dev/null || \
		{ echo "$(PYTHON) was not found: install Python 3.11, 3.12 or 3.13, or name it with 'make PYTHON=...'." >&2; exit 1; }
	@$(PYTHON) -c "import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))" || \
		{ echo "$(PYTHON) is $$($(PYTHON) -V): spikelearn needs Python 3.11, 3.12 or 3.13; name one with 'make PYTHON=...'." >&2; exit 1; }
	@$(PYTHON) -c "import ensurepip, venv" 2> /dev/null || \
		{ echo "$(PYTHON) cannot make a virtual environment: on Debian or Ubuntu run 'sudo apt install python3-venv make g++' first." >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[test]"
	@touch $@

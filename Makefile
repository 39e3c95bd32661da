# Needs Python 3.11 or later and make; everything else is set up in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
DEV_STAMP := $(VENV)/.ready-dev
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: setup demo check test test-long fix bench serve clean
.DEFAULT_GOAL := demo

setup: $(DEV_STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed: make PYTHON=python3.12 …" if sys.version_info < (3, 11) else 0)'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing (about a minute the first time)…"
	@$(PIP) -e .
	@touch $@

$(DEV_STAMP): $(STAMP) requirements-dev.txt
	@echo "Installing what the checks and the tests need…"
	@$(PIP) -r requirements-dev.txt -e '.[postgres]'
	@touch $@

demo: $(STAMP)
	@$(BIN)/python -m examples.demo

serve: $(STAMP)
	@$(BIN)/data411-mcp serve

check: setup
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

test: setup
	@$(BIN)/pytest -n 4 -m "not long"

test-long: setup
	@$(BIN)/pytest

fix: setup
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: setup
	@for name in context overhead session truth merge load; do \
	  echo "bench.$$name"; $(BIN)/python -m bench.$$name || exit 1; done

clean:
	rm -rf $(VENV) build dist tests/clients/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis

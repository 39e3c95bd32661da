# Needs Python 3.11 or later and make; everything else is set up in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
DEV_STAMP := $(VENV)/.ready-dev
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: setup demo demo-icp check test test-long test-odoo fix bench serve clean
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

demo-icp: $(STAMP)
	@$(BIN)/python -m examples.demo_icp

serve: $(STAMP)
	@$(BIN)/data411-mcp serve

check: setup
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

test: setup
	@PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -n 4 --dist worksteal -m "not long"

test-long: setup
	@$(BIN)/pytest

# Against a real Odoo, in a database made for this: its test records stay there, archived.
test-odoo: setup
	@test -n "$$ODOO_TEST_URL" -a -n "$$ODOO_TEST_KEY" || { \
	  echo "Set ODOO_TEST_URL and ODOO_TEST_KEY (an API key), and where they are needed"; \
	  echo "ODOO_TEST_DB (several databases, or Odoo 18 and before), ODOO_TEST_LOGIN (Odoo 18"; \
	  echo "and before) and ODOO_TEST_PROTOCOL (json2 or xmlrpc; by itself the newer one)."; exit 1; }
	@$(BIN)/pytest tests/odoo_real

fix: setup
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: setup
	@for name in context overhead session truth merge load icp; do \
	  echo "bench.$$name"; $(BIN)/python -m bench.$$name || exit 1; done

clean:
	rm -rf $(VENV) build dist tests/clients/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis

# Two commands are enough: `make run` to see it, `make test` to check it. Needs make and python3-venv.

PYTHON ?= python3
UV ?= uv
VENV := .venv
BIN := $(VENV)/bin
RUN := $(VENV)/.run-ready
TEST := $(VENV)/.test-ready
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/pip install --quiet
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate

.PHONY: help install run test bench fuzz lock clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 16

install: $(RUN) ## prepare .venv with what the service runs with

run: install ## a complete service centre on this machine: broker, devices, collectors, wallboard
	@$(BIN)/gecc demo

test: $(TEST) ## style, types, import rules and every test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --no-native-parser # the new one counts processors in /proc, which a bare root may not have
	$(BIN)/lint-imports
	$(BIN)/pytest -n $$(nproc) --dist worksteal

bench: $(TEST) ## speed and sizes, measured on this machine; QUICK=1 only shows that every part runs
	@$(BIN)/python tests/bench/run.py $(if $(QUICK),--quick)

fuzz: $(TEST) ## spoilt records of every format, N of each (default 1000000): nothing but events and rejects comes out
	$(BIN)/python tests/fuzz/formats.py --count $(or $(N),1000000)

lock: ## pin requirements/*.txt anew (needs uv); UPGRADE=--upgrade takes the newest that fit
	$(COMPILE) $(UPGRADE) -o requirements/run.txt pyproject.toml requirements/run.in
	$(COMPILE) $(UPGRADE) -o requirements/test.txt pyproject.toml requirements/run.in requirements/test.in

clean: ## remove .venv and every cache
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis build *.egg-info
	find . -name __pycache__ -prune -exec rm -rf {} +

# Stamps: a folder's own time says nothing of what is installed in it.

$(RUN): requirements/run.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "gecc needs Python 3.11 or newer: make PYTHON=python3.11")'
	@echo "Preparing $(VENV), once ..."
	@test -x $(BIN)/pip || $(PYTHON) -m venv --clear $(VENV)
	@$(PIP) --require-hashes -r requirements/run.txt
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(TEST): $(RUN) requirements/test.txt
	@echo "Adding what the tests need, once ..."
	@$(PIP) --require-hashes -r requirements/test.txt
	@touch $@

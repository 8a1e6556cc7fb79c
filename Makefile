# Headrace. `make` alone lists the targets.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
.PHONY: help setup packages demo test test-fast coverage prove soak bench lint format types lock wheel clean

VENV := .venv
BIN := $(VENV)/bin
# The newest Python that the locked packages are made for; name another with `make setup PYTHON=/path/to/python`.
PYTHON ?=
LOCK := $(BIN)/uv pip compile -q --generate-hashes --python-version 3.11 --universal --no-strip-extras --no-header $(LOCK_FLAGS)

# Four processes share the tests, as many of them wait; those that need a Spark session are in two of them, and come first.
SIDE_BY_SIDE := -n 4 --dist loadgroup --no-loadscope-reorder

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

setup: packages  ## everything that demo and test need: .venv, locked packages, jars (the second time: a second)
	@$(BIN)/headrace jars >/dev/null
	@$(BIN)/headrace doctor >$(VENV)/.doctor || { cat $(VENV)/.doctor >&2; exit 1; }

packages: $(VENV)/.packages

$(VENV)/.packages: requirements/dev.txt setup.cfg pyproject.toml
	@infra/make-venv.sh "$(VENV)" "$(PYTHON)"
	@echo "setup: installing the locked packages (about a minute)"
	@infra/install-packages.sh "$(VENV)" requirements/dev.txt
	@$(BIN)/python -m pip install --disable-pip-version-check --no-input --quiet --no-deps --editable .
	@echo "setup: compiling what reads and writes records (once)"
	@$(BIN)/python -m headrace.ingestion.compilation
	@touch $@

demo: setup  ## the whole chain on 1,027,013 real events, from a broker to a model; DAYS=31 takes the first 31 days
	@$(BIN)/headrace demo $(if $(DAYS),--days $(DAYS))

test: setup lint types  ## everything that CI runs
	@$(BIN)/python -m pytest -m "not prove" $(SIDE_BY_SIDE)

test-fast: packages  ## what needs no JVM, in some minutes
	@$(BIN)/python -m pytest -m "not spark and not broker and not slow and not prove" $(SIDE_BY_SIDE)

coverage: setup  ## the tests with coverage by branch
	@$(BIN)/python -m pytest -m "not prove" --cov --cov-report=term

prove: setup  ## the longer proofs, whose figures are kept in docs/
	@$(BIN)/python -m pytest -m prove

# SECONDS in place of MINUTES (60), SEED, EVENTS to send in that time, SESSION_S of the landers (10)
soak: setup  ## producers, landers and a broker, killed, frozen and changed for an hour, then audited: make soak MINUTES=10 SEED=7
	@PYTHONPATH=tests $(BIN)/python -m soak $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SECONDS),--seconds $(SECONDS)) \
	    $(if $(SEED),--seed $(SEED)) $(if $(EVENTS),--events $(EVENTS)) \
	    $(if $(SESSION_S),--session-timeout-s $(SESSION_S))

bench: setup $(VENV)/.bench  ## one of benchmarks/, with its figures as lines of JSON: make bench BENCH=delta_append
	@$(BIN)/python benchmarks/$(BENCH).py

$(VENV)/.bench: requirements/bench.txt
	@$(BIN)/python -m pip install --disable-pip-version-check --no-input --quiet --require-hashes -r requirements/bench.txt
	@touch $@

lint: packages  ## ruff: rules and format
	@$(BIN)/ruff check --quiet . && $(BIN)/ruff format --quiet --check . && echo "lint: ok"

format: packages  ## put the code into its format
	@$(BIN)/ruff check --quiet --fix-only . && $(BIN)/ruff format .

types: packages  ## mypy, strict
	@$(BIN)/mypy

lock:  ## requirements/*.txt from setup.cfg; LOCK_FLAGS=--upgrade for newer versions
	@test -x $(BIN)/uv || $(MAKE) packages
	@env -u PIP_FIND_LINKS -u UV_FIND_LINKS $(LOCK) setup.cfg --extra dev -o requirements/dev.txt
	@for extra in ingestion features jobs profile demo bench; do \
	    env -u PIP_FIND_LINKS -u UV_FIND_LINKS $(LOCK) setup.cfg --extra $$extra -c requirements/dev.txt -o requirements/$$extra.txt || exit 1; \
	done

wheel: packages  ## dist/headrace.zip, for spark-submit --py-files, and the wheel that it is
	@rm -rf build dist
	@$(BIN)/python -m pip wheel --disable-pip-version-check --quiet --no-deps --wheel-dir dist .
	@cp dist/headrace-*.whl dist/headrace.zip && ls dist

clean:  ## remove what was built; keeps the environment and .headrace, the demo's data
	@rm -rf build dist src/*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage htmlcov

# make demo    see it work                 make test   everything that CI runs
# make check   linters, types, layers      make bench  side-by-side figures
# make fuzz    damaged messages to every reader, for FUZZ_SECONDS
# make matrix  the core on other Pythons and the oldest and newest pydantic and numpy; protobuf 3.20 to 7
#
# PYTHON selects the interpreter that environments are made with, VENV where the one for tests lives.

SHELL := /bin/bash
PYTHON ?= python3
VENV ?= .venv
DEMO_VENV ?= .venv-demo
PYTEST_ARGS ?=
FUZZ_SECONDS ?= 600

# One file marks an environment as complete; it is older than these when they have changed.
PINS := pyproject.toml constraints.txt
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])')
READY := $(VENV)/.ready-$(VERSION)
DEMO_READY := $(DEMO_VENV)/.ready-$(VERSION)

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore
export PYTHONNOUSERSITE := 1
export TF_CPP_MIN_LOG_LEVEL ?= 3

.PHONY: help demo test check lint ruff types layers bench fuzz matrix clean
.DELETE_ON_ERROR:

help:
	@sed -n 's/^# \{0,1\}//p;/^$$/q' Makefile

# $(call environment,VENV,PACKAGES): fresh unless it was complete before. torch comes first and by its
# pin, so that no later requirement can ask for its newest build; -qq hides pip's notices, not its errors.
define environment
	@$(PYTHON) -c 'import sys; sys.exit("make: PYTHON must be 3.11 or newer here" if sys.version_info < (3, 11) else 0)'
	@echo "installing into $(1) (first run: some minutes)"
	@test -e $@ || $(PYTHON) -m venv --clear $(1)
	@$(1)/bin/python -m pip install -qq --constraint constraints.txt torch
	@$(1)/bin/python -m pip install -qq --constraint constraints.txt $(2)
	@$(1)/bin/python -m pip check
	@touch $@
endef

$(READY): $(PINS)
	$(call environment,$(VENV),tensorflow-cpu --editable '.[dev]')

$(DEMO_READY): $(PINS)
	$(call environment,$(DEMO_VENV),--editable '.[demo]')

demo: $(DEMO_READY)
	@$(DEMO_VENV)/bin/docarray demo

test: lint
	$(VENV)/bin/python -m pytest $(PYTEST_ARGS)

lint: ruff types layers

ruff: $(READY)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

types: $(READY)
	$(VENV)/bin/mypy

layers: $(READY)
	@$(VENV)/bin/lint-imports --no-logo

check: lint
	$(VENV)/bin/python -m pytest -q -m 'repository and not slow' tests/unit/test_repository.py

bench: $(READY)
	@$(VENV)/bin/python -m bench

fuzz: $(READY)
	$(VENV)/bin/python -m tests.fuzz --seconds $(FUZZ_SECONDS)

matrix:
	@$(PYTHON) tools/matrix.py

clean:
	rm -rf .venv .venv-demo .venv-matrix build dist *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

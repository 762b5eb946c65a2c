PYTHON := .venv/bin/python

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint unit test-faults soak budget bench serve clean

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## /make \1\t/p' Makefile | expand -t 14

setup:  ## install what is missing (Debian packages, .venv); nothing the second time
	@scripts/setup.sh

demo: setup  ## record two synthetic guests for ten seconds and verify the files
	$(PYTHON) -m roomtape demo

test: setup  ## what must pass after every change: lint and all tests but the fault suite
	@scripts/test.sh

lint: setup  ## ruff and mypy
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy

unit: setup  ## the fast tests only
	$(PYTHON) -m pytest tests/unit

test-faults: setup  ## kill, stop, cut off and fuzz what runs, and look at the files
	$(PYTHON) -m pytest tests/faults -n 2 --dist worksteal

SOAK_MINUTES ?= 30

soak: setup  ## guests that come and go for SOAK_MINUTES; fails when memory, descriptors or threads grow
	$(PYTHON) -m tests.soak --minutes $(SOAK_MINUTES)

budget: setup  ## fails when the main process's work has become dearer
	$(PYTHON) -m bench.budget.check

bench: setup  ## what recording costs, next to other recorders; see docs/performance.md
	@bench/setup.sh
	$(PYTHON) -m bench

serve: setup  ## a handshake server of your own on this computer
	$(PYTHON) -m roomtape serve

clean:  ## remove .venv and caches; recordings stay
	rm -rf .venv .state bench/built .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info demo-recordings
	find . -name __pycache__ -prune -exec rm -rf {} +
